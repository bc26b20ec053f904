"""Checkers: what decides whether a generated text passes; their arguments, their code, and the sandbox."""
