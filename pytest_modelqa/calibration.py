"""``modelqa calibrate``: how repeatable each check is, how often it would cry wolf, and what it would overlook.

Nothing is changed: proposed bounds are printed, and a person writes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from scipy.special import ndtr, ndtri

from .errors import UsageError
from .evaluation.engine import Progress
from .gate import Gate, Options
from .judging.claims import Run, decided, of_member
from .judging.measured import Measured, Member, Value, exact_mean, values
from .judging.verdict import Line
from .report.run_record import new_run_id
from .report.text import aligned
from .spec.catalogue import MetricDeclaration
from .spec.numbers import format_difference, format_value
from .spec.resolved import Check, Evaluation, Spec
from .statistics import power

# Enough for a flip rate to within 3 points.
SPLITS = 500
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Calibration:
    """One check (its worst slice) over several runs.

    Attributes:
        margins: Of each run, in the metric's unit; for percent kinds in percent of the baseline.
        in_percent: It is such a kind, and so are the spread and what is proposed.
        again: The chance that the next run of the same model on the same samples fails its bound.
        other_data: The chance that the same model fails it on other samples like these; None: not known.
        missed: The chance that a model worse by the drop asked for passes; None: no drop was asked for.
        proposed: By how much the bound could be tightened (negative: has to be loosened) for the false-alarm rate
            asked for.
    """

    name: str
    unit: str
    value: float
    margins: tuple[float, ...]
    in_percent: bool
    again: float
    other_data: float | None
    missed: float | None
    proposed: float


@dataclass(frozen=True)
class SelfComparison:
    """How a check decides on two halves of one model's samples, where there is nothing to find.

    Attributes:
        flips: How often the two halves, judged alike, get different verdicts.
    """

    name: str
    passes: float
    fails: float
    inconclusive: float
    flips: float


def calibrate(
    path: Path,
    folder: Path,
    *,
    runs: int,
    drop: float | None,
    false_alarm: float,
    say: Callable[[str], None],
) -> list[Calibration]:
    """Makes every evaluation ``runs`` times, each with another seed, and looks at the spread.

    Raises:
        ModelQAError: The spec is wrong or an evaluation could not be made.
        UsageError: Fewer than two runs, or a rate or a drop that is none.
    """
    if not 0 < false_alarm < 1:
        raise UsageError(
            "the rate of false alarms is a share of runs",
            expected="--false-alarm between 0 and 1, such as 0.01",
            found=f"--false-alarm {false_alarm:g}",
            todo="correct it, or leave it out",
        )
    if drop is not None and not 0 < drop < math.inf:
        raise UsageError(
            "a drop is how much worse a model may become before it has to be seen",
            expected="--drop above 0, in the metric's unit",
            found=f"--drop {drop:g}",
            todo="correct it, or leave it out",
        )
    if runs < 2:
        raise UsageError(
            "one run says nothing about repeatability",
            expected="--runs 2 or more",
            found=f"--runs {runs}",
            todo="measure more often: the default is 10 runs",
        )
    gate, spec = _opened(path, folder)
    try:
        found = []
        for evaluation, check in _single_checks(spec):
            say(f"{evaluation.name}::{check.id}: {runs} runs")
            lines = [_worst_line(gate, spec, evaluation, check, number) for number in range(runs)]
            found.append(_calibration(f"{evaluation.name}::{check.id}", check, lines, drop, false_alarm))
        return _not_empty(found, path, "a check of one checkpoint")
    finally:
        gate.close()


def compare_with_itself(path: Path, folder: Path, say: Callable[[str], None]) -> list[SelfComparison]:
    """Judges each check on random halves of the samples of one and the same model (A/A).

    A comparison is judged with the baseline on both sides, a threshold with the candidate. Only checks of metrics
    that are means over samples: the others would have to be computed anew for each half.

    Raises:
        ModelQAError: The spec is wrong or an evaluation could not be made.
    """
    gate, spec = _opened(path, folder)
    try:
        found = []
        for evaluation, check in _single_checks(spec):
            declaration = gate.catalogue.metrics[check.metric].limited(check.args)
            if declaration.level == "sample" and not check.slices:
                say(f"{evaluation.name}::{check.id}: {SPLITS} pairs of halves")
                member = gate.members(spec, evaluation, check, _silent, 1.0)[0]
                found.append(_self_comparison(f"{evaluation.name}::{check.id}", check, declaration, member))
        return _not_empty(
            found, path, "a check of one checkpoint without slices, of a metric that is a mean over samples"
        )
    finally:
        gate.close()


def _not_empty(found: list[_Found], path: Path, wanted: str) -> list[_Found]:
    """An empty table would read as an answer."""
    if not found:
        raise UsageError(
            "nothing in this spec can be calibrated so",
            where=str(path),
            expected=wanted,
            todo="name another spec, or see docs/verdicts.md for what speaks of several checkpoints",
        )
    return found


def calibration_text(found: Sequence[Calibration], *, drop: float | None, false_alarm: float) -> str:
    """The calibrations as a table, and what the columns mean."""
    heads = [
        "check",
        "value",
        "spread",
        "again",
        "other data",
        *(["missed"] * (drop is not None)),
        "proposed",
    ]
    rows = [
        [
            one.name,
            format_value(one.value, one.unit),
            _difference(float(np.std(one.margins, ddof=1)), one),
            f"{one.again:.1%}",
            "" if one.other_data is None else f"{one.other_data:.1%}",
            *([f"{one.missed:.1%}"] if one.missed is not None else []),
            _proposal(one),
        ]
        for one in found
    ]
    legend = [
        "spread: standard deviation between runs with other seeds",
        "again: chance of a false alarm in the next run of this model on these samples",
        "other data: the same on other samples like these",
        *([f"missed: chance that a model worse by {drop:g} passes"] if drop is not None else []),
        f"proposed: change of the bound for a false alarm in {false_alarm:.1%} of runs; nothing was changed",
    ]
    return "\n".join([*aligned([heads, *rows]), "", *legend])


def _proposal(one: Calibration) -> str:
    """Runs that do not differ say nothing of how near the bound may be: other data decide that."""
    if np.ptp(one.margins) <= 1e-9 * max(1.0, abs(one.value)):
        return "none: the runs do not differ"
    word = "tighten" if one.proposed >= 0 else "loosen"
    return f"{word} by {_difference(abs(one.proposed), one)}"


def _difference(amount: float, one: Calibration) -> str:
    return f"{amount:.3g} % of the baseline" if one.in_percent else format_difference(amount, one.unit)


def self_comparison_text(found: Sequence[SelfComparison]) -> str:
    """The A/A comparisons as a table."""
    rows = [
        [one.name, *(f"{share:.1%}" for share in (one.passes, one.fails, one.inconclusive, one.flips))]
        for one in found
    ]
    legend = "flips: how often two halves of the same samples get different verdicts, with nothing to find"
    return "\n".join([*aligned([["check", "pass", "fail", "inconclusive", "flips"], *rows]), "", legend])


def _opened(path: Path, folder: Path) -> tuple[Gate, Spec]:
    root = Path.cwd()
    gate = Gate(Options(root=root, folder=root / folder, run_id=new_run_id()))
    return gate, gate.read(path.resolve())


def _single_checks(spec: Spec) -> Iterator[tuple[Evaluation, Check]]:
    """The checks of one model each; a trend or a mean over runs has its own spread already."""
    for evaluation in spec.evaluations.values():
        model = spec.models[evaluation.model] if evaluation.model else None
        for check in evaluation.checks:
            if not (model.coordinates if model else evaluation.coordinates):
                yield replace(evaluation, stop_early=None), check


def _worst_line(gate: Gate, spec: Spec, evaluation: Evaluation, check: Check, number: int) -> Line:
    other = replace(evaluation, seed=evaluation.seed + number)
    # Its own evaluations are looked up by name where they are baselines, so the spec must say the same.
    changed = replace(spec, evaluations={**spec.evaluations, evaluation.name: other})
    worst = gate.judge(changed, other, check, _silent, 1.0).worst
    assert worst is not None
    return worst


def _calibration(
    name: str, check: Check, lines: Sequence[Line], drop: float | None, false_alarm: float
) -> Calibration:
    margins = [line.margin for line in lines]
    in_percent = check.bound.kind.endswith("_percent")
    baseline = lines[0].baseline
    if drop is not None and in_percent and baseline is not None:
        drop *= 100 / abs(baseline.value)
    return Calibration(
        name=name,
        unit=check.unit,
        value=math.fsum(line.candidate.value for line in lines) / len(lines),
        margins=tuple(margins),
        in_percent=in_percent,
        again=power.false_alarm_rate(margins, 0.0),
        other_data=_on_other_data(lines[0]),
        missed=None if drop is None else power.miss_rate(margins, 0.0, drop),
        proposed=power.minimum_for_false_alarm_rate(margins, false_alarm),
    )


def _on_other_data(line: Line) -> float | None:
    """Φ(−margin / standard error), with the error read off the interval."""
    low, high = line.margin_interval or (None, None)
    if low is None or high is None or high <= low:
        return None
    standard_error = (high - low) / (2 * float(ndtri(line.confidence)))
    return float(ndtr(-line.margin / standard_error))


def _self_comparison(
    name: str, check: Check, declaration: MetricDeclaration, member: Member
) -> SelfComparison:
    side = member.baseline if isinstance(member.baseline, Measured) else member.candidate
    scores = values(side, replace(check, cluster=None), declaration)[""].scores
    assert scores is not None
    rng = np.random.default_rng(0)
    compares = check.bound.compares
    unpaired = replace(check, paired=False)
    outcomes = []
    for _ in range(SPLITS):
        rows = rng.permutation(len(scores))
        halves = [_value(scores[rows[: len(rows) // 2]]), _value(scores[rows[len(rows) // 2 :]])]
        sides = zip(halves, reversed(halves), strict=True)
        outcomes.append(
            [
                _outcome(unpaired, declaration, member, ours, theirs if compares else None)
                for ours, theirs in sides
            ]
        )
    flat = [outcome for pair in outcomes for outcome in pair]
    return SelfComparison(
        name=name,
        passes=flat.count("pass") / len(flat),
        fails=flat.count("fail") / len(flat),
        inconclusive=flat.count("inconclusive") / len(flat),
        flips=sum(first != second for first, second in outcomes) / len(outcomes),
    )


def _value(scores: np.ndarray) -> Value:
    return Value(exact_mean(scores), len(scores), scores=scores)


def _outcome(
    check: Check, declaration: MetricDeclaration, member: Member, ours: Value, theirs: Value | None
) -> str:
    claim = of_member(check, declaration, Run(member, "", ours, theirs))
    return decided(check, [claim])[0].outcome


def _silent(name: str, progress: Progress) -> None:
    """Calibration says what it does check by check."""
