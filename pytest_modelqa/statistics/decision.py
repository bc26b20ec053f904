"""From intervals to one of three decisions, for one claim or for several that must all hold.

A claim is a margin: value − minimum, maximum − value, improvement − what was asked. It holds where the
margin is not negative, so every function here compares with 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .intervals import Interval

Outcome = Literal["pass", "fail", "inconclusive"]
Margin = Callable[[float], Interval]
"""The interval of a margin at a confidence of each bound."""


@dataclass(frozen=True)
class Decision:
    """What became of claims that must all hold.

    Attributes:
        outcome: ``fail`` when a claim is refuted, ``pass`` when all are shown, else ``inconclusive``.
        refuted: The claims (by index) that do not hold, at a joint error rate of 1 − confidence.
        unproven: The claims that are neither shown nor refuted.
        margins: The interval of each margin at the confidence asked for.
    """

    outcome: Outcome
    refuted: tuple[int, ...]
    unproven: tuple[int, ...]
    margins: tuple[Interval, ...]


def decide(lower: float, upper: float) -> Outcome:
    """The decision on one margin from its two one-sided bounds.

    Raises:
        ValueError: A bound is NaN (a comparison with NaN is False both ways and must never decide), or
            the lower one exceeds the upper.

    >>> decide(0.0, 0.2), decide(-0.3, -0.1), decide(-0.1, 0.2)
    ('pass', 'fail', 'inconclusive')
    """
    if math.isnan(lower) or math.isnan(upper):
        raise ValueError("a bound is NaN: nothing can be decided")
    if lower > upper:
        raise ValueError(f"the lower bound {lower} exceeds the upper bound {upper}")
    if lower >= 0:
        return "pass"
    return "fail" if upper < 0 else "inconclusive"


def decide_all(margins: Sequence[Margin], confidence: float) -> Decision:
    """The decision on claims that must all hold: slices, both ends of a range, a difference either way.

    To pass, each claim is shown at the full confidence: all must pass, so the chance that a wrong one slips
    through is that of one test (Berger 1982, intersection-union). To fail, one refuted claim is enough, so
    the claims share the error rate, by Holm's step-down procedure (1979).

    Args:
        margins: One function per claim that gives the interval of its margin at a confidence of each bound.
        confidence: Of each bound.

    Raises:
        ValueError: No claims, or as ``decide`` says.

    >>> from . import intervals
    >>> slices = [[1] * 98 + [0] * 2, [1] * 80 + [0] * 20]
    >>> claims = [lambda c, s=s: intervals.binary(s, c).above(0.90) for s in slices]
    >>> decision = decide_all(claims, 0.95)
    >>> decision.outcome, decision.refuted
    ('fail', (1,))
    """
    if not margins:
        raise ValueError("there is no claim to decide")
    full = tuple(margin(confidence) for margin in margins)
    outcomes = [decide(interval.lower, interval.upper) for interval in full]
    failing = [index for index, outcome in enumerate(outcomes) if outcome == "fail"]
    refuted = _refuted(margins, failing, confidence)
    unproven = tuple(i for i, outcome in enumerate(outcomes) if outcome != "pass" and i not in refuted)
    joint: Outcome = "fail" if refuted else "inconclusive" if unproven else "pass"
    return Decision(joint, refuted, unproven, full)


def _refuted(margins: Sequence[Margin], candidates: list[int], confidence: float) -> tuple[int, ...]:
    """Holm: what is refuted at α/(claims left) leaves, until nothing more does."""
    refuted: set[int] = set()
    while remaining := [index for index in candidates if index not in refuted]:
        level = 1 - (1 - confidence) / (len(margins) - len(refuted))
        more = {index for index in remaining if margins[index](level).upper < 0}
        if not more:
            break
        refuted |= more
    return tuple(sorted(refuted))
