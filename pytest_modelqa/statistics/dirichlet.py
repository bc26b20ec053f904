"""Gaffke's lower bound for a mean of scores with a lower limit: exact for 0/1 scores, no assumption of shape.

Put one more score at the limit, weigh the n + 1 scores by a uniform Dirichlet vector, and take the
α-quantile of the weighted mean (Gaffke 2005; Learned-Miller and Thomas 2019, arXiv 1905.06208). On 0/1
scores this is Clopper and Pearson's bound; on wins, ties and losses (1, 0, −1) it excludes 0 exactly when
McNemar's exact test does, and so extends that test to margins; on n equal scores it says how large a share
of failures may have gone unseen. Beyond 0/1 scores its validity is a conjecture without a known
counterexample; for wins, ties and losses ``benchmarks/statistics/exact_families.py`` enumerates its error
rates.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

MOST_VALUES = 128
"""More distinct scores than this are first shared out to a grid of so many, which keeps their mean and adds a
little to their spread: the bound stays on the safe side."""

_STEP = 0.15
# Where the integrand is looked at before it is summed: it may rise and fall near the saddle point, not far from it.
_COARSE = np.concatenate([np.arange(0.0, 6.0, 0.5), np.arange(6.0, 41.0, 2.5)])
_NEGLIGIBLE = 25.0  # exp(−25) of the integrand's height
_HIGHER_BY_ROUNDING = 1e-6
_AGREEMENT = 1e-5
_MOST_HALVINGS = 4


def lower_bound(
    values: NDArray[np.float64], counts: NDArray[np.float64], limit: float, alpha: float
) -> float:
    """A number that the mean exceeds with probability 1 − alpha at least.

    Args:
        values: Scores, shape (k,), none below ``limit``.
        counts: How often each occurs, shape (k,), ≥ 0.
        limit: The least possible score, finite.
        alpha: The error probability, below 0.5.

    Raises:
        ValueError: No scores, or a score below the limit.

    >>> from scipy.special import betaincinv
    >>> round(lower_bound(np.array([0.0, 1.0]), np.array([10.0, 150.0]), 0.0, 0.05), 9)
    0.896292305
    >>> round(float(betaincinv(150, 11, 0.05)), 9)                                   # Clopper and Pearson
    0.896292305
    """
    values, counts = values[counts > 0], counts[counts > 0]
    if len(values) == 0 or values.min() < limit:
        raise ValueError("Gaffke's bound needs scores, none of them below the limit")
    spread = float(values.max() - limit)
    if spread == 0:
        return limit
    values, counts = _gathered((values - limit) / spread, counts)
    scaled, counts = np.append(values, 0.0), np.append(counts, 1.0)
    centre = float(counts @ scaled / counts.sum())

    def excess(mean: float) -> float:
        return float(np.log(max(_probability_below_zero(scaled - mean, counts), 1e-300) / alpha))

    return limit + spread * _root(excess, 0.0, centre)


def _gathered(
    values: NDArray[np.float64], counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values in 0 … 1 and how often they occur, as at most ``MOST_VALUES`` distinct ones."""
    distinct, place = np.unique(values, return_inverse=True)
    if len(distinct) <= MOST_VALUES:
        gathered = np.bincount(place, weights=counts).astype(np.float64)
        return distinct, gathered
    last = MOST_VALUES - 1
    cell = np.minimum((values * last).astype(np.int64), last - 1)
    share = values * last - cell
    together = np.bincount(cell, weights=counts * (1 - share), minlength=MOST_VALUES).astype(np.float64)
    together += np.bincount(cell + 1, weights=counts * share, minlength=MOST_VALUES)
    return np.arange(MOST_VALUES)[together > 0] / last, together[together > 0]


def _probability_below_zero(c: NDArray[np.float64], a: NDArray[np.float64]) -> float:
    """P(Σ Gⱼ cⱼ ≤ 0) for independent Gⱼ ~ Gamma(aⱼ, 1), some cⱼ on either side of 0.

    The inversion integral of exp(K(s)) / −s, with K(s) = −Σ aⱼ log(1 − s cⱼ), along a hyperbola that leaves
    the saddle point on the negative axis upright and then bends. Towards which side the integrand falls depends
    on where the heavy and the light scores lie, and on the wrong side it first rises, by powers of e for
    thousands of scores: so a bend counts only if the integrand is highest at the saddle point, and a sum only
    if half of its points give the same. Upright, the integrand always falls.
    """
    saddle, curvature = _saddle(c, a)
    scale = 1 / np.sqrt(curvature)

    def logarithm(u: NDArray[np.float64], bend: float) -> NDArray[np.complex128]:
        y = np.sinh(u)
        radius = np.sqrt(4 + y**2)
        s = saddle + scale * (bend * (radius - 2) + 1j * y)
        step = scale * (1 - 1j * bend * y / radius) * np.cosh(u)
        result: NDArray[np.complex128] = np.log(step) - np.log(-s) - a @ np.log1p(-np.outer(c, s))
        return result

    majority = 0.5 * float(a @ np.sign(-c)) / a.sum()
    for bend in (majority, -0.5, -0.25, 0.25, 0.5, 0.0):
        coarse = logarithm(_COARSE, bend).real
        if bend and coarse.max() > coarse[0] + _HIGHER_BY_ROUNDING:
            continue
        furthest = float(_COARSE[int(np.argmax(coarse < coarse[0] - _NEGLIGIBLE)) or -1])
        for halvings in range(_MOST_HALVINGS if bend else 2 * _MOST_HALVINGS):
            step = _STEP * 0.5**halvings
            integrand = np.exp(logarithm(np.arange(0.0, furthest + step, step), bend)).real
            fine = float(integrand.sum() - integrand[0] / 2) * step / np.pi
            rough = float(integrand[::2].sum() - integrand[0] / 2) * 2 * step / np.pi
            # The error of the trapezoidal rule is squared by halving its step (Trefethen and Weideman 2014).
            if abs(fine - rough) <= _AGREEMENT * abs(fine) + 1e-300:
                return fine
    return fine


def _saddle(c: NDArray[np.float64], a: NDArray[np.float64]) -> tuple[float, float]:
    """Where the convex K(s) − log(−s) is least on (1/min c, 0), and its second derivative there."""
    left, right = 1 / c.min(), 0.0
    s = left / 2
    for _ in range(200):
        ratio = c / (1 - s * c)
        slope, curvature = float(a @ ratio) - 1 / s, float(a @ ratio**2) + 1 / s**2
        left, right = (left, s) if slope > 0 else (s, right)
        newton = s - slope / curvature
        following = newton if left < newton < right else (left + right) / 2
        if abs(following - s) <= 1e-10 * abs(s):
            break
        s = following
    return s, curvature


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing function crosses zero, from below, to 1e-11: the Illinois method (Dowell 1971)."""
    at_low, at_high, last = -np.inf, function(high), 0
    if at_high <= 0:
        return high
    for _ in range(100):
        if high - low <= 1e-11:
            break
        middle = (low + high) / 2
        if np.isfinite(at_low):
            secant = low - at_low * (high - low) / (at_high - at_low)
            middle = min(max(secant, low + 4e-12), high - 4e-12)
        value = function(middle)
        # An end that stays twice is given half its height, or the secant would creep towards the other.
        if value <= 0:
            at_high = at_high / 2 if last < 0 else at_high
            low, at_low, last = middle, value, -1
        else:
            at_low = at_low / 2 if last > 0 else at_low
            high, at_high, last = middle, value, 1
    return low
