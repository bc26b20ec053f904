"""Stops an evaluation early once the verdict of the full run is decided: a risk-limiting audit.

The scores that a full run would give are fixed; chance enters only by the order in which they are visited,
drawn uniformly without replacement (compare election audits: Stark 2022, arXiv 2201.02707). The test is that
of ``betting``: failures too rare to have been seen yet count as they should, which no rule that estimates a
spread achieves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .betting import Bets, Floats
from .intervals import Interval, checked_alpha, checked_scores

Flags = NDArray[np.bool_]
Reason = Literal["certain", "tested", "complete"]

_GRID = 64  # cells of each of the two grids of the interval


class OutOfRange(ValueError):  # noqa: N818 (it is what happened, and the caller runs everything instead)
    """A score lies outside the limits that the bets rely on: nothing may be decided early."""


@dataclass(frozen=True)
class Claim:
    """The mean over a population of samples is at least a threshold.

    Claims of other forms are brought to this one: a maximum by negation, a comparison with a baseline by
    paired differences, a ratio or a relative gain r by numeratorᵢ − r·denominatorᵢ ≥ 0, a slice by its own
    population.

    Attributes:
        size: How many samples of the test set belong to it.
        threshold: In the unit of the scores.
        lower_limit: No score can be below this; ``-inf``: it can only fail early.
        upper_limit: No score can be above this; ``inf``: it can only pass early.
        step: Scores are whole multiples of this above ``lower_limit`` (1 for 0/1 scores and for wins and
            losses), or None. It makes the test as sharp as the possible sums allow.
    """

    size: int
    threshold: float
    lower_limit: float
    upper_limit: float
    step: float | None = None

    def __post_init__(self) -> None:
        """Refuses what is no claim."""
        if self.size < 1 or not self.lower_limit < self.upper_limit or not math.isfinite(self.threshold):
            raise ValueError(f"not a claim about a mean within limits: {self}")
        if self.step is not None and not (self.step > 0 and math.isfinite(self.lower_limit)):
            raise ValueError(f"steps need a positive size and a finite lower limit: {self}")

    @property
    def least_passing(self) -> float:
        """The least mean that passes."""
        # A mean of ten scores of 0.9 may be 0.8999999999999999; verdicts on full runs allow as much.
        threshold = self.threshold - 1e-12 * max(1.0, abs(self.threshold))
        if self.step is None:
            return threshold
        steps = math.ceil(self.size * (threshold - self.lower_limit) / self.step)
        return self.lower_limit + steps * self.step / self.size

    @property
    def greatest_failing(self) -> float:
        """The greatest mean that fails, or the least that passes where there is none next to it."""
        return self.least_passing - (self.step or 0.0) / self.size


@dataclass(frozen=True)
class Standing:
    """How a claim stands.

    Attributes:
        outcome: What the full run would give, or None while undecided.
        reason: ``certain``: no remaining sample could change it. ``tested``: with the declared error rate.
            ``complete``: every sample was seen, and the value is to be judged as in a full run.
        samples: Samples of its population seen when it was decided, or so far.
    """

    outcome: Literal["pass", "fail"] | None
    reason: Reason | None
    samples: int


class Audit:
    """Claims about one test set that is visited in one random order, batch by batch.

    Whatever the scores: P(a claim passes early | the full run fails it) ≤ ``wrong_pass`` for each claim, and
    P(any claim fails early | the full run passes them all) ≤ ``wrong_fail``, which the claims share equally.
    With both at 0 only certainty decides. How the samples are cut into batches changes no decision.

    >>> scores = np.random.default_rng(0).permutation(np.repeat([1.0, 0.0], [1800, 200]))
    >>> audit = Audit([Claim(2000, 0.85, 0, 1, step=1), Claim(2000, 0.95, 0, 1, step=1)], 0.01, 0.05)
    >>> for start in range(0, 2000, 32):
    ...     if audit.undecided.any():
    ...         audit.update(np.stack([scores[start : start + 32]] * 2, axis=1))
    >>> [(standing.outcome, standing.reason, standing.samples) for standing in audit.standings]
    [('pass', 'tested', 659), ('fail', 'tested', 105)]
    """

    def __init__(self, claims: Sequence[Claim], wrong_pass: float, wrong_fail: float) -> None:
        """Starts before the first sample; what needs no sample is decided at once.

        Raises:
            ValueError: No claims, or an error rate outside 0 … 0.5.
        """
        if not claims:
            raise ValueError("there is no claim to decide")
        for rate in (wrong_pass, wrong_fail):
            if not 0 <= rate < 0.5:
                raise ValueError(f"an error rate must be at least 0 and below 0.5, found {rate}")
        self._size = np.array([claim.size for claim in claims])
        self._lower = np.array([claim.lower_limit for claim in claims])
        self._upper = np.array([claim.upper_limit for claim in claims])
        slack = np.array([_rounding(claim) for claim in claims])
        self._passing_total = self._size * np.array([claim.least_passing for claim in claims]) + slack
        self._failing_total = self._size * np.array([claim.greatest_failing for claim in claims]) - slack
        self._total = np.zeros(len(claims))
        self._seen = np.zeros(len(claims), dtype=np.int64)
        self._standings = [Standing(None, None, 0)] * len(claims)
        self._pass_side = _pass_side(claims, wrong_pass)
        self._fail_side = _fail_side(claims, wrong_fail / len(claims))
        nothing = np.zeros((1, len(claims)))
        self._take(nothing, nothing.astype(bool))

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How each claim stands."""
        return tuple(self._standings)

    @property
    def undecided(self) -> Flags:
        """Which claims are open, shape (claims,): a sample that belongs to none of them need not be run."""
        return np.array([standing.outcome is None for standing in self._standings])

    def update(self, scores: ArrayLike, members: ArrayLike | None = None) -> None:
        """Takes the next samples of the order.

        Args:
            scores: Of each sample for each claim, shape (samples, claims); ignored where not a member.
            members: Whether the sample belongs to the claim's population, same shape; None: all do.

        Raises:
            OutOfRange: A score is outside its claim's limits, or NaN.
            ValueError: Another shape, or more samples than a population has.
        """
        values = np.asarray(scores, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self._size):
            raise ValueError(f"scores must have the shape (samples, {len(self._size)}), found {values.shape}")
        belongs = np.ones(values.shape, dtype=bool) if members is None else np.asarray(members, dtype=bool)
        belongs = belongs & self.undecided
        if (self._seen + belongs.sum(axis=0) > self._size).any():
            raise ValueError("a claim was given more samples than its population has")
        illegal = belongs & ~((values >= self._lower) & (values <= self._upper))
        if illegal.any():
            claim = int(np.argmax(illegal.any(axis=0)))
            raise OutOfRange(
                f"a score of claim {claim} is not in {self._lower[claim]} … {self._upper[claim]}"
            )
        if len(values):
            self._take(np.where(belongs, values, 0.0), belongs)

    def _take(self, values: Floats, belongs: Flags) -> None:
        totals = np.cumsum(np.vstack([self._total, values]), axis=0)[1:]
        seen = self._seen + np.cumsum(belongs, axis=0)
        rest = self._size - seen
        passed, failed = self._pass_side.update(values, belongs), self._fail_side.update(values, belongs)
        least, greatest = totals + _times(rest, self._lower), totals + _times(rest, self._upper)
        # In the order of precedence where one sample brings about several.
        ways: dict[tuple[Literal["pass", "fail"], Reason], Flags] = {
            ("pass", "certain"): least >= self._passing_total,
            ("fail", "certain"): greatest <= self._failing_total,
            ("fail", "tested"): failed,
            ("pass", "tested"): passed,
            ("pass", "complete"): (rest == 0) & (totals >= (self._passing_total + self._failing_total) / 2),
            ("fail", "complete"): rest == 0,
        }
        reached = np.stack(list(ways.values()))
        self._total, self._seen = totals[-1], seen[-1]
        for claim in np.flatnonzero(self.undecided):
            first = int(np.argmax(reached[:, :, claim].any(axis=0)))
            if reached[:, first, claim].any():
                way = list(ways)[int(np.argmax(reached[:, first, claim]))]
                self._standings[claim] = Standing(*way, int(seen[first, claim]))
            else:
                self._standings[claim] = Standing(None, None, int(seen[-1, claim]))


