"""Metrics: one module per family, their declarations, and the registry."""
