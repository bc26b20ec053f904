"""Comparisons on the same samples, and on different ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_modelqa.statistics import intervals, paired
from pytest_modelqa.statistics.intervals import Interval


def outcomes(wins: int, losses: int, ties: int) -> tuple[np.ndarray, np.ndarray]:
    candidate = np.repeat([1, 0, 1], [wins, losses, ties])
    return candidate, np.repeat([0, 1, 1], [wins, losses, ties])


def mcnemar(wins: int, losses: int) -> float:
    """The exact one-sided p-value of McNemar's test: the binomial test of the discordant samples."""
    return stats.binomtest(wins, wins + losses, alternative="greater").pvalue if wins + losses else 1.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 200), st.sampled_from([0.9, 0.95, 0.99]))
def test_a_paired_0_1_interval_agrees_with_mcnemar_both_ways(
    wins: int, losses: int, ties: int, confidence: float
) -> None:
    if wins + losses + ties == 0:
        return
    interval = paired.binary(*outcomes(wins, losses, ties), confidence)
    assert interval.lower <= interval.estimate <= interval.upper
    assert (interval.lower > 0) == (mcnemar(wins, losses) < 1 - confidence)
    assert (interval.upper < 0) == (mcnemar(losses, wins) < 1 - confidence)
    turned = paired.binary(*outcomes(wins, losses, ties)[::-1], confidence).below(0)
    assert (turned.lower, turned.upper) == pytest.approx((interval.lower, interval.upper), abs=1e-9)


def test_more_ties_make_a_margin_easier_to_show() -> None:
    few, many = (paired.binary(*outcomes(5, 5, ties), 0.95) for ties in (90, 990))
    assert few.lower < -0.05 < many.lower < 0


def test_a_paired_mean_is_the_interval_of_the_differences() -> None:
    rng = np.random.default_rng(0)
    baseline = rng.beta(5, 3, 100)
    candidate = np.clip(baseline + rng.normal(0.01, 0.05, 100), 0, 1)
    names = np.arange(100) // 4
    interval = paired.mean(candidate, baseline, 0.95, clusters=names)
    expected = intervals.mean(candidate - baseline, 0.95, clusters=names)
    assert (interval.lower, interval.upper, interval.units) == (expected.lower, expected.upper, 25)
    assert interval.method == "paired cluster-robust t"


def test_a_difference_lies_within_the_width_of_the_limits() -> None:
    candidate, baseline = np.full(20, 1.0), np.linspace(0, 0.1, 20)
    interval = paired.mean(candidate, baseline, 0.95, lower_limit=0, upper_limit=1)
    guarded = intervals.mean(candidate - baseline, 0.95, lower_limit=-1, upper_limit=1)
    assert (interval.lower, interval.upper) == (guarded.lower, guarded.upper)


def test_identical_outputs_are_called_so() -> None:
    scores = np.linspace(0, 1, 50)
    interval = paired.mean(scores, scores, 0.95, lower_limit=0, upper_limit=1)
    assert interval.note.startswith("identical on every sample")
    assert interval.lower == pytest.approx(-(1 - 0.05 ** (1 / 50)))
    assert -interval.upper == pytest.approx(interval.lower)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("threshold", [0.12, -0.05, 0.0])
def test_a_relative_difference_clears_its_threshold_when_the_linear_statistic_does(
    sign: int, threshold: float
) -> None:
    rng = np.random.default_rng(1)
    decisions = set()
    for gain in np.linspace(threshold - 0.06, threshold + 0.06, 25):
        baseline = sign * rng.gamma(9, 0.1, 80)
        candidate = baseline + gain * sign * baseline + rng.normal(0, 0.1, 80)
        interval = paired.relative(candidate, baseline, 0.95, threshold)
        linear = intervals.mean(candidate - baseline - threshold * sign * baseline, 0.95)
        assert (interval.lower >= threshold) == (linear.lower >= 0)
        assert (interval.upper < threshold) == (linear.upper < 0)
        assert interval.estimate == pytest.approx((candidate.sum() - baseline.sum()) / abs(baseline.sum()))
        decisions.add((interval.lower >= threshold, interval.upper < threshold))
    assert decisions == {(True, False), (False, False), (False, True)}


