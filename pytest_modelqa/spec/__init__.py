"""The spec language: schema, YAML with positions, resolution. Knows nothing of the rest of the program."""

from __future__ import annotations

from .problems import Problem, SpecError
from .reading import read_spec

__all__ = ["Problem", "SpecError", "read_spec"]
