"""The key of an evaluation: the digest of all that its measured values depend on and that is known before it runs.

Code is not in the key, because which modules a model imports is only known once it ran: the worker stores them
with the record and ``reuse`` hashes them again. Bounds, ids, severities and marks are not in it either: they change
only the verdict.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.files import data_files
from ..errors import EvaluationError
from ..models.files import check_digests, checkpoint_files, checkpoint_path
from ..records.digests import FileDigest, digest, file_sha256
from ..spec.catalogue import Catalogue, TaskDeclaration
from ..spec.resolved import Dataset, Model
from ..tasks.registry import load_reader
from .plan import Job

# Raised when what a record holds changes its meaning.
RECORDS_VERSION = 1
FILES = "files"
"""What the files of a task that reads some are called among the inputs."""


@dataclass(frozen=True)
class Key:
    """An evaluation's key.

    Attributes:
        value: The digest.
        parts: What it was made of, kept in the record.
        inputs: Digests of the files that were read for it, by what they are.
        undeclared_data: The loader says neither ``files:`` nor ``sha256:``, so nobody can tell whether the data
            changed: the records serve only this run.
        timed: A time is measured, which says nothing of another machine or another day: the records serve only this
            run.
    """

    value: str
    parts: Mapping[str, Any]
    inputs: Mapping[str, tuple[FileDigest, ...]]
    undeclared_data: bool
    timed: bool


def key_of(job: Job, catalogue: Catalogue, run_id: str, memory: Path) -> Key:
    """The key of a job.

    Args:
        memory: The folder that remembers digests of large files.
        run_id: Stands in for the digest of what nobody declared or can know: the data, the machine's other work.

    Raises:
        EvaluationError: A model that an argument names is the candidate, or a grid.
        CheckpointError: The checkpoint is missing, is not what its name says, or is not the one that is pinned.
        DatasetError: A declared data file is missing.
    """
    task = catalogue.tasks[job.evaluation.task]
    model, checkpoint = _model_part(job.model, job, memory)
    dataset, data, undeclared = _dataset_part(job.dataset, job.folder, run_id, memory)
    companions = _companions_part(job, run_id, memory)
    _demand_other_models(job, model, companions.models)
    evaluation = job.evaluation
    parts = {
        "records_version": RECORDS_VERSION,
        "task": {"name": task.name, "version": task.version, "args": _measuring_args(job, task)},
        "model": model,
        "dataset": dataset,
        "companions": {"models": companions.models, "datasets": companions.datasets},
        "metrics": [
            use.column for use in job.metrics if catalogue.metrics[use.metric].needs != "predictions"
        ],
        "baselines": list(job.baselines),
        "seed": evaluation.seed,
        "precision": evaluation.precision,
        "batch_size": evaluation.batch_size,
        "deterministic": evaluation.deterministic,
        "repeats": evaluation.repeats,
    }
    timed = any(catalogue.metrics[use.metric].needs == "run" for use in job.metrics)
    if timed:
        parts["run"] = run_id
    inputs = {"checkpoint": checkpoint, "data": data, **companions.inputs}
    if job.rehearsal:
        # Random weights must never be found by a release, wherever the store is.
        parts["rehearsal"] = True
    if task.reads_files:
        paths = files_of(job, task)
        inputs[FILES] = tuple(_file(path, job.folder, memory) for path in paths)
        # The bytes and not the path, as with checkpoints; their names below the first, because formats know files
        # by them: MLflow keeps val/loss in a folder val.
        names = [os.path.relpath(path, paths[0].parent) for path in paths]
        parts[FILES] = [[name, file.sha256] for name, file in zip(names, inputs[FILES], strict=True)]
    return Key(digest(parts), parts, inputs, undeclared or companions.undeclared, timed)


def files_of(job: Job, task: TaskDeclaration) -> tuple[Path, ...]:
    """The files that a task reads in place of a model's checkpoint.

    Raises:
        DatasetError: There are none.
    """
    return load_reader(task, job.evaluation.args).files(job.folder, job.coordinates)


def _measuring_args(job: Job, task: TaskDeclaration) -> dict[str, Any]:
    """The arguments that say how something is measured, and not where it lies."""
    names = ("path", "coordinates") if task.reads_files else ()
    return {name: value for name, value in job.evaluation.args.items() if name not in names}


@dataclass(frozen=True)
class _CompanionsPart:
    models: Mapping[str, Any]
    datasets: Mapping[str, Any]
    inputs: Mapping[str, tuple[FileDigest, ...]]
    undeclared: bool


def _companions_part(job: Job, run_id: str, memory: Path) -> _CompanionsPart:
    models = {name: _model_part(model, job, memory) for name, model in job.companions.models.items()}
    datasets = {
        name: _dataset_part(dataset, job.folder, run_id, memory)
        for name, dataset in job.companions.datasets.items()
    }
    files = {checkpoint_of(name): part[1] for name, part in models.items()}
    files |= {data_of(name): part[1] for name, part in datasets.items()}
    return _CompanionsPart(
        models={name: part[0] for name, part in models.items()},
        datasets={name: part[0] for name, part in datasets.items()},
        inputs=files,
        undeclared=any(part[2] for part in datasets.values()),
    )


def checkpoint_of(companion: str) -> str:
    """What the files of another model's checkpoint are called among the inputs."""
    return f"checkpoint of {companion}"


