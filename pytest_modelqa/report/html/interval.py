"""Draws a value with its interval against its bound: the side where it would fail is shaded."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from .readings import Reading
from .svg import Scale, drawing, element, line, scale_of, text, tick_text

_WIDTH, _HEIGHT = 230.0, 40.0
_LABEL, _ROW = 132.0, 22.0
_CHART = 440.0
_MOST_ROWS = 40
# An interval that is wider than this many times the distance of value and bound is cut, with an arrow at its end.
_WIDEST = 6.0


def interval_plot(reading: Reading) -> Markup:
    """One reading by itself, small enough for a row of a table."""
    axis = _axis([reading], 4.0, _WIDTH - 4.0)
    middle = 15.0
    place = axis(reading.limit)
    beside = "start" if place < _WIDTH / 4 else "end" if place > _WIDTH * 3 / 4 else "middle"
    return drawing(
        _WIDTH,
        _HEIGHT,
        reading.spoken,
        _forbidden(axis, reading, 2.0, 26.0),
        line(axis.start, middle, axis.end, middle, "axis"),
        line(place, 2.0, place, 28.0, "limit"),
        *_marks(axis, reading, middle),
        text(place, 38.0, reading.limit_text, beside, "tick"),
        class_="plot",
    )


def slices_chart(readings: Sequence[Reading], label: str) -> Markup:
    """Readings below each other on one axis, as many as can be read."""
    shown = readings[:_MOST_ROWS]
    names = told_apart([reading.label for reading in shown])
    top, height = 6.0, _ROW * len(shown)
    axis = _axis(shown, _LABEL, _CHART - 72.0)
    parts: list[str] = []
    for tick in axis.ticks(4):
        place = axis(tick)
        parts.append(line(place, top, place, top + height, "grid"))
        parts.append(text(place, top + height + 14, _tick(tick, shown[0].unit), class_="tick"))
    for row, reading in enumerate(shown):
        middle = top + _ROW * (row + 0.5)
        place = axis(reading.limit)
        named = names[row] if len(names[row]) <= 20 else f"{names[row][:19]}…"
        parts.append(text(_LABEL - 8, middle + 4, named, "end", "name"))
        parts.append(_forbidden(axis, reading, middle - _ROW / 2, _ROW))
        parts.append(line(place, middle - _ROW / 2, place, middle + _ROW / 2, "limit"))
        parts += _marks(axis, reading, middle)
        parts.append(text(_CHART, middle + 4, reading.value_text, "end", "number"))
    return drawing(_CHART, top + height + 20, label, *parts)


def told_apart(labels: Sequence[str]) -> list[str]:
    """Labels without what they have in common.

    >>> told_apart(["step=9, seed=0", "step=9, seed=1"]), told_apart(["label=3"])
    (['seed=0', 'seed=1'], ['label=3'])
    """
    split = [label.split(", ") for label in labels]
    common = set.intersection(*map(set, split)) if len(split) > 1 else set()
    return [", ".join(part for part in parts if part not in common) or ", ".join(parts) for parts in split]


def _tick(value: float, unit: str) -> str:
    return f"{tick_text(round(value * 100, 10))} %" if unit == "percent" else tick_text(value)


def _axis(readings: Sequence[Reading], start: float, end: float) -> Scale:
    core = [number for reading in readings for number in (reading.value, reading.limit)]
    span = max(core) - min(core)
    reach = (_WIDEST * span) if span else float("inf")
    ends = [
        min(max(number, min(core) - reach), max(core) + reach)
        for reading in readings
        for number in (reading.low, reading.high)
        if number is not None
    ]
    near = [
        reading.baseline
        for reading in readings
        if reading.baseline is not None and min(core) - reach <= reading.baseline <= max(core) + reach
    ]
    return scale_of([*core, *ends, *near], start, end, room=0.08)


def _forbidden(axis: Scale, reading: Reading, top: float, height: float) -> Markup:
    """The side of the bound on which the value would fail."""
    place = axis(reading.limit)
    left, right = (axis.start, place) if reading.at_least else (place, axis.end)
    return element("rect", x=left, y=top, width=max(right - left, 0.0), height=height, class_="forbidden")


def _marks(axis: Scale, reading: Reading, middle: float) -> list[Markup]:
    marks = []
    if reading.low is not None or reading.high is not None:
        left = axis.start if reading.low is None else axis(reading.low)
        right = axis.end if reading.high is None else axis(reading.high)
        marks.append(line(left, middle, right, middle, "interval"))
        marks.append(_end(axis, reading.low, left, middle, -1.0))
        marks.append(_end(axis, reading.high, right, middle, 1.0))
    if reading.baseline is not None and axis.low <= reading.baseline <= axis.high:
        x = axis(reading.baseline)
        marks.append(element("path", d=_diamond(x, middle), class_="baseline"))
    marks.append(_value(axis(reading.value), middle, reading.outcome))
    return marks


def _end(axis: Scale, value: float | None, x: float, middle: float, towards: float) -> Markup:
    """A cap where the interval ends, an arrow where it goes on beyond the drawing."""
    if value is not None and axis.low <= value <= axis.high:
        return line(x, middle - 4, x, middle + 4, "interval")
    back = x - 5 * towards
    points = f"M{back:.1f} {middle - 4:.1f}L{x:.1f} {middle:.1f}L{back:.1f} {middle + 4:.1f}"
    return element("path", d=points, class_="interval open")


def _value(x: float, middle: float, outcome: str) -> Markup:
    """A disc where the line passes, a cross where it fails, a ring where it is undecided."""
    if outcome == "fail":
        return element(
            "path",
            d=f"M{x - 4.5:.1f} {middle - 4.5:.1f}l9 9m0 -9l-9 9",
            class_="value fail",
        )
    return element("circle", cx=x, cy=middle, r=4.5, class_=f"value {outcome}")


def _diamond(x: float, y: float) -> str:
    return f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5Z"
