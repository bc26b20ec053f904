"""Two sets of scores on the same samples: the interval of their difference, or of their relative difference.

Differences are candidate − baseline whatever the metric's direction; ``Interval.below(0)`` turns them around.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import intervals
from .dirichlet import lower_bound
from .intervals import Interval


def binary(candidate: ArrayLike, baseline: ArrayLike, confidence: float) -> Interval:
    """Bounds for the difference of two paired 0/1 means, in agreement with McNemar's exact test.

    Gaffke's bound on wins, ties and losses (module ``dirichlet``): it excludes 0 exactly when McNemar's exact
    one-sided test, P(Binomial(wins + losses, ½) ≥ wins), is significant. It holds for margins too, where score
    intervals (Tango 1998) are wrong in up to 7 % of data sets instead of 5 %
    (``benchmarks/statistics/exact_families.py``).

    Raises:
        ValueError: Other scores than 0 and 1, or of different shapes.

    >>> candidate, baseline = [1] * 12 + [0] * 3 + [1] * 85, [0] * 12 + [1] * 3 + [1] * 85
    >>> interval = binary(candidate, baseline, 0.95)
    >>> interval.estimate, round(interval.lower, 4), interval.note
    (0.09, 0.0176, '12 wins, 3 losses, 85 ties')
    """
    difference, _ = _paired(candidate, baseline)
    if not (np.isin(candidate, (0, 1)).all() and np.isin(baseline, (0, 1)).all()):
        raise ValueError("binary scores must be 0 or 1")
    alpha = intervals.checked_alpha(confidence)
    outcomes = np.array([1.0, 0.0, -1.0])
    counts = np.array([(difference == outcome).sum() for outcome in outcomes], dtype=np.float64)
    wins, ties, losses = (int(count) for count in counts)
    return Interval(
        estimate=float(difference.mean()),
        lower=lower_bound(outcomes, counts, -1.0, alpha),
        upper=-lower_bound(-outcomes, counts, -1.0, alpha),
        confidence=confidence,
        n=len(difference),
        units=len(difference),
        method="exact McNemar with margins",
        note=", ".join(
            (_counted(wins, "win", "wins"), _counted(losses, "loss", "losses"), _counted(ties, "tie", "ties"))
        ),
        unseen_below=losses == 0,
        unseen_above=wins == 0,
    )


def _counted(count: int, one: str, many: str) -> str:
    """A number of what it counts.

    >>> _counted(1, "loss", "losses"), _counted(0, "loss", "losses")
    ('1 loss', '0 losses')
    """
    return f"{count} {one if count == 1 else many}"


def mean(
    candidate: ArrayLike,
    baseline: ArrayLike,
    confidence: float,
    *,
    clusters: ArrayLike | None = None,
    lower_limit: float = -np.inf,
    upper_limit: float = np.inf,
) -> Interval:
    """Bounds for the mean of paired differences: ``intervals.mean`` of candidate − baseline.

    Args:
        candidate: Scores, shape (n,).
        baseline: Scores of the same samples in the same order, shape (n,).
        confidence: Of each bound.
        clusters: What samples have in common, shape (n,).
        lower_limit: No score of either side can be below this.
        upper_limit: No score of either side can be above this.

    Raises:
        ValueError: Different shapes, or as ``intervals.mean`` says.

    >>> rng = np.random.default_rng(0)
    >>> baseline = rng.normal(28.0, 4.0, 500)
    >>> interval = mean(baseline + rng.normal(0.5, 0.5, 500), baseline, 0.95)
    >>> round(interval.lower, 2), round(interval.upper, 2)
    (0.43, 0.5)
    """
    difference, _ = _paired(candidate, baseline)
    reach = upper_limit - lower_limit
    interval = intervals.mean(
        difference, confidence, clusters=clusters, lower_limit=-reach, upper_limit=reach
    )
    if not difference.any():
        interval = replace(interval, note=f"identical on every sample; {interval.note}")
    return replace(interval, method=f"paired {interval.method}")


def relative(
    candidate: ArrayLike,
    baseline: ArrayLike,
    confidence: float,
    threshold: float,
    *,
    clusters: ArrayLike | None = None,
    lower_limit: float = -np.inf,
    upper_limit: float = np.inf,
) -> Interval:
    """Bounds for the relative difference (Σ candidate − Σ baseline) / |Σ baseline|, exact at one threshold.

    Args:
        candidate: Scores, shape (n,).
        baseline: Scores of the same samples in the same order, shape (n,).
        confidence: Of each bound.
        threshold: The relative difference that the check asks for, as a fraction: 0.12 for +12 %, −0.01 for
            at most 1 % less. The bounds clear it exactly when those of the mean of cᵢ − bᵢ − threshold·bᵢ
            (+ where the baseline's mean is negative) clear 0.
        clusters: What samples have in common, shape (n,).
        lower_limit: No score of either side can be below this.
        upper_limit: No score of either side can be above this.

    Returns:
        An interval from −inf to inf, with a note, when the baseline cannot be told from 0.

    Raises:
        ValueError: Different shapes, or as ``intervals.mean`` says.

    >>> rng = np.random.default_rng(0)
    >>> baseline = rng.gamma(9.0, 0.02, 1000)
    >>> interval = relative(baseline * 1.2 + rng.normal(0, 0.02, 1000), baseline, 0.95, threshold=0.12)
    >>> round(interval.estimate, 3), round(interval.lower, 3)
    (0.195, 0.19)
    """
    difference, base = _paired(candidate, baseline)
    sign = 1.0 if base.mean() >= 0 else -1.0
    # z = c − f·b, which is least and greatest where c and b are at their limits.
    factor = 1 + threshold * sign
    ends = (factor * lower_limit, factor * upper_limit) if factor else (0.0, 0.0)
    interval = ratio(
        difference,
        sign * base,
        confidence,
        threshold,
        clusters=clusters,
        lower_limit=lower_limit - max(ends),
        upper_limit=upper_limit - min(ends),
    )
    return replace(interval, method=f"relative difference, {interval.method.partition(', ')[2]}")


def ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    confidence: float,
    threshold: float,
    *,
    clusters: ArrayLike | None = None,
    lower_limit: float = -np.inf,
    upper_limit: float = np.inf,
) -> Interval:
    """Bounds for Σ numerators / Σ denominators (a word error rate, a pooled IoU), exact at one threshold.

    The ratio clears the threshold exactly when the mean of zᵢ = numeratorᵢ − threshold·denominatorᵢ clears 0
    (Fieller 1954), so the bounds are those of that mean, in units of the mean denominator.

    Args:
        numerators: Shape (n,).
        denominators: Shape (n,), with a positive mean.
        confidence: Of each bound.
        threshold: The ratio that the check asks for.
        clusters: What samples have in common, shape (n,).
        lower_limit: No zᵢ can be below this.
        upper_limit: No zᵢ can be above this.

    Returns:
        An interval from −inf to inf, with a note, when the denominators cannot be told from 0.

    Raises:
        ValueError: Different shapes, or as ``intervals.mean`` says.

    >>> errors, words = np.tile([0, 1, 2, 1], 50), np.tile([8, 12, 14, 6], 50)
    >>> interval = ratio(errors, words, 0.95, threshold=0.12)
    >>> round(interval.estimate, 3), round(interval.lower, 3), round(interval.upper, 3)
    (0.1, 0.094, 0.106)
    """
    numerator, denominator = intervals.checked_scores(numerators), intervals.checked_scores(denominators)
    if numerator.shape != denominator.shape:
        raise ValueError(f"paired values need one shape, found {numerator.shape} and {denominator.shape}")
    linear = numerator - threshold * denominator
    interval = intervals.mean(
        linear, confidence, clusters=clusters, lower_limit=lower_limit, upper_limit=upper_limit
    )
    scale = float(denominator.mean())
    if intervals.mean(denominator, confidence, clusters=clusters).lower <= 0 and np.ptp(denominator) > 0:
        note = "the denominator cannot be told from 0: use an absolute bound"
        return replace(interval, estimate=_quotient(numerator, scale), lower=-np.inf, upper=np.inf, note=note)
    return replace(
        interval,
        estimate=_quotient(numerator, scale),
        lower=threshold + interval.lower / scale,
        upper=threshold + interval.upper / scale,
        method=f"ratio, {interval.method}",
    )


def independent(candidate: Interval, baseline: Interval) -> Interval:
    """Bounds for the difference of two values measured on different samples, from the bounds of each.

    The distance of either bound is the root of the sum of squares of the two distances that it is made of
    (Zou and Donner 2008, "MOVER"). For two t intervals that is Welch's interval, slightly wider; it serves
    Clopper–Pearson, clustered and jackknife intervals alike.

    Raises:
        ValueError: The two have different confidences.

    >>> a, b = intervals.binary([1] * 90 + [0] * 10, 0.95), intervals.binary([1] * 75 + [0] * 25, 0.95)
    >>> interval = independent(a, b)
    >>> round(interval.estimate, 2), round(interval.lower, 3), round(interval.upper, 3)
    (0.15, 0.055, 0.243)
    """
    if candidate.confidence != baseline.confidence:
        raise ValueError("intervals of different confidences cannot be combined")
    estimate = candidate.estimate - baseline.estimate
    down = np.hypot(candidate.estimate - candidate.lower, baseline.upper - baseline.estimate)
    up = np.hypot(candidate.upper - candidate.estimate, baseline.estimate - baseline.lower)
    methods = dict.fromkeys((candidate.method, baseline.method))
    return Interval(
        estimate=estimate,
        lower=float(estimate - down),
        upper=float(estimate + up),
        confidence=candidate.confidence,
        n=min(candidate.n, baseline.n),
        units=min(candidate.units, baseline.units),
        method=f"different samples, {' and '.join(methods)}",
        note="; ".join(dict.fromkeys(note for note in (candidate.note, baseline.note) if note)),
        unseen_below=candidate.unseen_below or baseline.unseen_above,
        unseen_above=candidate.unseen_above or baseline.unseen_below,
        known=candidate.known and baseline.known,
    )


def _paired(candidate: ArrayLike, baseline: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The differences, and the baseline's scores."""
    first, second = intervals.checked_scores(candidate), intervals.checked_scores(baseline)
    if first.shape != second.shape:
        raise ValueError(f"paired scores need one shape, found {first.shape} and {second.shape}")
    return first - second, second


def _quotient(numerator: NDArray[np.float64], scale: float) -> float:
    return float(numerator.mean()) / scale if scale else float("nan")
