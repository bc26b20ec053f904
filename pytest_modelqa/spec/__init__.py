"""The spec language: schema, YAML with positions, resolution. Knows nothing of the rest of the program."""

from __future__ import annotations

from .json_schema import json_schema
from .problems import Problem, SpecError
from .reading import read_spec

__all__ = ["Problem", "SpecError", "json_schema", "read_spec"]
