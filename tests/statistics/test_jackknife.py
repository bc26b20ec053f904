"""The delete-a-group jackknife against the t interval it becomes for a mean, and its degenerate cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from pytest_modelqa.statistics import jackknife, paired, power

Value = Callable[[np.ndarray], float]


def left_out(value: Value, rows: np.ndarray, group: np.ndarray) -> tuple[float, list[float]]:
    return value(rows), [value(rows[group != g]) for g in range(20)]


def test_of_a_mean_it_is_the_t_interval_of_the_block_means() -> None:
    scores = np.random.default_rng(0).normal(28, 4, 200)
    group = np.arange(200) % 20
    interval = jackknife.single(*left_out(np.mean, scores, group), 0.95, 200)
    blocks = np.array([scores[group == g].mean() for g in range(20)])
    exact = stats.ttest_1samp(blocks, 0).confidence_interval(0.9)
    assert (interval.lower, interval.upper) == pytest.approx((exact.low, exact.high))
    assert (interval.n, interval.units, interval.method) == (200, 20, "jackknife of 20 groups")


def average_precision(images: np.ndarray) -> float:
    """Of images that each hold one object: columns are the score of a right and of a wrong detection."""
    scores = images.ravel()
    right = np.tile([True, False], len(images))[np.argsort(-scores)]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float(precision[right].sum() / len(images))


def pooled_ratio(rows: np.ndarray) -> float:
    return float(rows[:, 0].sum() / rows[:, 1].sum())


@pytest.mark.parametrize(
    ("value", "n"), [(average_precision, 60), (average_precision, 200), (pooled_ratio, 60)]
)
def test_it_covers_a_value_that_is_no_mean_as_often_as_it_says(value: Value, n: int) -> None:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return (
            rng.normal([1.5, 0.0], 1.0, (n, 2))
            + rng.normal(0, 1, (n, 1))
            + (5 if value is pooled_ratio else 0)
        )

    rng, covered, runs = np.random.default_rng(1), 0, 500
    truth = value(draw(rng, 100_000))
    for _ in range(runs):
        rows, group = draw(rng, n), rng.integers(0, 20, n)
        interval = jackknife.single(*left_out(value, rows, group), 0.975, n)
        covered += interval.lower <= truth <= interval.upper
    # Between 0.93 and 0.97, and what 500 runs can be off by.
    assert 0.93 - 0.025 <= covered / runs <= 0.97 + 0.025


def test_sizes_take_out_what_depends_on_the_number_of_samples_alone() -> None:
    def distinct(rows: np.ndarray) -> float:
        return len(np.unique(rows)) / rows.size

    rng, covered, blind = np.random.default_rng(5), 0, 0
    chance = 1 / np.arange(1, 301)
    draws = [rng.choice(300, (60, 12), p=chance / chance.sum()) for _ in range(400)]
    truth = np.mean([distinct(rows) for rows in draws])
    for rows in draws:
        group = rng.integers(0, 20, 60)
        whole, without = left_out(distinct, rows, group)
        sized = jackknife.single(whole, without, 0.975, 60, sizes=np.bincount(group, minlength=20))
        covered += sized.lower <= truth <= sized.upper
        unsized = jackknife.single(whole, without, 0.975, 60)
        blind += unsized.lower <= truth <= unsized.upper
    assert 0.93 - 0.03 <= covered / 400 <= 0.97 + 0.02
    assert blind > covered


def test_a_paired_difference_is_sharper_than_its_parts() -> None:
    rng = np.random.default_rng(2)
    baseline = rng.normal(0, 1, 200)
    rows, group = np.stack([baseline + rng.normal(0.1, 0.1, 200), baseline], axis=1), np.arange(200) % 20
    theirs, ours = (left_out(lambda part: float(np.std(part)), rows[:, column], group) for column in (0, 1))
    difference = jackknife.difference(*theirs, *ours, 0.95, 200)
    assert difference.estimate == pytest.approx(theirs[0] - ours[0])
    alone = jackknife.single(*theirs, 0.95, 200)
    assert difference.upper - difference.lower < 0.5 * (alone.upper - alone.lower)


def test_a_relative_gain_is_that_of_the_log_ratio() -> None:
    rng, shown = np.random.default_rng(3), 0
    for _ in range(200):
        baseline = rng.gamma(4, 0.1, 160)
        rows = np.stack([1.2 * baseline * rng.gamma(50, 1 / 50, 160), baseline], axis=1)
        group = rng.integers(0, 20, 160)
        theirs, ours = (left_out(np.mean, rows[:, column], group) for column in (0, 1))
        interval = jackknife.relative(*theirs, *ours, 0.95, 160)
        assert interval.estimate == pytest.approx(theirs[0] / ours[0] - 1)
        assert interval.lower > 0.12
        shown += interval.lower > 0.2  # the truth
    assert shown / 200 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def test_a_group_without_samples_adds_nothing_and_is_not_counted() -> None:
    scores = np.random.default_rng(4).normal(0, 1, 120)
    group = np.arange(120) % 15  # groups 15 … 19 are empty
    interval = jackknife.single(*left_out(np.mean, scores, group), 0.95, 120)
    assert interval.units == 15
    exact = stats.ttest_1samp([scores[group == g].mean() for g in range(15)], 0).confidence_interval(0.9)
    assert interval.upper - interval.lower == pytest.approx(exact.high - exact.low, rel=0.02)


@pytest.mark.parametrize(
    ("without", "n", "note"),
    [
        ([0.5] * 20, 200, "the same with any of the 20 groups left out"),
        ([0.4] * 9 + [0.5] * 11, 200, "only 9 of 20 groups"),
        ([float("nan")] + [0.4] * 19, 200, "does not exist without one of the groups"),
        ([0.4, 0.6] * 10, 39, "fewer than 40 samples"),
    ],
)
def test_what_cannot_be_estimated_is_unknown_and_says_why(without: list[float], n: int, note: str) -> None:
    interval = jackknife.single(0.5, without, 0.95, n, lower_limit=0, upper_limit=1)
    assert (interval.lower, interval.upper) == (0, 1)
    assert note in interval.note
    gain = jackknife.relative(0.5, without, 0.25, [0.25] * 20, 0.95, n)
    assert (gain.lower, gain.upper) == (-1, np.inf)
    assert note in gain.note
    for unknown in (interval.above(0.3), paired.independent(interval, interval).above(-0.2), gain.above(0.3)):
        assert power.samples_needed(unknown) == np.inf, "no number follows from the limits of the value"


def test_a_relative_gain_over_nothing_is_unknown() -> None:
    for baseline in (0.0, -0.1):
        interval = jackknife.relative(0.5, [0.4, 0.6] * 10, baseline, [baseline] * 20, 0.95, 200)
        assert (interval.lower, interval.upper) == (-np.inf, np.inf)
        assert "use an absolute bound" in interval.note


def test_bounds_stay_within_the_limits() -> None:
    interval = jackknife.single(0.97, [0.9, 0.99] * 10, 0.95, 100, lower_limit=0, upper_limit=1)
    assert interval.upper == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jackknife.single(float("nan"), [0.1] * 20, 0.95, 100), "finite"),
        (lambda: jackknife.single(0.1, [0.1, float("inf")], 0.95, 100), "row of two or more"),
        (lambda: jackknife.single(0.1, [0.1], 0.95, 100), "row of two or more"),
        (lambda: jackknife.single(0.1, [0.1] * 20, 0.95, 100, sizes=[5] * 19), "sizes"),
        (lambda: jackknife.difference(0.1, [0.1] * 20, 0.1, [0.1] * 19, 0.95, 100), "same groups"),
    ],
)
def test_what_is_no_jackknife_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
