"""From outputs, and the predictions in records, to scores: calls the code of metrics, and trusts none of it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OutputError
from ..metrics.fields import field_of
from ..metrics.registry import load
from ..metrics.side_tables import CLASS_SLICE, SetScore, SideTables
from ..records.arrays import OF_SAMPLES, OF_SET
from ..records.columns import REPEAT_OF
from ..records.digests import GROUPS, group_of
from ..records.record import read_record
from ..records.store import Record, SetValue
from ..spec.catalogue import MetricDeclaration
from .additions import column_of
from .plan import MetricUse

if TYPE_CHECKING:
    import torch


def scores_of_batch(
    use: MetricUse,
    declaration: MetricDeclaration,
    task_args: Mapping[str, Any],
    outputs: torch.Tensor,
    targets: torch.Tensor,
    ids: Sequence[str],
) -> np.ndarray:
    """One metric's scores of a batch, shape (n,), float64, each of them finite and in the metric's range.

    Raises:
        OutputError: The metric gave another shape, or a value that no score can have; the sample is named.
    """
    compute = load(declaration)
    from_task = {name: task_args[name] for name in declaration.task_args}
    raw = compute(outputs, targets, **from_task, **use.args)
    return checked_scores(declaration, np.asarray(raw.detach().cpu().numpy(), dtype=np.float64), ids)


def checked_scores(declaration: MetricDeclaration, scores: np.ndarray, ids: Sequence[str]) -> np.ndarray:
    """The scores, once they are known to be one finite number in range for each sample.

    >>> from ..metrics.registry import metrics
    >>> checked_scores(metrics()["psnr"], np.array([30.0, np.nan]), ["a", "b"])
    Traceback (most recent call last):
        ...
    pytest_modelqa.errors.OutputError: psnr is no number for 1 of 2 samples
      found:     nan for sample 'b'
      to do:     look at the model's output for this sample
    """
    name = declaration.name
    if scores.shape != (len(ids),):
        raise OutputError(
            f"{name} gave scores of shape {scores.shape} for {len(ids)} samples",
            expected="one score per sample",
            todo="correct the metric's function",
        )
    bad = ~np.isfinite(scores)
    if bad.any():
        raise _bad_scores(f"{name} is no number", scores, bad, ids)
    # 1e-9: float rounding, as in an SSIM of 1.0000000000000002.
    outside = (scores < declaration.lower - 1e-9) | (scores > declaration.upper + 1e-9)
    if outside.any():
        where = f"{name} is outside its range {declaration.lower:g}..{declaration.upper:g}"
        raise _bad_scores(where, scores, outside, ids)
    return scores


def _bad_scores(what: str, scores: np.ndarray, bad: np.ndarray, ids: Sequence[str]) -> OutputError:
    first = int(np.flatnonzero(bad)[0])
    return OutputError(
        f"{what} for {int(bad.sum())} of {len(ids)} samples",
        found=f"{scores[first]} for sample {ids[first]!r}",
        todo="look at the model's output for this sample",
    )


def score_predictions(
    record: Record, use: MetricUse, declaration: MetricDeclaration, baseline: str | None
) -> None:
    """Adds a metric of predictions to a record: its score column, or its set-level values.

    Where the metric is undefined the record keeps why: it is the error of the checks that need this value, and of no
    others.
    """
    column = column_of(use, baseline)
    if declaration.level == "sample":
        try:
            columns = _columns(record, declaration, baseline)
            scores = np.asarray(load(declaration)(columns.everything(), **use.args), dtype=np.float64)
            record.add_scores(column, checked_scores(declaration, scores, list(record.ids)))
        except OutputError as error:
            record.add_failures(column, "", {"": error.to_json()})
        return
    for slice_name in ("", *use.slices):
        if not record.has_set(column, slice_name):
            _add_set(record, use, declaration, baseline, column, slice_name)


def _add_set(
    record: Record,
    use: MetricUse,
    declaration: MetricDeclaration,
    baseline: str | None,
    column: str,
    slice_name: str,
) -> None:
    values: dict[str, SetValue] = {}
    failures: dict[str, Mapping[str, str | None]] = {}
    try:
        makers = _set_values(record, use, declaration, baseline, slice_name)
    except OutputError as error:
        makers, failures[""] = {}, error.to_json()
    for label, make in makers.items():
        try:
            values[label] = make()
        except OutputError as error:
            failures[label] = error.to_json()
    if failures:
        record.add_failures(column, slice_name, failures)
    record.add_set(column, slice_name, values)


def _set_values(
    record: Record, use: MetricUse, declaration: MetricDeclaration, baseline: str | None, slice_name: str
) -> Mapping[str, Callable[[], SetValue]]:
    """How to compute the value of each slice."""
    samples = record.column(REPEAT_OF) if REPEAT_OF in record.columns else record.ids
    groups = np.array([group_of(sample_id) for sample_id in samples])
    if declaration.tables:
        return _values_of_tables(record, use, declaration, groups, slice_name)
    compute = load(declaration)
    columns = _columns(record, declaration, baseline)
    if not slice_name:
        whole = _of_part(compute, columns, use.args)
        return {"": functools.partial(_set_value, whole, groups)}
    labels = field_of(record, slice_name)
    values = {}
    for label in np.unique(labels):
        rows = labels == label
        if declaration.class_slices and _is_class(slice_name, labels, columns):
            one_class = _one_class(compute, columns, use.args, label.item())
            values[str(label)] = functools.partial(_set_value, one_class, groups, counted=rows)
        else:
            part = _of_part(compute, columns.part(np.flatnonzero(rows)), use.args)
            values[str(label)] = functools.partial(_set_value, part, groups[rows])
    return values


def _is_class(slice_name: str, labels: np.ndarray, columns: _Columns) -> bool:
    """Whether a slice is by the target's class: the target may be a field of any name (``args: {target: digit}``)."""
    target = columns.of_samples.get("label")
    return slice_name == "label" or (target is not None and np.array_equal(labels, target))


