"""The one bound of a check: in the metric's own unit, in its range, and able to decide something."""

from __future__ import annotations

import math

from .catalogue import MetricDeclaration
from .differences import resolve_difference
from .document import Written
from .nodes import Node
from .numbers import format_bound, from_percent
from .problems import Problems
from .resolved import Bound
from .schema import CheckEntry

_PERCENT = dict.fromkeys(("%", "percentage", "percents", "pct", "points", "percentage points"), "percent")


def shown_unit(unit: str | None, at: Node, metric: MetricDeclaration, problems: Problems) -> str | None:
    """The unit that a check is written and shown in; None after a problem was added: its numbers mean nothing."""
    if unit is None or unit == metric.unit:
        return metric.unit
    choices = [name for name in (metric.unit, "percent" if metric.unit == "fraction" else "") if name]
    if unit in choices:
        return unit
    # A unit that is merely like another is another: seconds are no misspelt milliseconds.
    meant = _PERCENT.get(unit.lower()) or next(
        (name for name in choices if name.lower() == unit.lower()), None
    )
    if meant in choices:
        todo = f"did you mean '{meant}'?"
    elif metric.unit:
        todo = f"convert the bound and write unit: {metric.unit}"
    else:
        todo = "remove the unit, and write the bound as the metric is measured"
    problems.add(
        "wrong-unit",
        f"{metric.name} is not measured in {unit}",
        at,
        expected=" or ".join(choices) or "no unit",
        found=unit,
        todo=todo,
    )
    return None


def resolve_bound(
    check: Written[CheckEntry], metric: MetricDeclaration, unit: str, problems: Problems
) -> Bound | None:
    """The bound of a check, or None after its problems were added."""
    assert check.entry is not None
    written = [key for key in CheckEntry.BOUND_KEYS if key in check.entry.model_fields_set]
    empty = [key for key in written if getattr(check.entry, key) is None]
    for key in empty:
        problems.add(
            "not-a-number",
            f"{key} of {check.name} has no value",
            check.node.value[key].key,
            expected="a number",
            todo="write the number after the colon, or remove the key",
        )
    if empty:
        return None
    if not _is_one_bound(written, check, problems):
        return None
    if written == ["trend"]:
        return _trend(check, metric, problems)
    if set(written) <= {"min", "max"}:
        return _range(check, metric, unit, problems)
    return resolve_difference(written[0], check, metric, unit, problems)


def _trend(check: Written[CheckEntry], metric: MetricDeclaration, problems: Problems) -> Bound | None:
    assert check.entry is not None
    if metric.higher_is_better is not None:
        return Bound("trend", trend=check.entry.trend)
    problems.add(
        "no-direction",
        f"trend of {metric.name}: it is neither better when higher nor when lower",
        check.at("trend"),
        expected="min, max or max_difference",
    )
    return None


def _is_one_bound(written: list[str], check: Written[CheckEntry], problems: Problems) -> bool:
    if len(written) == 1 or set(written) == {"min", "max"}:
        return True
    if not written:
        problems.add(
            "no-bound",
            f"{check.name} checks nothing: it has no bound",
            check.key,
            expected="min, max, min_improvement, max_degradation, max_difference or trend",
        )
    else:
        problems.add(
            "two-bounds",
            f"{check.name} has more than one bound: {', '.join(written)}",
            check.at(written[-1]),
            expected="one bound, or min together with max",
            todo="write two checks: each is judged and reported for itself",
        )
    return False


def _range(
    check: Written[CheckEntry], metric: MetricDeclaration, unit: str, problems: Problems
) -> Bound | None:
    assert check.entry is not None
    minimum, maximum = (_own_unit(value, unit) for value in (check.entry.min, check.entry.max))
    sides = {key: value for key, value in (("min", minimum), ("max", maximum)) if value is not None}
    inside = [_in_range(key, value, check, metric, unit, problems) for key, value in sides.items()]
    if not all(inside):
        return None
    if minimum is not None and maximum is not None and minimum > maximum:
        problems.add(
            "contradiction",
            f"{check.name} can never pass: min is greater than max",
            check.at("max"),
            found=f"min: {format_bound(minimum, unit)}, max: {format_bound(maximum, unit)}",
        )
        return None
    if (minimum is None or minimum <= metric.lower) and (maximum is None or maximum >= metric.upper):
        key = "min" if minimum is not None else "max"
        problems.add(
            "cannot-fail",
            f"{check.name} checks nothing: no value of {metric.name} is beyond its bound",
            check.at(key),
            expected=f"a bound inside {_range_words(metric, unit)}",
            todo="write a bound that a bad model misses, or remove the check",
        )
        return None
    if _is_fraction_called_percent(check, metric, unit, problems):
        return None
    _warn_direction(check, metric, minimum, maximum, problems)
    kind = "range" if len(sides) == 2 else next(iter(sides))
    return Bound(kind, minimum=minimum, maximum=maximum)  # type: ignore[arg-type]


