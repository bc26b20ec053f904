"""What a run record keeps of a claim decided on a part of the samples, and the decision made again from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..statistics.sequential import Audit, Claim

# More would make a run record that nobody can open; ``modelqa verify`` names what it could not decide again.
_MOST_SCORES = 100_000


@dataclass(frozen=True)
class Audited:
    """A claim, the error rates of its test, and the scores that decided it.

    Attributes:
        size: Samples in its population.
        threshold: What their mean must reach at least: other bounds are brought to this form (``stopping``).
        lower_limit: Of a score; None where there is none.
        upper_limit: Of a score; None where there is none.
        step: Of scores that are whole multiples of it, else None.
        wrong_pass: The claim's share of ``stop_early``'s rate.
        wrong_fail: The claim's share of ``stop_early``'s rate.
        scores: In the order visited, separated by spaces; None where they are too many to keep.
    """

    size: int
    threshold: float
    lower_limit: float | None
    upper_limit: float | None
    step: float | None
    wrong_pass: float
    wrong_fail: float
    scores: str | None


def audited(claim: Claim, scores: np.ndarray, *, wrong_pass: float, wrong_fail: float) -> Audited:
    """A claim with the scores that decided it, shape (n,)."""
    kept = " ".join(map(repr, scores.tolist())) if len(scores) <= _MOST_SCORES else None
    return Audited(
        size=claim.size,
        threshold=claim.threshold,
        lower_limit=_finite(claim.lower_limit),
        upper_limit=_finite(claim.upper_limit),
        step=claim.step,
        wrong_pass=wrong_pass,
        wrong_fail=wrong_fail,
        scores=kept,
    )


def decided_again(kept: Mapping[str, Any]) -> str | None:
    """``pass`` or ``fail``, from the scores that a run record keeps of a claim; None where they decide nothing.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: It is not of the form that ``audited`` gives.

    >>> import dataclasses
    >>> kept = audited(Claim(10, 0.5, 0, 1), np.ones(6), wrong_pass=0.0, wrong_fail=0.0)
    >>> decided_again(dataclasses.asdict(kept)), decided_again(dataclasses.asdict(kept) | {"scores": "1.0 1.0"})
    ('pass', None)
    """
    low, high = kept["lower_limit"], kept["upper_limit"]
    limits = (-math.inf if low is None else low, math.inf if high is None else high)
    claim = Claim(kept["size"], kept["threshold"], *limits, step=kept["step"])
    audit = Audit([claim], kept["wrong_pass"], kept["wrong_fail"])
    audit.update(np.array([float(score) for score in kept["scores"].split()])[:, None])
    return audit.standings[0].outcome


def _finite(limit: float) -> float | None:
    return limit if math.isfinite(limit) else None
