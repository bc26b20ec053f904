"""What the checks of an evaluation can show with the samples they have, before anything is measured.

Formulas and their sources: ``statistics.power``. Nothing here looks at what the candidate scores in this run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import ndtr

from ..spec.catalogue import Catalogue, MetricDeclaration
from ..spec.identifiers import differing_args
from ..spec.numbers import format_bound, format_value
from ..spec.resolved import Check, Evaluation, Spec
from ..statistics import paired, power
from .findings import Finding
from .saturation import distance_text, saturation

QUESTION = "power"
# Of the statements about checks that have no confidence of their own.
USUAL_CONFIDENCE = 0.95
# The share of samples on which two similar models differ, where nothing is known of them.
USUAL_DISCORDANCE = 0.10
# From here on a false alarm is worth a warning.
MANY_FALSE_ALARMS = 0.05


@dataclass(frozen=True)
class Known:
    """What an earlier measurement of the same model on the same data showed.

    Attributes:
        value: The metric's.
        spread: The standard deviation of its scores, for a per-sample metric.
    """

    value: float
    spread: float | None


def power_findings(
    spec: Spec,
    evaluation: Evaluation,
    catalogue: Catalogue,
    facts: Mapping[str, Any],
    known: Mapping[str, Known],
    baselines: Mapping[str, Mapping[str, float]],
) -> tuple[Finding, ...]:
    """What each check can show, and what it can never show.

    Args:
        facts: Of the evaluation's dataset, see ``data_facts.facts_of``.
        known: Earlier measurements, by the check's id.
        baselines: Recorded values, by baseline and metric.
    """
    found: list[Finding] = []
    unmeasured: list[str] = []
    not_known: list[str] = []
    for check in evaluation.checks:
        metric = catalogue.metrics[check.metric]
        n = samples_of(check, facts)
        if n is None or n < 2 or check.bound.kind == "trend" or check.over is not None:
            not_known.append(check.id)
            continue
        measured = known.get(check.id)
        recorded = baselines.get(check.baseline or "", {}).get(check.metric)
        if differing_args(metric.args, check.args):
            # A recorded baseline holds what was measured with default arguments.
            recorded = None
        said = [*_never(check, metric, n, recorded), *_can_show(check, metric, n, measured)]
        if not said and metric.level == "sample" and measured is None:
            unmeasured.append(check.id)
        elif not said:
            not_known.append(check.id)
        for severity, what, todo in said:
            found.append(
                Finding(
                    QUESTION,
                    evaluation.name,
                    severity,
                    what,
                    where=f"{spec.path}:{check.position.line}",
                    found=f"{check.sentence}; n = {n:,}" if severity != "note" else None,
                    todo=todo or None,
                )
            )
    if unmeasured:
        what = f"how small a change is seen will be known after a first measurement: {', '.join(unmeasured)}"
        found.append(Finding(QUESTION, evaluation.name, "note", what))
    if not_known:
        # Of trends the spread between checkpoints decides, of a value of the whole set its own formula.
        what = f"not known before the run: what {', '.join(not_known)} can show"
        found.append(Finding(QUESTION, evaluation.name, "note", what))
    return tuple(found)


def samples_of(check: Check, facts: Mapping[str, Any]) -> int | None:
    """The samples that a check's weakest value rests on: those of its smallest slice; None where nobody knows."""
    sizes = []
    for name, wanted in check.slices.items():
        counts = facts["labels"].get(name)
        if counts is None:
            return None
        sizes += [counts.get(label, 0) for label in (wanted or counts)]
    return int(min(sizes, default=facts["n"]))


Said = tuple[Literal["error", "warning", "note"], str, str]
"""A finding's severity, what it says, and what to do."""


def _never(check: Check, metric: MetricDeclaration, n: int, recorded: float | None) -> Iterator[Said]:
    """Why a check cannot pass, whatever the model."""
    least, most, confidence = check.bound.minimum, check.bound.maximum, check.confidence
    if confidence is not None and metric.scores == "binary" and check.cluster is None:
        shown = power.highest_provable_rate(n, confidence)
        for floor in (least, None if most is None else 1 - most):
            if floor is not None and shown < floor < 1:
                needed = power.samples_for_rate(floor, confidence)
                yield (
                    "error",
                    f"{check.id} can never pass: {n:,} samples without a failure show {shown:.1%}, "
                    f"{confidence:.0%} sure, and it asks for {floor:.1%}",
                    f"evaluate on {needed:,} samples or more, or leave confidence out",
                )
        if check.bound.kind == "min_improvement" and n < power.wins_needed(confidence):
            yield (
                "error",
                f"{check.id} can never pass: {n} samples cannot show that one model is better, {confidence:.0%} sure",
                f"evaluate on more: {power.wins_needed(confidence)} wins without a loss are the least",
            )
    if recorded is not None and check.bound.kind.startswith("min_improvement"):
        yield from _saturated(check, metric, n, recorded)


