"""Bounds that only the baseline's number shows to be none: every value meets them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..errors import BaselineError
from ..spec.catalogue import MetricDeclaration
from ..spec.numbers import format_bound, format_value
from ..spec.resolved import Bound, Check
from ..spec.spelling import listed
from .arithmetic import against_baseline

_LABELS_NAMED = 3


def demand_decidable(
    check: Check, declaration: MetricDeclaration, name: str, numbers: Mapping[str, float]
) -> None:
    """Refuses a check that no value fails, which the spec alone did not show: 0.99 below 0.98 lies below 0.

    One slice or checkpoint that nothing can fail is a note (see ``evidence``), as long as others can: a baseline
    that is right on none of five rare samples must not hide what became of the rest.

    Args:
        name: Of the baseline.
        numbers: Its values by slice and coordinates; an empty text where there are none.

    Raises:
        BaselineError: No value of the metric can miss the bound, wherever one looks. Percent of a baseline of zero.
    """
    # "Never worse" is the strictest there is: that a baseline is as bad as can be is a note.
    if not check.bound.amount or not numbers:
        return
    if not all(every_value_meets_it(declaration, number, check.bound) for number in numbers.values()):
        return
    labels = [label for label in numbers if label]
    where = f" for {listed(labels, _LABELS_NAMED)}" if labels else ""
    number = next(iter(numbers.values()))
    raise BaselineError(
        f"{check.bound.kind} of {_name(check)} can never fail{where}: every value meets it",
        expected=f"a bound inside the range {_range(check, declaration)}",
        found=f"{_bound_in_words(check, declaration, number)}; the baseline {name} is"
        f" {format_value(number, check.unit)}",
        todo=_todo(check, name, number),
    )


def every_value_meets_it(declaration: MetricDeclaration, baseline: float, bound: Bound) -> bool:
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


def _bound_in_words(check: Check, declaration: MetricDeclaration, baseline: float) -> str:
    higher = declaration.higher_is_better
    judged = against_baseline(baseline, baseline, check.bound, higher_is_better=higher)
    if check.bound.kind == "max_difference":
        return f"at most {format_bound(judged.limit, check.unit)} away"
    sign = "≥" if judged.at_least else "≤"
    return f"a bound of {sign} {format_value(judged.limit, check.unit)}"


def _todo(check: Check, name: str, baseline: float) -> str:
    if check.args.get("unit") == "percent" and 0 < baseline <= 0.01:
        return (
            "write unit: fraction in the check's args, if the source counts from 0 to 1; else a smaller bound"
        )
    return f"write a smaller {check.bound.kind}, and look whether {name} is as good as it should be"