def _is_fraction_called_percent(
    check: Written[CheckEntry], metric: MetricDeclaration, unit: str, problems: Problems
) -> bool:
    """``min: 0.95, unit: percent`` would ask for 0.95 %, which any model reaches: a wrong green by a slip."""
    assert check.entry is not None
    written = check.entry.min
    if unit != "percent" or metric.higher_is_better is not True or written is None or not 0 < written <= 1:
        return False
    problems.add(
        "out-of-range",
        f"min of {check.name} is {format_bound(from_percent(written), unit)}, which hardly any model misses",
        check.at("min"),
        expected="a number of percent",
        found=f"{written:g} with unit: percent",
        todo=f"write min: {written * 100:g}, or leave out unit: percent;"
        f" if {written:g} % is meant, write min: {from_percent(written):g} without the unit",
    )
    return True


def _own_unit(value: float | None, unit: str) -> float | None:
    return value if value is None or unit != "percent" else from_percent(value)


def _in_range(
    key: str,
    value: float,
    check: Written[CheckEntry],
    metric: MetricDeclaration,
    unit: str,
    problems: Problems,
) -> bool:
    at = check.at(key)
    if not metric.lower <= value <= metric.upper:
        problems.add(
            "out-of-range",
            f"{key} of {metric.name} is outside its range {_range_words(metric, unit)}",
            at,
            expected=_range_words(metric, unit),
            found=format_bound(value, unit),
            todo=_what_was_meant(value, metric, unit),
        )
        return False
    # Decibels from 0 to 100 are no rescaled fraction.
    rescaled = (metric.lower, metric.upper) == (0, 100) and metric.unit != "dB"
    if rescaled and 0 < value <= 1 and "unit" not in check.node.value:
        problems.add(
            "out-of-range",
            f"{key} of {metric.name} looks like a fraction, and {metric.name} ranges 0..100",
            at,
            found=at.text,
            todo=f"write {format_bound(value * 100, '')}, or unit: {metric.unit} beside it if it is meant",
        )
        return False
    return True


def _range_words(metric: MetricDeclaration, unit: str) -> str:
    if math.isinf(metric.upper):
        return f"from {format_bound(metric.lower, unit)} up"
    if math.isinf(metric.lower):
        return f"up to {format_bound(metric.upper, unit)}"
    scale = 100 if unit == "percent" else 1
    words = f"{format_bound(metric.lower * scale, '')}..{format_bound(metric.upper * scale, '')}"
    return format_words(words, unit)


def format_words(words: str, unit: str) -> str:
    """Numbers followed by their unit."""
    return words if unit in ("fraction", "") else f"{words} {'%' if unit == 'percent' else unit}"


def _what_was_meant(value: float, metric: MetricDeclaration, unit: str) -> str:
    if metric.unit == "fraction" and unit != "percent" and 1 < value <= 100:
        return f"did you mean {format_bound(value / 100, '')}? or write unit: percent"
    if (metric.lower, metric.upper) == (0, 1) and unit != "percent" and 1 < value <= 100:
        return f"did you mean {format_bound(value / 100, '')}?"
    if metric.lower >= 0 > value:
        return f"{metric.name} is never negative; did you mean {format_bound(-value, unit)}?"
    return "correct the number, or the metric"


def _warn_direction(
    check: Written[CheckEntry],
    metric: MetricDeclaration,
    minimum: float | None,
    maximum: float | None,
    problems: Problems,
) -> None:
    if minimum is None and metric.higher_is_better is True:
        problems.warn(
            "against-direction",
            f"max of {metric.name}, of which more is better: a better model fails",
            check.at("max"),
            todo="write min, if that is meant",
        )
    elif maximum is None and metric.higher_is_better is False:
        problems.warn(
            "against-direction",
            f"min of {metric.name}, of which less is better: a better model fails",
            check.at("min"),
            todo="write max, if that is meant",
        )
