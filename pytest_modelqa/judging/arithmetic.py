"""The arithmetic of bounds: numbers in, margins out.

Every comparison is written so that NaN cannot pass: ``not (nan < 0.9)`` is true, ``nan >= 0.9`` is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BaselineError, OutputError
from ..spec.catalogue import MetricDeclaration
from ..spec.resolved import Bound

# Rounding of float64 sums, relative to the numbers compared: the mean of ten scores of 0.9 may be
# 0.8999999999999999. No measurement is known to twelve digits, so nothing that a person would call a difference is
# let through; never absolute, because an mse of 3e-13 is three times one of 1e-13.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Judged:
    """A value against a bound; every number is finite.

    Attributes:
        margin: ≥ 0 when it passes, up to rounding.
        limit: The bound as a value of the metric; for ``max_difference`` the largest difference.
        at_least: Whether the value must be at least the limit (else at most).
        passed: The decision.
    """

    margin: float
    limit: float
    at_least: bool
    passed: bool


def real_number(value: Any, declaration: MetricDeclaration) -> float:
    """The value as a float, once it is known to be a finite real number in the metric's range.

    A float32 is read by its shortest decimal, so that 0.9 measured in float32 is 0.9 and not 0.8999999762.

    >>> from ..metrics.registry import metrics
    >>> real_number(np.float32(0.9), metrics()["accuracy"])
    0.9

    Raises:
        OutputError: It is NaN, infinite, out of range, or no number at all (bool, text, None, complex, array).
    """
    number = _float(value)
    if number is None:
        raise _no_value(declaration, f"{type(value).__name__} {value!r}")
    if not math.isfinite(number):
        raise _no_value(declaration, str(number))
    if number < declaration.lower - 1e-9 or number > declaration.upper + 1e-9:
        raise _no_value(declaration, f"{number:g}, outside {declaration.lower:g}..{declaration.upper:g}")
    return number


def _float(value: Any) -> float | None:
    # To Python a bool is an int, and to numpy a duration is an integer.
    if isinstance(value, (bool, np.bool_, np.timedelta64)):
        return None
    if isinstance(value, (np.float32, np.float16)):
        return float(str(value))
    if isinstance(value, (int, float, np.integer, np.floating)):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return None


def _no_value(declaration: MetricDeclaration, found: str) -> OutputError:
    if found.startswith("-1,"):
        found += " (COCO's sign for: nothing of this kind in the ground truth)"
    return OutputError(
        f"{declaration.name} has no value that can be judged",
        expected=f"a finite number from {declaration.lower:g} to {declaration.upper:g}",
        found=found,
        todo="look at the records of the evaluation; only a finite number in range can pass",
    )


def against_threshold(value: float, bound: Bound) -> Judged:
    """A value against ``min``, ``max`` or both.

    >>> against_threshold(26.41, Bound("min", minimum=28.0)).margin
    -1.5899999999999999

    Raises:
        OutputError: The value is no number, or too far from the bound for their difference to be one.
    """
    candidates = []
    if bound.minimum is not None:
        candidates.append((value - bound.minimum, bound.minimum, True))
    if bound.maximum is not None:
        candidates.append((bound.maximum - value, bound.maximum, False))
    margin, limit, at_least = min(candidates)
    return _judged(margin, limit, at_least, margin >= -_rounding(value, limit))


def against_baseline(value: float, baseline: float, bound: Bound, *, higher_is_better: bool | None) -> Judged:
    """A value against a baseline's value.

    Percent is of the baseline's absolute value, so that a negative baseline does not turn the sign around.

    >>> against_baseline(0.1678, 0.1728, Bound("max_degradation", amount=0.005), higher_is_better=True).passed
    True
    >>> against_baseline(0.1678, 0.1728, Bound("min_improvement", amount=0.005), higher_is_better=True).passed
    False

    Raises:
        BaselineError: Percent of a baseline of zero, or better and worse of a metric that knows no better.
        OutputError: A value is no number, or they are too far apart for their difference to be one.
    """
    amount = bound.amount
    assert amount is not None
    rounding = _rounding(value, baseline)
    if bound.kind == "max_difference":
        margin = amount - abs(value - baseline)
        return _judged(margin, amount, False, margin >= -rounding)
    if higher_is_better is None:
        raise BaselineError(
            f"{bound.kind} has no meaning for a metric of which neither high nor low is better",
            todo="write max_difference",
        )
    sign = 1.0 if higher_is_better else -1.0
    gain = sign * (value - baseline)
    demanded = amount if bound.kind.startswith("min_improvement") else -amount
    if not bound.kind.endswith("_percent"):
        margin = gain - demanded
        return _judged(margin, baseline + sign * demanded, higher_is_better, margin >= -rounding)
    if abs(baseline) < 1e-9:
        raise BaselineError(
            f"{bound.kind} has no meaning for a baseline of {baseline:g}",
            expected="a baseline that is not zero",
            todo=f"write {bound.kind.removesuffix('_percent')}, in the metric's own unit",
        )
    demanded_of_it = demanded / 100 * abs(baseline)
    margin = 100 * gain / abs(baseline) - demanded
    passed = gain - demanded_of_it >= -rounding
    return _judged(margin, baseline + sign * demanded_of_it, higher_is_better, passed)


def _rounding(value: float, other: float) -> float:
    return ROUNDING * max(abs(value), abs(other))


def _judged(margin: float, limit: float, at_least: bool, passed: bool) -> Judged:
    # Also because a run record is JSON, which has no infinity.
    if not (math.isfinite(margin) and math.isfinite(limit)):
        raise OutputError(
            "the value cannot be compared with its bound",
            expected="two numbers whose difference is a number",
            found=f"a margin of {margin:g} to a limit of {limit:g}",
            todo="look at the records of the evaluation, and at the bound",
        )
    return Judged(margin, limit, at_least, passed)
