"""What a check claims of one slice of one checkpoint, and what becomes of all its claims together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..spec.catalogue import MetricDeclaration
from ..spec.grid import named, without
from ..spec.resolved import Check
from ..statistics import power
from ..statistics.decision import Margin, decide_all
from ..statistics.intervals import Interval
from .arithmetic import Judged, against_baseline, against_threshold
from .measured import Member, Value
from .recorded import Recorded, RecordedMetric
from .runs import comparison_over_runs, threshold_over_runs
from .uncertainty import comparison_margins, threshold_margins
from .verdict import Line, LineOutcome, Side

# Of each bound of an interval that is only shown: 95 % of both.
SHOWN_CONFIDENCE = 0.975

Baseline = Value | RecordedMetric


@dataclass(frozen=True)
class Run:
    """One slice of one checkpoint, with what it is compared with."""

    member: Member
    slice_name: str
    value: Value
    baseline: Baseline | None


@dataclass(frozen=True)
class Claim:
    """One line of a verdict before it is decided.

    Attributes:
        judged: The decision by the values alone.
        margins: The intervals of the margins that must all be ≥ 0; none where nothing is known of the noise.
        unit: What the intervals count: ``samples``, or training ``runs``.
    """

    label: str
    candidate: Side
    baseline: Side | None
    judged: Judged
    margins: tuple[Margin, ...]
    unit: Literal["samples", "runs"] = "samples"


def of_member(check: Check, declaration: MetricDeclaration, run: Run) -> Claim:
    """The claim on one slice of one checkpoint."""
    member, value = run.member, run.value
    candidate = Side(member.candidate.name, value.number, value.n)
    label = label_of(named(member.coordinates.items()), run.slice_name)
    if run.baseline is None or member.baseline is None:
        judged = against_threshold(value.number, check.bound)
        return Claim(label, candidate, None, judged, threshold_margins(check, declaration, value))
    number, n = _number(run.baseline, member)
    judged = against_baseline(
        value.number, number, check.bound, higher_is_better=declaration.higher_is_better
    )
    baseline = Side(member.baseline.name, number, n)
    return Claim(
        label, candidate, baseline, judged, comparison_margins(check, declaration, value, run.baseline)
    )


def over_runs(check: Check, declaration: MetricDeclaration, runs: Sequence[Run]) -> Claim:
    """The claim on the mean over training runs: the error is the spread between runs, not between samples."""
    first = runs[0]
    ours = [run.value.number for run in runs]
    mean = math.fsum(ours) / len(ours)
    label = label_of(named(without(first.member.coordinates, check.over)), first.slice_name)
    name = f"{first.member.candidate.name}, mean of {len(runs)} by {check.over}"
    candidate = Side(name, mean, first.value.n)
    if first.baseline is None or first.member.baseline is None:
        judged = against_threshold(mean, check.bound)
        return Claim(label, candidate, None, judged, threshold_over_runs(check, ours), "runs")
    theirs = [_number(run.baseline, run.member)[0] for run in runs if run.baseline is not None]
    their_mean = math.fsum(theirs) / len(theirs)
    judged = against_baseline(mean, their_mean, check.bound, higher_is_better=declaration.higher_is_better)
    baseline = Side(first.member.baseline.name, their_mean, _number(first.baseline, first.member)[1])
    return Claim(
        label, candidate, baseline, judged, comparison_over_runs(check, declaration, ours, theirs), "runs"
    )


def decided(check: Check, claims: Sequence[Claim]) -> tuple[Line, ...]:
    """The lines of the verdict.

    Without ``confidence`` the values decide. With it, the intervals of all claims do together: each must be shown
    at full confidence to pass, and those that fail share the error rate (Holm).
    """
    if check.confidence is None:
        return tuple(_line(claim, "pass" if claim.judged.passed else "fail", None) for claim in claims)
    if not all(claim.margins for claim in claims):
        return tuple(_line(claim, "inconclusive", check.confidence) for claim in claims)
    margins = [(index, margin) for index, claim in enumerate(claims) for margin in claim.margins]
    decision = decide_all([margin for _, margin in margins], check.confidence)
    outcomes: dict[int, LineOutcome] = dict.fromkeys(range(len(claims)), "pass")
    outcomes |= {margins[position][0]: "inconclusive" for position in decision.unproven}
    outcomes |= {margins[position][0]: "fail" for position in decision.refuted}
    return tuple(_line(claim, outcomes[index], check.confidence) for index, claim in enumerate(claims))


def finite(interval: Interval) -> tuple[float | None, float | None]:
    """The two bounds; None for one of which nothing can be said."""
    low, high = (bound if math.isfinite(bound) else None for bound in (interval.lower, interval.upper))
    return low, high


def needed(margin: Interval) -> float | None:
    """How many samples would decide a margin; None where no number would."""
    samples = power.samples_needed(margin)
    return samples if math.isfinite(samples) else None


def label_of(coordinates: str, slice_name: str) -> str:
    """``step=3000, label=7``."""
    return ", ".join(part for part in (coordinates, slice_name) if part)


def _line(claim: Claim, outcome: LineOutcome, confidence: float | None) -> Line:
    judged = claim.judged
    margins = [margin(confidence or SHOWN_CONFIDENCE) for margin in claim.margins]
    # Of a two-sided bound, the side that is closer to being broken.
    nearest = min(margins, key=lambda interval: interval.lower, default=None)
    return Line(
        slice=claim.label,
        candidate=claim.candidate,
        baseline=claim.baseline,
        limit=judged.limit,
        at_least=judged.at_least,
        margin=judged.margin,
        outcome=outcome,
        margin_interval=finite(nearest) if nearest else None,
        confidence=confidence or SHOWN_CONFIDENCE,
        method=nearest.method if nearest else "",
        note=nearest.note if nearest and confidence is not None else "",
        samples_needed=_needed(claim, nearest) if nearest and outcome == "inconclusive" else None,
        needed_unit=claim.unit,
    )


def _needed(claim: Claim, margin: Interval) -> float | None:
    """In samples, of which each may have been measured several times."""
    found = needed(margin)
    if found is None or claim.unit == "runs":
        return found
    return found * claim.candidate.n / margin.n


def _number(baseline: Baseline, member: Member) -> tuple[float, int]:
    """The baseline's number and how many samples it was measured on; 0 where a record does not say."""
    if isinstance(baseline, Value):
        return baseline.number, baseline.n
    recorded = member.baseline
    return baseline.value, (recorded.n or 0) if isinstance(recorded, Recorded) else 0