def _values_of_tables(
    record: Record, use: MetricUse, declaration: MetricDeclaration, groups: np.ndarray, slice_name: str
) -> Mapping[str, Callable[[], SetValue]]:
    """The values of a metric of side tables, which takes all weighings of the samples at once."""
    tables = _side_tables(record.folder, record.seal, declaration.columns, declaration.tables)
    by_class = slice_name == CLASS_SLICE
    parts = {"": np.ones(len(groups), dtype=bool)}
    if slice_name and not by_class:
        labels = field_of(record, slice_name)
        parts = {str(label): labels == label for label in np.unique(labels)}
    if by_class:
        scores = load(declaration)(tables, _weighings(parts[""], groups), **use.args)
        return {
            name: functools.partial(_of_weighings, declaration.name, score)
            for name, score in scores.items()
            if name
        }
    return {
        label: functools.partial(_of_table_part, tables, _weighings(part, groups), use, declaration)
        for label, part in parts.items()
    }


def _of_table_part(
    tables: SideTables, weighings: np.ndarray, use: MetricUse, declaration: MetricDeclaration
) -> SetValue:
    return _of_weighings(declaration.name, load(declaration)(tables, weighings, **use.args)[""])


# One: the metrics of a record follow one another, and what they share is derived from the same object. The seal is
# there to tell a record from what was in its folder before.
@functools.lru_cache(maxsize=1)
def _side_tables(folder: Path, seal: str, columns: tuple[str, ...], tables: tuple[str, ...]) -> SideTables:
    record = read_record(folder)
    return SideTables(
        samples=record.manifest.samples,
        columns={name: record.column(name) for name in columns},
        tables={name: record.table(name) for name in tables},
    )


