"""What n samples can show, against the tests themselves and against simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from pytest_modelqa.statistics import intervals, paired, power
from pytest_modelqa.statistics.intervals import Interval


@pytest.mark.parametrize(
    ("variance", "n", "points"),
    [(0.09, 160, 5.9), (0.09, 2000, 1.7), (0.05, 500, 2.5), (0.10, 160, 6.2), (0.20, 10_000, 1.1)],
)
def test_the_detectable_effect_is_that_of_the_table(variance: float, n: int, points: float) -> None:
    # Floor at p = 0.9 and pairs of discordance 5, 10, 20 %; one-sided 0.05, power 0.8.
    effect = power.minimum_detectable_effect(math.sqrt(variance), n, 0.95)
    assert 100 * effect == pytest.approx(points, abs=0.05)


def test_an_effect_of_that_size_is_found_that_often() -> None:
    rng, effect = np.random.default_rng(0), power.minimum_detectable_effect(1.0, 200, 0.95, power=0.8)
    found = sum(intervals.mean(rng.normal(effect, 1, 200), 0.95).lower >= 0 for _ in range(1000))
    assert found / 1000 == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize("estimate", [0.05, -0.05])
def test_the_samples_needed_decide_a_spread(estimate: float) -> None:
    half = np.random.default_rng(1).normal(0, 1, 200)
    scores = np.concatenate([half, -half]) + estimate
    margin = intervals.mean(scores, 0.95)
    assert margin.lower < 0 < margin.upper
    copies = math.ceil(power.samples_needed(margin) / 400)
    enough = intervals.mean(np.tile(scores, copies), 0.95)
    almost = intervals.mean(np.tile(scores, int(0.8 * copies)), 0.95)
    assert enough.lower >= 0 or enough.upper < 0
    assert almost.lower < 0 < almost.upper


def test_the_samples_needed_exclude_unseen_failures() -> None:
    def margin(n: int) -> Interval:
        return intervals.binary([1] * n, 0.95).above(0.99)

    needed = power.samples_needed(margin(100))
    assert needed == pytest.approx(power.samples_for_rate(0.99, 0.95), rel=0.02)
    assert margin(math.ceil(1.02 * needed)).lower >= 0 > margin(int(0.95 * needed)).lower


def test_a_margin_of_zero_or_without_bounds_is_never_decided() -> None:
    assert power.samples_needed(Interval(0.0, -1, 1, 0.95, 50, 50, "t")) == math.inf
    assert power.samples_needed(Interval(0.1, -math.inf, 1, 0.95, 50, 50, "t")) == math.inf
    assert power.samples_needed(Interval(0.1, 0.05, 0.2, 0.95, 50, 50, "t")) == 50


@pytest.mark.parametrize(("floor", "confidence"), [(0.9, 0.95), (0.981, 0.95), (0.999, 0.99)])
def test_a_floor_can_pass_on_so_many_samples_and_no_fewer(floor: float, confidence: float) -> None:
    n = power.samples_for_rate(floor, confidence)
    assert intervals.binary([1] * n, confidence).lower >= floor
    assert intervals.binary([1] * (n - 1), confidence).lower < floor
    assert power.highest_provable_rate(n, confidence) == pytest.approx(
        intervals.binary([1] * n, confidence).lower
    )


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_so_many_wins_are_significant_and_no_fewer(confidence: float) -> None:
    wins = power.wins_needed(confidence)
    p_values = [stats.binomtest(n, n, alternative="greater").pvalue for n in (wins, wins - 1)]
    assert p_values[0] < 1 - confidence <= p_values[1]


@pytest.mark.parametrize(("rate", "n"), [(0.95, 100), (0.9, 160), (0.998, 2500), (1.0, 100)])
def test_no_candidate_shows_more_than_a_perfect_one(rate: float, n: int) -> None:
    baseline = np.repeat([1, 0], [round(n * rate), n - round(n * rate)])
    best = paired.binary(np.ones(n), baseline, 0.95)
    assert power.highest_provable_improvement(rate, n, 0.95) == pytest.approx(best.lower)


def test_saturation_begins_where_five_wins_end() -> None:
    # n · (1 − base) ≥ 5: base 0.998 needs 2,500 samples, 0.99 needs 500, 0.95 needs 100.
    for base, n in ((0.998, 2500), (0.99, 500), (0.95, 100)):
        assert power.highest_provable_improvement(base, n, 0.95) > 0
        assert power.highest_provable_improvement(base, int(0.89 * n), 0.95) <= 0


def test_false_alarms_and_misses_of_a_repeated_run_are_as_predicted() -> None:
    rng, alarms, misses = np.random.default_rng(2), 0, 0
    for _ in range(6000):
        runs = rng.normal(0.9, 0.004, 3)
        minimum = power.minimum_for_false_alarm_rate(runs, 0.05)
        assert power.false_alarm_rate(runs, minimum) == pytest.approx(0.05)
        alarms += rng.normal(0.9, 0.004) < minimum
        misses += power.miss_rate(runs, minimum, 0.03) > 0.5
    assert alarms / 6000 == pytest.approx(0.05, abs=0.009)
    assert misses / 6000 < 0.1  # 7.5 standard deviations are seldom missed even after three runs
    assert power.miss_rate(runs, minimum, 0.0) == pytest.approx(0.95)


def test_runs_without_spread_are_certain() -> None:
    assert power.false_alarm_rate([0.9, 0.9, 0.9], 0.89) == 0
    assert power.false_alarm_rate([0.9, 0.9, 0.9], 0.91) == 1
    assert power.minimum_for_false_alarm_rate([0.9, 0.9], 0.01) == pytest.approx(0.9)


def test_false_alarms_of_a_floor_are_binomial() -> None:
    rng = np.random.default_rng(3)
    for n, minimum in ((160, 0.9), (10, 0.9), (10, 0.85)):
        simulated = np.mean(rng.binomial(n, 0.92, 200_000) / n < minimum - 1e-12)
        assert power.false_alarm_rate_of_floor(0.92, n, minimum) == pytest.approx(simulated, abs=0.005)
    assert power.false_alarm_rate_of_floor(0.92, 10, 0.0) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: power.minimum_detectable_effect(-1.0, 10, 0.95),
        lambda: power.minimum_detectable_effect(1.0, 0, 0.95),
        lambda: power.samples_for_rate(1.0, 0.95),
        lambda: power.false_alarm_rate([0.9], 0.9),
        lambda: power.minimum_for_false_alarm_rate([0.9, 0.8], 0.0),
    ],
)
def test_what_makes_no_sense_is_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        call()  # type: ignore[operator]
