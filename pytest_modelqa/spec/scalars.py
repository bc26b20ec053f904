"""What plain scalars mean: the core schema of YAML 1.2."""

from __future__ import annotations

import re
from typing import Any

_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OTHER_BASE = re.compile(r"(?:0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")


def core_value(text: str) -> Any:
    """What a plain scalar means in YAML 1.2's core schema (https://yaml.org/spec/1.2.2/, section 10.3.2).

    >>> [core_value(text) for text in ("1e-3", "1E5", "017", "0o17", "no", "12:30", "3.10", "~")]
    [0.001, 100000.0, 17, 15, 'no', '12:30', 3.1, None]
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "-+.0123456789":
        return text
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    if _OTHER_BASE.match(text):
        return int(text, 0)
    if _SPECIAL.match(text):
        return float(text.replace(".", ""))
    return text


def is_number(text: str) -> bool:
    """Whether a plain scalar is a number, however long; converts nothing."""
    return bool(_INTEGER.match(text) or _FLOAT.match(text) or _OTHER_BASE.match(text))
