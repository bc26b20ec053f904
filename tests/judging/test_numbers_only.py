"""Numbers whose samples nobody kept: what they decide, and what only a standard error lets them decide."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import pytest

from pytest_modelqa.judging.measured import Value
from pytest_modelqa.judging.uncertainty import comparison_margins, paired_bounds, threshold_margins
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.catalogue import MetricDeclaration
from pytest_modelqa.spec.resolved import Check
from pytest_modelqa.tasks.registry import catalogue

Z = NormalDist().inv_cdf(0.95)


def check(folder: Path, bound: str) -> tuple[Check, MetricDeclaration]:
    path = folder / "a.modelspec.yaml"
    args = "args: {name: acc, unit: fraction, higher_is_better: true}"
    checks = {"before": "min: 0.1", "now": bound}
    evaluations = [
        f"  {name}:\n    task: recorded\n    args: {{path: {name}.json, format: json, source: test}}\n"
        f"    checks: [{{metric: recorded_value, {args}, {of}}}]\n"
        for name, of in checks.items()
    ]
    path.write_text("modelqa: 1\nevaluations:\n" + "".join(evaluations))
    spec, known = read_spec(path, catalogue(), environment={}), catalogue()
    (found,) = spec.evaluations["now"].checks
    return found, known.metrics["recorded_value"].limited(found.args)


def number(value: float, error: float | None) -> Value:
    return Value(value, 500, left_out=(None,) * 20, standard_error=error)


def test_without_a_standard_error_nothing_is_known(tmp_path: Path) -> None:
    found, metric = check(tmp_path, "min: 0.5")
    assert threshold_margins(found, metric, number(0.7, None)) == ()
    found, metric = check(tmp_path, "max_degradation: 0.01, baseline: before")
    assert comparison_margins(found, metric, number(0.7, 0.01), number(0.6, None)) == ()
    assert comparison_margins(found, metric, number(0.7, None), number(0.6, 0.01)) == ()
    # A trend asks all the same: then every difference is possible.
    interval = paired_bounds(metric, number(0.7, None), number(0.6, None))(0.95)
    assert interval.lower < -0.5
    assert interval.upper > 0.5
    assert "nothing is known of their noise" in interval.note


def test_with_one_the_bounds_are_those_of_a_normal(tmp_path: Path) -> None:
    found, metric = check(tmp_path, "min: 0.5")
    (margin,) = threshold_margins(found, metric, number(0.7, 0.1))
    interval = margin(0.95)
    assert (interval.lower, interval.upper) == pytest.approx((0.2 - Z * 0.1, 0.2 + Z * 0.1))
    # Never beyond the metric's range.
    (margin,) = threshold_margins(found, metric, number(0.95, 0.1))
    assert margin(0.95).upper == pytest.approx(0.5)


def test_two_numbers_are_compared_as_if_of_different_samples(tmp_path: Path) -> None:
    found, metric = check(tmp_path, "min_improvement: 0.05, baseline: before")
    (margin,) = comparison_margins(found, metric, number(0.5, 0.03), number(0.4, 0.04))
    interval = margin(0.95)
    assert (interval.lower, interval.upper) == pytest.approx((0.05 - Z * 0.05, 0.05 + Z * 0.05))
    found, metric = check(tmp_path, "min_improvement_percent: 5, baseline: before")
    (margin,) = comparison_margins(found, metric, number(0.5, 0.03), number(0.4, 0.04))
    # c − 1.05 · b, in percent of b.
    half = Z * (0.03**2 + (1.05 * 0.04) ** 2) ** 0.5
    assert margin(0.95).lower == pytest.approx(100 * (0.08 - half) / 0.4)
