"""Whether two sides may be compared at all: a comparison that cannot be made is an error, never a pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from ..errors import BaselineError
from ..spec.catalogue import MetricDeclaration
from ..spec.grid import named
from ..spec.resolved import Check, Evaluation
from .measured import Measured, Member, Order, Value
from .recorded import Recorded, recorded_metric


def demand_comparable(check: Check, candidate: Measured, baseline: Measured) -> None:
    """Both sides measured the same way, on the same samples unless the check says otherwise, of two models.

    Raises:
        BaselineError: They did not.
    """
    if baseline.trivial is not None:
        return
    ours, theirs = candidate.record.manifest.key_parts, baseline.record.manifest.key_parts
    if _given(ours["task"]) != _given(theirs["task"]):
        raise BaselineError(
            f"{candidate.name} and {baseline.name} were not measured the same way",
            expected=f"task {_short(ours['task'])} on both sides",
            found=f"{_short(theirs['task'])} for {baseline.name}",
            todo="give both evaluations the same task and args",
        )
    # Maybe of the same names, but another judge, or a probe fitted on other data, is another scale.
    if ours.get("companions") != theirs.get("companions"):
        raise BaselineError(
            f"{candidate.name} and {baseline.name} were measured with other models or data beside them",
            expected="the same " + ", ".join(_companions(ours)),
            found=f"other checkpoints or files of {', '.join(_companions(theirs)) or 'none'} for {baseline.name}",
            todo="measure the baseline again with what the candidate is measured with",
        )
    same_data = _same_data(ours["dataset"], theirs["dataset"], recorded=bool(baseline.recorded))
    # A recorded baseline is the candidate itself from the moment it is promoted until there is a next one.
    if same_data and not baseline.recorded and same_model(candidate, baseline):
        raise _same_model(candidate, baseline)
    if check.paired and not (same_data and _same_ids(candidate, baseline)):
        raise BaselineError(
            f"{candidate.name} and {baseline.name} were measured on different samples",
            expected="the same samples on both sides, so that they can be paired",
            found=f"{candidate.record.manifest.samples} and {baseline.record.manifest.samples} samples of other data",
            todo="evaluate both on one dataset, or write paired: false if the sides are meant to differ",
        )


def _same_model(candidate: Measured, baseline: Measured) -> BaselineError:
    parts = candidate.record.manifest.key_parts
    model, read = parts["model"], ", ".join(_read(parts))
    if model is None and read:
        return BaselineError(
            f"{candidate.name} and {baseline.name} read the same file: it is compared with itself",
            expected="two evaluations whose args name files that differ",
            found=f"the same bytes, sha256 {read[:16]}",
            todo="correct path: in the args of one of them",
        )
    checkpoint = ", ".join((model or {}).get("checkpoint", ()))
    return BaselineError(
        f"{candidate.name} and {baseline.name} are the same model: it is compared with itself",
        expected="two models that differ in checkpoint, state_dict_key, build or args",
        found="all of these alike" + (f", checkpoint sha256 {checkpoint[:16]}" if checkpoint else ""),
        todo="correct checkpoint: of one of them",
    )


def _given(task: Mapping[str, Any]) -> dict[str, Any]:
    """Without the arguments that are unset: what was recorded before an argument existed lacks it."""
    return {**task, "args": {name: value for name, value in task["args"].items() if value is not None}}


def _same_data(ours: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None, *, recorded: bool) -> bool:
    """By names and bytes; what was recorded may have been measured where the folder of the data lies elsewhere."""
    if ours is None or theirs is None or not recorded:
        return ours == theirs
    sides = [{**side, "path": None, "files": _files(side)} for side in (ours, theirs)]
    return sides[0] == sides[1]


def _files(dataset: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(PurePath(name).name, sha256) for name, sha256 in dataset["files"]]


def demand_same_conditions(
    check: Check, declaration: MetricDeclaration, candidate: Measured, baseline: Measured | Recorded | None
) -> None:
    """A time is compared only with one of the same machine, device and batch size.

    Raises:
        BaselineError: The baseline's is not.
    """
    if declaration.needs != "run" or baseline is None:
        return
    if isinstance(baseline, Recorded):
        _demand_no_time(check, declaration, baseline)
        return
    ours, theirs = (_conditions(side) for side in (candidate, baseline))
    different = [name for name in ours if ours[name] != theirs[name]]
    if different:
        raise BaselineError(
            f"{check.metric} of {candidate.name} and {baseline.name} were not measured under the same conditions",
            expected=", ".join(f"{name} {ours[name]}" for name in different) + " on both sides",
            found=", ".join(f"{name} {theirs[name]}" for name in different) + f" for {baseline.name}",
            todo="give both evaluations the same device: and batch_size:, and run again",
        )


def _demand_no_time(check: Check, declaration: MetricDeclaration, baseline: Recorded) -> None:
    if declaration.needs == "run":
        raise BaselineError(
            f"{check.metric} is compared with what another run recorded",
            where=baseline.where,
            expected="a model or an evaluation that is measured in the same run, on the same machine",
            found=f"the recorded baseline {baseline.name}",
            todo="name the baseline's model under models:, and compare with it",
        )


def demand_same_columns(
    declaration: MetricDeclaration, candidate: Measured, baseline: Measured, order: Order, their_order: Order
) -> None:
    """What a metric counts in is the same on both sides: perplexity is per token of the model's own tokenizer.

    Raises:
        BaselineError: It is not.
    """
    if baseline.trivial is not None:
        return
    for column in declaration.same_columns:
        ours, theirs = candidate.record.column(column)[order], baseline.record.column(column)[their_order]
        if not np.array_equal(ours, theirs):
            raise BaselineError(
                f"{declaration.name} of {candidate.name} and {baseline.name} do not compare: their {column} differ",
                expected=f"the same {column} in every sample on both sides",
                found=f"{column} that differ in {int(np.count_nonzero(ours != theirs))} of {len(ours)} samples, "
                f"{ours.sum():,} against {theirs.sum():,} in all",
                todo="compare by a metric that does not count in them, such as bits_per_byte",
            )


def _conditions(side: Measured) -> dict[str, Any]:
    manifest = side.record.manifest
    return {
        "run": manifest.key_parts.get("run"),
        "device": manifest.device.name,
        "batch size": manifest.measured["performance"]["batch_size"],
        "threads": manifest.measured["threads"],
    }


def demand_same_task(evaluation: Evaluation, members: Sequence[Member]) -> None:
    """A recorded number is one of the same task: accuracy of a probe is no accuracy of a classifier.

    Raises:
        BaselineError: It is not.
    """
    for member in members:
        if isinstance(member.baseline, Recorded):
            _demand_task(evaluation, member.baseline)


def demand_numbers(
    check: Check, evaluation: Evaluation, declaration: MetricDeclaration, recorded: Recorded
) -> None:
    """The numbers of a recorded baseline are what a check needs, as far as is known before anything is measured.

    Raises:
        BaselineError: They are of another task or dataset, lack the metric, or have it of other arguments.
    """
    _demand_task(evaluation, recorded)
    # By name; in which split the candidate's samples are, its record says.
    _demand_dataset(check, evaluation, recorded, None)
    _demand_no_time(check, declaration, recorded)
    recorded_metric(recorded, check, declaration, None)


def _demand_task(evaluation: Evaluation, recorded: Recorded) -> None:
    if recorded.task != evaluation.task:
        raise BaselineError(
            f"{recorded.name} was measured by task {recorded.task}, the candidate by {evaluation.task}",
            where=recorded.where,
            expected=f"task: {evaluation.task}",
            todo="compare with what the same task measured",
        )


def demand_same_dataset(check: Check, evaluation: Evaluation, members: Sequence[Member]) -> None:
    """Numbers without records say by a name alone what they were measured on, where they say it.

    Raises:
        BaselineError: It is another dataset, or another split of it, and the check is paired.
    """
    for member in members:
        if isinstance(member.baseline, Recorded):
            split = (member.candidate.record.manifest.key_parts["dataset"] or {}).get("split")
            _demand_dataset(check, evaluation, member.baseline, split)


def _demand_dataset(check: Check, evaluation: Evaluation, recorded: Recorded, split: str | None) -> None:
    if not check.paired:
        return
    sides = {"dataset": (recorded.dataset, evaluation.dataset), "split": (recorded.split, split)}
    different = [name for name, side in sides.items() if None not in side and side[0] != side[1]]
    if different:
        raise BaselineError(
            f"{recorded.name} and {evaluation.model or evaluation.name} were measured on different samples",
            where=recorded.where,
            expected=", ".join(f"{name}: {sides[name][1]}" for name in different),
            found=", ".join(f"{name}: {sides[name][0]}" for name in different),
            todo="call it in the file as the spec does if it is the same, or write paired: false if it is not",
        )


def demand_distinct(members: Sequence[Member]) -> None:
    """No checkpoint of a grid may stand in for another: a copied file is no later step and no other seed.

    Raises:
        BaselineError: Two members have the same files.
    """
    seen: dict[tuple[str, ...], str] = {}
    for member in members:
        parts = member.candidate.record.manifest.key_parts
        name = named(member.coordinates.items())
        files = tuple(parts["model"]["checkpoint"]) if parts["model"] else _read(parts)
        if files and seen.setdefault(files, name) != name:
            raise BaselineError(
                f"{seen[files]} and {name} have the same checkpoint",
                expected="a checkpoint of its own for each value of the coordinates",
                found=f"sha256 {files[0][:16]}… twice",
                todo="look at how the checkpoints were saved or copied",
            )


def same_model(candidate: Measured, baseline: Measured) -> bool:
    """Whether both sides are one model: build, arguments and bytes of the checkpoint, or of what was read."""
    parts, their_parts = (side.record.manifest.key_parts for side in (candidate, baseline))
    ours, theirs = parts["model"], their_parts["model"]
    if ours is None or theirs is None:
        return ours is theirs and _read(parts) == _read(their_parts)
    # One file may hold several sets of weights (the averaged ones beside the last) under keys of their own.
    return all(ours[part] == theirs[part] for part in ("build", "args", "checkpoint", "state_dict_key"))


def _read(parts: Mapping[str, Any]) -> tuple[str, ...]:
    """The digests of the files that a task without a model read."""
    return tuple(sha256 for _, sha256 in parts.get("files", ()))


def _same_ids(candidate: Measured, baseline: Measured) -> bool:
    ours, theirs = candidate.record, baseline.record
    if not ours.manifest.complete:
        # Stopped early: each sample that was visited has its partner.
        return bool(np.isin(ours.ids, theirs.ids).all())
    return ours.ids_digest == theirs.ids_digest or bool(
        np.array_equal(np.sort(ours.ids), np.sort(theirs.ids))
    )


def demand_same_slices(check: Check, ours: Mapping[str, Value], theirs: Mapping[str, Value]) -> None:
    """Each slice on both sides and, where they are paired, of the same size.

    Raises:
        BaselineError: They are not.
    """
    missing = sorted(set(ours) - set(theirs))
    if missing:
        raise BaselineError(
            f"the baseline {check.baseline} has no samples in slice {missing[0]}",
            expected="each slice on both sides",
            todo="name the slices that both sides have: slices: {NAME: [VALUES]}",
        )
    # A slice by what a model predicted holds other samples for another model.
    for name, value in ours.items():
        if check.paired and value.n != theirs[name].n:
            raise BaselineError(
                f"{check.baseline} has {theirs[name].n} samples in slice {name}, the candidate {value.n}",
                expected="the same samples on both sides, so that they can be paired",
                todo="slice by a field of the dataset, or write paired: false",
            )


def _companions(parts: Mapping[str, Any]) -> list[str]:
    companions = parts.get("companions", {})
    return [*companions.get("models", ()), *companions.get("datasets", ())]


def _short(task: Mapping[str, Any]) -> str:
    return f"{task['name']} v{task['version']} {dict(task['args'])}"
