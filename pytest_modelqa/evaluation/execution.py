"""One evaluation from its work order to its record: load, predict, score, store. Needs torch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..datasets.loading import load_samples
from ..datasets.repeated import Repeated
from ..datasets.samples import Samples
from ..errors import DatasetError, EvaluationError
from ..metrics.registry import metrics
from ..models.files import checkpoint_files, checkpoint_path, unchanged
from ..records.digests import FileDigest, file_sha256
from ..records.manifest import Manifest, now_utc
from ..records.store import Record, Store
from ..spec.catalogue import MetricDeclaration
from ..tasks.forward import to_device
from ..tasks.protocol import Inspection, IsFitted, KeepsArrays, MakesSamples, Task
from ..tasks.registry import arguments_of, tasks
from ..tasks.registry import load as load_task
from . import opened_files
from .additions import (
    column_of,
    demand_no_scores_among,
    forget_outdated,
    is_complete,
    keep_provenance,
)
from .batches import BatchSize
from .companions import companion_checkpoints, setting_of
from .early import populations_of
from .engine import Progress, Report, WorkOrder
from .fingerprint import used_code, used_distributions
from .inference import Subject, Table, infer, predict
from .loaded_models import LoadedModels
from .performance import performance_of
from .performance_scores import score_performance
from .plan import MetricUse
from .scoring import score_predictions
from .torch_device import describe, prepare
from .visit import in_order_of_dataset, visit_of

# A file written within the tick of its clock keeps its time; 2 s is the coarsest tick in use (FAT).
_TICK_SECONDS = 2.0


def execute(order: WorkOrder, report: Report, models: LoadedModels, pool: Executor) -> Path:
    """Makes the record that the order asks for, or completes the one it names.

    Args:
        models: What earlier orders of this process loaded.
        pool: Runs what overlaps with inference.

    Returns:
        The folder of the record.

    Raises:
        EvaluationError: The evaluation could not be made.
        StoreError: The record could not be written.
    """
    began = time.time()
    try:
        return _execute(order, report, models, pool, began)
    finally:
        # Also where it failed: the next order of this process finds the same modules, and maybe other files.
        used_code(order.job.folder, began)


def _execute(order: WorkOrder, report: Report, models: LoadedModels, pool: Executor, began: float) -> Path:
    store = Store(order.store)
    known = [record for record in store.find(order.key) if record.folder == order.record]
    opened_files.watch(order.job.folder)
    opened_files.declare(order.job.folder / file.path for files in order.inputs.values() for file in files)
    record = known[0] if known else _measure(order, store, report, models, pool, began)
    report(Progress("scoring"))
    added = list(_score(order, record))
    keep_provenance(record, added, order.job.folder, began)
    return record.folder


def _score(order: WorkOrder, record: Record) -> Iterator[str]:
    """Computes from the record what it lacks; the names of what was added."""
    folder = order.job.folder
    for use, declaration in _uses(order, "predictions", "model", "run"):
        for baseline in (None, *order.job.baselines):
            if is_complete(record, use, declaration, baseline, folder):
                continue
            forget_outdated(record, column_of(use, baseline), folder)
            if declaration.needs == "predictions":
                score_predictions(record, use, declaration, baseline)
            else:
                score_performance(record, use, declaration)
            yield column_of(use, baseline)


def _measure(
    order: WorkOrder, store: Store, report: Report, models: LoadedModels, pool: Executor, began: float
) -> Record:
    evaluation = order.job.evaluation
    device = prepare(order.device, seed=evaluation.seed, deterministic=evaluation.deterministic)
    report(Progress("loading data"))
    task = _task(order)
    samples = _samples(order, task)
    task.prepare(samples)
    report(Progress("loading model"))
    with _checkpoints_unchanged(order):
        model = models.get(order, device)
        if isinstance(task, IsFitted):
            task.fit(setting_of(order, model, samples, device, lambda: report(Progress("fitting"))))
        subject = Subject(
            task=task,
            model=model,
            samples=samples,
            device=device,
            uses=_uses(order, "outputs"),
            baselines=order.job.baselines,
            task_args=evaluation.args,
        )
        size = BatchSize(evaluation.batch_size, device.type)
        started = time.monotonic()
        report(Progress("predicting", 0, len(samples)))
        scalars = {name: np.asarray(values) for name, values in samples.scalars.items()}
        demand_no_scores_among(scalars)
        visit = visit_of(order, store, len(samples), scalars)
        table = infer(
            subject, visit, size, pool, lambda done: report(Progress("predicting", done, len(samples)))
        )
        seconds = time.monotonic() - started
        table, visited = in_order_of_dataset(table, visit.order)
        columns = _with_fields(table.columns(), {name: of[visited] for name, of in scalars.items()})
        pictures = task.pictures(_inspection(subject, table, columns, visited, report))
        asked = [use.metric for use, _ in _uses(order, "model", "run")]
        performance = (
            performance_of(subject, visit.order, size.used, asked, lambda: report(Progress("timing")))
            if asked
            else None
        )
    how = _how(order, subject, size, seconds, table)
    if performance is not None:
        how["performance"] = performance
    if len(table.ids) < len(samples):
        populations = populations_of(scalars, order.job, len(samples))
        # What was measured under the same name goes on with the samples, and is not added again.
        how["early"] = {**populations.to_json(), "scalars": sorted(set(scalars) - set(table.columns()))}
    _demand_same_data(order)
    code = used_code(order.job.folder, began)
    arrays = task.set_arrays() if isinstance(task, KeepsArrays) else {}
    return _store(order, store, table, columns, arrays, pictures, device, how, code)


def _with_fields(
    measured: Mapping[str, np.ndarray], fields: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The columns of the record: what was measured, and the fields of the dataset to slice by.

    Raises:
        DatasetError: A field has the name of something that was measured, and says something else. A field
            ``prediction`` would else be judged in place of what the model predicted.
    """
    for name in sorted(set(measured) & set(fields)):
        if not np.array_equal(measured[name], fields[name]):
            raise DatasetError(
                f"the dataset has a field {name!r}, which is the name of something that the evaluation measures",
                expected=f"a field of another name than {', '.join(sorted(measured))}",
                todo=f"rename {name!r} in the dataset, or in the loader",
            )
    return {**fields, **measured}


