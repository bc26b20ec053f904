"""Whether quality rises, or at least does not fall, along checkpoints: gains of pairs, not a fitted line.

A test for a trend (Page, Jonckheere) cannot see a rise that is followed by a collapse, and "no significant
drop" passes whatever is measured on few enough samples. So a trend passes when every drop is shown to be
small, fails when some drop is shown to be large, and is inconclusive otherwise.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from .decision import Outcome, decide_all
from .intervals import Interval

Shape = Literal["non_decreasing", "increasing", "best_is_last"]
Gain = Callable[[int, int, float], Interval]
"""The interval of later − earlier (in quality: higher is better) of two checkpoints, at a confidence."""


@dataclass(frozen=True)
class Step:
    """Two checkpoints and how much better the later one is.

    Attributes:
        earlier: Index of the earlier checkpoint.
        later: Index of the later checkpoint.
        gain: Of the later over the earlier, at the confidence asked for; a drop is a negative gain.
    """

    earlier: int
    later: int
    gain: Interval


@dataclass(frozen=True)
class Trend:
    """What became of a claimed trend.

    Attributes:
        outcome: ``pass``, ``fail`` or ``inconclusive``.
        steps: The pairs that the claim is about.
        worst: The pair with the greatest observed drop (the least gain).
        refuting: The pairs that refute the claim, at a joint error rate of 1 − confidence.
        unproven: The pairs that neither refute it nor are shown to agree with it.
    """

    outcome: Outcome
    steps: tuple[Step, ...]
    worst: Step
    refuting: tuple[Step, ...]
    unproven: tuple[Step, ...]


def judge(gain: Gain, checkpoints: int, shape: Shape, tolerance: float, confidence: float) -> Trend:
    """The decision on a trend.

    ``non_decreasing``: no later checkpoint is worse than any earlier one by more than ``tolerance``.
    ``best_is_last``: the same of pairs with the last checkpoint only.
    ``increasing``: each checkpoint is better than the one before; a drop between any two refutes it.

    Args:
        gain: The interval of later − earlier for two indices and a confidence, paired where samples are
            shared.
        checkpoints: How many there are, in the order of training.
        shape: The claim.
        tolerance: The drop that is accepted, in the metric's unit: > 0, but unused by ``increasing``.
        confidence: Of each bound; the chance that a true claim fails is at most 1 − confidence (Holm over
            all pairs), and so is the chance that a claim passes which is false in any pair.

    Raises:
        ValueError: Fewer than two checkpoints, or no tolerance where one is needed.
    """
    if checkpoints < 2:
        raise ValueError(f"a trend needs two checkpoints, found {checkpoints}")
    if shape == "increasing":
        return _increasing(gain, checkpoints, confidence)
    if not tolerance > 0:
        raise ValueError(f"{shape} with a confidence needs a tolerance > 0, found {tolerance}")
    pairs = list(itertools.combinations(range(checkpoints), 2))
    if shape == "best_is_last":
        pairs = [(earlier, checkpoints - 1) for earlier in range(checkpoints - 1)]
    return _decided(gain, pairs, tolerance, confidence)


def _decided(gain: Gain, pairs: list[tuple[int, int]], tolerance: float, confidence: float) -> Trend:
    decision = decide_all([partial(_margin, gain, pair, tolerance) for pair in pairs], confidence)
    steps = tuple(
        Step(*pair, margin.above(tolerance)) for pair, margin in zip(pairs, decision.margins, strict=True)
    )
    return Trend(
        outcome=decision.outcome,
        steps=steps,
        worst=min(steps, key=lambda step: step.gain.estimate),
        refuting=tuple(steps[index] for index in decision.refuted),
        unproven=tuple(steps[index] for index in decision.unproven),
    )


def _increasing(gain: Gain, checkpoints: int, confidence: float) -> Trend:
    """Passes on the adjacent pairs, whose gains add up to all others; fails on any pair."""
    trend = _decided(gain, list(itertools.combinations(range(checkpoints), 2)), 0.0, confidence)
    if trend.refuting:
        return trend
    # A gain of exactly 0 is no increase, so the bound must exceed 0 and not only reach it.
    adjacent = [step for step in trend.steps if step.later == step.earlier + 1]
    unproven = tuple(step for step in adjacent if not step.gain.lower > 0)
    return Trend("inconclusive" if unproven else "pass", trend.steps, trend.worst, (), unproven)


def _margin(gain: Gain, pair: tuple[int, int], tolerance: float, confidence: float) -> Interval:
    return gain(*pair, confidence).above(-tolerance)
