"""Bounds for a mean against scipy, against formulas written out, and against known truths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_modelqa.statistics import intervals
from pytest_modelqa.statistics.intervals import Interval


def symmetric(n: int, seed: int = 0) -> np.ndarray:
    """Scores around 0 without any skew, so that nothing is corrected."""
    half = np.random.default_rng(seed).normal(0, 1, n // 2)
    return np.concatenate([half, -half])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from([0.8, 0.95, 0.99]))
def test_binary_bounds_are_clopper_and_pearsons(successes: int, failures: int, confidence: float) -> None:
    if successes + failures == 0:
        return
    interval = intervals.binary([1] * successes + [0] * failures, confidence)
    exact = stats.binomtest(successes, successes + failures).proportion_ci(2 * confidence - 1, method="exact")
    assert interval.lower == pytest.approx(exact.low, abs=1e-12)
    assert interval.upper == pytest.approx(exact.high, abs=1e-12)


def test_mean_bounds_are_students_where_there_is_no_skew() -> None:
    scores = 28 + 4 * symmetric(60)
    interval = intervals.mean(scores, 0.95, lower_limit=-1000, upper_limit=1000)
    # A limit so far away outweighs the spread; without one it is Student's interval.
    assert interval.unseen_below
    assert interval.unseen_above
    interval = intervals.mean(scores, 0.95)
    exact = stats.ttest_1samp(scores, 0).confidence_interval(0.9)
    assert (interval.lower, interval.upper) == pytest.approx((exact.low, exact.high), rel=1e-12)
    assert (interval.n, interval.units, interval.method, interval.note) == (60, 60, "t", "")


def test_cluster_errors_are_cr1_written_out() -> None:
    sizes = np.array([1, 2, 3, 4] * 10)
    values = np.random.default_rng(3).normal(0, 1, sizes.sum())
    names = np.repeat(np.arange(40), sizes)
    # Mirrored clusters: no skew.
    scores, clusters = np.concatenate([values, -values]), np.concatenate([names, names + 40])
    total = 0.0
    for name in range(80):
        inside = [scores[i] - scores.mean() for i in range(len(scores)) if clusters[i] == name]
        total += sum(inside) ** 2
    standard_error = np.sqrt(80 / 79 * total) / len(scores)
    interval = intervals.mean(scores, 0.95, clusters=clusters)
    assert interval.upper - interval.estimate == pytest.approx(stats.t.ppf(0.95, 79) * standard_error)
    assert (interval.n, interval.units) == (len(scores), 80)


def test_copies_of_a_sample_in_one_cluster_add_nothing() -> None:
    scores = np.random.default_rng(4).beta(5, 2, 40)
    once = intervals.mean(scores, 0.95, lower_limit=0, upper_limit=1)
    tenfold = intervals.mean(
        np.repeat(scores, 10), 0.95, clusters=np.repeat(np.arange(40), 10), lower_limit=0, upper_limit=1
    )
    assert (tenfold.lower, tenfold.upper) == pytest.approx((once.lower, once.upper), abs=1e-9)
    assert intervals.mean(np.repeat(scores, 10), 0.95).lower > once.lower


def test_a_heavy_cluster_could_be_worse_than_a_light_one() -> None:
    light = np.repeat(np.arange(20), 2)
    heavy = np.concatenate([np.zeros(21, int), np.arange(1, 20)])
    scores = np.full(40, 0.9)
    even, uneven = (
        intervals.mean(scores, 0.95, clusters=names, lower_limit=0, upper_limit=1) for names in (light, heavy)
    )
    assert uneven.lower < even.lower < 0.9


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=40),
    st.sampled_from([0.8, 0.95, 0.99]),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_bounds_hold_the_estimate_and_turn_around_with_the_scores(
    scores: list[float], confidence: float, limited: bool, random: object
) -> None:
    limits = {"lower_limit": 0.0, "upper_limit": 1.0} if limited else {}
    mirrored = {"lower_limit": -1.0, "upper_limit": 0.0} if limited else {}
    values = np.array(scores)
    interval = intervals.mean(values, confidence, **limits)
    assert interval.lower <= interval.estimate <= interval.upper
    turned = intervals.mean(-values, confidence, **mirrored).below(0)
    assert turned.lower == pytest.approx(interval.lower, abs=1e-9)
    assert turned.upper == pytest.approx(interval.upper, abs=1e-9)
    assert (turned.unseen_below, turned.unseen_above) == (interval.unseen_below, interval.unseen_above)
    random.shuffle(scores)  # type: ignore[attr-defined]
    shuffled = intervals.mean(scores, confidence, **limits)
    assert shuffled.lower == pytest.approx(interval.lower, abs=1e-6)
    if limited:
        assert interval.lower >= 0
        assert interval.upper <= 1
        assert intervals.mean(values, 0.999, **limits).lower <= interval.lower + 1e-9


def test_skew_towards_a_bound_widens_it_and_skew_away_does_not_narrow_it() -> None:
    scores = -np.random.default_rng(5).exponential(1, 100)
    exact = stats.ttest_1samp(scores, 0).confidence_interval(0.9)
    interval = intervals.mean(scores, 0.95)
    assert interval.lower < exact.low - 0.005
    assert interval.upper == pytest.approx(exact.high)


@pytest.mark.parametrize(("n", "limit"), [(1, 0.0), (4, 0.0), (9, -1.0)])
def test_few_samples_say_no_more_than_rare_failures_allow(n: int, limit: float) -> None:
    scores = np.linspace(0.7, 0.9, n)
    interval = intervals.mean(scores, 0.95, lower_limit=limit, upper_limit=1)
    assert limit < interval.lower < limit + (scores.max() - limit) * 0.05 ** (1 / n) + 1e-9
    assert interval.unseen_below
    assert f"fewer than 10 samples: the bounds are what {n}" in interval.note
    unlimited = intervals.mean(scores, 0.95)
    assert (unlimited.lower, unlimited.upper) == (-np.inf, np.inf)


def test_equal_scores_prove_no_more_than_their_number() -> None:
    interval = intervals.mean(np.full(160, 0.1 + 0.2), 0.95, lower_limit=0, upper_limit=1)
    assert interval.lower == pytest.approx(0.3 * 0.05 ** (1 / 160))
    assert interval.upper == pytest.approx(1 - 0.7 * 0.05 ** (1 / 160))
    assert "no spread between samples" in interval.note
    unlimited = intervals.mean(np.full(160, 0.1 + 0.2), 0.95, clusters=np.arange(160) % 37)
    assert (unlimited.lower, unlimited.upper) == (-np.inf, np.inf)


def test_unseen_failures_set_the_bound_where_they_outweigh_the_spread() -> None:
    scores = 0.95 + 0.005 * symmetric(200)
    interval = intervals.mean(scores, 0.95, lower_limit=0, upper_limit=0.98)
    assert interval.unseen_below
    assert not interval.unseen_above
    assert interval.lower < 0.95 * 0.05 ** (1 / 200)
    assert (
        "rare failures are not excluded: the lower bound is what 200 samples cannot exclude" in interval.note
    )
    near = intervals.mean(scores, 0.95, lower_limit=0.92, upper_limit=0.98)
    assert not near.unseen_below
    assert near.lower > 0.949


@pytest.mark.parametrize(
    ("clusters", "uneven", "correlation"), [(0, False, 0.0), (30, False, 0.5), (30, True, 0.5)]
)
def test_a_t_interval_covers_the_truth_as_often_as_it_says(
    clusters: int, uneven: bool, correlation: float
) -> None:
    rng, covered, runs = np.random.default_rng(6), 0, 1000
    for _ in range(runs):
        sizes = 1 + rng.poisson(3, clusters) if uneven else np.full(clusters, 4)
        names = np.repeat(np.arange(clusters), sizes) if clusters else None
        n = len(names) if names is not None else 60
        scores = rng.normal(0, np.sqrt(1 - correlation), n)
        if names is not None:
            scores += rng.normal(0, np.sqrt(correlation), clusters)[names]
        interval = intervals.mean(scores, 0.975, clusters=names)
        covered += interval.lower <= 0 <= interval.upper
    assert 0.93 <= covered / runs <= 0.97


def test_a_recorded_standard_error_gives_normal_bounds() -> None:
    interval = intervals.from_standard_error(10.0, 2.0, 0.975, 100)
    assert (interval.lower, interval.upper) == pytest.approx((10 - 3.91993, 10 + 3.91993), abs=1e-4)
    for standard_error in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="positive standard error"):
            intervals.from_standard_error(10.0, standard_error, 0.95, 100)


def test_margins_are_measured_from_the_side_that_passes() -> None:
    interval = Interval(0.9, 0.8, 0.95, 0.95, 100, 100, "t", unseen_below=True)
    above, below = interval.above(0.85), interval.below(0.85)
    assert (above.lower, above.estimate, above.upper) == pytest.approx((-0.05, 0.05, 0.1))
    assert (below.lower, below.estimate, below.upper) == pytest.approx((-0.1, -0.05, 0.05))
    assert above.unseen_below
    assert below.unseen_above
    assert not below.unseen_below


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: intervals.mean([], 0.95), "shape"),
        (lambda: intervals.mean([[1.0]], 0.95), "shape"),
        (lambda: intervals.mean([1.0, float("nan")], 0.95), "finite"),
        (lambda: intervals.mean([1.0, float("inf")], 0.95), "finite"),
        (lambda: intervals.mean([1.0, 2.0], 0.95, upper_limit=1), "outside the limits"),
        (lambda: intervals.mean([1.0, 2.0], 0.95, clusters=["a"]), "clusters"),
        (lambda: intervals.mean([1.0, 2.0], 95), "confidence"),
        (lambda: intervals.mean([1.0, 2.0], 0.5), "confidence"),
        (lambda: intervals.binary([0, 1, 0.5], 0.95), "0 or 1"),
    ],
)
def test_what_is_no_set_of_scores_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
