"""From records to a verdict: a pure function, the same for a fresh run, a rerun and another machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..records.columns import column_name
from ..spec.catalogue import MetricDeclaration
from ..spec.grid import without
from ..spec.resolved import Check, Evaluation
from ..spec.sentences import describe
from . import early, trend
from .claims import Baseline, Claim, Run, decided, of_member, over_runs
from .comparable import (
    demand_comparable,
    demand_distinct,
    demand_same_columns,
    demand_same_conditions,
    demand_same_dataset,
    demand_same_slices,
    demand_same_task,
)
from .compared import demand_decidable
from .evidence import evidence, notes
from .measured import Measured, Member, Order, Value, demand_unchanged, values
from .recorded import Recorded, recorded_metric
from .verdict import WHENEVER_STOPPED, Line, Outcome, Verdict
from .wording import headline

Both = tuple[Mapping[str, Value], Mapping[str, Baseline]]
"""The candidate's values and the baseline's, slice by slice; without a baseline the second is empty."""


def judge(
    check: Check, evaluation: Evaluation, declaration: MetricDeclaration, members: Sequence[Member]
) -> Verdict:
    """The verdict of a check.

    Args:
        check: What is claimed.
        evaluation: The evaluation that the check belongs to.
        declaration: Of the check's metric.
        members: What was measured: one member, or each checkpoint of a grid that the check speaks of.

    Raises:
        StoreError: The records are damaged or were replaced since they were handed out: they may be made again.
        ModelQAError: The check cannot be judged: an ERROR, which is neither a PASS nor a FAIL.
    """
    try:
        return _judged(check, evaluation, declaration, members)
    finally:
        # Also where it cannot be judged: that may be another session's doing.
        demand_unchanged(check, declaration, members)


def _judged(
    check: Check, evaluation: Evaluation, declaration: MetricDeclaration, members: Sequence[Member]
) -> Verdict:
    demand_distinct(members)
    demand_same_task(evaluation, members)
    demand_same_dataset(check, evaluation, members)
    lines = _lines(check, evaluation, declaration, members)
    _demand_decidable(check, declaration, members, lines)
    return Verdict(
        outcome=_outcome(lines),
        headline=headline(check, lines),
        sentence=describe(
            check, evaluation, declaration, _only_baseline(lines), members[0].coordinates if members else ()
        ),
        metric=check.metric,
        bound=check.bound.kind,
        unit=check.unit,
        lines=lines,
        notes=(*_not_stopped(evaluation, members), *notes(check, declaration, members, lines)),
        evidence=evidence(members),
        column=column_name(check.metric, declaration.version, check.args),
        higher_is_better=declaration.higher_is_better,
    )


def _lines(
    check: Check, evaluation: Evaluation, declaration: MetricDeclaration, members: Sequence[Member]
) -> tuple[Line, ...]:
    whole = [member for member in members if not _stopped_early(member)]
    found = [
        line
        for member in members
        if _stopped_early(member)
        for line in early.lines(check, evaluation, declaration, member)
    ]
    if not whole:
        return tuple(found)
    measured = [_measure(check, declaration, member) for member in whole]
    if check.bound.kind == "trend":
        return trend.lines(check, declaration, whole, [ours for ours, _ in measured])
    return (*found, *decided(check, _claims(check, declaration, whole, measured)))


def _demand_decidable(
    check: Check, declaration: MetricDeclaration, members: Sequence[Member], lines: Sequence[Line]
) -> None:
    if not check.bound.compares:
        return
    early_numbers: dict[str, float] = {}
    for member in members:
        if _stopped_early(member):
            early_numbers |= early.whole_baselines(check, declaration, member)
    numbers: dict[str, float] = {}
    for line in lines:
        assert line.baseline is not None
        # The few samples that decided say little of a baseline: on the first five it may be right on none.
        stopped = line.method == WHENEVER_STOPPED
        number = early_numbers.get(line.slice) if stopped else line.baseline.value
        if number is None:
            return
        numbers[line.slice] = number
    demand_decidable(check, declaration, str(check.baseline), numbers)


def _not_stopped(evaluation: Evaluation, members: Sequence[Member]) -> tuple[str, ...]:
    if evaluation.stop_early is None or any(member.early_checks for member in members):
        return ()
    return ("every sample was visited: not all checks of this evaluation can be decided on a part of them",)


def _stopped_early(member: Member) -> bool:
    return bool(member.early_checks) and not member.candidate.record.manifest.complete


def _measure(check: Check, declaration: MetricDeclaration, member: Member) -> Both:
    baseline = member.baseline
    demand_same_conditions(check, declaration, member.candidate, baseline)
    if not isinstance(baseline, Measured):
        ours = values(member.candidate, check, declaration)
        if not isinstance(baseline, Recorded):
            return ours, {}
        return ours, {
            name: recorded_metric(baseline, check, declaration, member.candidate.record.manifest.samples)
            for name in ours
        }
    demand_comparable(check, member.candidate, baseline)
    order, their_order = _orders(check, member.candidate, baseline)
    if check.paired:
        demand_same_columns(declaration, member.candidate, baseline, order, their_order)
    ours = values(member.candidate, check, declaration, order)
    theirs = values(baseline, check, declaration, their_order)
    demand_same_slices(check, ours, theirs)
    return ours, {name: theirs[name] for name in ours}


def _orders(check: Check, candidate: Measured, baseline: Measured) -> tuple[Order, Order]:
    """By id where the two datasets hold the same samples in another order."""
    ours, theirs = candidate.record, baseline.record
    if not check.paired or ours.ids_digest == theirs.ids_digest:
        return slice(None), slice(None)
    return np.argsort(ours.ids), np.argsort(theirs.ids)


def _claims(
    check: Check, declaration: MetricDeclaration, members: Sequence[Member], measured: Sequence[Both]
) -> list[Claim]:
    """One claim for each member and slice; with ``over``, one for each series of runs and slice."""
    runs = [
        Run(member, slice_name, value, theirs.get(slice_name))
        for member, (ours, theirs) in zip(members, measured, strict=True)
        for slice_name, value in ours.items()
    ]
    if check.over is None:
        return [of_member(check, declaration, run) for run in runs]
    series: dict[object, list[Run]] = {}
    for run in runs:
        series.setdefault((without(run.member.coordinates, check.over), run.slice_name), []).append(run)
    return [over_runs(check, declaration, same) for same in series.values()]


def _outcome(lines: Sequence[Line]) -> Outcome:
    """All must pass; one that is refuted decides against those that are undecided."""
    if not lines or any(line.outcome == "fail" for line in lines):
        return "FAIL"
    return "INCONCLUSIVE" if any(line.outcome == "inconclusive" for line in lines) else "PASS"


def _only_baseline(lines: Sequence[Line]) -> float | None:
    """The baseline's number for the sentence, where there is just one."""
    baseline = lines[0].baseline if len(lines) == 1 else None
    return baseline.value if baseline else None
