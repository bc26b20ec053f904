"""Bounds over training runs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_modelqa.statistics import seeds


def test_runs_of_two_models_are_compared_by_welch() -> None:
    rng = np.random.default_rng(0)
    candidate, baseline = rng.normal(0.82, 0.01, 8), rng.normal(0.80, 0.03, 5)
    interval = seeds.independent(candidate, baseline, 0.95)
    exact = stats.ttest_ind(candidate, baseline, equal_var=False).confidence_interval(0.9)
    assert interval.lower == pytest.approx(exact.low)
    assert interval.upper == pytest.approx(exact.high)


def test_differences_within_runs_are_students() -> None:
    differences = np.random.default_rng(1).normal(0.02, 0.02, 6)
    interval = seeds.paired(differences, 0.95)
    exact = stats.ttest_1samp(differences, 0).confidence_interval(0.9)
    assert (interval.lower, interval.upper) == pytest.approx((exact.low, exact.high))


def test_all_runs_but_one_must_agree() -> None:
    # The mean of the four is far enough above 0 for t, but two of the runs are on the other side.
    differences = [0.50, 0.49, -0.01, -0.01] + [0.5] * 20
    t_lower = stats.ttest_1samp(differences, 0).confidence_interval(0.9).low
    assert t_lower > 0.3
    assert seeds.paired(differences, 0.95).lower == -0.01
    one_dissenter = [0.50, 0.49, -0.01] + [0.5] * 20
    assert seeds.paired(one_dissenter, 0.95).lower > 0.3
    runs = [0.9, 0.91, 0.7, 0.7] + [0.9] * 20
    assert seeds.independent(runs, [0.75] * 5, 0.95).lower == pytest.approx(-0.05)


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.6]])
def test_two_runs_show_nothing(values: list[float]) -> None:
    for interval in (seeds.paired(values, 0.95), seeds.independent(values, [0.1, 0.1, 0.1], 0.95)):
        assert (interval.lower, interval.upper) == (-np.inf, np.inf)
        assert "at least 3 are needed" in interval.note


def test_equal_runs_have_no_spread_to_add() -> None:
    interval = seeds.independent([0.8] * 3, [0.7] * 4, 0.95)
    assert (interval.lower, interval.upper) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("count", [3, 5, 10])
def test_equal_models_differ_no_more_often_than_declared(count: int) -> None:
    rng, runs = np.random.default_rng(count), 3000
    wrong = sum(
        seeds.independent(rng.normal(0.8, 0.01, count), rng.normal(0.8, 0.01, count), 0.95).lower > 0
        for _ in range(runs)
    )
    assert wrong / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
