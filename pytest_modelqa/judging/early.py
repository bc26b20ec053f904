"""Verdicts on a part of the samples: what an evaluation with ``stop_early`` decided before it had seen all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..errors import OutputError
from ..records.columns import column_name
from ..spec.catalogue import MetricDeclaration
from ..spec.grid import named
from ..spec.resolved import Check, Evaluation
from ..statistics.sequential import Standing, anytime_interval
from ..stopping import (
    Against,
    EarlyCheck,
    EarlyClaim,
    Populations,
    Rates,
    Watch,
    rates_of,
    scores_of_claim,
)
from .arithmetic import Judged, against_baseline, against_threshold
from .audits import Audited, audited
from .claims import SHOWN_CONFIDENCE, finite, label_of
from .comparable import demand_comparable
from .measured import Measured, Member, exact_mean, scores_of, values
from .verdict import WHENEVER_STOPPED, Line, LineOutcome, Side


def lines(check: Check, evaluation: Evaluation, declaration: MetricDeclaration, member: Member) -> list[Line]:
    """One line for each slice, decided as the worker decided when to stop: from the records alone.

    Raises:
        OutputError: The records do not decide this check.
    """
    record = member.candidate.record
    populations = Populations.from_json(record.manifest.measured["early"])
    rates = rates_of(evaluation.stop_early)
    early = EarlyCheck(check, declaration, _against(check, declaration, member))
    watch = Watch(early, populations, rates, member.early_checks)
    ids, column = record.ids.tolist(), record.column
    watch.update(ids, column)
    if not watch.decided:
        raise OutputError(
            f"{record.manifest.samples} of {populations.total} samples do not decide {check.id}",
            expected="records that decide every check of the evaluation",
            todo="run the evaluation again: it goes on where it stopped",
        )
    slices: dict[tuple[str, str], list[tuple[EarlyClaim, Standing]]] = {}
    for claim, standing in zip(watch.claims, watch.standings, strict=True):
        slices.setdefault(claim.slice, []).append((claim, standing))
    shares = Rates(rates.wrong_pass, rates.wrong_fail / member.early_checks / len(watch.claims))
    return [
        replace(
            _line(check, declaration, member, early, rates, ids, column, decided),
            audited=tuple(
                _audited(claim, standing, shares, scores_of_claim(claim, early, ids, column))
                for claim, standing in decided
            ),
        )
        for decided in slices.values()
    ]


def _audited(claim: EarlyClaim, standing: Standing, shares: Rates, scores: np.ndarray) -> Audited:
    decisive = scores[: standing.samples]
    return audited(claim.claim, decisive, wrong_pass=shares.wrong_pass, wrong_fail=shares.wrong_fail)


def whole_baselines(check: Check, declaration: MetricDeclaration, member: Member) -> dict[str, float]:
    """The baseline's values on all samples, by what lines call their slices; of a trivial one nobody knows them."""
    baseline = member.baseline
    if not isinstance(baseline, Measured) or baseline.trivial is not None:
        return {}
    at = named(member.coordinates.items())
    found = values(baseline, check, declaration)
    return {label_of(at, name): value.number for name, value in found.items()}


def _against(check: Check, declaration: MetricDeclaration, member: Member) -> Against | None:
    baseline = member.baseline
    if not isinstance(baseline, Measured):
        return None
    if baseline.trivial is not None:
        return Against(trivial=baseline.trivial)
    demand_comparable(check, member.candidate, baseline)
    scores = scores_of(baseline.record, column_name(check.metric, declaration.version, check.args))
    if check.paired:
        return Against(scores=dict(zip(baseline.record.ids.tolist(), scores.tolist(), strict=True)))
    return Against(number=exact_mean(scores))