def _saturated(check: Check, metric: MetricDeclaration, n: int, recorded: float) -> Iterator[Said]:
    """The baseline leaves too little room for the improvement."""
    why = saturation(check, metric, recorded, n)
    if why is not None:
        yield (
            "error",
            why,
            "the baseline is saturated: ask for max_degradation instead, or take harder data",
        )


def _can_show(check: Check, metric: MetricDeclaration, n: int, known: Known | None) -> Iterator[Said]:
    """The smallest change that a check sees, and how often it rings for none."""
    spread = _spread(check, metric, known)
    if spread is None or check.cluster is not None:
        return
    confidence = check.confidence or USUAL_CONFIDENCE
    if check.bound.compares and not check.paired:
        spread *= math.sqrt(2)
    seen = power.minimum_detectable_effect(spread, n, confidence)
    about = ""
    if check.bound.compares and metric.scores == "binary":
        about = f" (if the two models differ on {USUAL_DISCORDANCE:.0%} of the samples)"
    if check.confidence is not None:
        what = f"with n = {n:,} {check.id} cannot see a change under {distance_text(seen, check)}{about}"
        yield "note", f"{what}, {confidence:.0%} sure", ""
        yield from _equal_model(check, metric, n, confidence)
    else:
        what = f"with n = {n:,} a change under {distance_text(seen, check)} is noise to {check.id}{about}"
        yield "note", f"{what}: it speaks of these samples alone", ""
    if known is not None and not check.slices and check.bound.kind == "min":
        yield from _false_alarm(check, metric, n, known)


def _spread(check: Check, metric: MetricDeclaration, known: Known | None) -> float | None:
    """The standard deviation of a score, or of a difference of two; None where nothing is known of it."""
    if metric.level != "sample":
        return None
    if metric.scores == "binary":
        if check.bound.compares:
            return math.sqrt(USUAL_DISCORDANCE) if check.paired else 0.5
        rate = check.bound.minimum if check.bound.minimum is not None else check.bound.maximum
        return math.sqrt(rate * (1 - rate)) if rate is not None else None
    if known is None or known.spread is None or check.bound.compares:
        return None
    # Of scores that are all alike the spread is rounding.
    return known.spread if known.spread > 1e-9 * abs(known.value) else None


def _equal_model(check: Check, metric: MetricDeclaration, n: int, confidence: float) -> Iterator[Said]:
    """A model that is exactly as good passes a bound on degradation only if the samples can show so little."""
    amount = check.bound.amount
    if (
        metric.scores != "binary"
        or check.bound.kind != "max_degradation"
        or not check.paired
        or amount is None
    ):
        return
    same = np.ones(n)
    shown = -paired.binary(same, same, confidence).lower
    if amount < shown:
        yield (
            "warning",
            f"{check.id} is undecided for a model that answers exactly as {check.baseline} does: "
            f"{n:,} samples cannot exclude a loss of {distance_text(shown, check)}",
            f"allow max_degradation: {_digits(shown)} or more, evaluate on more samples, or leave confidence out",
        )


def _false_alarm(check: Check, metric: MetricDeclaration, n: int, known: Known) -> Iterator[Said]:
    floor = check.bound.minimum
    assert floor is not None
    if metric.scores == "binary":
        alarm = power.false_alarm_rate_of_floor(known.value, n, floor)
    elif known.spread:
        alarm = float(ndtr((floor - known.value) * math.sqrt(n) / known.spread))
    else:
        return
    if known.value >= floor and alarm >= 0.001:
        yield (
            "warning" if alarm >= MANY_FALSE_ALARMS and check.confidence is None else "note",
            f"false alarm in {alarm:.1%} of runs of an unchanged model ({format_value(known.value, check.unit)} when "
            f"last measured), each on {n:,} fresh samples like these: {check.id}",
            "lower the bound, evaluate on more samples, or write confidence: 0.95"
            if alarm >= MANY_FALSE_ALARMS
            else "",
        )


def _digits(amount: float) -> str:
    """Rounded up to two digits.

    >>> _digits(0.01863)
    '0.019'
    """
    scale = 10 ** (1 - math.floor(math.log10(amount)))
    return format_bound(math.ceil(amount * scale) / scale, "")
