"""How data is read: one module per format, and the loaders of the user."""
