"""Bounds against a baseline: not negative, better or worse by direction, and able to decide something."""

from __future__ import annotations

import math

from .catalogue import MetricDeclaration
from .document import Written
from .numbers import format_bound, from_percent
from .problems import Problems
from .resolved import Bound
from .schema import CheckEntry

_IMPROVEMENTS = ("min_improvement", "min_improvement_percent")
_DEGRADATIONS = ("max_degradation", "max_degradation_percent")


def resolve_difference(
    key: str, check: Written[CheckEntry], metric: MetricDeclaration, unit: str, problems: Problems
) -> Bound | None:
    """A bound against a baseline, or None after a problem was added."""
    amount: float = getattr(check.entry, key)
    at = check.at(key)
    if metric.higher_is_better is None and key != "max_difference":
        problems.add(
            "no-direction",
            f"{key} of {metric.name}: it is neither better when higher nor when lower",
            at,
            expected="min, max or max_difference",
        )
    elif amount < 0:
        problems.add(
            "negative-difference",
            f"{key} of {metric.name} is negative",
            at,
            expected="a number of at least 0: the metric's direction gives the sign",
            found=at.text,
            todo=_without_sign(key, -amount),
        )
    elif amount == 0 and key in _IMPROVEMENTS:
        problems.add(
            "no-improvement",
            f"{key} of {metric.name} is 0, so that an equal model would pass",
            at,
            expected="a number greater than 0",
            todo="write max_degradation: 0 for 'never worse'",
        )
    else:
        if key == "max_degradation_percent" and not _can_lose(amount, check, metric, problems):
            return None
        if not key.endswith("_percent"):
            amount = from_percent(amount) if unit == "percent" else amount
            if not _can_decide(key, amount, check, metric, unit, problems):
                return None
        _warn_of_hardly_any_gain(key, check, unit, problems)
        return Bound(key, amount=amount)  # type: ignore[arg-type]
    return None


def _warn_of_hardly_any_gain(key: str, check: Written[CheckEntry], unit: str, problems: Problems) -> None:
    """``min_improvement: 0.05, unit: percent`` asks for a twentieth of a point: a wrong green by a slip."""
    written: float = getattr(check.entry, key)
    if key in _IMPROVEMENTS and (key.endswith("_percent") or unit == "percent") and written < 0.1:
        of = "percent of the baseline" if key.endswith("_percent") else "percentage points"
        problems.warn(
            "hardly-any-gain",
            f"{key} of {check.name} is {written:g} {of}, which is hardly any gain",
            check.at(key),
            todo=f"write {key}: {written * 100:g}, if {written * 100:g} {of} are meant",
        )


def _can_lose(
    amount: float, check: Written[CheckEntry], metric: MetricDeclaration, problems: Problems
) -> bool:
    """Whether a value that is never negative can lose more than so many percent of another one."""
    if amount < 100 or not metric.higher_is_better or metric.lower < 0:
        return True
    problems.add(
        "cannot-fail",
        f"{check.name} can never fail: {metric.name} is never negative, so it loses at most 100 %",
        check.at("max_degradation_percent"),
        expected="less than 100",
        found=check.at("max_degradation_percent").text,
    )
    return False


def _without_sign(key: str, amount: float) -> str:
    number = format_bound(amount, "")
    if key in _IMPROVEMENTS:
        return f"write {key.replace('min_improvement', 'max_degradation')}: {number} if it may be worse"
    if key in _DEGRADATIONS:
        return f"write {key.replace('max_degradation', 'min_improvement')}: {number} if it must be better"
    return f"write {key}: {number}"


def _can_decide(
    key: str,
    amount: float,
    check: Written[CheckEntry],
    metric: MetricDeclaration,
    unit: str,
    problems: Problems,
) -> bool:
    span = metric.upper - metric.lower
    if math.isinf(span) or amount < span:
        return True
    verdict = "can never pass" if key in _IMPROVEMENTS else "can never fail"
    todo = None
    if metric.unit == "fraction" and unit != "percent" and 1 < amount <= 100:
        number = format_bound(amount, "")
        todo = (
            f"did you mean {format_bound(amount / 100, '')}? or write unit: percent"
            if key == "max_difference"
            else f"did you mean {format_bound(amount / 100, '')}, unit: percent, or {key}_percent: {number}?"
        )
    problems.add(
        "out-of-range" if amount > span else "cannot-fail",
        f"{check.name} {verdict}: {key} spans the whole range of {metric.name}",
        check.at(key),
        expected=f"less than {format_bound(span, unit)}",
        found=format_bound(amount, unit),
        todo=todo,
    )
    return False
