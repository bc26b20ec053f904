"""Bounds for a mean: Clopper–Pearson for 0/1 scores, t for the others, and what n samples cannot exclude."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri, stdtrit

from .dirichlet import lower_bound

LEAST_UNITS = 10
"""With fewer samples (or clusters) than this, the spread itself is too uncertain for a t interval."""

# The t quantile is off by about γ(2z²+1)/(6√n) on scores of skewness γ (Hall 1992, section 2.6). Half as
# much again is added: a sample that missed the tail shows too little skewness and too little spread at once,
# and the term alone leaves 6.3 % of wrong bounds instead of 5 % on exponential scores (n = 50; with half as
# much again 5.5 %). Beyond the size below, skewness is too uncertain to correct with: where four to nine
# failures are expected, 9 % would be wrong.
GREATEST_SKEW_TERM = 0.15


@dataclass(frozen=True)
class Interval:
    """An estimate between two one-sided bounds.

    Each bound holds by itself with probability ``confidence``; a gate uses one of them. Shown as a two-sided
    interval the pair holds with ``two_sided_confidence``, which is less: two 95 % bounds are a 90 % interval.

    Attributes:
        estimate: The value on the samples at hand.
        lower: The true value is at least this, with ``confidence``; ``-inf`` when nothing can be said.
        upper: The true value is at most this, with ``confidence``; ``inf`` when nothing can be said.
        confidence: Of each bound by itself, 0.5 < confidence < 1.
        n: The number of samples.
        units: The number of independent units: clusters where samples are clustered, groups of a jackknife,
            training runs, else ``n``.
        method: How the bounds were made, in a few words.
        note: What the reader must know of them, or ''.
        unseen_below: The lower bound is set by failures too rare to have been seen in so few units, which
            shrink as 1/n, and not by the spread, which shrinks as 1/√n.
        unseen_above: The same of the upper bound.
        known: Whether the samples say anything of the noise; if not, the bounds are the limits of any value, and
            no number of samples can be told from their distance.
    """

    estimate: float
    lower: float
    upper: float
    confidence: float
    n: int
    units: int
    method: str
    note: str = ""
    unseen_below: bool = False
    unseen_above: bool = False
    known: bool = True

    @property
    def two_sided_confidence(self) -> float:
        """The probability that both bounds hold.

        >>> round(binary([1] * 150 + [0] * 10, 0.95).two_sided_confidence, 3)
        0.9
        """
        return 2 * self.confidence - 1

    def above(self, threshold: float) -> Interval:
        """The interval of ``value − threshold``: not negative where a minimum is met.

        >>> round(binary([1] * 150 + [0] * 10, 0.95).above(0.90).estimate, 4)
        0.0375
        """
        return replace(
            self,
            estimate=self.estimate - threshold,
            lower=self.lower - threshold,
            upper=self.upper - threshold,
        )

    def below(self, threshold: float) -> Interval:
        """The interval of ``threshold − value``: not negative where a maximum is met."""
        return replace(
            self,
            estimate=threshold - self.estimate,
            lower=threshold - self.upper,
            upper=threshold - self.lower,
            unseen_below=self.unseen_above,
            unseen_above=self.unseen_below,
        )

    def __str__(self) -> str:
        """For people: which confidence is meant is always said.

        >>> print(binary([1] * 150 + [0] * 10, 0.95))
        0.9375, at least 0.8963 and at most 0.9657 (95 % sure of each, 90 % of both; Clopper-Pearson, n = 160)
        """
        units = f"n = {self.n}" if self.units == self.n else f"n = {self.n} in {self.units} groups"
        sure = f"{self.confidence:.4g}", f"{self.two_sided_confidence:.4g}"
        each, both = (f"{100 * float(text):.4g} %" for text in sure)
        return (
            f"{self.estimate:.4g}, at least {self.lower:.4g} and at most {self.upper:.4g} "
            f"({each} sure of each, {both} of both; {self.method}, {units})"
        )


def binary(scores: ArrayLike, confidence: float) -> Interval:
    """Bounds for the mean of independent 0/1 scores, by Clopper and Pearson (1934).

    Never too narrow, whatever n and the true rate. Clustered 0/1 scores go to ``mean``.

    Args:
        scores: Zeros and ones, shape (n,).
        confidence: Of each bound.

    Raises:
        ValueError: No scores, or something other than 0 and 1.

    >>> interval = binary([1] * 160, 0.95)     # the rule of three: 160 successes prove 1 − 3/160 and no more
    >>> round(interval.lower, 4), interval.upper
    (0.9815, 1.0)
    """
    values = checked_scores(scores)
    if not np.isin(values, (0.0, 1.0)).all():
        raise ValueError("binary scores must be 0 or 1")
    n, successes, alpha = len(values), int(values.sum()), checked_alpha(confidence)
    failures = n - successes
    return Interval(
        estimate=successes / n,
        lower=float(betaincinv(successes, failures + 1, alpha)) if successes else 0.0,
        upper=float(betaincinv(successes + 1, failures, 1 - alpha)) if failures else 1.0,
        confidence=confidence,
        n=n,
        units=n,
        method="Clopper-Pearson",
        unseen_below=failures == 0,
        unseen_above=successes == 0,
    )


def mean(
    scores: ArrayLike,
    confidence: float,
    *,
    clusters: ArrayLike | None = None,
    lower_limit: float = -np.inf,
    upper_limit: float = np.inf,
) -> Interval:
    """Bounds for the mean of scores, by Student's t with cluster-robust errors, corrected for skew.

    The standard error is CR1 with clusters − 1 degrees of freedom (Liang and Zeger 1986; Miller 2024, arXiv
    2411.00640). A t bound is blind to failures too rare for the sample to hold them: where 1 % fail, it is
    too high in 20 % of data sets of 160. So on a side with a finite limit the bound is Gaffke's (module
    ``dirichlet``) whenever what n units cannot exclude outweighs the spread, when the scores are too skewed
    towards that limit, when they are all equal, and below ``LEAST_UNITS`` units; ``note`` says so. On a side
    without a limit nothing excludes a rare disaster: skew is corrected as far as the sample shows it, and
    where Gaffke's bound would be needed for want of spread or of units, the bound is infinite.

    Args:
        scores: Shape (n,).
        confidence: Of each bound.
        clusters: What the samples have in common (a prompt, a video), shape (n,); None: all independent.
        lower_limit: No score can be below this.
        upper_limit: No score can be above this.

    Raises:
        ValueError: No scores, NaN or Inf, a score outside the limits, or clusters of another length.

    >>> scores = np.linspace(0.6, 1.0, 400)
    >>> interval = mean(scores, 0.95, lower_limit=0, upper_limit=1)
    >>> round(interval.lower, 4), round(interval.upper, 4), interval.note
    (0.7904, 0.8096, '')
    >>> interval = mean(np.full(50, 0.9), 0.95, lower_limit=0, upper_limit=1)
    >>> round(interval.lower, 4), interval.note
    (0.8477, 'no spread between samples: the bounds are what 50 samples cannot exclude')
    """
    values, alpha = checked_scores(scores), checked_alpha(confidence)
    if values.min() < lower_limit or values.max() > upper_limit:
        raise ValueError(f"a score lies outside the limits {lower_limit} … {upper_limit}")
    estimate = float(values.mean())
    # Equal scores may differ from their mean in the last place; that is no spread.
    equal = np.ptp(values) <= 1e-12 * np.abs(values).max()
    deviations, heaviest = _deviations(np.zeros(len(values)) if equal else values - estimate, clusters)
    # An unseen cluster can be as large as the largest one seen, and so weigh more than the average one.
    reach_below, reach_above = heaviest * (estimate - lower_limit), heaviest * (upper_limit - estimate)
    loss_below, unseen_below = _loss(deviations, reach_below, alpha)
    loss_above, unseen_above = _loss(-deviations, reach_above, alpha)
    return Interval(
        estimate=estimate,
        lower=max(float(estimate - loss_below), lower_limit),
        upper=min(float(estimate + loss_above), upper_limit),
        confidence=confidence,
        n=len(values),
        units=len(deviations),
        method="t" if clusters is None else "cluster-robust t",
        note=_note(deviations, clusters is not None, unseen_below, unseen_above),
        unseen_below=unseen_below,
        unseen_above=unseen_above,
    )


def from_standard_error(estimate: float, standard_error: float, confidence: float, n: int) -> Interval:
    """Bounds of a value that was recorded with a standard error and nothing else; normal quantiles.

    Raises:
        ValueError: A standard error that is not positive, or not finite.

    >>> round(from_standard_error(0.1728, 0.004, 0.95, 5000).lower, 4)
    0.1662
    """
    if not (np.isfinite(estimate) and np.isfinite(standard_error) and standard_error > 0):
        raise ValueError("a recorded value needs a finite estimate and a positive standard error")
    half = float(-ndtri(checked_alpha(confidence))) * standard_error
    return Interval(estimate, estimate - half, estimate + half, confidence, n, n, "recorded standard error")


def checked_alpha(confidence: float) -> float:
    """The error probability of one bound."""
    if not 0.5 < confidence < 1:
        raise ValueError(f"confidence must lie between 0.5 and 1, found {confidence}")
    return 1 - confidence


def checked_scores(scores: ArrayLike) -> NDArray[np.float64]:
    """The scores as floats, once it is sure that each of them is a number."""
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"scores must have the shape (n,) with n ≥ 1, found {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite; a failed sample is an error or the worst score, never NaN")
    return values


def _deviations(
    deviations: NDArray[np.float64], clusters: ArrayLike | None
) -> tuple[NDArray[np.float64], float]:
    """The deviations of independent units from the mean, and how much the heaviest unit weighs.

    A cluster of m of the n samples, in C clusters, weighs m·C/n; its deviation is the sum of its samples'
    deviations times C/n. The plain standard error of these C numbers is CR1.
    """
    if clusters is not None:
        names = np.asarray(clusters)
        if names.shape != deviations.shape:
            raise ValueError(f"clusters must have the shape {deviations.shape}, found {names.shape}")
        _, member, sizes = np.unique(names, return_inverse=True, return_counts=True)
        sums = np.bincount(member, weights=deviations).astype(np.float64)
        return sums * (len(sizes) / len(names)), float(sizes.max() * len(sizes) / len(names))
    return deviations, 1.0


def _loss(deviations: NDArray[np.float64], reach: float, alpha: float) -> tuple[float, bool]:
    """How far the bound lies below the estimate, and whether unseen failures set it.

    Args:
        deviations: Of the units from their mean; the bound is on the side of the negative ones.
        reach: How far below the mean a unit could lie, ``inf`` when unlimited.
        alpha: The error probability.
    """
    n = len(deviations)
    limited = bool(np.isfinite(reach))
    if n >= LEAST_UNITS and np.ptp(deviations) > 0:
        skew_term = _skew_term(deviations, alpha)
        quantile = float(stdtrit(n - 1, 1 - alpha)) + 1.5 * skew_term
        loss = quantile * float(deviations.std(ddof=1)) / float(np.sqrt(n))
        unseen = (1 - alpha ** (1 / n)) * reach if limited else 0.0
        if not limited or (skew_term <= GREATEST_SKEW_TERM and unseen <= loss):
            return loss, False
    if not limited:
        return np.inf, True
    limit = min(-reach, float(deviations.min()))  # rounding can put a score that is at the limit beyond it
    return -float(lower_bound(deviations, np.ones(n), limit, alpha)), True


def _skew_term(deviations: NDArray[np.float64], alpha: float) -> float:
    """By how much skew towards the bound puts the quantile off; skew away from it is not credited."""
    centred = deviations - deviations.mean()
    skewness = (centred**3).mean() / (centred**2).mean() ** 1.5
    z = ndtri(1 - alpha)
    return max(0.0, -float(skewness)) * float(2 * z**2 + 1) / (6 * float(np.sqrt(len(deviations))))


def _note(deviations: NDArray[np.float64], clustered: bool, below: bool, above: bool) -> str:
    if not (below or above):
        return ""
    kind = "clusters" if clustered else "samples"
    cannot = f"what {len(deviations)} {kind} cannot exclude"
    if len(deviations) < LEAST_UNITS:
        return f"fewer than {LEAST_UNITS} {kind}: the bounds are {cannot}"
    if np.ptp(deviations) == 0:
        return f"no spread between {kind}: the bounds are {cannot}"
    side = "lower and upper bound are" if below and above else f"{'lower' if below else 'upper'} bound is"
    return f"rare failures are not excluded: the {side} {cannot}"