def _line(
    check: Check,
    declaration: MetricDeclaration,
    member: Member,
    early: EarlyCheck,
    rates: Rates,
    ids: Sequence[str],
    column: Callable[[str], np.ndarray],
    decided: Sequence[tuple[EarlyClaim, Standing]],
) -> Line:
    name, label = decided[0][0].slice
    members = np.flatnonzero(column(name).astype(str) == label) if name else np.arange(len(ids))
    # The numbers that decided: other checks went on, and later samples may have moved the mean over the bound again.
    seen = max(standing.samples for _, standing in decided)
    rows = members[: max(seen, min(check.min_samples, len(members)))]
    own = column(column_name(check.metric, declaration.version, check.args))[rows]
    value = exact_mean(own)
    candidate = Side(member.candidate.name, value, len(rows))
    outcomes = [standing.outcome for _, standing in decided]
    outcome: LineOutcome = "fail" if "fail" in outcomes else "pass"
    baseline = _baseline_side(
        check, declaration, early, member, [ids[row] for row in rows.tolist()], column, rows
    )
    where = label_of(named(member.coordinates.items()), f"{name}={label}" if name else "")
    if baseline is None:
        judged = against_threshold(value, check.bound)
    else:
        judged = _compared(check, declaration, value, baseline.value)
    return Line(
        slice=where,
        candidate=candidate,
        baseline=baseline,
        limit=judged.limit,
        at_least=judged.at_least,
        margin=judged.margin,
        outcome=outcome,
        margin_interval=_interval(check, declaration, own, decided[0][0]) if baseline is None else None,
        confidence=SHOWN_CONFIDENCE,
        method=WHENEVER_STOPPED,
        note=_how_sure(decided, rates),
    )


def _compared(check: Check, declaration: MetricDeclaration, value: float, baseline: float) -> Judged:
    bound = check.bound
    # On the few samples that decided, a baseline may be right on none: of nothing, a percentage is nothing.
    if bound.kind == "max_degradation_percent" and abs(baseline) < 1e-9:
        bound = replace(bound, kind="max_degradation", amount=0.0)
    if bound.kind == "min_improvement_percent" and abs(baseline) < 1e-9:
        bound = replace(bound, kind="min_improvement", amount=0.0)
    return against_baseline(value, baseline, bound, higher_is_better=declaration.higher_is_better)


def _baseline_side(
    check: Check,
    declaration: MetricDeclaration,
    early: EarlyCheck,
    member: Member,
    ids: Sequence[str],
    column: Callable[[str], np.ndarray],
    rows: np.ndarray,
) -> Side | None:
    """The baseline on the same samples, so that the two numbers that stand side by side can be compared."""
    against = early.against
    if against is None or member.baseline is None:
        return None
    if against.number is not None:
        return Side(member.baseline.name, against.number, 0)
    if against.scores is not None:
        theirs = np.array([against.scores[sample] for sample in ids])
    else:
        theirs = column(column_name(check.metric, declaration.version, check.args, against.trivial))[rows]
    return Side(member.baseline.name, exact_mean(theirs), len(ids))


def _interval(
    check: Check, declaration: MetricDeclaration, scores: np.ndarray, claim: EarlyClaim
) -> tuple[float | None, float | None] | None:
    """The anytime interval of the margin; the naive one is too narrow where one stopped when it looked good."""
    if not (math.isfinite(declaration.lower) and math.isfinite(declaration.upper)):
        return None
    within = np.clip(scores, declaration.lower, declaration.upper)
    value = anytime_interval(within, claim.claim.size, SHOWN_CONFIDENCE, declaration.lower, declaration.upper)
    limit = against_threshold(exact_mean(scores), check.bound)
    return finite(value.above(limit.limit) if limit.at_least else value.below(limit.limit))


def _how_sure(decided: Sequence[tuple[EarlyClaim, Standing]], rates: Rates) -> str:
    if any(standing.reason == "tested" for _, standing in decided):
        return (
            "decided on a part of the samples: the full run would say otherwise in at most"
            f" {rates.wrong_pass:.2%} (a pass) or {rates.wrong_fail:.2%} (a fail) of such runs"
        )
    return "decided on a part of the samples: no remaining sample could change it"
