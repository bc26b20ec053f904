"""Reads JSON as RFC 8259 defines it: each name of an object once; no NaN or Infinity, which Python reads too."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn


def loads(text: str | bytes) -> Any:
    """The value that a text stands for.

    Raises:
        ValueError: It is no such JSON; ``json.JSONDecodeError`` where the error has a place.
        RecursionError: It is nested too deep.

    >>> loads('{"a": 1e-3}')
    {'a': 0.001}
    >>> loads('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ValueError: 'a' is given 2 times
    """
    return json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values under one name nobody knows which one is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name, count = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{name[:80]!r} is given {count} times")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