class _Side:
    """Bets on all claims that can be bet on, with their scores brought to 0 … 1."""

    def __init__(
        self, claims: Sequence[Claim], origin: list[float], end: list[float], null: list[float], alpha: float
    ) -> None:
        """Bets against "the mean lies between origin and null".

        Args:
            claims: All claims of the audit.
            origin: Per claim the limit that becomes 0; where it is infinite nothing can be bet.
            end: Per claim the score that becomes 1; what lies beyond counts as 1 too.
            null: Per claim the mean that is bet against.
            alpha: The error rate; 0: nothing is bet.
        """
        first, reach = np.array(origin), np.array(end) - np.array(origin)
        with np.errstate(invalid="ignore"):
            height = (np.array(null) - first) / reach
        self._claims = np.flatnonzero(np.isfinite(first) & (height > 0) & (height < 1) & (alpha > 0))
        self._origin, self._reach = first[self._claims], reach[self._claims]
        sizes = np.array([claim.size for claim in claims])[self._claims]
        self._bets = Bets(sizes, height[self._claims], alpha) if len(self._claims) else None

    def update(self, values: Floats, belongs: Flags) -> Flags:
        """After which samples the claims are shown, shape (samples, all claims)."""
        shown = np.zeros(values.shape, dtype=bool)
        if self._bets is not None:
            y = np.clip((values[:, self._claims] - self._origin) / self._reach, 0.0, 1.0)
            shown[:, self._claims] = self._bets.update(y, belongs[:, self._claims])
        return shown


