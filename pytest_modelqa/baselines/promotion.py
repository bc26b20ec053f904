"""``modelqa promote``: makes what a run measured the recorded baseline that later candidates are compared with.

Only what is proved is promoted: the run is verified first, against the specs as they are now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import BaselineError, UsageError
from ..judging.measured import Measured
from ..judging.verdict import WHENEVER_STOPPED
from ..preflight.reference_output import record as record_output
from ..records.atomic import write_atomically
from ..records.excerpt import remove, size_bytes
from ..records.record import Record
from ..report.conclusion import Result
from ..report.run_record import ReadSpec, RunRecord, read
from ..spec import read_spec
from ..spec.catalogue import Catalogue, MetricDeclaration
from ..spec.forms import NAME_PATTERN
from ..spec.numbers import format_value
from ..spec.resolved import Evaluation, Spec
from ..tasks.registry import catalogue
from ..verification import verify
from .content import entry_name, made_by, numbers, stored, write_records
from .file import BaselineFile, parse
from .replacing import demand_replaceable, replaced, was

# What a repository carries without anybody minding: some 100,000 samples with five scores each.
LARGEST_RECORDS_BYTES = 10_000_000


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        run: A run record, or its folder.
        evaluation: The one to promote; None: each that measured a model.
        lower: The baseline of the same name may be replaced by a worse one, or by one of something else.
        reference_output: Record what the model gives on a fixed input too, for preflight to compare with.
    """

    run: Path
    name: str
    reason: str
    evaluation: str | None = None
    lower: bool = False
    reference_output: bool = False


@dataclass(frozen=True)
class Promoted:
    """One recorded baseline, ready to be written.

    Attributes:
        path: The JSON file.
        record: What was measured, or None where it is not on this machine.
        notes: What a reader should know of it.
    """

    path: Path
    content: BaselineFile
    record: Record | None
    spec: Spec
    evaluation: Evaluation
    notes: tuple[str, ...]


def promote(request: Request) -> list[str]:
    """Writes ``baselines/NAME.json`` beside each spec of a run, or nothing.

    Returns:
        What was written, and what was left out and why, one line each.

    Raises:
        BaselineError: The run does not prove what would be promoted, or a value would be lowered.
        RunRecordError: There is no such run record.
        UsageError: The name or the reason cannot be one.
    """
    _demand_names(request)
    record = read(request.run)
    _demand_proof(request.run, None)
    known = catalogue()
    promoted: list[Promoted] = []
    left_out: list[str] = []
    for judged in record.specs:
        path = _spec_file(judged, request.run)
        _demand_proof(request.run, path)
        spec = read_spec(path, known)
        promoted += _named(request.name, _of_spec(request, record, judged, spec, known, left_out))
    if not promoted:
        raise BaselineError(
            "this run measured nothing that can be promoted",
            where=str(request.run),
            expected="an evaluation of one model on validation or test data"
            + (f" called {request.evaluation}" if request.evaluation else ""),
            found="; ".join(left_out) or "no evaluation",
            todo="promote a run that evaluates a model, or correct --evaluation",
        )
    for one in promoted:
        demand_replaceable(one.path, one.content, _named_metrics(one, known), lower=request.lower)
    outputs = [_reference_output(one, known) for one in promoted if request.reference_output]
    return [*(line for one in promoted for line in _write(one)), *outputs, *left_out]


def _reference_output(one: Promoted, known: Catalogue) -> str:
    path = record_output(one.spec, one.evaluation, known, one.path.with_suffix(".output.npz"))
    named = path.relative_to(one.spec.folder).as_posix()
    return f"wrote {path}\n  for preflight: models: {{{one.evaluation.model}: {{reference_output: {named}}}}}"


def _demand_names(request: Request) -> None:
    if not re.match(NAME_PATTERN, request.name):
        raise UsageError(
            "this name cannot be a baseline's",
            expected="letters, digits, '_', '.' and '-'",
            found=request.name,
            todo="choose another --name",
        )
    if not request.reason.strip():
        raise UsageError(
            "a baseline needs a reason", todo='say why it becomes the baseline: --reason "first release"'
        )


