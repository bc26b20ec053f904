"""What can be known of a model's checkpoint without torch and without reading a tensor."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import CheckpointError
from ..models.checkpoint import read_header
from ..models.files import (
    COCO_RESULTS,
    NOTHING_HASHED,
    check_digests,
    checkpoint_digest,
    checkpoint_files,
    checkpoint_path,
    recognise,
)
from ..models.header import DTYPE_BITS, Header
from ..records.digests import file_sha256
from ..spec.grid import members, named, refilled, write_instead
from ..spec.resolved import Model, Spec
from .findings import Finding

QUESTION = "checkpoint"


def checkpoint_findings(
    model: Model, folder: Path, memory: Path, coordinates: Mapping[str, Any] | None = None
) -> tuple[Finding, ...]:
    """Whether each checkpoint of a model is there, is what its name says, and is the one that is pinned.

    Args:
        folder: The spec's.
        memory: The folder that remembers digests of large files.
        coordinates: Of one checkpoint of a grid; None asks for all of them.
    """
    grid = members(model.coordinates, {}) if coordinates is None else (coordinates,)
    found = []
    for member in grid:
        try:
            header = header_of(model, folder, memory, member)
        except CheckpointError as error:
            at = named(member.items())
            finding = Finding.of_error(QUESTION, model.name, error)
            if at and coordinates is None:
                found.append(_named_by(finding, at))
            else:
                found.append(finding)
        else:
            found += _wrapped(model, header) if header is not None else []
    return tuple(found)


def header_of(model: Model, folder: Path, memory: Path, coordinates: Mapping[str, Any]) -> Header | None:
    """The names, shapes and dtypes of a checkpoint; None where the model has none, or holds no weights.

    Raises:
        CheckpointError: It is missing, is not what its name says, is damaged, or is not the one that is pinned.
    """
    path = checkpoint_path(model, folder, coordinates)
    if path is None:
        return None
    try:
        found = recognise(path, model.format)
    except CheckpointError as error:
        other = refilled(
            model.checkpoint or "", coordinates, lambda name: (folder / Path(name).expanduser()).exists()
        )
        if other is not None and not path.exists():
            error.todo = f"{other[1]} is there: {write_instead(other[0], 'checkpoint:')}"
        raise
    files = checkpoint_files(path)
    check_digests(model, files, NOTHING_HASHED, functools.partial(file_sha256, memory=memory))
    if found == COCO_RESULTS:
        return None
    return read_header(path, model.state_dict_key, model.allow_globals, model.format)


def same_weights_findings(spec: Spec, model: Model, memory: Path) -> tuple[Finding, ...]:
    """Models that a check compares and whose checkpoints are the same bytes."""
    found = []
    for evaluation in spec.evaluations.values():
        if evaluation.model != model.name:
            continue
        for name in dict.fromkeys(check.baseline for check in evaluation.checks):
            other = spec.models.get(name or "")
            if other is not None and _same(model, other, spec.folder, memory):
                found.append(
                    Finding(
                        QUESTION,
                        model.name,
                        "error",
                        f"{model.name} and its baseline {other.name} have the same checkpoint",
                        where=str(checkpoint_path(model, spec.folder)),
                        expected="two files that differ",
                        found="the same bytes: the checks would compare a model with itself",
                        todo=f"correct the checkpoint of {model.name} or of {other.name}",
                        kind="BaselineError",
                    )
                )
    return tuple(found)


def same_steps_findings(model: Model, folder: Path, memory: Path) -> tuple[Finding, ...]:
    """Checkpoints of a grid that are the same bytes: a copied file is no later step and no other seed."""
    seen: dict[int, list[tuple[str, Path]]] = {}
    found = []
    for member in members(model.coordinates, {}) if model.coordinates else ():
        path = checkpoint_path(model, folder, member)
        if path is None or not path.is_file():
            continue
        at = named(member.items())
        for other, twin in seen.setdefault(path.stat().st_size, []):
            if file_sha256(path, memory) == file_sha256(twin, memory):
                found.append(
                    Finding(
                        QUESTION,
                        model.name,
                        "error",
                        f"{model.name} has the same checkpoint at {other} and at {at}",
                        where=str(path),
                        expected="another file for each combination of coordinates",
                        found="the same bytes",
                        todo="correct the pattern, or train what is missing",
                    )
                )
        seen[path.stat().st_size].append((at, path))
    return tuple(found)


def _same(model: Model, other: Model, folder: Path, memory: Path) -> bool:
    if model.coordinates or other.coordinates:
        return False
    # One checkpoint built in two ways, or read under two keys, is two models.
    if (model.build, dict(model.args), model.state_dict_key) != (
        other.build,
        dict(other.args),
        other.state_dict_key,
    ):
        return False
    try:
        sides = [_files(each, folder) for each in (model, other)]
    except CheckpointError:
        return False
    if not all(sides) or [_size(files) for files in sides[:1]] != [_size(files) for files in sides[1:]]:
        # Files of different sizes differ, and nothing of them has to be read.
        return False
    digest_of = functools.partial(file_sha256, memory=memory)
    return checkpoint_digest(sides[0], digest_of) == checkpoint_digest(sides[1], digest_of)


def _files(model: Model, folder: Path) -> list[Path]:
    path = checkpoint_path(model, folder)
    return [] if path is None else checkpoint_files(path)


def _size(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _wrapped(model: Model, header: Header) -> Iterator[Finding]:
    strange = sorted({info.dtype for info in header.tensors.values()} - DTYPE_BITS.keys())
    if strange:
        yield Finding(
            QUESTION,
            model.name,
            "warning",
            f"the checkpoint of {model.name} holds tensors of a type that is not known: {', '.join(strange)}",
            todo="look whether this torch can read them",
        )


def _named_by(finding: Finding, at: str) -> Finding:
    fields = finding.to_json() | {"what": f"({at}) {finding.what}"}
    return Finding.from_json(fields)
