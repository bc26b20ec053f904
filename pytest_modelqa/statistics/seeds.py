"""Bounds over training runs: one value per seed, so that the spread between runs counts.

A bound clears a threshold only if all runs but one at most lie on its side too: with three seeds a t
interval alone can rest on one lucky run. Two runs never show anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from .intervals import Interval, checked_alpha, checked_scores

LEAST_SEEDS = 3


def paired(differences: ArrayLike, confidence: float) -> Interval:
    """Bounds for the mean difference within a run, from one difference per run: Student's t over the runs.

    Two steps of one run are paired. Two runs of the same seed number are not, unless they share their data
    order and initialisation.

    Args:
        differences: Shape (seeds,).
        confidence: Of each bound.

    >>> interval = paired([0.021, 0.018, 0.026], 0.95)
    >>> round(interval.lower, 4), round(interval.upper, 4)
    (0.0149, 0.0285)
    """
    values, alpha = checked_scores(differences), checked_alpha(confidence)
    count, estimate = len(values), float(values.mean())
    if count < LEAST_SEEDS:
        return _unknown(estimate, confidence, count)
    half = float(stdtrit(count - 1, 1 - alpha) * values.std(ddof=1) / np.sqrt(count))
    lowest, highest = _all_but_one(values)
    return Interval(
        estimate=estimate,
        lower=min(estimate - half, lowest),
        upper=max(estimate + half, highest),
        confidence=confidence,
        n=count,
        units=count,
        method="t over training runs",
    )


def independent(candidate: ArrayLike, baseline: ArrayLike, confidence: float) -> Interval:
    """Bounds for the difference of the means of two sets of runs: Welch's t (1947) over one value per run.

    Args:
        candidate: The candidate's value per run, shape (seeds,).
        baseline: The baseline's value per run, shape (other seeds,).
        confidence: Of each bound.

    >>> interval = independent([0.81, 0.82, 0.80], [0.76, 0.78, 0.77], 0.95)
    >>> round(interval.estimate, 3), round(interval.lower, 4)
    (0.04, 0.0226)
    """
    ours, theirs, alpha = checked_scores(candidate), checked_scores(baseline), checked_alpha(confidence)
    estimate, count = float(ours.mean() - theirs.mean()), min(len(ours), len(theirs))
    if count < LEAST_SEEDS:
        return _unknown(estimate, confidence, count)
    parts = np.array([values.var(ddof=1) / len(values) for values in (ours, theirs)])
    freedoms = np.array([len(ours) - 1, len(theirs) - 1])
    half = 0.0
    if parts.sum() > 0:
        freedom = parts.sum() ** 2 / (parts**2 / freedoms).sum()
        half = float(stdtrit(freedom, 1 - alpha) * np.sqrt(parts.sum()))
    ours_ends, theirs_ends = _all_but_one(ours - theirs.mean()), _all_but_one(ours.mean() - theirs)
    return Interval(
        estimate=estimate,
        lower=min(estimate - half, ours_ends[0], theirs_ends[0]),
        upper=max(estimate + half, ours_ends[1], theirs_ends[1]),
        confidence=confidence,
        n=count,
        units=count,
        method="Welch's t over training runs",
    )


def _all_but_one(values: NDArray[np.float64]) -> tuple[float, float]:
    """What all values but one at most are at least, and at most."""
    ordered = np.sort(values)
    return float(ordered[1]), float(ordered[-2])


def _unknown(estimate: float, confidence: float, count: int) -> Interval:
    note = f"{count} training runs show nothing about others; at least {LEAST_SEEDS} are needed"
    return Interval(estimate, -np.inf, np.inf, confidence, count, count, "t over training runs", note)
