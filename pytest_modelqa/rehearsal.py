"""Preflight's tiny run: an evaluation from end to end on a CPU, with a few samples, every metric and every check.

No quality is judged: weights are random. What counts is that everything can be computed and judged at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from .errors import InfrastructureError, MissingDependencyError, ModelQAError
from .evaluation.engine import Progress
from .gate import Gate
from .judging.judge import judge
from .judging.measured import Member
from .judging.verdict import Verdict
from .metrics.fields import fields_in_words, instead_of
from .metrics.side_tables import CLASS_SLICE
from .models.files import checkpoint_path
from .preflight.checks import random_weights_findings
from .preflight.findings import Finding
from .preflight.questions import is_results_file
from .preflight.tiny import tiny_spec
from .spec.catalogue import MetricDeclaration
from .spec.resolved import Check, Evaluation, Spec

QUESTION = "tiny-run"
_EVERY = 0.5
# A small model is fast, whatever it learned.
_UNITS_OF_SPEED = ("ms", "s", "samples/s", "tokens/s", "MB", "GB")


def rehearse(stage: Gate, spec: Spec, evaluation: Evaluation) -> tuple[Finding, ...]:
    """What goes wrong when an evaluation is run with a tiny model on a few samples.

    Args:
        stage: Its store is thrown away.
    """
    tiny = tiny_spec(spec, stage.catalogue)
    found: dict[str, Finding] = {}
    passed: dict[str, int] = {}
    not_judged: list[tuple[Check, ModelQAError]] = []
    not_rehearsed: list[str] = []
    for check in tiny.evaluations[evaluation.name].checks:
        if _has_no_results_yet(tiny, check):
            not_rehearsed.append(check.id)
            continue
        try:
            members = stage.members(tiny, tiny.evaluations[evaluation.name], check, _silent, _EVERY)
        except ModelQAError as error:
            # Its evaluation, or its baseline's, could not be made; checks share it.
            found.setdefault(error.what, Finding.of_error(QUESTION, evaluation.name, error))
            continue
        metric = stage.catalogue.metrics[check.metric]
        found |= {each.what: each for each in _missing_fields(spec, evaluation, check, metric, members)}
        try:
            verdict = _judged(stage, tiny, evaluation, check, members)
        except (MissingDependencyError, InfrastructureError) as error:
            found.setdefault(error.what, Finding.of_error(QUESTION, evaluation.name, error))
        except ModelQAError as error:
            not_judged.append((check, error))
        else:
            if verdict is not None and _says_something(stage, tiny, evaluation, check, verdict):
                passed[check.id] = verdict.lines[0].candidate.n
    found |= {finding.what: finding for finding in random_weights_findings(spec, evaluation, passed)}
    if not_rehearsed:
        what = (
            f"not rehearsed: {', '.join(not_rehearsed)}, as the results to compare with are not written yet"
        )
        found[what] = Finding(QUESTION, evaluation.name, "note", what)
    return (*found.values(), *_undefined(evaluation, not_judged))


def _judged(
    stage: Gate, tiny: Spec, evaluation: Evaluation, check: Check, members: tuple[Member, ...]
) -> Verdict | None:
    """The verdict, which must be JSON; a trend needs checkpoints that a tiny model does not have."""
    if check.bound.kind == "trend":
        return None
    verdict = judge(check, tiny.evaluations[evaluation.name], stage.catalogue.metrics[check.metric], members)
    json.dumps(verdict.to_json(), allow_nan=False)
    return verdict


def _says_something(stage: Gate, tiny: Spec, evaluation: Evaluation, check: Check, verdict: Verdict) -> bool:
    """Whether a pass is one that random weights should not have: a bound on quality, of a model that learns."""
    model = tiny.models.get(evaluation.model or "")
    unit = stage.catalogue.metrics[check.metric].unit
    bound = check.bound.kind in ("min", "max", "range") and check.severity == "error"
    random = model is not None and model.checkpoint is None
    return verdict.outcome == "PASS" and bound and random and unit not in _UNITS_OF_SPEED


def _missing_fields(
    spec: Spec, evaluation: Evaluation, check: Check, metric: MetricDeclaration, members: tuple[Member, ...]
) -> Iterator[Finding]:
    """Fields to slice or to cluster by that neither the dataset has nor the task makes."""
    if not members:
        return
    columns = members[0].candidate.record.columns
    for name in (*check.slices, *([check.cluster] if check.cluster else [])):
        # The classes of rows that are no samples, such as boxes, are no field of the samples.
        of_rows = bool(metric.tables) and name == CLASS_SLICE
        if name not in columns and not of_rows:
            yield Finding(
                QUESTION,
                evaluation.name,
                "error",
                f"{check.id} needs a field {name!r}, which {evaluation.dataset} does not have",
                where=f"{spec.path}:{check.position.line}",
                expected=f"a one-dimensional field {name!r}",
                found=fields_in_words(columns),
                todo=instead_of(name, columns, "the check"),
                kind="OutputError",
            )


def _has_no_results_yet(tiny: Spec, check: Check) -> bool:
    """Whether the baseline is a file of results that is not written yet: its checkpoint's item says so."""
    model = tiny.models.get(check.baseline or "")
    if model is None or not is_results_file(model):
        return False
    path = checkpoint_path(model, tiny.folder)
    return path is None or not path.exists()


def _undefined(evaluation: Evaluation, not_judged: list[tuple[Check, ModelQAError]]) -> Iterator[Finding]:
    """Of a few samples many a metric is not defined; that is no fault, and not passed over either."""
    if not_judged:
        names = ", ".join(check.id for check, _ in not_judged)
        yield Finding(
            QUESTION,
            evaluation.name,
            "note",
            f"not judged on the few samples of the tiny run: {names}",
            found="; ".join(dict.fromkeys(error.what for _, error in not_judged)),
        )


def _silent(_title: str, _progress: Progress) -> None:
    """The item that waits shows what for."""
