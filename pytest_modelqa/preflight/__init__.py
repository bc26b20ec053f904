"""All that can be known before the expensive run: one module per question, each a plain function."""