def data_of(companion: str) -> str:
    """What the files of another dataset are called among the inputs."""
    return f"data of {companion}"


def _demand_other_models(job: Job, candidate: Any, companions: Mapping[str, Any]) -> None:
    """A model that judges itself, or is compared in its own features, would always be content."""
    for name, companion in companions.items():
        # Where there are no weights, what is built is the model.
        parts = (
            ("checkpoint", "state_dict_key") if companion["checkpoint"] else ("build", "args", "checkpoint")
        )
        if candidate is not None and all(companion[part] == candidate[part] for part in parts):
            raise EvaluationError(
                f"{name} is the candidate itself: a model must not be its own judge",
                where=f"args of the evaluation {job.evaluation.name}",
                expected=f"another model than {job.model.name if job.model else ''}",
                found="the same checkpoint" if companion["checkpoint"] else "the same build and args",
                todo=f"correct checkpoint: of {name}, or name another model",
            )


def _model_part(model: Model | None, job: Job, memory: Path) -> tuple[Any, tuple[FileDigest, ...]]:
    if model is None:
        return None, ()
    if model is not job.model and model.coordinates:
        raise EvaluationError(
            f"{model.name} has coordinates: it is many checkpoints, and an argument can name only one",
            where=f"args of the evaluation {job.evaluation.name}",
            todo="declare a model of its own for the checkpoint that is meant",
        )
    path = checkpoint_path(model, job.folder, job.coordinates)
    paths = checkpoint_files(path) if path else []
    # Here and not only where it is loaded: records of an earlier run must not serve a spec that pins other bytes.
    if paths:
        check_digests(model, paths, {}, functools.partial(file_sha256, memory=memory))
    files = tuple(_file(file, job.folder, memory) for file in paths)
    part = {
        "build": model.build,
        "args": dict(model.args),
        "state_dict_key": model.state_dict_key,
        "format": model.format,
        # The bytes and not the path: a checkpoint that was moved is the same model.
        "checkpoint": [file.sha256 for file in files] or _random_weights(model, job),
    }
    return part, files


def _random_weights(model: Model, job: Job) -> list[str]:
    """Two models of one build that are rehearsed side by side are two models: each has a seed of its own."""
    return [f"random weights of {model.name}"] if job.rehearsal else []


def _dataset_part(
    dataset: Dataset | None, folder: Path, run_id: str, memory: Path
) -> tuple[Any, tuple[FileDigest, ...], bool]:
    if dataset is None:
        return None, (), False
    paths = data_files(dataset, folder)
    files = tuple(_file(path, folder, memory) for path in paths or ())
    undeclared = paths is None and dataset.sha256 is None
    part = {
        "load": dataset.load,
        "path": dataset.path,
        "args": dict(dataset.args),
        "split": dataset.split,
        "limit": dataset.limit,
        "sha256": dataset.sha256,
        # With their names, because loaders read labels out of them.
        "files": [[file.path, file.sha256] for file in files],
        "run": run_id if undeclared else None,
    }
    return part, files, undeclared


def _file(path: Path, folder: Path, memory: Path) -> FileDigest:
    named = path.relative_to(folder) if path.is_relative_to(folder) else path
    return FileDigest(named.as_posix(), file_sha256(path, memory), path.stat().st_size)
