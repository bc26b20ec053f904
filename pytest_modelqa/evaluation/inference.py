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
from ..errors import DatasetError, DeviceError, OutputError
from ..spec.catalogue import MetricDeclaration
from ..tasks.forward import to_device
from ..tasks.protocol import KeepsArrays, KeepsTables, Task
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


@dataclass(frozen=True)
class Scored:
    """What is kept of one batch.

    Attributes:
        columns: A row per sample.
        tables: The side tables' columns; ``sample`` counts within the batch.
        arrays: What is too wide for a column, a row per sample.
    """

    columns: Mapping[str, np.ndarray]
    tables: Mapping[str, Mapping[str, np.ndarray]]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Table:
    """``samples.parquet`` and the side tables as they grow, batch by batch."""

    ids: list[str] = field(default_factory=list)
    parts: dict[str, list[np.ndarray]] = field(default_factory=dict)
    side_parts: dict[str, dict[str, list[np.ndarray]]] = field(default_factory=dict)
    array_parts: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def add(self, ids: Sequence[str], scored: Scored) -> None:
        """Appends the rows of one batch."""
        for table, columns in scored.tables.items():
            parts = self.side_parts.setdefault(table, {})
            for name, values in columns.items():
                whole = values + len(self.ids) if name == "sample" else values
                parts.setdefault(name, []).append(whole)
        self.ids.extend(ids)
        for name, values in scored.columns.items():
            self.parts.setdefault(name, []).append(values)
        for name, values in scored.arrays.items():
            self.array_parts.setdefault(name, []).append(values)

    def columns(self) -> dict[str, np.ndarray]:
        """Every column, whole."""
        return _whole(self.parts)

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array, whole."""
        return _whole(self.array_parts)

    def side_tables(self) -> dict[str, dict[str, np.ndarray]]:
        """Every side table, whole; ``sample`` is the row of the sample."""
        return {table: _whole(parts) for table, parts in self.side_parts.items()}


def _whole(parts: Mapping[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate(values) for name, values in parts.items()}


@dataclass(frozen=True)
class Visit:
    """In which order the samples are visited, and when that may end.

    Attributes:
        order: Indices of the samples.
        begun: The rows of the first samples of the order, measured by an earlier run; mostly none.
        decided: Shown each batch that was scored; says whether no more samples are needed.
    """

    order: Sequence[int]
    begun: Table
    decided: Callable[[Sequence[str], Scored], bool]


def infer(
    subject: Subject, visit: Visit, size: BatchSize, pool: Executor, done: Callable[[int], None]
) -> Table:
    """Runs the model over the samples of a visit.

    Args:
        pool: Loads the next batch and scores the last one while the model computes this one.
        done: Told the number of samples done after each batch.

    Returns:
        A row for each sample visited, in the order of the visit.

    Raises:
        OutputError: An output cannot be scored.
        DatasetError: A sample cannot be read.
        InfrastructureError: The device has no memory for even one sample.
    """
    table = visit.begun
    total = len(visit.order)
    position = len(table.ids)
    loading: tuple[range, Future[dict[str, Any]]] | None = None
    scoring: Future[Scored] | None = None
    scored_ids: list[str] = []
    while position < total:
        batch = size.next_batch(position, total)
        if loading is None or loading[0] != batch:
            loading = batch, pool.submit(_load, subject, visit, batch)
        tensors = loading[1].result()
        ids = [subject.samples.ids[visit.order[position]] for position in batch]
        after = size.next_batch(batch.stop, total)
        loading = (after, pool.submit(_load, subject, visit, after)) if after else None
        outputs = _predict_if_it_fits(subject, tensors, ids)
        if isinstance(outputs, str):
            # Outside the handler: while an exception lives, its frames hold the tensors that did not fit
            # (PyTorch FAQ, "My out of memory exception handler can't allocate memory").
            del tensors
            loading = None
            _free_memory(subject.device)
            size.did_not_fit(batch, outputs)
            continue
        size.fitted(batch)
        if scoring is None:
            # A sign of life after the first batch too, whose scores come with the second.
            done(len(table.ids))
        else:
            scored = scoring.result()
            table.add(scored_ids, scored)
            done(batch.start)
            if visit.decided(scored_ids, scored):
                scoring = None
                break
        scored_ids, scoring = ids, pool.submit(_score, subject, tensors, outputs, ids)
        position = batch.stop
    if scoring is not None:
        table.add(scored_ids, scoring.result())
    done(len(table.ids))
    _demand_every_sample(table.ids, [subject.samples.ids[index] for index in visit.order[: len(table.ids)]])
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
        _demand_finite_inputs(tensors, ids)
        raise OutputError(
            f"NaN or Inf in the outputs for {len(bad)} of {len(ids)} samples of a batch",
            expected="finite outputs",
            found=f"first in sample {bad[0]!r}, whose data are finite",
            todo=_suspect(subject.model),
        )
    return outputs


def _suspect(model: torch.nn.Module) -> str:
    """What is left once the data are known to be finite; a checkpoint's weights are, or it would not be loaded."""
    named = dict(model.named_parameters())
    bad = next((name for name, weight in named.items() if not bool(torch.isfinite(weight).all())), None)
    if bad is not None:
        return f"give {bad!r} a finite value where the model is built: no checkpoint set it"
    if any(weight.dtype == torch.float16 for weight in named.values()):
        return (
            "write precision: float32 or bfloat16: float16 overflows above 65,504, and the weights are finite"
        )
    return (
        "the weights are finite too: look for a division by zero, a logarithm, a root or an overflow in the model "
        "(what it casts to float16 must stay below 65,504)"
    )