def test_a_relative_difference_holds_the_limits_of_the_metric() -> None:
    baseline = np.full(100, 0.5)
    baseline[::2] = 0.52
    candidate = baseline * 1.2
    free = paired.relative(candidate, baseline, 0.95, 0.12)
    limited = paired.relative(candidate, baseline, 0.95, 0.12, lower_limit=0, upper_limit=1)
    assert free.lower > 0.19
    assert limited.unseen_below
    # One of 100 samples at 0 where the baseline has 1: (0 − 1.12) instead of 0.08 · 0.51.
    unseen = (1 - 0.05 ** (1 / 100)) * (1.12 + 0.08 * 0.51) / 0.51
    assert limited.lower == pytest.approx(0.2 - unseen, abs=0.01)


@pytest.mark.parametrize("threshold", [0.12, -0.05])
def test_a_negative_metric_has_its_limits_mirrored(threshold: float) -> None:
    rng = np.random.default_rng(5)
    loss = rng.uniform(0.3, 0.5, 100)
    better = loss * 0.8
    gain = paired.relative(-better, -loss, 0.95, threshold, lower_limit=-1, upper_limit=0)
    mirrored = paired.relative(better, loss, 0.95, -threshold, lower_limit=0, upper_limit=1).below(0)
    assert (gain.lower, gain.upper) == pytest.approx((mirrored.lower, mirrored.upper))
    assert gain.unseen_below


def test_a_ratio_of_sums_is_not_the_mean_of_ratios() -> None:
    errors, words = np.tile([1, 0, 5], 40), np.tile([1, 10, 100], 40)
    interval = paired.ratio(errors, words, 0.95, threshold=0.06)
    assert interval.estimate == pytest.approx(6 / 111)
    assert interval.lower < 6 / 111 < interval.upper


def test_a_ratio_bound_is_wrong_as_often_as_it_says() -> None:
    rng, wrong = np.random.default_rng(2), 0
    for _ in range(1000):
        words = 1 + rng.poisson(9, 150)
        wrong += paired.ratio(rng.binomial(words, 0.12), words, 0.95, threshold=0.12).upper < 0.12
    assert wrong / 1000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


def test_different_samples_give_welchs_interval_almost() -> None:
    rng = np.random.default_rng(3)
    half, other = rng.normal(0, 4, 60), rng.normal(0, 2, 100)
    candidate, baseline = 29 + np.concatenate([half, -half]), 28 + np.concatenate([other, -other])
    a, b = intervals.mean(candidate, 0.95), intervals.mean(baseline, 0.95)
    interval = paired.independent(a, b)
    welch = stats.ttest_ind(candidate, baseline, equal_var=False).confidence_interval(0.9)
    assert interval.lower == pytest.approx(welch.low, abs=0.01 * (welch.high - welch.low))
    assert interval.upper == pytest.approx(welch.high, abs=0.01 * (welch.high - welch.low))
    assert interval.lower <= welch.low


def test_different_samples_may_have_uneven_bounds() -> None:
    a = Interval(0.9, 0.8, 0.95, 0.95, 100, 100, "t", unseen_below=True)
    b = Interval(0.7, 0.5, 0.75, 0.95, 80, 80, "t")
    interval = paired.independent(a, b)
    assert interval.lower == pytest.approx(0.2 - np.sqrt(0.1**2 + 0.05**2))
    assert interval.upper == pytest.approx(0.2 + np.sqrt(0.05**2 + 0.2**2))
    assert (interval.n, interval.unseen_below, interval.unseen_above) == (80, True, False)


def test_different_samples_of_0_1_scores_keep_the_error_rate() -> None:
    rng, wrong = np.random.default_rng(4), 0
    for _ in range(1000):
        a, b = (intervals.binary(rng.random(60) < 0.97, 0.95) for _ in range(2))
        wrong += paired.independent(a, b).lower > 0
    assert wrong / 1000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


def test_different_samples_keep_what_is_unknown_of_either() -> None:
    known, unknown = intervals.mean(np.linspace(0, 1, 50), 0.95), intervals.mean([0.5] * 50, 0.95)
    interval = paired.independent(known, unknown)
    assert (interval.lower, interval.upper) == (-np.inf, np.inf)
    assert "no spread" in interval.note
    with pytest.raises(ValueError, match="different confidences"):
        paired.independent(known, intervals.mean(np.linspace(0, 1, 50), 0.9))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired.binary([1, 0], [1], 0.95), "one shape"),
        (lambda: paired.binary([1, 0.5], [1, 0], 0.95), "0 or 1"),
        (lambda: paired.mean([1, 0], [1], 0.95), "one shape"),
        (lambda: paired.mean([1, np.nan], [1, 1], 0.95), "finite"),
        (lambda: paired.ratio([1, 0], [1], 0.95, 0.5), "one shape"),
    ],
)
def test_what_is_no_pair_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
