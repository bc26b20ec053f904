"""Draws distributions, curves with their intervals, and one quantity against another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from .svg import Scale, drawing, element, line, path, scale_of, text, tick_text

# On a phone a chart is shrunk to three quarters, on a desk it is drawn a fifth larger.
_WIDTH, _HEIGHT = 440.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 66.0, 12.0, 16.0, 40.0
_BINS = 30
# Lines and marks differ in form too, as colour alone says nothing to some and nothing in print.
_STYLES = 6


@dataclass(frozen=True)
class Point:
    """A place on a curve; ``low`` and ``high`` are None where nothing is known of the noise."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Curve:
    """Points in the order of x."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Spot:
    """One thing measured in two respects."""

    name: str
    x: float
    y: float
    emphasis: bool = False


def histogram(
    label: str,
    unit_label: str,
    values: np.ndarray,
    others: np.ndarray | None = None,
    limit: float | None = None,
) -> Markup:
    """How many samples have which score; those of the baseline as an outline.

    Args:
        values: Finite, shape (n,).
        others: Of the baseline, on the same axis.
        limit: A bound on the mean, drawn as a line.
    """
    sets = [values] if others is None else [values, others]
    x = _scale_x([*np.concatenate(sets).tolist(), *([limit] if limit is not None else [])], room=0.02)
    edges = np.linspace(x.low, x.high, _BINS + 1)
    # Two sets need not be of one size: their shares are compared.
    counts = [np.histogram(each, edges)[0] * (100 / len(each) if others is not None else 1) for each in sets]
    y = Scale(0.0, max(float(count.max()) for count in counts) * 1.05 or 1.0, _HEIGHT - _BOTTOM, _TOP)
    bars = [
        element("rect", x=x(low) + 0.5, y=y(count), width=max(x(high) - x(low) - 1, 1.0),
                height=y(0) - y(count), class_="bar")
        for low, high, count in zip(edges[:-1], edges[1:], map(float, counts[0]), strict=True)
        if count
    ]  # fmt: skip
    outline = [path(_steps(x, y, edges, counts[1]), "outline")] if others is not None else []
    mean = float(values.mean())
    marks = [line(x(mean), _TOP, x(mean), y(0), "mean"), text(x(mean), _TOP - 3, "mean", class_="tick")]
    if limit is not None:
        marks.append(line(x(limit), _TOP, x(limit), y(0), "limit"))
        if abs(x(limit) - x(mean)) > 44:
            marks.append(text(x(limit), _TOP - 3, "bound", class_="tick"))
    return drawing(
        _WIDTH,
        _HEIGHT,
        label,
        *_frame(x, y, unit_label, "samples" if others is None else "% of samples"),
        *bars,
        *outline,
        *marks,
    )


def curves(label: str, x_label: str, y_label: str, drawn: Sequence[Curve]) -> Markup:
    """Curves with an interval around each point; each curve has a dash and a mark of its own."""
    points = [point for curve in drawn for point in curve.points]
    ends = [end for point in points for end in (point.y, point.low, point.high) if end is not None]
    x, y = (
        _scale_x([point.x for point in points]),
        scale_of(_within_reach(points, ends), _HEIGHT - _BOTTOM, _TOP),
    )
    parts: list[Markup] = []
    for number, curve in enumerate(drawn):
        style = f"s{number % _STYLES}"
        sure = [point for point in curve.points if point.low is not None and point.high is not None]
        if len(sure) > 12:
            band = [(x(p.x), y(p.high or 0.0)) for p in sure] + [
                (x(p.x), y(p.low or 0.0)) for p in reversed(sure)
            ]
            parts.append(path(band, f"band {style}", closed=True))
        else:
            parts += [line(x(p.x), y(p.low or 0.0), x(p.x), y(p.high or 0.0), f"error {style}") for p in sure]
        parts.append(path([(x(p.x), y(p.y)) for p in curve.points], f"curve {style}"))
        if len(curve.points) <= 24:
            parts += [_mark(x(p.x), y(p.y), number) for p in curve.points]
    return drawing(_WIDTH, _HEIGHT, label, *_frame(x, y, x_label, y_label), *parts)


def scatter(label: str, x_label: str, y_label: str, spots: Sequence[Spot]) -> Markup:
    """One quantity against another, each spot with its name."""
    x = _scale_x([spot.x for spot in spots], room=0.14)
    y = scale_of([spot.y for spot in spots], _HEIGHT - _BOTTOM, _TOP, room=0.14)
    parts: list[Markup] = []
    for spot in spots:
        parts.append(_mark(x(spot.x), y(spot.y), 0 if spot.emphasis else 1))
        right = x(spot.x) < _WIDTH * 0.7
        shown = spot.name if len(spot.name) <= 28 else f"{spot.name[:27]}…"
        parts.append(
            text(x(spot.x) + (8 if right else -8), y(spot.y) + 4, shown, "start" if right else "end", "name")
        )
    return drawing(_WIDTH, _HEIGHT, label, *_frame(x, y, x_label, y_label), *parts)


def sparkline(
    label: str, values: Sequence[float], limits: Sequence[float | None], outcomes: Sequence[str]
) -> Markup:
    """A value over runs, small: each run a mark in the form of its outcome, the bound as a dashed line."""
    width, height = 230.0, 46.0
    x = Scale(0.0, max(len(values) - 1, 1), 8.0, width - 8.0)
    known = [limit for limit in limits if limit is not None]
    y = scale_of([*values, *known], height - 8.0, 8.0)
    parts: list[Markup] = []
    bound = [(x(run), y(limit)) for run, limit in enumerate(limits) if limit is not None]
    if len(bound) > 1:
        parts.append(path(bound, "bound"))
    parts.append(path([(x(run), y(value)) for run, value in enumerate(values)], "curve s0"))
    parts += [
        _outcome(x(run), y(value), outcome)
        for run, (value, outcome) in enumerate(zip(values, outcomes, strict=True))
        if len(values) <= 40 or outcome != "pass" or run == len(values) - 1
    ]
    return drawing(width, height, label, *parts, class_="plot")


def _outcome(x: float, y: float, outcome: str) -> Markup:
    if outcome == "fail":
        return element("path", d=f"M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m0 -7l-7 7", class_="value fail")
    return element("circle", cx=x, cy=y, r=2.5, class_=f"value {outcome}")


def _within_reach(points: Sequence[Point], ends: Sequence[float]) -> list[float]:
    """The ends of the axis: an interval without end, or of an absurd width, must not flatten the curve."""
    heights = [point.y for point in points]
    span = max(heights) - min(heights)
    reach = 3 * span if span else math.inf
    return [min(max(end, min(heights) - reach), max(heights) + reach) for end in ends]


def _scale_x(values: Sequence[float], room: float = 0.04) -> Scale:
    return scale_of(values, _LEFT, _WIDTH - _RIGHT, room=room)


def _frame(x: Scale, y: Scale, x_label: str, y_label: str) -> list[Markup]:
    """Grid, ticks and labels."""
    parts: list[Markup] = []
    for tick in y.ticks(4):
        parts.append(line(_LEFT, y(tick), _WIDTH - _RIGHT, y(tick), "grid"))
        parts.append(text(_LEFT - 6, y(tick) + 4, tick_text(tick), "end", "tick"))
    parts += [text(x(tick), _HEIGHT - _BOTTOM + 14, tick_text(tick), class_="tick") for tick in x.ticks(5)]
    parts.append(line(_LEFT, _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM, "axis"))
    parts.append(text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, x_label, class_="label"))
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    turned = f"rotate(-90 12 {middle:.1f})"
    parts.append(
        element("text", y_label, x=12.0, y=middle, text_anchor="middle", class_="label", transform=turned)
    )
    return parts


def _steps(x: Scale, y: Scale, edges: np.ndarray, counts: np.ndarray) -> list[tuple[float, float]]:
    points = [(x(float(edges[0])), y(0.0))]
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        points += [(x(float(low)), y(float(count))), (x(float(high)), y(float(count)))]
    return [*points, (x(float(edges[-1])), y(0.0))]


def _mark(x: float, y: float, style: int) -> Markup:
    """A disc, a diamond, a square or a triangle."""
    class_ = f"mark s{style % _STYLES}"
    match style % 4:
        case 0:
            return element("circle", cx=x, cy=y, r=4.0, class_=class_)
        case 1:
            return element("path", d=f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5Z", class_=class_)
        case 2:
            return element("rect", x=x - 3.5, y=y - 3.5, width=7.0, height=7.0, class_=class_)
        case _:
            return element("path", d=f"M{x:.1f} {y - 5:.1f}l5 9h-10Z", class_=class_)
