"""What a number of samples can show, before anything is run, and what would decide an inconclusive check after."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, ndtri, stdtr, stdtrit

from .dirichlet import lower_bound
from .intervals import Interval, checked_alpha, checked_scores


def minimum_detectable_effect(
    standard_deviation: float, n: int, confidence: float, power: float = 0.8
) -> float:
    """The true distance from a bound at which a check of n samples is decided with probability ``power``.

    (z₁₋α + z_power)·s/√n. For a 0/1 score s² is p(1 − p), for paired 0/1 scores the share of samples on
    which the two differ, for clusters and jackknives s/√n is the standard error.

    >>> round(minimum_detectable_effect(math.sqrt(0.9 * 0.1), 160, 0.95), 3)     # a floor of accuracy near 0.9
    0.059
    >>> round(minimum_detectable_effect(math.sqrt(0.10), 2000, 0.95), 3)         # two models that differ on 10 %
    0.018
    """
    if n < 1 or standard_deviation < 0 or not 0 < power < 1:
        raise ValueError("needs n ≥ 1, a standard deviation ≥ 0 and 0 < power < 1")
    return float((ndtri(1 - checked_alpha(confidence)) + ndtri(power)) * standard_deviation / math.sqrt(n))


def samples_needed(margin: Interval) -> float:
    """How many samples would decide a margin (compared with 0) if its estimate stays what it is.

    n·(h/|estimate|)² where h is the distance from the estimate to the bound on the side of 0, since that
    shrinks as 1/√n; n·h/|estimate| where the bound is set by failures too rare to be seen, since that
    shrinks as 1/n. Whether the check then passes or fails is the sign of the estimate. Infinite when the
    estimate is 0, the bound unlimited, or nothing known of the noise.

    >>> from . import intervals
    >>> margin = intervals.binary([1] * 148 + [0] * 12, 0.95).above(0.90)     # 0.925 on 160 samples
    >>> margin.lower < 0 < margin.upper, samples_needed(margin)
    (True, 489.0)
    """
    passing = margin.estimate >= 0
    half = margin.estimate - margin.lower if passing else margin.upper - margin.estimate
    if margin.estimate == 0 or not math.isfinite(half) or not margin.known:
        return math.inf
    shrinks_as_n = margin.unseen_below if passing else margin.unseen_above
    ratio = half / abs(margin.estimate)
    # A bound that is on the right side already needs no more than there are.
    return (
        float(margin.n) if ratio <= 1 else float(math.ceil(margin.n * (ratio if shrinks_as_n else ratio**2)))
    )


def highest_provable_rate(n: int, confidence: float) -> float:
    """What n successes without a failure prove of a rate: it exceeds α^(1/n), about 1 − 3/n at 95 %.

    A floor above this can never pass on n samples.

    >>> round(highest_provable_rate(160, 0.95), 3)
    0.981
    """
    return float(checked_alpha(confidence) ** (1 / n))


def samples_for_rate(floor: float, confidence: float) -> int:
    """The fewest samples on which a floor of a 0/1 rate can pass at all, with no failure among them.

    >>> samples_for_rate(0.99, 0.95)
    299
    """
    if not 0 < floor < 1:
        raise ValueError(f"a floor of a rate lies between 0 and 1, found {floor}")
    return math.ceil(math.log(checked_alpha(confidence)) / math.log(floor))


def wins_needed(confidence: float) -> int:
    """The fewest wins, with no loss, that make one 0/1 model significantly better than another.

    >>> wins_needed(0.95)
    5
    """
    return math.ceil(math.log2(1 / checked_alpha(confidence)))


def highest_provable_improvement(baseline_rate: float, n: int, confidence: float) -> float:
    """The improvement shown when the candidate is right on all n samples and the baseline's rate is this.

    An improvement asked for that exceeds this can never pass: the baseline leaves too little room
    (saturated). At most 0 when not even "better at all" can be shown.

    >>> highest_provable_improvement(0.998, 2000, 0.95) > 0, highest_provable_improvement(0.998, 2500, 0.95) > 0
    (False, True)
    """
    wins = round(n * (1 - baseline_rate))
    counts = np.array([wins, n - wins], dtype=np.float64)
    return lower_bound(np.array([1.0, 0.0]), counts, -1.0, checked_alpha(confidence))


def samples_for_improvement(baseline_rate: float, improvement: float, confidence: float) -> float:
    """The fewest samples on which a candidate without a failure shows this improvement over a baseline's rate.

    Infinite where the baseline leaves no more room than that: the difference seen must exceed the one shown.

    >>> samples_for_improvement(0.998, 0.001, 0.95) < samples_for_improvement(0.998, 0.0015, 0.95)
    True
    >>> samples_for_improvement(0.998, 0.002, 0.95)
    inf
    """
    if improvement >= 1 - baseline_rate - 1e-12:
        return math.inf
    n = 1
    while highest_provable_improvement(baseline_rate, n, confidence) < improvement:
        n *= 2
        if n > 2**40:
            return math.inf
    least, most = n // 2, n
    while most - least > max(1, least // 1000):
        middle = (least + most) // 2
        enough = highest_provable_improvement(baseline_rate, middle, confidence) >= improvement
        least, most = (least, middle) if enough else (middle, most)
    return float(most)


def false_alarm_rate(values: ArrayLike, minimum: float) -> float:
    """The chance that an unchanged model falls below a minimum next time, from repeated runs of it.

    The prediction of one more value from k of them: Student's t with k − 1 degrees of freedom and the spread
    √(1 + 1/k).

    Args:
        values: The metric in each of k ≥ 2 runs of the same model, higher is better, shape (k,).
        minimum: The bound.

    >>> round(false_alarm_rate([0.903, 0.899, 0.905, 0.901, 0.897], 0.895), 3)
    0.079
    """
    mean, spread, freedom = _prediction(values)
    if spread == 0:
        return float(minimum > mean)
    return float(stdtr(freedom, (minimum - mean) / spread))


def minimum_for_false_alarm_rate(values: ArrayLike, rate: float) -> float:
    """The highest minimum that an unchanged model misses with this chance at most; see ``false_alarm_rate``.

    >>> round(minimum_for_false_alarm_rate([0.903, 0.899, 0.905, 0.901, 0.897], 0.01), 4)
    0.888
    """
    if not 0 < rate < 1:
        raise ValueError(f"a rate lies between 0 and 1, found {rate}")
    mean, spread, freedom = _prediction(values)
    return float(mean + stdtrit(freedom, rate) * spread)


def miss_rate(values: ArrayLike, minimum: float, drop: float) -> float:
    """The chance that a model worse by ``drop`` still meets the minimum: what the bound overlooks.

    >>> round(miss_rate([0.903, 0.899, 0.905, 0.901, 0.897], 0.895, drop=0.01), 3)
    0.156
    """
    return 1 - false_alarm_rate(checked_scores(values) - drop, minimum)


def false_alarm_rate_of_floor(rate: float, n: int, minimum: float) -> float:
    """The chance that n fresh samples of a model with this true 0/1 rate score below a minimum: binomial, exact.

    Of a check without ``confidence``, on new samples each time; on the same test set an unchanged and
    deterministic model scores the same.

    >>> round(false_alarm_rate_of_floor(0.92, 160, 0.90), 3)
    0.141
    """
    greatest_failing = math.ceil(n * minimum - 1e-9) - 1
    return float(bdtr(greatest_failing, n, rate)) if greatest_failing >= 0 else 0.0


def _prediction(values: ArrayLike) -> tuple[float, float, int]:
    runs = checked_scores(values)
    if len(runs) < 2:
        raise ValueError("one run says nothing about repeatability")
    spread = float(runs.std(ddof=1)) * math.sqrt(1 + 1 / len(runs))
    return float(runs.mean()), spread, len(runs) - 1
