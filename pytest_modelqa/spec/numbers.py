"""Numbers with units, written so that two that differ never look equal."""

from __future__ import annotations

import math
from decimal import Decimal

# Decimals that a measured value is shown with; other units get four significant digits.
_DECIMALS = {"dB": 2, "percent": 1, "fraction": 4}


def format_value(value: float, unit: str) -> str:
    """A measured value.

    Args:
        value: In the metric's own unit.
        unit: The unit to show; ``percent`` shows a fraction times 100.

    >>> format_value(31.2, "dB"), format_value(0.964, "percent"), format_value(0.0123, "fraction")
    ('31.20 dB', '96.4 %', '0.0123')
    >>> format_value(1234567.0, "ms"), format_value(0.000012345, "nats"), format_value(float("nan"), "dB")
    ('1234567 ms', '0.00001234 nats', 'nan dB')
    """
    shown = _shown(value, unit)
    return _with_unit(_fixed(shown, _decimals(shown, unit)), unit)


def format_bound(value: float, unit: str) -> str:
    """A number that a person wrote: as short as it can be.

    >>> format_bound(28.0, "dB"), format_bound(0.96, "percent"), format_bound(1e-3, "fraction")
    ('28 dB', '96 %', '0.001')
    """
    return _with_unit(_shortest(_shown(value, unit)), unit)


def format_pair(value: float, bound: float, unit: str) -> tuple[str, str]:
    """A measured value and its bound, with so many digits that they look equal only if they are.

    >>> format_pair(27.996, 28.0, "dB")
    ('27.996 dB', '28 dB')
    >>> format_pair(28.0, 28.0, "dB")
    ('28.00 dB', '28 dB')
    >>> format_pair(0.89999999, 0.9, "fraction")
    ('0.89999999', '0.9')
    """
    limit = _shown(bound, unit)
    shown = _shown(value, unit)
    limit_text = _shortest(limit)
    for decimals in range(_decimals(shown, unit), 18):
        text = _fixed(shown, decimals)
        if _order(float(text), float(limit_text)) == _order(value, bound):
            return _with_unit(text, unit), _with_unit(limit_text, unit)
    # Two neighbouring floats: only their full representation tells them apart.
    return _with_unit(repr(shown), unit), _with_unit(repr(limit), unit)


def format_alike(value: float, other: float, unit: str) -> tuple[str, str]:
    """Two measured values with the same decimals, so many that they look equal only if they are.

    >>> format_alike(25.018, 24.22, "dB"), format_alike(9.9996, 10.0, "nats")
    (('25.02 dB', '24.22 dB'), ('9.9996 nats', '10.0000 nats'))
    """
    left, right = _shown(value, unit), _shown(other, unit)
    for decimals in range(max(_decimals(left, unit), _decimals(right, unit)), 18):
        texts = _fixed(left, decimals), _fixed(right, decimals)
        if value == other or texts[0] != texts[1]:
            return _with_unit(texts[0], unit), _with_unit(texts[1], unit)
    return _with_unit(repr(left), unit), _with_unit(repr(right), unit)


def format_difference(value: float, unit: str) -> str:
    """A difference of two measured values, which looks like nothing only if it is nothing.

    That of two percentages is in percentage points, lest it be read as a percentage of one of them.

    >>> format_difference(1.59, "dB"), format_difference(0.0041, "dB"), format_difference(0.004, "percent")
    ('1.59 dB', '0.004 dB', '0.4 points')
    """
    shown = _shown(value, unit)
    text = _fixed(shown, _decimals(shown, unit))
    if shown and not float(text):
        text = _shortest(float(f"{shown:.1g}"))
    return f"{text} points" if unit == "percent" else _with_unit(text, unit)


def from_percent(value: float) -> float:
    """A hundredth, correctly rounded from the decimals that were written.

    >>> from_percent(96.4), 96.4 / 100
    (0.964, 0.9640000000000001)
    """
    return float(Decimal(repr(value)).scaleb(-2))


def _order(left: float, right: float) -> int:
    return (left > right) - (left < right)


def _shown(value: float, unit: str) -> float:
    return float(value) * 100 if unit == "percent" else float(value)


def _decimals(value: float, unit: str) -> int:
    if unit in _DECIMALS:
        return _DECIMALS[unit]
    if value == 0 or not math.isfinite(value):
        return 0
    return max(0, 3 - math.floor(math.log10(abs(value))))


def _fixed(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"


def _shortest(value: float) -> str:
    """Twelve significant digits hide that 0.07 × 100 is 7.000000000000001."""
    text = f"{value:.12g}"
    if "e" not in text:
        return text
    return f"{float(text):f}".rstrip("0").rstrip(".") if 1e-7 < abs(value) < 1e15 else text


def _with_unit(text: str, unit: str) -> str:
    if unit in ("fraction", ""):
        return text
    return f"{text} %" if unit == "percent" else f"{text} {unit}"
