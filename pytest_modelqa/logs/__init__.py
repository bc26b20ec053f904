"""Logs of a training run: what was written down at which step, read from each tool's format, and measured."""
