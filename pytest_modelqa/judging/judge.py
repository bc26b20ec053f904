"""From records to a verdict: a pure function, the same for a fresh run, a rerun and another machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import BaselineError
from ..spec.catalogue import MetricDeclaration
from ..spec.resolved import Check, Evaluation
from ..spec.sentences import describe
from .arithmetic import Judged, against_baseline, against_threshold
from .measured import Measured, Value, values
from .recorded import Recorded, recorded_value
from .verdict import Line, Outcome, Side, Verdict
from .wording import headline


def judge(
    check: Check,
    evaluation: Evaluation,
    declaration: MetricDeclaration,
    candidate: Measured,
    baseline: Measured | Recorded | None,
) -> Verdict:
    """The verdict of a check.

    Args:
        candidate: What the check's own evaluation measured.
        baseline: What it is compared with; None for ``min`` and ``max``.

    Raises:
        ModelQAError: The check cannot be judged: an ERROR, which is neither a PASS nor a FAIL.
    """
    measured = values(candidate, check, declaration)
    if baseline is None:
        lines = tuple(_threshold_line(name, value, candidate, check) for name, value in measured.items())
        notes: tuple[str, ...] = ()
    else:
        lines, notes = _comparison(check, declaration, candidate, measured, baseline)
    outcome: Outcome = "PASS" if lines and all(line.passed for line in lines) else "FAIL"
    only = lines[0].baseline if len(lines) == 1 else None
    return Verdict(
        outcome=outcome,
        headline=headline(check, lines),
        sentence=describe(check, evaluation, declaration, only.value if only else None),
        metric=check.metric,
        unit=check.unit,
        lines=lines,
        notes=(*notes, *_notes(candidate), *(_notes(baseline) if isinstance(baseline, Measured) else ())),
        evidence=_evidence(candidate, baseline),
    )


def _threshold_line(name: str, value: Value, candidate: Measured, check: Check) -> Line:
    judged = against_threshold(value.number, check.bound)
    return _line(name, Side(candidate.name, value.number, value.n), None, judged)


def _comparison(
    check: Check,
    declaration: MetricDeclaration,
    candidate: Measured,
    measured: Mapping[str, Value],
    baseline: Measured | Recorded,
) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    if isinstance(baseline, Recorded):
        others = {
            name: Side(baseline.name, recorded_value(baseline, check, declaration, value.n), baseline.n or 0)
            for name, value in measured.items()
        }
        notes: tuple[str, ...] = ("numbers only: the baseline has no records to pair with",)
    else:
        _demand_comparable(check, candidate, baseline)
        found = values(baseline, check, declaration)
        _demand_same_slices(check, measured, found)
        others = {name: Side(baseline.name, value.number, value.n) for name, value in found.items()}
        notes = ()
    lines = []
    for name, value in measured.items():
        judged = against_baseline(
            value.number, others[name].value, check.bound, higher_is_better=declaration.higher_is_better
        )
        lines.append(_line(name, Side(candidate.name, value.number, value.n), others[name], judged))
    return tuple(lines), notes


def _line(name: str, candidate: Side, baseline: Side | None, judged: Judged) -> Line:
    return Line(name, candidate, baseline, judged.limit, judged.at_least, judged.margin, judged.passed)


def _demand_comparable(check: Check, candidate: Measured, baseline: Measured) -> None:
    """Both sides measured the same way, on the same samples unless the check says otherwise, of two models.

    Raises:
        BaselineError: They did not.
    """
    if baseline.trivial is not None:
        return
    ours, theirs = candidate.record.manifest.key_parts, baseline.record.manifest.key_parts
    if ours["task"] != theirs["task"]:
        raise BaselineError(
            f"{candidate.name} and {baseline.name} were not measured the same way",
            expected=f"task {_short(ours['task'])} on both sides",
            found=f"{_short(theirs['task'])} for {baseline.name}",
            todo="give both evaluations the same task and args",
        )
    same_data = ours["dataset"] == theirs["dataset"]
    if same_data and _same_model(ours["model"], theirs["model"]):
        raise BaselineError(
            f"{candidate.name} and {baseline.name} are the same model: it is compared with itself",
            expected="two models that differ in checkpoint, build or args",
            found="the same build, args and checkpoint sha256 " + ", ".join(ours["model"]["checkpoint"])[:16],
            todo="correct checkpoint: of one of them",
        )
    if check.paired and not (same_data and _same_ids(candidate, baseline)):
        raise BaselineError(
            f"{candidate.name} and {baseline.name} were measured on different samples",
            expected="the same samples on both sides, so that they can be paired",
            found=f"{candidate.record.manifest.samples} and {baseline.record.manifest.samples} samples of other data",
            todo="evaluate both on one dataset, or write paired: false if the sides are meant to differ",
        )


def _same_model(ours: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None) -> bool:
    if ours is None or theirs is None:
        return False
    return all(ours[part] == theirs[part] for part in ("build", "args", "checkpoint"))


def _same_ids(candidate: Measured, baseline: Measured) -> bool:
    ours, theirs = candidate.record, baseline.record
    return ours.ids_digest == theirs.ids_digest or bool(
        np.array_equal(np.sort(ours.ids), np.sort(theirs.ids))
    )


def _demand_same_slices(check: Check, ours: Mapping[str, Value], theirs: Mapping[str, Value]) -> None:
    missing = sorted(set(ours) - set(theirs))
    if missing:
        raise BaselineError(
            f"the baseline {check.baseline} has no samples in slice {missing[0]}",
            expected="each slice on both sides",
            todo="name the slices that both sides have: slices: {NAME: [VALUES]}",
        )


def _short(task: Mapping[str, Any]) -> str:
    return f"{task['name']} v{task['version']} {dict(task['args'])}"


def _notes(side: Measured) -> tuple[str, ...]:
    return (f"{side.name}: {side.note}",) if side.note else ()


def _evidence(candidate: Measured, baseline: Measured | Recorded | None) -> Mapping[str, Any]:
    evidence = {"candidate": _side_evidence(candidate)}
    if isinstance(baseline, Measured):
        evidence["baseline"] = _side_evidence(baseline)
    elif baseline is not None:
        evidence["baseline"] = {
            "name": baseline.name,
            "recorded": baseline.where,
            "made_by": dict(baseline.made_by),
        }
    return evidence


def _side_evidence(side: Measured) -> dict[str, Any]:
    manifest = side.record.manifest
    return {
        "name": side.name,
        "measures_a_model": side.measures_a_model,
        "role": side.role,
        "key": manifest.key,
        "record": side.record.folder.name,
        "reused": side.reused,
        "measured": manifest.created,
        "device": dataclasses.asdict(manifest.device),
        "samples": manifest.samples,
        "inputs": {
            name: [dataclasses.asdict(file) for file in files] for name, files in manifest.inputs.items()
        },
        "how": dict(manifest.measured),
    }
