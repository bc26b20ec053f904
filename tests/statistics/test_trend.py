"""Rises, collapses and flat lines along checkpoints."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.special import ndtri

from pytest_modelqa.statistics import intervals, paired, seeds, trend
from pytest_modelqa.statistics.intervals import Interval


def checkpoints(rng: np.random.Generator, rates: tuple[float, ...], n: int) -> np.ndarray:
    """0/1 scores of the same samples, shape (n, checkpoints), correlated 0.5 on the latent scale."""
    latent = np.sqrt(0.5) * (rng.normal(size=(n, 1)) + rng.normal(size=(n, len(rates))))
    return latent < ndtri(np.array(rates))


def judge(scores: np.ndarray, shape: trend.Shape = "non_decreasing", tolerance: float = 1e-9) -> trend.Trend:
    def gain(earlier: int, later: int, confidence: float) -> Interval:
        return paired.binary(scores[:, later], scores[:, earlier], confidence)

    return trend.judge(gain, scores.shape[1], shape, tolerance, 0.95)


def known(values: list[float], error: float) -> trend.Gain:
    """Checkpoints whose differences are measured with this standard error."""
    return lambda i, j, c: intervals.from_standard_error(values[j] - values[i], error, c, 100)


def test_a_rise_that_collapses_fails_with_power_and_names_the_drop() -> None:
    rng, outcomes = np.random.default_rng(0), Counter()
    for _ in range(80):
        result = judge(checkpoints(rng, (0.077, 0.143, 0.032), 160))
        outcomes[result.outcome] += 1
        if result.outcome == "fail":
            assert (result.worst.earlier, result.worst.later) == (1, 2)
            assert result.worst in result.refuting
            assert result.worst.gain.estimate < 0
    assert outcomes["fail"] >= 73  # 97 % in benchmarks/statistics/trends.py
    assert outcomes["pass"] == 0


def test_flat_checkpoints_fail_no_more_often_than_declared_and_never_pass_unseen() -> None:
    rng = np.random.default_rng(1)
    outcomes = Counter(judge(checkpoints(rng, (0.1,) * 5, 160)).outcome for _ in range(40))
    assert outcomes["fail"] <= 0.05 * 40 + 3 * np.sqrt(40 * 0.05 * 0.95)
    assert outcomes["pass"] == 0


def test_too_few_samples_are_inconclusive_and_enough_pass() -> None:
    rng = np.random.default_rng(2)
    assert judge(checkpoints(rng, (0.7, 0.7, 0.7), 63), tolerance=0.05).outcome == "inconclusive"
    assert judge(checkpoints(rng, (0.7, 0.7, 0.7), 5000), tolerance=0.05).outcome == "pass"


@pytest.mark.parametrize(
    ("values", "shape", "tolerance", "outcome", "pairs"),
    [
        ([1, 2, 3], "non_decreasing", 0.1, "pass", 3),
        ([1, 3, 2], "non_decreasing", 0.1, "fail", 3),
        ([1, 3, 2], "non_decreasing", 1.1, "pass", 3),
        ([1, 3, 2], "non_decreasing", 1.0, "inconclusive", 3),
        # Two small drops that together are a large one.
        ([3.0, 2.4, 1.8], "non_decreasing", 0.9, "fail", 3),
        ([1, 3, 2, 4], "best_is_last", 0.1, "pass", 3),
        ([1, 3, 2], "best_is_last", 0.1, "fail", 2),
        ([1, 2, 3], "increasing", 0.0, "pass", 3),
        ([1, 2, 2], "increasing", 0.0, "inconclusive", 3),
        ([1, 2, 1.5], "increasing", 0.0, "fail", 3),
        ([2, 1], "non_decreasing", 0.1, "fail", 1),
    ],
)
def test_what_each_claim_asks_for(
    values: list[float], shape: trend.Shape, tolerance: float, outcome: str, pairs: int
) -> None:
    result = trend.judge(known(values, 0.01), len(values), shape, tolerance, 0.95)
    assert (result.outcome, len(result.steps)) == (outcome, pairs)
    assert bool(result.refuting) == (outcome == "fail")
    assert bool(result.unproven) == (outcome == "inconclusive")
    for step in result.steps:
        assert step.gain.estimate == pytest.approx(values[step.later] - values[step.earlier])
    assert result.worst.gain.estimate == min(step.gain.estimate for step in result.steps)


def test_equal_checkpoints_are_no_increase_however_exactly_they_are_measured() -> None:
    exact = Interval(0.0, 0.0, 0.0, 0.95, 100, 100, "exact")
    assert trend.judge(lambda i, j, c: exact, 3, "increasing", 0.0, 0.95).outcome == "inconclusive"


def test_over_seeds_the_runs_must_agree() -> None:
    values = np.array([[0.70, 0.80, 0.60], [0.71, 0.81, 0.62], [0.69, 0.79, 0.59]])

    def gain(earlier: int, later: int, confidence: float) -> Interval:
        return seeds.paired(values[:, later] - values[:, earlier], confidence)

    assert trend.judge(gain, 3, "non_decreasing", 0.05, 0.95).outcome == "fail"
    values[:2, 2] = 0.83
    assert trend.judge(gain, 3, "non_decreasing", 0.05, 0.95).outcome == "inconclusive"
    values[2, 2] = 0.80
    assert trend.judge(gain, 3, "non_decreasing", 0.05, 0.95).outcome == "pass"


@pytest.mark.parametrize(
    ("count", "shape", "tolerance"),
    [
        (1, "increasing", 0.1),
        (3, "non_decreasing", 0.0),
        (3, "best_is_last", -0.1),
        (3, "non_decreasing", np.nan),
    ],
)
def test_a_trend_without_checkpoints_or_tolerance_is_refused(
    count: int, shape: trend.Shape, tolerance: float
) -> None:
    with pytest.raises(ValueError, match=r"two checkpoints|tolerance > 0"):
        trend.judge(known([1, 2, 3], 0.1), count, shape, tolerance, 0.95)