def _samples(order: WorkOrder, task: Task) -> Samples:
    dataset = order.job.dataset
    if dataset is None:
        raise DatasetError("the evaluation names no dataset", todo="write dataset: NAME")
    samples: Samples = load_samples(dataset, order.job.folder)
    times = order.job.evaluation.repeats
    if isinstance(task, MakesSamples):
        samples = task.make_samples(samples, order.job.evaluation.seed)
        if times > 1:
            raise EvaluationError(
                f"repeats: {times} would give the task {order.job.evaluation.task} the same samples again",
                expected="repeats: 1, as the task makes its own samples",
                todo="ask for more of them in args: {samples: …}",
            )
    return samples if times == 1 else Repeated(samples, times)


def _demand_same_data(order: WorkOrder) -> None:
    """The data that were read are those that the key was made of; hours may lie between the two.

    Raises:
        DatasetError: A file has been changed since.
    """
    files = [file for what, group in order.inputs.items() if what.startswith("data") for file in group]
    for file in files:
        path = order.job.folder / file.path
        status = path.stat() if path.exists() else None
        if status and max(status.st_mtime, status.st_ctime) < order.planned - _TICK_SECONDS:
            continue
        if status is None or file_sha256(path) != file.sha256:
            raise DatasetError(
                f"a data file changed during the run: {path.name}",
                where=str(path),
                expected="a file that nobody writes to",
                found="other content than when the run was planned" if status else "no file",
                todo="wait until it is written; then run again",
            )


def _task(order: WorkOrder) -> Task:
    declaration = tasks()[order.job.evaluation.task]
    return load_task(declaration)(arguments_of(declaration, order.job.evaluation.args))


@contextmanager
def _checkpoints_unchanged(order: WorkOrder) -> Iterator[None]:
    """Weights on the CPU stay mapped from their file, so it must stay as it is until the last batch."""
    job = order.job
    if job.model is None:
        raise EvaluationError("the evaluation names no model", todo="write model: NAME")
    path = checkpoint_path(job.model, job.folder, job.coordinates)
    with unchanged([*(checkpoint_files(path) if path else ()), *companion_checkpoints(order)]):
        yield


def _uses(order: WorkOrder, *needs: str) -> list[tuple[MetricUse, MetricDeclaration]]:
    declarations = metrics()
    uses = [(use, declarations[use.metric]) for use in order.job.metrics]
    return [(use, declaration) for use, declaration in uses if declaration.needs in needs]


def _inspection(
    subject: Subject, table: Table, columns: Mapping[str, np.ndarray], visited: np.ndarray, report: Report
) -> Inspection:
    report(Progress("drawing"))

    def rerun(rows: Sequence[int]) -> tuple[Mapping[str, Any], torch.Tensor]:
        # A sign of life for each picture: a slow model is no hang.
        report(Progress("drawing"))
        indices = visited[np.asarray(rows)].tolist()
        batch = subject.samples.batch(indices)
        ids = [subject.samples.ids[index] for index in indices]
        outputs = predict(subject, to_device(batch, subject.device), ids)
        return to_device(batch, torch.device("cpu")), outputs.cpu()

    return Inspection(ids=table.ids, columns=columns, rerun=rerun, tables=table.side_tables())


def _how(order: WorkOrder, subject: Subject, size: BatchSize, seconds: float, table: Table) -> dict[str, Any]:
    """How it was measured, for whoever reads the record."""
    total = len(subject.samples)
    available = getattr(subject.samples, "available", total)
    notes = [*size.notes()]
    if available > total:
        notes.append(f"limit: {total} of {available} samples")
    if len(table.ids) < total:
        notes.append(
            f"stopped early: {len(table.ids)} of {total} samples decide every check of the evaluation"
        )
    return {
        "batch_size": size.used,
        "precision": order.job.evaluation.precision,
        "seconds": round(seconds, 3),
        "samples_per_second": round(len(table.ids) / max(seconds, 1e-9), 1),
        "threads": torch.get_num_threads(),
        "notes": notes,
    }


def _store(
    order: WorkOrder,
    store: Store,
    table: Table,
    columns: Mapping[str, np.ndarray],
    set_arrays: Mapping[str, np.ndarray],
    pictures: Mapping[str, bytes],
    device: torch.device,
    how: Mapping[str, Any],
    code: tuple[FileDigest, ...],
) -> Record:
    with store.begin(order.key) as draft:
        draft.write_samples(table.ids, columns)
        for name, rows in table.side_tables().items():
            draft.write_table(name, rows)
        for name, values in table.arrays().items():
            draft.write_sample_array(name, values)
        for name, values in set_arrays.items():
            draft.write_set_array(name, values)
        for name, content in pictures.items():
            draft.write_picture(name, content)
        return draft.commit(
            Manifest(
                key=order.key,
                key_parts=order.key_parts,
                created=now_utc(),
                device=describe(device),
                code=code,
                distributions=used_distributions(),
                inputs=order.inputs,
                samples=len(table.ids),
                complete="early" not in how,
                measured=how,
            )
        )