def _demand_finite_inputs(tensors: Mapping[str, Any], ids: Sequence[str]) -> None:
    """Asked once the outputs are known to be bad: then the data are the first suspect."""
    for name, value in tensors.items():
        if not (isinstance(value, torch.Tensor) and value.is_floating_point()):
            continue
        finite = torch.isfinite(value).reshape(len(ids), -1).all(dim=1).cpu().numpy()
        if not finite.all():
            raise DatasetError(
                f"NaN or Inf in the field {name!r} of {int((~finite).sum())} samples of a batch",
                expected="finite data",
                found=f"first in sample {ids[int(np.flatnonzero(~finite)[0])]!r}",
                todo="look at this sample in the data, or let the loader fill or leave out what is missing",
            )


def _load(subject: Subject, visit: Visit, batch: range) -> dict[str, Any]:
    return to_device(subject.samples.batch([visit.order[position] for position in batch]), subject.device)


def _predict_if_it_fits(
    subject: Subject, tensors: Mapping[str, Any], ids: Sequence[str]
) -> torch.Tensor | str:
    """The outputs, or what the allocator said: text, for the exception itself would hold on to the memory."""
    try:
        return predict(subject, tensors, ids)
    except (torch.OutOfMemoryError, MemoryError) as error:
        return _first_line(error)
    except RuntimeError as error:
        if _is_out_of_memory(error):
            return _first_line(error)
        raise


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:300]


def _is_out_of_memory(error: RuntimeError) -> bool:
    """torch's CPU allocator and cuBLAS raise a plain RuntimeError; only its text tells."""
    text = str(error)
    return "can't allocate memory" in text or "CUBLAS_STATUS_ALLOC_FAILED" in text


def _free_memory(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _score(subject: Subject, tensors: Mapping[str, Any], outputs: torch.Tensor, ids: Sequence[str]) -> Scored:
    # A thread of its own does not inherit the mode, and tensors made under it are refused elsewhere.
    with torch.inference_mode():
        targets = subject.task.targets(tensors)
        task = subject.task
        columns = _columns(subject, outputs, targets, ids, prefix="")
        arrays = _arrays(task, outputs, targets, prefix="")
        for baseline in subject.baselines:
            trivial = task.baseline_outputs(baseline, tensors)
            columns |= _columns(subject, trivial, targets, ids, prefix=f"{baseline}/")
            arrays |= _arrays(task, trivial, targets, prefix=f"{baseline}/")
        tables = task.side_tables(outputs, targets) if isinstance(task, KeepsTables) else {}
    return Scored(columns, tables, arrays)


def _arrays(task: Task, outputs: torch.Tensor, targets: torch.Tensor, prefix: str) -> dict[str, np.ndarray]:
    kept = task.sample_arrays(outputs, targets) if isinstance(task, KeepsArrays) else {}
    return {prefix + name: values for name, values in kept.items()}


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
            f"{len(measured)} samples were measured where {len(expected)} were visited",
            expected="each sample exactly once, in the order of the visit",
            todo="report this as a bug of pytest-modelqa, with the spec",
        )