def _demand_proof(run: Path, spec: Path | None) -> None:
    verification = verify(run, spec)
    if verification.problems:
        raise BaselineError(
            f"this run proves nothing that could be promoted: {verification.problems[0]}",
            where=str(run),
            expected="a complete run in which every check passed, on the specs as they are now",
            found="; ".join(verification.problems[1:4]) or verification.line,
            todo="run the gate again (what was measured is reused), and promote that run",
        )


def _spec_file(judged: ReadSpec, run: Path) -> Path:
    """The spec that was judged: from the working folder, or from a folder around the run record."""
    folders = [Path.cwd(), *run.absolute().parents]
    for folder in folders:
        path = folder / judged.path
        if path.is_file():
            return path
    raise BaselineError(
        f"the spec of this run is not here: {judged.path}",
        where=str(run),
        todo="promote from the checkout that was judged",
    )


def _of_spec(
    request: Request, record: RunRecord, judged: ReadSpec, spec: Spec, known: Catalogue, left_out: list[str]
) -> list[Promoted]:
    found = []
    for evaluation in spec.evaluations.values():
        if request.evaluation not in (None, evaluation.name):
            continue
        results = _results(record, judged, evaluation)
        hindrance = _hindrance(results)
        proved, failed = _proved(evaluation, results, known)
        if hindrance:
            left_out.append(f"left out: {evaluation.name}, {hindrance}")
        elif not proved.checks:
            left_out += failed
        else:
            found.append(_promoted(request, record, judged, spec, evaluation, results, known))
    return found


def _named(name: str, found: Sequence[Promoted]) -> list[Promoted]:
    """One evaluation is called as was asked; of several each adds its own name."""
    if len(found) <= 1:
        return list(found)
    longer = []
    for one in found:
        called = f"{name}-{one.content.made_by['evaluation']}"
        content = one.content.model_copy(update={"name": called})
        longer.append(replace(one, path=one.path.with_name(f"{called}.json"), content=content))
    return longer


def _results(record: RunRecord, judged: ReadSpec, evaluation: Evaluation) -> dict[str, Result]:
    """The results of an evaluation's checks by their ids."""
    of = {
        item.nodeid: item.nodeid.rpartition("::")[2]
        for item in record.planned
        if (item.spec, item.case, item.kind) == (judged.path, evaluation.name, "check")
    }
    return {of[result.nodeid]: result for result in record.results if result.nodeid in of}


def _hindrance(results: Mapping[str, Result]) -> str:
    """Why an evaluation cannot become a baseline; an empty text where it can."""
    verdicts = [result.verdict or {} for result in results.values()]
    sides = [verdict.get("evidence", {}) for verdict in verdicts]
    if not any(sides):
        return "which has no checks of its own"
    if not all("candidate" in side for side in sides):
        return "which is a grid of checkpoints: give the one to promote a model of its own"
    if not all(side["candidate"].get("measures_a_model") for side in sides):
        return "which measured no model on validation or test data"
    methods = {line.get("method") for verdict in verdicts for line in verdict.get("lines", ())}
    if WHENEVER_STOPPED in methods:
        return "which was stopped early: its values are of a part of the samples (measure without stop_early)"
    return ""


