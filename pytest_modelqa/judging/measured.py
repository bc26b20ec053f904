"""What one side of a check measured, read from its records slice by slice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import OutputError
from ..records.columns import column_name
from ..records.store import Record
from ..spec.catalogue import MetricDeclaration
from ..spec.resolved import Check
from .arithmetic import real_number


@dataclass(frozen=True)
class Measured:
    """The records of one side.

    Attributes:
        name: Of the model, evaluation or trivial baseline, as the verdict calls it.
        trivial: The name of the task's own baseline whose columns are read, or None for the model's.
        role: Of the dataset that was measured on; None where there is none.
        has_model: Whether a model was measured (and not a log, or another tool's results).
        reused: The records are of an earlier run.
        note: What a reader should know of how the records came about.
    """

    name: str
    record: Record
    role: str | None
    has_model: bool
    trivial: str | None = None
    reused: bool = False
    note: str = ""

    @property
    def measures_a_model(self) -> bool:
        """Whether a model (and not a trivial baseline) was measured on data that counts as evidence."""
        return self.has_model and self.trivial is None and self.role in ("validation", "test")


@dataclass(frozen=True)
class Value:
    """A metric's value on one slice.

    Attributes:
        number: Finite and in the metric's range.
        n: Samples in the slice.
        scores: For a per-sample metric, the scores that the value is the mean of, in the order of the records.
        left_out: For a set-level metric, the 20 values with one group of samples left out (None: undefined).
    """

    number: float
    n: int
    scores: np.ndarray | None = None
    left_out: tuple[float | None, ...] = ()


def values(side: Measured, check: Check, declaration: MetricDeclaration) -> dict[str, Value]:
    """The value on each slice that the check names: ``{"": …}`` without slices, else ``{"label=3": …}``.

    Raises:
        OutputError: A value cannot be judged, a slice is empty, or there are fewer samples than ``min_samples``.
    """
    column = column_name(check.metric, declaration.version, check.args, side.trivial)
    read = _per_sample if declaration.level == "sample" else _set_level
    found: dict[str, Value] = {}
    for slice_name, wanted in (check.slices or {"": None}).items():
        for label, value in read(side.record, column, slice_name, declaration).items():
            if wanted is None or label in wanted:
                found[f"{slice_name}={label}" if slice_name else ""] = value
        _demand_slices(found, slice_name, wanted)
    for name, value in found.items():
        _demand_samples(name, value, check)
    return found


def scores_of(record: Record, column: str) -> np.ndarray:
    """A score column, whether it was written with the samples or added later."""
    scores = record.column(column) if column in record.columns else record.scores(column)
    return np.asarray(scores, dtype=np.float64)


def exact_mean(scores: np.ndarray) -> float:
    """The mean of float64 scores, rounded once, so that no order of the samples changes it.

    NaN or an infinity where the scores hold one or overflow; ``real_number`` then refuses it.

    >>> exact_mean(np.full(10, 0.1)), 0.1 + 0.1 + 0.1 == 0.3
    (0.1, False)
    """
    # math.fsum raises where infinities of both signs meet, and where a sum overflows.
    if not np.isfinite(scores).all():
        return float("nan")
    try:
        return math.fsum(scores.tolist()) / len(scores)
    except OverflowError:
        return float("inf")


def _per_sample(
    record: Record, column: str, slice_name: str, declaration: MetricDeclaration
) -> Mapping[str, Value]:
    scores = scores_of(record, column)
    if not slice_name:
        return {"": _mean(scores, declaration)}
    labels = _labels(record, slice_name)
    return {_text(label): _mean(scores[labels == label], declaration) for label in np.unique(labels)}


def _mean(scores: np.ndarray, declaration: MetricDeclaration) -> Value:
    if not len(scores):
        raise OutputError("there are no samples", expected="at least one", todo="look at the dataset")
    return Value(real_number(exact_mean(scores), declaration), len(scores), scores=scores)


def _set_level(
    record: Record, column: str, slice_name: str, declaration: MetricDeclaration
) -> Mapping[str, Value]:
    return {
        label: Value(real_number(stored.value, declaration), stored.n, left_out=tuple(stored.left_out))
        for label, stored in record.set_values(column, slice_name).items()
    }


def _labels(record: Record, slice_name: str) -> np.ndarray:
    if slice_name not in record.columns:
        raise OutputError(
            f"the dataset has no field {slice_name!r} to slice by",
            expected=f"a one-dimensional field {slice_name!r}",
            found="fields " + (", ".join(sorted(record.columns)) or "none"),
            todo="correct slices:, or let the loader give this field",
        )
    return record.column(slice_name)


def _text(label: Any) -> str:
    return str(label.item() if isinstance(label, np.generic) else label)


def _demand_slices(found: Mapping[str, Value], slice_name: str, wanted: tuple[str, ...] | None) -> None:
    present = [name.partition("=")[2] for name in found if name.partition("=")[0] == slice_name]
    missing = [label for label in wanted or () if label not in present]
    if missing:
        raise OutputError(
            f"no sample is in slice {slice_name}={missing[0]}",
            expected=f"samples with {slice_name} " + ", ".join(wanted or ()),
            found=f"{len(missing)} of these slices are empty: " + ", ".join(missing[:5]),
            todo="correct slices:, or the dataset",
        )


def _demand_samples(name: str, value: Value, check: Check) -> None:
    if value.n < max(check.min_samples, 1):
        raise OutputError(
            f"{check.metric} was measured on {value.n} samples" + (f" of {name}" if name else ""),
            expected=f"at least {check.min_samples} (min_samples)",
            todo="measure on more samples, or lower min_samples if fewer are enough evidence",
        )
