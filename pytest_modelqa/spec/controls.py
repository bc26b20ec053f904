"""Controls as they are meant: of an evaluation, a model and checks that exist."""

from __future__ import annotations

from collections.abc import Mapping

from .document import Document, Written
from .names import Names
from .problems import Problems
from .resolved import Control, Evaluation, Position
from .schema import ControlEntry
from .spelling import listed, nearest, quoted


def resolve_controls(
    document: Document, evaluations: Mapping[str, Evaluation], names: Names, problems: Problems
) -> dict[str, Control]:
    """The controls that are well written."""
    resolved = {}
    for name, written in document.controls.items():
        entry = written.entry
        if entry is None:
            continue
        user = f"the control {quoted(name)}"
        names.check(entry.evaluation, "evaluation", written.at("evaluation"), user, problems)
        if entry.model is not None:
            names.check(entry.model, "model", written.at("model"), user, problems)
        evaluation = evaluations.get(entry.evaluation)
        if evaluation is None:
            continue
        # Of a check that is wrong itself, which is told, nobody knows the id.
        if len(evaluation.checks) == len(document.checks[evaluation.name]):
            _check_fails(written, entry, evaluation, problems)
        _check_model(written, entry, evaluation, problems)
        position = Position(written.key.line, written.key.column)
        resolved[name] = Control(name, entry.evaluation, entry.model, tuple(entry.fails), position)
    return resolved


def _check_fails(
    written: Written[ControlEntry], entry: ControlEntry, evaluation: Evaluation, problems: Problems
) -> None:
    ids = [check.id for check in evaluation.checks]
    for name in entry.fails:
        if name not in ids:
            close = nearest(name, ids)
            problems.add(
                "unknown-name",
                f"the control {quoted(written.name)} names the check {quoted(name)}, which does not exist",
                written.at("fails"),
                expected=f"an id of the checks of {evaluation.name}: {listed(ids)}",
                todo=f"did you mean '{close}'?" if close else None,
            )
    if not entry.fails and not any(check.severity == "error" for check in evaluation.checks):
        problems.add(
            "without-effect",
            f"the control {quoted(written.name)} names no check, and none of {evaluation.name} stops a release",
            written.key,
            expected="fails: ids of checks, or a check of severity: error",
        )


def _check_model(
    written: Written[ControlEntry], entry: ControlEntry, evaluation: Evaluation, problems: Problems
) -> None:
    if evaluation.model is None:
        problems.add(
            "without-effect",
            f"the control {quoted(written.name)} is of {evaluation.name}, whose task takes no model",
            written.at("evaluation"),
            expected="an evaluation of a model",
        )
    elif entry.model == evaluation.model:
        problems.add(
            "compares-with-itself",
            f"the control {quoted(written.name)} is the model of {evaluation.name} itself",
            written.at("model"),
            expected="a model that is known to be bad",
            todo="name another model, or leave model out for random weights",
        )
