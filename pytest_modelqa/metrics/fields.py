"""The fields of a dataset that its samples are sliced or clustered by, as records have them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..errors import OutputError
from ..records.columns import is_score
from ..records.store import Record
from ..spec.spelling import nearest


def field_of(record: Record, name: str, key: str = "slices") -> np.ndarray:
    """A field with one label for each sample, shape (n,): one sample in no slice at all would never be missed.

    Args:
        record: Of the evaluation.
        name: The field.
        key: What names it in the spec: ``slices`` or ``cluster``.

    Raises:
        OutputError: There is no such field, or it has no label for some samples, or several.
    """
    verb = "cluster" if key == "cluster" else "slice"
    if name not in record.columns:
        raise OutputError(
            f"the dataset has no field {name!r} to {verb} by",
            expected=f"a one-dimensional field {name!r}",
            found=fields_in_words(record.columns),
            todo=instead_of(name, record.columns, f"{key}:"),
        )
    labels = record.column(name)
    # NaN equals nothing, so these samples would be in no slice at all.
    unlabelled = int(np.count_nonzero(np.isnan(labels))) if labels.dtype.kind == "f" else 0
    if labels.ndim != 1 or unlabelled:
        raise OutputError(
            f"the field {name!r} cannot be {verb}{'ed' if key == 'cluster' else 'd'} by",
            expected="one label for each sample",
            found=f"NaN for {unlabelled} samples" if unlabelled else f"shape {labels.shape}",
            todo=f"{verb} by another field, or correct the loader",
        )
    return labels


def fields_in_words(columns: Iterable[str]) -> str:
    """The fields among the columns of a record, whose others are scores.

    >>> fields_in_words(["label", "accuracy.v1", "site"])
    'fields label, site'
    """
    return "fields " + (", ".join(_fields(columns)) or "none")


def instead_of(name: str, columns: Iterable[str], where: str) -> str:
    """What to do about a field that there is not.

    >>> instead_of("lable", ["label", "accuracy.v1"], "slices:")
    "did you mean 'label'?"
    """
    close = nearest(name, _fields(columns))
    return f"did you mean '{close}'?" if close else f"correct {where}, or let the loader give this field"


def _fields(columns: Iterable[str]) -> list[str]:
    return sorted(name for name in columns if not is_score(name))
