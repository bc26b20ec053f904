"""A value against a baseline's, by a bound that the baseline leaves something to decide."""

from __future__ import annotations

import math

from ..errors import BaselineError
from ..spec.catalogue import MetricDeclaration
from ..spec.numbers import format_bound, format_value
from ..spec.resolved import Bound, Check
from .arithmetic import Judged, against_baseline
from .verdict import Side


def compared(
    check: Check, declaration: MetricDeclaration, value: float, baseline: Side, label: str
) -> Judged:
    """The decision by the values alone.

    Args:
        label: What of the check is compared: its slice and coordinates, or an empty text.

    Raises:
        BaselineError: No value of the metric can miss the bound, which the spec alone did not show: 0.99 below a
            baseline of 0.98 lies below 0. Percent of a baseline of zero.
        OutputError: A value is no number, or they are too far apart for their difference to be one.
    """
    bound = check.bound
    judged = against_baseline(value, baseline.value, bound, higher_is_better=declaration.higher_is_better)
    # "Never worse" is the strictest there is: that a baseline is as bad as can be is a note (see ``evidence``).
    if bound.amount == 0 or not _every_value_meets_it(declaration, baseline.value, bound):
        return judged
    raise BaselineError(
        f"{bound.kind} of {_name(check)} can never fail{f' for {label}' if label else ''}: every value meets it",
        expected=f"a bound inside the range {_range(check, declaration)}",
        found=f"{_bound_in_words(check, judged)}; the baseline {baseline.name} is"
        f" {format_value(baseline.value, check.unit)}",
        todo=_todo(check, baseline, label),
    )


def _every_value_meets_it(declaration: MetricDeclaration, baseline: float, bound: Bound) -> bool:
    """Whether the worst values that the metric can have pass; a range without an end has no worst one."""
    higher = declaration.higher_is_better
    ends = [declaration.lower] if higher else [declaration.upper]
    if bound.kind == "max_difference":
        ends = [declaration.lower, declaration.upper]
    return all(
        math.isfinite(end) and against_baseline(end, baseline, bound, higher_is_better=higher).passed
        for end in ends
    )


def _name(check: Check) -> str:
    return str(check.args.get("name", check.metric))


def _range(check: Check, declaration: MetricDeclaration) -> str:
    """Of a metric one of whose ends is finite."""
    if math.isinf(declaration.upper):
        return f"from {format_bound(declaration.lower, check.unit)} up"
    if math.isinf(declaration.lower):
        return f"up to {format_bound(declaration.upper, check.unit)}"
    return f"{format_bound(declaration.lower, check.unit)} to {format_bound(declaration.upper, check.unit)}"


def _bound_in_words(check: Check, judged: Judged) -> str:
    if check.bound.kind == "max_difference":
        return f"at most {format_bound(judged.limit, check.unit)} away"
    sign = "≥" if judged.at_least else "≤"
    return f"a bound of {sign} {format_value(judged.limit, check.unit)}"


def _todo(check: Check, baseline: Side, label: str) -> str:
    if check.args.get("unit") == "percent" and 0 < baseline.value <= 0.01:
        return (
            "write unit: fraction in the check's args, if the source counts from 0 to 1; else a smaller bound"
        )
    smaller = (
        f"write a smaller {check.bound.kind}, and look whether {baseline.name} is as good as it should be"
    )
    return f"{smaller}, or leave {label} out of the check" if label else smaller
