"""Tasks: how a model is run on a batch; one module per task, their declarations, and the registry."""
