"""One evaluation from its work order to its record: load, predict in batches, score, store. Needs torch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..datasets.loading import load_samples
from ..datasets.samples import Samples
from ..errors import DatasetError, OutputError
from ..metrics.registry import metrics
from ..models.loading import load_model
from ..records.manifest import Device, Manifest, now_utc
from ..records.store import Record, Store
from ..spec.catalogue import MetricDeclaration
from ..tasks.protocol import Inspection, Task
from ..tasks.registry import load as load_task
from ..tasks.registry import tasks
from .engine import Progress, WorkOrder
from .fingerprint import used_code, used_distributions
from .plan import MetricUse
from .scoring import is_complete, score_predictions, scores_of_batch
from .torch_device import describe, prepare

Report = Callable[[Progress], None]

# `batch_size: auto`, until it grows by itself.
AUTO_BATCH_SIZE = {"cpu": 64, "cuda": 256}


def execute(order: WorkOrder, report: Report) -> Path:
    """Makes the record that the order asks for, or completes the one it names.

    Returns:
        The folder of the record.

    Raises:
        EvaluationError: The evaluation could not be made.
        StoreError: The record could not be written.
    """
    store = Store(order.store)
    if order.record is not None:
        known = [record for record in store.find(order.key) if record.folder == order.record]
        record = known[0] if known else _infer(order, store, report)
    else:
        record = _infer(order, store, report)
    report(Progress("scoring"))
    _score_predictions(order, record)
    return record.folder


@dataclass
class Table:
    """The columns of ``samples.parquet`` as they grow, batch by batch."""

    ids: list[str] = field(default_factory=list)
    parts: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, ids: Sequence[str], columns: Mapping[str, np.ndarray]) -> None:
        """Appends the rows of one batch."""
        self.ids.extend(ids)
        for name, values in columns.items():
            self.parts.setdefault(name, []).append(values)

    def columns(self) -> dict[str, np.ndarray]:
        """Every column, whole."""
        return {name: np.concatenate(parts) for name, parts in self.parts.items()}


def _infer(order: WorkOrder, store: Store, report: Report) -> Record:
    evaluation = order.job.evaluation
    device = prepare(order.device, seed=evaluation.seed, deterministic=evaluation.deterministic)
    report(Progress("loading data"))
    samples = _samples(order)
    task = _task(order)
    task.prepare(samples)
    report(Progress("loading model", 0, len(samples)))
    model = _model(order, device)
    batch_size = _batch_size(order, device)
    started = time.monotonic()
    table = Table()
    for start in range(0, len(samples), batch_size):
        indices = range(start, min(start + batch_size, len(samples)))
        ids, columns = _one_batch(order, task, model, samples, indices, device)
        table.add(ids, columns)
        report(Progress("predicting", indices.stop, len(samples)))
    seconds = time.monotonic() - started
    _demand_every_sample(table.ids, samples.ids)
    columns = {**table.columns(), **_slices(samples)}
    measured = {
        "batch_size": batch_size,
        "precision": evaluation.precision,
        "seconds": round(seconds, 3),
        "samples_per_second": round(len(samples) / max(seconds, 1e-9), 1),
        "threads": torch.get_num_threads(),
    }
    pictures = task.pictures(_inspection(table.ids, columns, task, model, samples, device))
    return _store(order, store, table.ids, columns, pictures, describe(device), measured)


def _samples(order: WorkOrder) -> Samples:
    dataset = order.job.dataset
    if dataset is None:
        raise DatasetError("the evaluation names no dataset", todo="write dataset: NAME")
    return load_samples(dataset, order.job.folder)


def _task(order: WorkOrder) -> Task:
    declaration = tasks()[order.job.evaluation.task]
    # Through JSON: a strict schema takes a list for a tuple only there, and the order came as JSON.
    args = declaration.args.model_validate_json(json.dumps(dict(order.job.evaluation.args)))
    return load_task(declaration)(args)


def _model(order: WorkOrder, device: torch.device) -> torch.nn.Module:
    model = order.job.model
    if model is None:
        raise OutputError("the evaluation names no model", todo="write model: NAME")
    return load_model(model, order.job.folder, str(device), order.job.evaluation.precision)


def _batch_size(order: WorkOrder, device: torch.device) -> int:
    wanted = order.job.evaluation.batch_size
    return AUTO_BATCH_SIZE[device.type] if wanted == "auto" else wanted


def _one_batch(
    order: WorkOrder,
    task: Task,
    model: torch.nn.Module,
    samples: Samples,
    indices: Sequence[int],
    device: torch.device,
) -> tuple[list[str], dict[str, np.ndarray]]:
    ids = [samples.ids[index] for index in indices]
    batch = to_device(samples.batch(indices), device)
    targets = task.targets(batch)
    outputs = predict(task, model, batch, ids)
    columns = _score_outputs(order, task, outputs, targets, ids, prefix="")
    for baseline in order.job.baselines:
        trivial = task.baseline_outputs(baseline, batch)
        columns |= _score_outputs(order, task, trivial, targets, ids, prefix=f"{baseline}/")
    return ids, columns


def predict(task: Task, model: torch.nn.Module, batch: Mapping[str, Any], ids: Sequence[str]) -> torch.Tensor:
    """The model's outputs for a batch, once they are known to be one finite output for each sample.

    NaN must never reach a metric: pycocotools gives AP 1.0 for NaN boxes, torchmetrics accuracy 1.0 for NaN
    logits where the label is 0.
    """
    with torch.inference_mode():
        outputs = task.infer(model, batch)
    if outputs.shape[0] != len(ids):
        raise OutputError(
            f"the model gave {outputs.shape[0]} outputs for {len(ids)} samples",
            expected="outputs of shape (samples, …)",
            found=f"shape {tuple(outputs.shape)}",
            todo="let the model return one output for each sample, in order",
        )
    finite = torch.isfinite(outputs).reshape(len(ids), -1).all(dim=1).cpu().numpy()
    if not finite.all():
        bad = [ids[row] for row in np.flatnonzero(~finite).tolist()]
        raise OutputError(
            f"NaN or Inf in the outputs for {len(bad)} of {len(ids)} samples of a batch",
            expected="finite outputs",
            found=f"first in sample {bad[0]!r}",
            todo="look at the checkpoint and the precision; float16 overflows above 65,504",
        )
    return outputs


def to_device(batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """The batch with its numeric arrays as tensors on the device; everything else as it is."""
    return {
        name: torch.from_numpy(np.ascontiguousarray(value)).to(device)
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
        else value
        for name, value in batch.items()
    }


def _score_outputs(
    order: WorkOrder,
    task: Task,
    outputs: torch.Tensor,
    targets: torch.Tensor,
    ids: Sequence[str],
    prefix: str,
) -> dict[str, np.ndarray]:
    columns = {prefix + name: values for name, values in task.predictions(outputs, targets).items()}
    for use, declaration in _uses(order, "outputs"):
        task_args = order.job.evaluation.args
        columns[prefix + use.column] = scores_of_batch(use, declaration, task_args, outputs, targets, ids)
    return columns


def _uses(order: WorkOrder, needs: str) -> list[tuple[MetricUse, MetricDeclaration]]:
    declarations = metrics()
    uses = [(use, declarations[use.metric]) for use in order.job.metrics]
    return [(use, declaration) for use, declaration in uses if declaration.needs == needs]


def _demand_every_sample(measured: Sequence[str], expected: Sequence[str]) -> None:
    """The denominator is the dataset: no sample may be missing, doubled or out of order."""
    if list(measured) != list(expected):
        raise OutputError(
            f"{len(measured)} samples were measured, the dataset has {len(expected)}",
            expected="each sample of the dataset exactly once",
            todo="report this as a bug of pytest-modelqa, with the spec",
        )


def _slices(samples: Samples) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in samples.scalars.items()}


def _inspection(
    ids: Sequence[str],
    columns: Mapping[str, np.ndarray],
    task: Task,
    model: torch.nn.Module,
    samples: Samples,
    device: torch.device,
) -> Inspection:
    def rerun(indices: Sequence[int]) -> tuple[Mapping[str, Any], torch.Tensor]:
        batch = to_device(samples.batch(indices), device)
        outputs = predict(task, model, batch, [samples.ids[index] for index in indices])
        return to_device(samples.batch(indices), torch.device("cpu")), outputs.cpu()

    return Inspection(ids=ids, columns=columns, rerun=rerun)


def _store(
    order: WorkOrder,
    store: Store,
    ids: Sequence[str],
    columns: Mapping[str, np.ndarray],
    pictures: Mapping[str, bytes],
    device: Device,
    measured: Mapping[str, Any],
) -> Record:
    draft = store.begin(order.key)
    draft.write_samples(ids, columns)
    for name, content in pictures.items():
        draft.write_picture(name, content)
    manifest = Manifest(
        key=order.key,
        key_parts=order.key_parts,
        created=now_utc(),
        device=device,
        code=used_code(order.job.folder),
        distributions=used_distributions(),
        inputs=order.inputs,
        samples=len(ids),
        complete=True,
        measured=measured,
    )
    return draft.commit(manifest)


def _score_predictions(order: WorkOrder, record: Record) -> None:
    for use, declaration in _uses(order, "predictions"):
        for baseline in (None, *order.job.baselines):
            if not is_complete(record, use, declaration, baseline):
                score_predictions(record, use, declaration, baseline)
