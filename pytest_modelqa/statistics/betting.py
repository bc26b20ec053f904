"""Wealth that bets against null hypotheses about means while a finite population is visited in random order.

For fixed numbers y₁ … y_N in 0 … 1, visited uniformly without replacement, wealth that starts at 1 and is
multiplied by 1 + λ (y − μ), where μ is what the mean of the rest would be if mean(y) were m, is a
nonnegative supermartingale whenever mean(y) ≤ m, for any bet λ chosen before y is seen. By Ville's
inequality it ever reaches 1/α with probability α at most (Waudby-Smith and Ramdas 2020, arXiv 2006.04347;
2023, arXiv 2010.09686). Nothing is assumed of y but its limits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIZES = 8
"""So many bets at once, each with a share of the wealth: none needs to be chosen beforehand."""

_GREATEST_EFFECT = 0.8  # in standard deviations; anything clearer is decided at once anyway
_SAFE_SHARE = 0.9  # the most of its wealth that a bet may lose at one step
_MOST_CELLS = 1 << 20  # held at once, of one float per sample, size and hypothesis


class Bets:
    """Against "mean(y) ≤ null", for several hypotheses and populations at once.

    The sizes of the bets are effects in standard deviations, spread evenly by logarithm between what is just
    visible in the whole population and the obvious. A bet grows by N/rest: as samples run out, the rest must
    make up for what was seen, so the mean drifts away from the null all the faster.
    """

    def __init__(self, size: NDArray[np.int64], null: Floats, alpha: float) -> None:
        """Starts before the first sample.

        Args:
            size: How many samples each population has, shape (hypotheses,).
            null: The greatest mean under each hypothesis, 0 < null < 1, same shape.
            alpha: The probability with which a true hypothesis may ever be rejected, > 0.
        """
        self._size, self._null, self._enough = size, null, 1 / alpha
        smallest = np.minimum(0.7 * np.sqrt(2 * np.log(self._enough) / size), _GREATEST_EFFECT / 2)
        self._effects = np.geomspace(smallest, np.full(len(size), _GREATEST_EFFECT), SIZES)
        self._seen = np.zeros(len(size), dtype=np.int64)
        self._total = np.zeros(len(size))
        # As if two samples of the greatest variance had been seen already: no bet is bold before it knows.
        self._squares = 2 * null * (1 - null)
        self._wealth = np.full((SIZES, len(size)), 1 / SIZES)

    def update(self, y: Floats, belongs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Takes the next samples; the result does not depend on how they are cut into batches.

        Args:
            y: Shape (samples, hypotheses), in 0 … 1 where it belongs.
            belongs: Whether the sample is of the population, same shape.

        Returns:
            After which samples the wealth is enough to reject, same shape.
        """
        rejected = np.zeros(y.shape, dtype=bool)
        live = np.flatnonzero(belongs.any(axis=0))
        if len(live) == 0:
            return rejected
        rows = max(1, _MOST_CELLS // (SIZES * len(live)))
        for start in range(0, len(y), rows):
            part = slice(start, start + rows)
            rejected[part, live] = self._take(live, y[part, live], belongs[part, live])
        return rejected

    def _take(self, live: NDArray[np.intp], y: Floats, belongs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        size, null = self._size[live], self._null[live]
        seen = self._seen[live] + np.cumsum(belongs, axis=0)
        before = seen - belongs
        totals = _running(self._total[live], np.where(belongs, y, 0.0))
        centre = (null + totals[1:]) / (1 + seen)
        squares = _running(self._squares[live], np.where(belongs, (y - centre) ** 2, 0.0))
        rest = np.maximum(size - before, 1)
        mean_of_rest = (size * null - totals[:-1]) / rest
        # Outside 0 … 1 the null is already impossible, or cannot become so: nothing to bet on.
        betting = belongs & (mean_of_rest > 0) & (mean_of_rest < 1)
        mean_of_rest = np.where(betting, mean_of_rest, 0.5)
        boldness = size / rest / np.sqrt(squares[:-1] / (before + 2))
        bets = np.minimum(self._effects[:, None, live] * boldness, _SAFE_SHARE / mean_of_rest)
        factors = np.where(betting, 1 + bets * (y - mean_of_rest), 1.0)
        with np.errstate(over="ignore"):
            wealth = np.cumprod(np.concatenate([self._wealth[:, None, live], factors], axis=1), axis=1)
        self._seen[live], self._total[live] = seen[-1], totals[-1]
        self._squares[live], self._wealth[:, live] = squares[-1], wealth[:, -1]
        enough: NDArray[np.bool_] = wealth[:, 1:].sum(axis=0) >= self._enough
        return enough


def _running(start: Floats, steps: Floats) -> Floats:
    """The sums before each step, and after the last: shape (steps + 1, …)."""
    return np.cumsum(np.concatenate([start[None], steps]), axis=0)
