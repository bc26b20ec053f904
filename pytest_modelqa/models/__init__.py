"""How a checkpoint becomes a model: one module per format, headers read without torch."""
