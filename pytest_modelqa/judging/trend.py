"""Quality along the checkpoints of a training run: does it fall?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import EvaluationError
from ..spec.catalogue import MetricDeclaration
from ..spec.grid import named, without
from ..spec.resolved import Check
from ..statistics import seeds, trend
from ..statistics.intervals import Interval
from .arithmetic import ROUNDING
from .claims import SHOWN_CONFIDENCE, finite, label_of, needed
from .measured import Member, Value
from .uncertainty import paired_bounds
from .verdict import Line, LineOutcome, Side

Pair = tuple[int, int]
"""Indices of an earlier and a later step."""


@dataclass(frozen=True)
class Step:
    """One checkpoint, or the same step of several training runs (``over``)."""

    name: str
    model: str
    runs: tuple[Value, ...]

    @property
    def mean(self) -> float:
        """The mean over the runs."""
        return math.fsum(value.number for value in self.runs) / len(self.runs)


def lines(
    check: Check,
    declaration: MetricDeclaration,
    members: Sequence[Member],
    measured: Sequence[Mapping[str, Value]],
) -> tuple[Line, ...]:
    """One line for each later checkpoint of each series, against the earlier one that speaks most against it.

    Raises:
        EvaluationError: A step is no number, or there is only one.
    """
    found: list[Line] = []
    for label, steps in _series(check, members, measured).items():
        found += _lines_of(check, declaration, label, steps)
    return tuple(found)


def _series(
    check: Check, members: Sequence[Member], measured: Sequence[Mapping[str, Value]]
) -> dict[str, list[Step]]:
    """The steps in order, for each value of the other coordinates and each slice."""
    along = str(check.along)
    grouped: dict[str, dict[float, list[Value]]] = {}
    names = {}
    for member, values in zip(members, measured, strict=True):
        position = _position(member.coordinates[along], along)
        names[position] = f"{along}={member.coordinates[along]}"
        rest = named(without(member.coordinates, along, check.over))
        for slice_name, value in values.items():
            grouped.setdefault(label_of(rest, slice_name), {}).setdefault(position, []).append(value)
    model = members[0].candidate.name
    return {
        label: [Step(names[at], model, tuple(steps[at])) for at in sorted(steps)]
        for label, steps in grouped.items()
    }


def _position(value: object, along: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise EvaluationError(
            f"{along} {value!r} is no number, so the checkpoints have no order",
            expected=f"numbers under coordinates: {{{along}: […]}}",
            todo="write the steps as numbers",
        )
    return float(value)


def _lines_of(check: Check, declaration: MetricDeclaration, label: str, steps: Sequence[Step]) -> list[Line]:
    if len(steps) < 2:
        raise EvaluationError(
            f"a trend needs at least two checkpoints along {check.along}",
            found=str(len(steps)),
            todo="declare more values, or write min: instead of trend:",
        )
    sign = -1.0 if declaration.higher_is_better is False else 1.0

    def gain(earlier: int, later: int, confidence: float) -> Interval:
        change = _change(check, declaration, steps[earlier], steps[later], confidence)
        return change if sign > 0 else change.below(0.0)

    quality = [sign * step.mean for step in steps]
    outcomes = _outcomes(check, gain, quality)
    drawn = []
    for later in sorted({later for _, later in outcomes}):
        pairs = [pair for pair in outcomes if pair[1] == later]
        pair = max(pairs, key=lambda pair: (_against(outcomes[pair]), quality[pair[0]]))
        margin = gain(*pair, check.confidence or SHOWN_CONFIDENCE).above(-_tolerance(check))
        drawn.append(_line(check, label, steps[pair[0]], steps[later], sign, outcomes[pair], margin))
    return drawn


def _change(
    check: Check, declaration: MetricDeclaration, earlier: Step, later: Step, confidence: float
) -> Interval:
    """Later − earlier: within each training run where there are several, else sample by sample."""
    if check.over is not None:
        changes = [b.number - a.number for a, b in zip(earlier.runs, later.runs, strict=True)]
        return seeds.paired(changes, confidence)
    return paired_bounds(declaration, later.runs[0], earlier.runs[0])(confidence)


def _outcomes(check: Check, gain: trend.Gain, quality: Sequence[float]) -> dict[Pair, LineOutcome]:
    """What becomes of each pair of steps that the claim is about; ``quality``: higher is better."""
    last = len(quality) - 1
    pairs = [(earlier, later) for later in range(len(quality)) for earlier in range(later)]
    if check.bound.trend == "best_is_last":
        pairs = [pair for pair in pairs if pair[1] == last]
    if check.confidence is None:
        return {pair: "pass" if _holds(check, quality, *pair) else "fail" for pair in pairs}
    shape = check.bound.trend or "non_decreasing"
    found = trend.judge(gain, len(quality), shape, check.tolerance or 0.0, check.confidence)
    outcomes: dict[Pair, LineOutcome] = dict.fromkeys(pairs, "pass")
    outcomes |= {(step.earlier, step.later): "inconclusive" for step in found.unproven}
    outcomes |= {(step.earlier, step.later): "fail" for step in found.refuting}
    return outcomes


def _holds(check: Check, quality: Sequence[float], earlier: int, later: int) -> bool:
    change = quality[later] - quality[earlier]
    if check.bound.trend == "increasing":
        return change > 0
    rounding = ROUNDING * max(abs(quality[later]), abs(quality[earlier]))
    return change >= -_tolerance(check) - rounding


def _line(
    check: Check,
    label: str,
    earlier: Step,
    later: Step,
    sign: float,
    outcome: LineOutcome,
    margin: Interval,
) -> Line:
    return Line(
        slice=label_of(later.name, label),
        candidate=Side(later.model, later.mean, later.runs[0].n),
        baseline=Side(earlier.name, earlier.mean, earlier.runs[0].n),
        limit=earlier.mean - sign * _tolerance(check),
        at_least=sign > 0,
        margin=sign * (later.mean - earlier.mean) + _tolerance(check),
        outcome=outcome,
        margin_interval=finite(margin),
        confidence=check.confidence or SHOWN_CONFIDENCE,
        method=margin.method,
        note=margin.note if check.confidence is not None else "",
        samples_needed=needed(margin) if outcome == "inconclusive" else None,
        needed_unit="samples" if check.over is None else "runs",
    )


def _tolerance(check: Check) -> float:
    return 0.0 if check.bound.trend == "increasing" else check.tolerance or 0.0


def _against(outcome: LineOutcome) -> int:
    return ("pass", "inconclusive", "fail").index(outcome)
