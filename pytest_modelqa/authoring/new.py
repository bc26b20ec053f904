"""``modelqa new``: looks at what an experiment left, measures it, and writes a spec that passes on it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ModelQAError, UsageError
from ..evaluation.engine import Progress
from ..gate import Gate, Options
from ..report.run_record import new_run_id
from ..spec.forms import NAME_PATTERN
from ..spec.json_schema import json_schema
from ..spec.resolved import Check, Evaluation, Spec
from .draft import Draft, DraftCheck, DraftEvaluation, Proposal
from .drafting import draft_of
from .inventory import take_inventory
from .proposing import propose
from .writing import SCHEMA_FILE, place_files, spec_text, take_away

Say = Callable[[str], None]


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        spec: The file.
        lines: What to tell the user.
    """

    spec: Path
    lines: tuple[str, ...]


def new(name: str, origin: Path, root: Path, say: Say) -> Written:
    """Writes ``model_specs/NAME/NAME.modelspec.yaml`` with what belongs to it.

    Args:
        name: Of the spec and its folder.
        origin: The folder that the experiment wrote to.
        root: The project's folder, where ``model_specs/`` and ``.modelqa/`` are.
        say: Told what is being done.

    Raises:
        UsageError: The name is none, there is such a spec, or nothing was found that can be evaluated.
        ModelQAError: What was found cannot be measured.
    """
    folder = root / "model_specs" / name
    path = folder / f"{name}.modelspec.yaml"
    _demand_new(name, path)
    say(f"looking at {origin}")
    experiment = origin.resolve()
    draft = draft_of(take_inventory(experiment), name, _called(origin, root))
    placed = place_files(draft.files, experiment, folder.resolve())
    schema = folder.parent / SCHEMA_FILE
    gate = Gate(Options(root=root, folder=root / ".modelqa", run_id=new_run_id()))
    # What has no numbers yet is called so that nothing collects it, should this be killed: its bounds mean nothing.
    unmeasured = folder / f".{name}.draft.yaml"
    try:
        schema.write_text(json.dumps(json_schema(gate.catalogue), indent=1, ensure_ascii=False) + "\n")
        kept, proposals, notes = _measured(draft, unmeasured, gate, say)
        path.write_text(spec_text(kept, proposals, gate.catalogue), encoding="utf-8")
        verdicts = _judged(path, gate)
    except ModelQAError:
        path.unlink(missing_ok=True)
        take_away(placed)
        raise
    finally:
        unmeasured.unlink(missing_ok=True)
        gate.close()
    said = [f"wrote {path}", *verdicts, *(f"note: {note}" for note in (*notes, *kept.notes, *placed.notes))]
    return Written(path, (*said, *_next_steps(kept, name)))


def _demand_new(name: str, path: Path) -> None:
    if not re.match(NAME_PATTERN, name):
        raise UsageError(
            "this name cannot be a spec's",
            expected="letters, digits, '_', '.' and '-'",
            found=name,
            todo="choose another name",
        )
    if path.exists():
        raise UsageError(
            "there is such a spec already",
            where=str(path),
            todo="choose another name, or remove it: nothing is overwritten",
        )


def _called(origin: Path, root: Path) -> str:
    """The experiment's folder as people know it."""
    folder = origin.resolve()
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else folder.name


def _measured(
    draft: Draft, path: Path, gate: Gate, say: Say
) -> tuple[Draft, dict[tuple[str, int], Proposal], list[str]]:
    """The draft with the checks that have a number, and their numbers."""
    path.write_text(spec_text(draft, {}, gate.catalogue), encoding="utf-8")
    spec = gate.read(path.resolve())
    proposals: dict[tuple[str, int], Proposal] = {}
    notes: list[str] = []
    evaluations = []
    for drafted in draft.evaluations:
        say(f"measuring {drafted.name}")
        evaluation = spec.evaluations[drafted.name]
        kept: list[DraftCheck] = []
        for check, wanted in zip(evaluation.checks, drafted.checks, strict=True):
            if wanted.bound is not None:
                kept.append(wanted)
                continue
            found = _proposal(gate, spec, evaluation, check, wanted, notes)
            if found is not None:
                proposals[drafted.name, len(kept)] = found
                kept.append(wanted)
        evaluations.append(replace(drafted, checks=tuple(kept)))
    left = tuple(evaluation for evaluation in evaluations if evaluation.checks)
    if not left:
        raise UsageError(
            "nothing of this experiment could be measured",
            where=draft.origin,
            todo="correct what the notes say, or write the spec by hand (docs/spec.md)",
            details="\n".join(notes) or None,
        )
    return _only(draft, left), proposals, notes


def _proposal(
    gate: Gate, spec: Spec, evaluation: Evaluation, check: Check, wanted: DraftCheck, notes: list[str]
) -> Proposal | None:
    try:
        found = propose(gate, spec, evaluation, check, wanted)
    # No value on these data (no large objects), or the evaluation failed: then each of its checks says so.
    except ModelQAError as error:
        notes.append(f"left out {evaluation.name}::{check.id}: {error.what}")
        return None
    if found is None:
        notes.append(
            f"left out {evaluation.name}::{check.id}: its noise is larger than what there is to show"
        )
    return found


def _only(draft: Draft, evaluations: tuple[DraftEvaluation, ...]) -> Draft:
    """Without the models and datasets that no evaluation uses any more."""
    models = {one.model for one in evaluations}
    datasets = {one.dataset for one in evaluations}
    return replace(
        draft,
        evaluations=evaluations,
        models={name: entry for name, entry in draft.models.items() if name in models},
        datasets={name: entry for name, entry in draft.datasets.items() if name in datasets},
    )


def _judged(path: Path, gate: Gate) -> list[str]:
    """The verdict of each check on the model that it was taken from: what was measured is there."""
    spec = gate.read(path.resolve())
    said = []
    for evaluation in spec.evaluations.values():
        for check in evaluation.checks:
            verdict = gate.judge(spec, evaluation, check, _silent, 1.0)
            said.append(f"  {verdict.outcome}  {evaluation.name}: {verdict.headline}")
    return said


def _next_steps(draft: Draft, name: str) -> list[str]:
    only_logs = all(evaluation.task == "training_log" for evaluation in draft.evaluations)
    warning = "note: a log of training is no evidence for a release: add an evaluation of the model"
    return [
        *([warning] if only_logs else []),
        "next: name the goals, move each bound to what you need and take its comment away, then",
        f"  pytest model_specs/{name} -m gpu",
    ]


def _silent(name: str, progress: Progress) -> None:
    """What is judged here was measured a moment ago."""