def _pass_side(claims: Sequence[Claim], alpha: float) -> _Side:
    lower = [claim.lower_limit for claim in claims]
    # Without an upper limit, scores are cut off at twice the height of the threshold, which raises no mean.
    end = [_or(claim.upper_limit, 2 * claim.threshold - claim.lower_limit) for claim in claims]
    return _Side(claims, lower, end, [claim.greatest_failing for claim in claims], alpha)


def _fail_side(claims: Sequence[Claim], alpha: float) -> _Side:
    upper = [claim.upper_limit for claim in claims]
    end = [_or(claim.lower_limit, 2 * claim.threshold - claim.upper_limit) for claim in claims]
    return _Side(claims, upper, end, [claim.least_passing for claim in claims], alpha)


def _or(limit: float, otherwise: float) -> float:
    return limit if math.isfinite(limit) else otherwise


def _rounding(claim: Claim) -> float:
    """By how much a total must clear the threshold's to be sure; two possible totals differ by a step."""
    if claim.step is not None:
        return -claim.step / 4
    finite = [abs(x) for x in (claim.threshold, claim.lower_limit, claim.upper_limit) if math.isfinite(x)]
    return claim.size * max(finite) * 1e-10


def _times(rest: NDArray[np.int64], limit: Floats) -> Floats:
    """What the rest adds at most or at least; none adds nothing, even of infinite scores."""
    with np.errstate(invalid="ignore"):
        return np.where(rest > 0, rest * limit, 0.0)


def anytime_interval(
    scores: ArrayLike, size: int, confidence: float, lower_limit: float, upper_limit: float
) -> Interval:
    """Bounds for the mean of all ``size`` scores from the first ones in random order, whenever one stopped.

    The naive interval at the stopping time covers 80–90 % where it says 95 %. This one inverts the test of
    ``Audit`` on a grid of thresholds that does not depend on the scores, and on a finer one in the cell that
    is left.

    Args:
        scores: In the order visited, shape (seen,).
        size: How many a full run would give.
        confidence: Of each bound.
        lower_limit: No score can be below this; finite.
        upper_limit: No score can be above this; finite.

    Raises:
        OutOfRange: A score is outside the limits.
        ValueError: Infinite limits, or more scores than ``size``.

    >>> scores = np.random.default_rng(0).permutation(np.repeat([1.0, 0.0], [1800, 200]))
    >>> interval = anytime_interval(scores[:400], 2000, 0.95, 0.0, 1.0)
    >>> round(interval.lower, 3), round(interval.upper, 3)
    (0.855, 0.931)
    """
    values, alpha = checked_scores(scores), checked_alpha(confidence)
    if not (math.isfinite(lower_limit) and math.isfinite(upper_limit)) or len(values) > size:
        raise ValueError(f"needs finite limits and at most {size} scores, found {len(values)}")
    if values.min() < lower_limit or values.max() > upper_limit:
        raise OutOfRange(f"a score is not in {lower_limit} … {upper_limit}")
    estimate = float(values.mean())
    # What the first samples spoke against stays excluded, even if later ones brought the mean there.
    return Interval(
        estimate=estimate,
        lower=min(estimate, _anytime_lower(values, size, alpha, lower_limit, upper_limit)),
        upper=max(estimate, -_anytime_lower(-values, size, alpha, -upper_limit, -lower_limit)),
        confidence=confidence,
        n=len(values),
        units=len(values),
        method=f"of the mean of all {size}, whenever stopped",
    )


def _anytime_lower(values: Floats, size: int, alpha: float, lower_limit: float, upper_limit: float) -> float:
    low, high = lower_limit, upper_limit
    for _ in range(2):
        edges = np.linspace(low, high, _GRID + 1)
        claims = [Claim(size, float(edge), lower_limit, upper_limit) for edge in edges[1:-1]]
        scores = np.broadcast_to(values[:, None], (len(values), len(claims)))
        shown = _pass_side(claims, alpha).update(scores, np.ones(scores.shape, dtype=bool)).any(axis=0)
        count = len(claims) if shown.all() else int(np.argmin(shown))
        low, high = float(edges[count]), float(edges[count + 1])
    certain = float(values.sum() + (size - len(values)) * lower_limit) / size
    return max(low, certain)
