"""Bounds for a value of a whole set (AP, corpus BLEU, FID) from 20 values with one group left out each.

Delete-a-group jackknife (Kott 2001): the variance is (G − 1)/G · Σ (θ₍g₎ − θ̄)² over the G groups that bear
on the value, with G − 1 degrees of freedom. It never duplicates a sample, as the bootstrap does, which moves
measures of diversity and of duplicates by up to three times their value. It speaks of sets of this size:
where a value depends on the number of samples (distinct-n falls; AP of 50 images lies 0.15 standard errors
above that of very many), that stays in it. Bounds lie within the limits given, and may be infinite where
nothing can be said.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from .intervals import Interval, checked_alpha

LEAST_SAMPLES = 40
"""Fewer samples than this in 20 groups leave groups of one or none."""
LEAST_GROUPS = 10
"""When fewer groups than this bear on the value, their spread is too uncertain for a t interval."""


def single(
    value: float,
    without_group: ArrayLike,
    confidence: float,
    n: int,
    *,
    sizes: ArrayLike | None = None,
    lower_limit: float = -np.inf,
    upper_limit: float = np.inf,
) -> Interval:
    """Bounds for one set-level value.

    Args:
        value: On the whole set.
        without_group: The value with each group of samples left out, shape (groups,). A group that holds no
            sample, or none that bears on the value, repeats ``value``: it adds nothing and is not counted.
            NaN where the value does not exist without the group.
        confidence: Of each bound.
        n: The number of samples that bear on the value (for AP of small objects: the images that have some).
        sizes: How many samples each group holds, shape (groups,). Where the value depends on the number of
            samples, groups of different sizes change it for that reason alone; with the sizes this is taken
            out, at the cost of a degree of freedom. It needs no sizes where it is a kind of average.
        lower_limit: The value cannot be below this.
        upper_limit: The value cannot be above this.

    Raises:
        ValueError: ``value`` is not finite, or ``without_group`` is not a row of numbers.

    >>> scores = np.linspace(0, 1, 200)             # of a mean it is the t interval, of 20 blocks
    >>> without = [np.delete(scores, np.s_[group::20]).mean() for group in range(20)]
    >>> interval = single(float(scores.mean()), without, 0.95, n=200)
    >>> round(interval.lower, 3), round(interval.upper, 3), interval.method
    (0.489, 0.511, 'jackknife of 20 groups')
    """
    values = _groups(value, without_group)
    counts = np.ones(len(values)) if sizes is None else np.asarray(sizes, dtype=np.float64)
    if counts.shape != values.shape:
        raise ValueError(f"sizes must have the shape {values.shape}, found {counts.shape}")
    return _interval(value, values, counts, confidence, n, lower_limit, upper_limit)


def difference(
    candidate: float,
    candidate_without_group: ArrayLike,
    baseline: float,
    baseline_without_group: ArrayLike,
    confidence: float,
    n: int,
    *,
    lower_limit: float = -np.inf,
    upper_limit: float = np.inf,
) -> Interval:
    """Bounds for candidate − baseline of a set-level value, both on the same samples in the same groups.

    Args:
        candidate: The candidate's value.
        candidate_without_group: Its values with each group left out, shape (groups,); see ``single``.
        baseline: The baseline's value.
        baseline_without_group: Its values with the same groups left out, same shape.
        confidence: Of each bound.
        n: As in ``single``.
        lower_limit: Neither value can be below this.
        upper_limit: Neither value can be above this.

    Raises:
        ValueError: As in ``single``, or different numbers of groups.
    """
    theirs, ours = _pair(candidate, candidate_without_group, baseline, baseline_without_group)
    reach = upper_limit - lower_limit
    sizes = np.ones(len(theirs))
    return _interval(candidate - baseline, theirs - ours, sizes, confidence, n, -reach, reach)


def relative(
    candidate: float,
    candidate_without_group: ArrayLike,
    baseline: float,
    baseline_without_group: ArrayLike,
    confidence: float,
    n: int,
) -> Interval:
    """Bounds for (candidate − baseline) / baseline of a positive set-level value, through the log-ratio.

    The jackknife is taken of log(candidate / baseline), which is closer to normal than the ratio, and its
    bounds are turned into relative differences: 0.12 is +12 %.

    Raises:
        ValueError: As in ``difference``.

    >>> interval = relative(0.30, [0.299, 0.301] * 10, 0.25, [0.25, 0.25] * 10, 0.95, n=160)
    >>> round(interval.lower, 4), round(interval.upper, 4)
    (0.1702, 0.2305)
    """
    theirs, ours = _pair(candidate, candidate_without_group, baseline, baseline_without_group)
    estimate = candidate / baseline - 1 if baseline else np.nan
    if min(candidate, baseline) <= 0 or (theirs <= 0).any() or (ours <= 0).any():
        note = "a relative difference needs positive values: use an absolute bound"
        return _unknown(estimate, confidence, n, len(theirs), note, -np.inf, np.inf)
    log_ratio = float(np.log(candidate / baseline))
    logs = _interval(log_ratio, np.log(theirs / ours), np.ones(len(theirs)), confidence, n, -np.inf, np.inf)
    return Interval(
        estimate=estimate,
        lower=float(np.expm1(logs.lower)),
        upper=float(np.expm1(logs.upper)),
        confidence=confidence,
        n=n,
        units=logs.units,
        method=f"{logs.method} of the log-ratio",
        note=logs.note,
        known=logs.known,
    )


def _interval(
    value: float,
    without_group: NDArray[np.float64],
    sizes: NDArray[np.float64],
    confidence: float,
    n: int,
    lower_limit: float,
    upper_limit: float,
) -> Interval:
    alpha = checked_alpha(confidence)
    bearing = np.abs(without_group - value) > 1e-12 * max(1.0, abs(value))
    groups = int(bearing.sum())
    if np.isnan(without_group).any():
        note = "the value does not exist without one of the groups: too few samples bear on it"
    elif n < LEAST_SAMPLES:
        note = f"fewer than {LEAST_SAMPLES} samples bear on the value: no interval"
    elif not groups:
        note = (
            f"the value is the same with any of the {len(without_group)} groups left out: however many samples like"
            " these show no noise to make an interval of; a metric with a score for each sample (accuracy, with the"
            " same slices if any) has one"
        )
    elif groups < LEAST_GROUPS:
        note = f"only {groups} of {len(without_group)} groups bear on the value: no interval"
    else:
        standard_error, freedom = _spread(without_group[bearing], sizes[bearing])
        half = float(stdtrit(freedom, 1 - alpha)) * standard_error
        return Interval(
            estimate=value,
            lower=max(value - half, lower_limit),
            upper=min(value + half, upper_limit),
            confidence=confidence,
            n=n,
            units=groups,
            method=f"jackknife of {groups} groups",
        )
    return _unknown(value, confidence, n, groups, note, lower_limit, upper_limit)


def _spread(without_group: NDArray[np.float64], sizes: NDArray[np.float64]) -> tuple[float, int]:
    """The standard error, and its degrees of freedom."""
    groups = len(without_group)
    residuals, freedom = without_group - without_group.mean(), groups - 1
    centred = sizes - sizes.mean()
    if centred.any():
        residuals, freedom = residuals - centred * (residuals @ centred) / (centred @ centred), groups - 2
    variance = (groups - 1) ** 2 / (groups * freedom) * (residuals**2).sum()
    return float(np.sqrt(variance)), freedom


def _unknown(
    value: float, confidence: float, n: int, groups: int, note: str, lower: float, upper: float
) -> Interval:
    return Interval(value, lower, upper, confidence, n, groups, "jackknife", note, known=False)


def _groups(value: float, without_group: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(without_group, dtype=np.float64)
    if not np.isfinite(value):
        raise ValueError(f"a set-level value must be finite, found {value}")
    if values.ndim != 1 or len(values) < 2 or np.isinf(values).any():
        raise ValueError(f"values without a group must be a row of two or more numbers, found {values}")
    return values


def _pair(
    candidate: float, candidate_without_group: ArrayLike, baseline: float, baseline_without_group: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    theirs = _groups(candidate, candidate_without_group)
    ours = _groups(baseline, baseline_without_group)
    if theirs.shape != ours.shape:
        raise ValueError(f"the same groups must be left out of both, found {len(theirs)} and {len(ours)}")
    return theirs, ours
