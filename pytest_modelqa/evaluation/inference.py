"""The loop over the dataset: load, predict, check, score. Loading and scoring overlap with inference."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ..datasets.samples import Samples
from ..errors import DeviceError, OutputError
from ..spec.catalogue import MetricDeclaration
from ..tasks.protocol import Task
from .batches import BatchSize
from .plan import MetricUse
from .scoring import scores_of_batch


@dataclass(frozen=True)
class Subject:
    """What is evaluated, and how.

    Attributes:
        uses: The metrics that are computed from outputs.
        baselines: The trivial baselines that the task computes on the same samples.
        task_args: The evaluation's ``args``, some of which metrics take too (``data_range``).
    """

    task: Task
    model: torch.nn.Module
    samples: Samples
    device: torch.device
    uses: Sequence[tuple[MetricUse, MetricDeclaration]]
    baselines: Sequence[str]
    task_args: Mapping[str, Any]


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


def infer(subject: Subject, size: BatchSize, pool: Executor, done: Callable[[int], None]) -> Table:
    """Runs the model over every sample, in order.

    Args:
        pool: Loads the next batch and scores the last one while the model computes this one.
        done: Told the number of samples done after each batch.

    Raises:
        OutputError: An output cannot be scored.
        DatasetError: A sample cannot be read.
        InfrastructureError: The device has no memory for even one sample.
    """
    table = Table()
    total = len(subject.samples)
    position = 0
    loading: tuple[range, Future[dict[str, Any]]] | None = None
    scoring: Future[Mapping[str, np.ndarray]] | None = None
    scored_ids: list[str] = []
    while position < total:
        batch = size.next_batch(position, total)
        if loading is None or loading[0] != batch:
            loading = batch, pool.submit(_load, subject, batch)
        tensors = loading[1].result()
        ids = [subject.samples.ids[index] for index in batch]
        after = size.next_batch(batch.stop, total)
        loading = (after, pool.submit(_load, subject, after)) if after else None
        outputs = _predict_if_it_fits(subject, tensors, ids)
        if outputs is None:
            # Outside the handler: while an exception lives, its frames hold the tensors that did not fit
            # (PyTorch FAQ, "My out of memory exception handler can't allocate memory").
            del tensors
            loading = None
            _free_memory(subject.device)
            size.did_not_fit(batch)
            continue
        size.fitted(batch)
        if scoring is not None:
            table.add(scored_ids, scoring.result())
            done(batch.start)
        scored_ids, scoring = ids, pool.submit(_score, subject, tensors, outputs, ids)
        position = batch.stop
    if scoring is not None:
        table.add(scored_ids, scoring.result())
    done(total)
    _demand_every_sample(table.ids, subject.samples.ids)
    return table


def predict(subject: Subject, tensors: Mapping[str, Any], ids: Sequence[str]) -> torch.Tensor:
    """The model's outputs for a batch, once they are known to be one finite output for each sample.

    NaN must never reach a metric: pycocotools gives AP 1.0 for NaN boxes, torchmetrics accuracy 1.0 for NaN
    logits where the label is 0.

    Raises:
        OutputError: They are not.
        DeviceError: They were not computed on the device asked for.
    """
    with torch.inference_mode():
        outputs = subject.task.infer(subject.model, tensors)
    if outputs.device.type != subject.device.type:
        raise DeviceError(
            f"the outputs are on {outputs.device}, not on {subject.device}",
            expected=f"a model that computes on {subject.device}, the device asked for",
            todo="look for .cpu() or a device written by hand in the model's code",
        )
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


def _load(subject: Subject, batch: range) -> dict[str, Any]:
    return to_device(subject.samples.batch(batch), subject.device)


def _predict_if_it_fits(
    subject: Subject, tensors: Mapping[str, Any], ids: Sequence[str]
) -> torch.Tensor | None:
    try:
        return predict(subject, tensors, ids)
    except (torch.OutOfMemoryError, MemoryError):
        return None
    except RuntimeError as error:
        if _is_out_of_memory(error):
            return None
        raise


def _is_out_of_memory(error: RuntimeError) -> bool:
    """torch's CPU allocator and cuBLAS raise a plain RuntimeError; only its text tells."""
    text = str(error)
    return "can't allocate memory" in text or "CUBLAS_STATUS_ALLOC_FAILED" in text


def _free_memory(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _score(
    subject: Subject, tensors: Mapping[str, Any], outputs: torch.Tensor, ids: Sequence[str]
) -> dict[str, np.ndarray]:
    # A thread of its own does not inherit the mode, and tensors made under it are refused elsewhere.
    with torch.inference_mode():
        targets = subject.task.targets(tensors)
        columns = _columns(subject, outputs, targets, ids, prefix="")
        for baseline in subject.baselines:
            trivial = subject.task.baseline_outputs(baseline, tensors)
            columns |= _columns(subject, trivial, targets, ids, prefix=f"{baseline}/")
    return columns


def _columns(
    subject: Subject, outputs: torch.Tensor, targets: torch.Tensor, ids: Sequence[str], prefix: str
) -> dict[str, np.ndarray]:
    columns = {prefix + name: values for name, values in subject.task.predictions(outputs, targets).items()}
    for use, declaration in subject.uses:
        scores = scores_of_batch(use, declaration, subject.task_args, outputs, targets, ids)
        columns[prefix + use.column] = scores
    return columns


def _demand_every_sample(measured: Sequence[str], expected: Sequence[str]) -> None:
    """The denominator is the dataset: no sample may be missing, doubled or out of order."""
    if list(measured) != list(expected):
        raise OutputError(
            f"{len(measured)} samples were measured, the dataset has {len(expected)}",
            expected="each sample of the dataset exactly once",
            todo="report this as a bug of pytest-modelqa, with the spec",
        )