def _promoted(
    request: Request,
    record: RunRecord,
    judged: ReadSpec,
    spec: Spec,
    evaluation: Evaluation,
    results: Mapping[str, Result],
    known: Catalogue,
) -> Promoted:
    evidence = next(iter(results.values())).verdict["evidence"]["candidate"]  # type: ignore[index]
    measured = stored(request.run, evidence)
    evaluation, failed = _proved(evaluation, results, known)
    metrics = numbers(evaluation, results, measured, known)
    if not metrics:
        raise BaselineError(
            f"{evaluation.name} has no value of a whole set",
            where=str(request.run),
            found="; ".join(["checks " + ", ".join(results), *failed]),
            todo="promote on the machine that has the records, or add a check without slices that passes",
        )
    dataset = spec.datasets[evaluation.dataset] if evaluation.dataset else None
    content = BaselineFile(
        modelqa_baseline=1,
        name=request.name,
        task=evaluation.task,
        dataset=evaluation.dataset,
        split=dataset.split if dataset else None,
        # None of a file of numbers alone.
        n=evidence["samples"] or None,
        source=evidence["role"],
        metrics=metrics,
        made_by={
            **made_by(record, evaluation, evidence, measured),
            **({"proposed_bounds": judged.proposed} if judged.proposed else {}),
        },
        reason=request.reason,
    )
    kept, notes = _light(measured)
    notes = (*notes, *failed, *_proposed(judged.proposed))
    path = spec.folder / "baselines" / f"{request.name}.json"
    return Promoted(path, content, kept.record if kept else None, spec, evaluation, notes)


def _proved(
    evaluation: Evaluation, results: Mapping[str, Result], known: Catalogue
) -> tuple[Evaluation, tuple[str, ...]]:
    """The evaluation with the metrics all of whose checks passed: one of severity warn may have failed in a GO."""
    failed: dict[str, list[str]] = {}
    for check in evaluation.checks:
        if check.id in results and results[check.id].status != "PASS":
            found = f"{check.id} ({results[check.id].status})"
            failed.setdefault(entry_name(check, known), []).append(found)
    kept = tuple(check for check in evaluation.checks if entry_name(check, known) not in failed)
    notes = tuple(f"left out: {name}, which did not pass {', '.join(of)}" for name, of in failed.items())
    return replace(evaluation, checks=kept), notes


def _proposed(count: int) -> tuple[str, ...]:
    """A baseline is what was measured, whoever agreed with the bounds; but the reader must know that nobody did."""
    if not count:
        return ()
    bounds = "1 bound of this spec was" if count == 1 else f"{count} bounds of this spec were"
    return (f"{bounds} proposed from what the model itself reached: passing them was no evidence",)


def _light(measured: Measured | None) -> tuple[Measured | None, tuple[str, ...]]:
    if measured is None:
        return None, ("numbers only: the records of this run are not on this machine",)
    if (measured.record.manifest.key_parts["dataset"] or {}).get("run") is not None:
        return None, (
            "numbers only: the loader declares neither files: nor sha256:, so nothing can be paired",
        )
    return measured, ()


def _named_metrics(one: Promoted, known: Catalogue) -> dict[str, MetricDeclaration]:
    """The metrics by the names that they have in the file."""
    declared = {
        entry_name(check, known): known.metrics[check.metric].limited(check.args)
        for check in one.evaluation.checks
    }
    return {**known.metrics, **declared}


def _write(one: Promoted) -> Iterator[str]:
    content, before = one.content, parse(one.path) if one.path.exists() else None
    notes = [*([replaced(before)] if before else []), *one.notes]
    folder = one.path.with_suffix(".records")
    remove(folder)
    if one.record is not None:
        write_records(one.evaluation.checks, one.record, catalogue(), folder)
        size = size_bytes(folder)
        if size > LARGEST_RECORDS_BYTES:
            remove(folder)
            notes.append(f"numbers only: the records take {size / 1e6:.0f} MB, too much to commit")
        else:
            content = content.model_copy(update={"records": folder.name})
            notes.append(f"records beside it: {folder.name}, {size / 1e3:.0f} kB")
    fields = content.model_dump(exclude_none=True)
    write_atomically(one.path, (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode())
    parse(one.path)
    yield f"wrote {one.path}"
    for name, metric in content.metrics.items():
        yield f"  {name} {format_value(metric.value, metric.unit)}{was(before, name, metric)}"
    for note in notes:
        yield f"  {note}"
    yield f"  to compare with it: baselines: {{{content.name}: {{recorded: baselines/{one.path.name}}}}}"
