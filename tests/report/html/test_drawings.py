"""Drawings are read back as SVG: what is beyond what, how many samples a bar holds, where a curve goes."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from pytest_modelqa.judging.verdict import Side
from pytest_modelqa.report.html.charts import Curve, Point, Spot, curves, histogram, scatter, sparkline
from pytest_modelqa.report.html.interval import interval_plot, slices_chart
from pytest_modelqa.report.html.readings import reading_of
from pytest_modelqa.report.html.svg import Scale, scale_of


def parts(drawing: str, class_: str) -> list[ElementTree.Element]:
    """The elements of a class."""
    return [
        each for each in ElementTree.fromstring(drawing).iter() if class_ in (each.get("class") or "").split()
    ]


def x_of(mark: ElementTree.Element) -> float:
    """Of a disc, a line, or a cross that is drawn from its left upper end."""
    if mark.get("d"):
        return float(re.findall(r"-?[\d.]+", mark.get("d") or "")[0]) + 4.5
    return float(mark.get("cx") or mark.get("x1") or "nan")


def plot(make: Any, **fields: Any) -> str:
    verdict = make.result("c", make.line(**fields)).verdict
    return interval_plot(reading_of(verdict["worst"], verdict))


@pytest.mark.parametrize("at_least", [True, False])
@pytest.mark.parametrize(("value", "limit"), [(25.0, 24.0), (24.0, 25.0), (0.0, 1e-9), (1e9, 1.0)])
def test_a_value_beyond_its_bound_lies_in_the_shaded_part(
    make: Any, at_least: bool, value: float, limit: float
) -> None:
    drawn = plot(make, value=value, limit=limit, at_least=at_least)
    (shaded,), (mark,), (bound,) = (parts(drawn, name) for name in ("forbidden", "value", "limit"))
    left = float(shaded.get("x") or "nan")
    inside = left <= x_of(mark) <= left + float(shaded.get("width") or "nan")
    failed = value < limit if at_least else value > limit
    assert inside == failed
    assert ("fail" in (mark.get("class") or "")) == failed
    # Value and bound are told apart by the eye.
    assert abs(x_of(mark) - x_of(bound)) > 8


def test_an_interval_without_end_goes_on_as_an_arrow(make: Any) -> None:
    assert not parts(plot(make, margin_interval=(0.5, 1.5)), "open")
    assert len(parts(plot(make, margin_interval=(None, 1.5)), "open")) == 1
    assert len(parts(plot(make, margin_interval=(-1e6, 1e6)), "open")) == 2


def test_a_drawing_says_what_it_shows_and_escapes_names(make: Any) -> None:
    drawn = plot(make, slice="<b>", baseline=Side('"><script>', 23.0, 5))
    root = ElementTree.fromstring(drawn)
    assert root.get("role") == "img"
    assert '"><script>' in (root.get("aria-label") or "")
    assert "<script" not in drawn
    assert len(parts(drawn, "baseline")) == 1


def test_slices_stand_below_each_other_on_one_axis(make: Any) -> None:
    lines = [make.line(value=20.0 + row, slice=f"label={row}") for row in range(50)]
    verdict = make.result("c", *lines).verdict
    drawn = slices_chart([reading_of(one, verdict) for one in verdict["lines"]], "psnr by slice")
    marks = parts(drawn, "value")
    assert len(marks) == 40
    places = [x_of(mark) for mark in marks]
    assert places == sorted(places)
    assert len({x_of(bound) for bound in parts(drawn, "limit")}) == 1


def test_the_bars_of_a_histogram_hold_every_sample() -> None:
    values = np.random.default_rng(0).normal(25, 2, 500)
    drawn = histogram("d", "psnr", values, limit=24.0)
    heights = [float(bar.get("height") or "nan") for bar in parts(drawn, "bar")]
    counts = np.histogram(values, 30)[0]
    # In proportion: the tallest bar stands for the fullest bin of about the same bins.
    assert sum(heights) / max(heights) == pytest.approx(500 / counts.max(), rel=0.15)
    assert not parts(drawn, "outline")
    both = histogram("d", "psnr", values, values[:100] + 5)
    assert len(parts(both, "outline")) == 1
    assert "% of samples" in both


def test_equal_values_are_drawn_too() -> None:
    assert len(parts(histogram("d", "x", np.zeros(50)), "bar")) == 1
    assert parts(curves("d", "x", "y", [Curve("a", (Point(1, 0.0), Point(2, 0.0)))]), "curve")


def test_a_curve_rises_where_its_values_do() -> None:
    points = (Point(1, 0.0, -1.0, 1.0), Point(2, 5.0, 4.0, 6.0), Point(3, 2.0, None, None))
    drawn = curves("d", "step", "y", [Curve("a", points), Curve("b", points)])
    (first, second) = parts(drawn, "curve")
    heights = [float(y) for y in re.findall(r" (-?[\d.]+)", first.get("d") or "")]
    # SVG counts from above.
    assert heights[1] < heights[2] < heights[0]
    assert first.get("class") != second.get("class")
    assert len(parts(drawn, "error")) == 4
    many = curves("d", "step", "y", [Curve("a", tuple(Point(x, x, x - 1, x + 1) for x in range(60)))])
    assert len(parts(many, "band")) == 1
    assert not parts(many, "mark")


def test_an_interval_of_an_absurd_width_does_not_flatten_a_curve() -> None:
    points = (Point(1, 0.0, -1e9, 1e9), Point(2, 1.0, -1e9, 1e9))
    (drawn,) = parts(curves("d", "x", "y", [Curve("a", points)]), "curve")
    first, last = (float(y) for y in re.findall(r" (-?[\d.]+)", drawn.get("d") or ""))
    assert first - last > 20


def test_spots_are_named() -> None:
    drawn = scatter(
        "d", "distinct_2", "judge_accuracy", [Spot("λ=0", 0.2, 0.9), Spot("λ=<1>", 0.8, 0.5, True)]
    )
    assert [each.text for each in parts(drawn, "name")] == ["λ=0", "λ=<1>"]
    assert len(parts(drawn, "mark")) == 2


def test_a_sparkline_marks_what_failed() -> None:
    drawn = sparkline("d", [3.0, 2.0, 1.0], [1.5, 1.5, 1.5], ["pass", "pass", "fail"])
    assert [("fail" in (mark.get("class") or "")) for mark in parts(drawn, "value")] == [False, False, True]
    assert parts(drawn, "bound")


def test_ticks_are_round_and_on_the_axis() -> None:
    for low, high in ((0.0, 1.0), (-3e-7, 2e-7), (123456.0, 123999.0), (1e12, 5e12)):
        axis = Scale(low, high, 0.0, 100.0)
        ticks = axis.ticks()
        assert 2 <= len(ticks) <= 7
        assert all(low <= tick <= high for tick in ticks)
    assert scale_of([float("nan"), 5.0], 0.0, 1.0)(5.0) == pytest.approx(0.5)