def _weighings(part: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Weights of 0 and 1: the part, and the part without each of the groups."""
    left_out = groups == np.arange(GROUPS)[:, np.newaxis]
    return np.concatenate([part[np.newaxis], part & ~left_out]).astype(np.int64)


def _of_weighings(metric: str, score: SetScore) -> SetValue:
    value, *left_out = score.values.tolist()
    if not math.isfinite(value):
        raise OutputError(
            f"{metric} gave {value}", expected="a finite number", todo="look at the predictions"
        )
    return SetValue(
        value=value, left_out=tuple(each if math.isfinite(each) else None for each in left_out), n=score.n
    )


def _one_class(
    compute: Callable[..., float], columns: _Columns, args: Mapping[str, Any], label: Any
) -> Callable[[np.ndarray], float]:
    return lambda rows: compute(columns.part(rows).everything(), class_value=label, **args)


def _of_part(
    compute: Callable[..., float], part: _Columns, args: Mapping[str, Any]
) -> Callable[[np.ndarray], float]:
    return lambda rows: compute(part.part(rows).everything(), **args)


def _set_value(
    compute: Callable[[np.ndarray], float], groups: np.ndarray, counted: np.ndarray | None = None
) -> SetValue:
    """The value over all rows, and over all rows but each of the 20 groups."""
    everything = np.arange(len(groups))
    value = float(compute(everything))
    if not math.isfinite(value):
        raise OutputError(
            f"the metric gave {value}", expected="a finite number", todo="look at the predictions"
        )
    left_out = tuple(_without(compute, groups, group, value) for group in range(GROUPS))
    n = len(groups) if counted is None else int(counted.sum())
    return SetValue(value=value, left_out=left_out, n=n)


def _without(
    compute: Callable[[np.ndarray], float], groups: np.ndarray, group: int, value: float
) -> float | None:
    """None where the metric has no finite value without the group; ``value`` where the group holds no sample."""
    rows = np.flatnonzero(groups != group)
    if len(rows) == len(groups):
        return value
    if not len(rows):
        return None
    try:
        found = float(compute(rows))
    except OutputError:
        return None
    return found if math.isfinite(found) else None


@dataclass(frozen=True)
class _Columns:
    """What a metric reads.

    Attributes:
        of_samples: Columns and arrays with a row for each sample.
        of_set: Arrays whose rows are no samples, such as the features of a reference set: no slice and no group that
            is left out ever takes a row from them.
    """

    of_samples: Mapping[str, np.ndarray]
    of_set: Mapping[str, np.ndarray]

    def part(self, rows: np.ndarray) -> _Columns:
        return _Columns({name: values[rows] for name, values in self.of_samples.items()}, self.of_set)

    def everything(self) -> dict[str, np.ndarray]:
        return {**self.of_samples, **self.of_set}


def _columns(record: Record, declaration: MetricDeclaration, baseline: str | None) -> _Columns:
    """The columns and arrays the metric reads; of a task's baseline, those that the baseline has of its own."""
    of_samples, of_set = {}, {}
    for name in declaration.columns:
        own = f"{baseline}/{name}" if baseline else name
        if own in record.columns:
            of_samples[name] = record.column(own)
        elif record.has_array(own, OF_SAMPLES):
            of_samples[name] = record.array(own)
        elif name in record.columns:
            of_samples[name] = record.column(name)
        # A baseline's own features are never the candidate's; the reference is the same for both.
        elif record.has_array(name, OF_SET):
            of_set[name] = record.array(name)
        else:
            raise OutputError(
                f"there are no {name} to compute {declaration.name} from",
                expected=f"a column or an array {name!r}"
                + (f" of the baseline {baseline}" if baseline else ""),
                found="columns " + (", ".join(sorted(record.columns)) or "none"),
                todo="choose a metric that this task and baseline can be measured by, or correct the task's args",
            )
    return _Columns(of_samples, of_set)
