"""Samples in memory or on disk, read by row: what every format and every loader becomes."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DatasetError

Field = np.ndarray | list[Any]
"""One value per sample: an array of shape (n, …), or a list where the values are no array."""

# Longer texts are inputs, not labels: nobody slices by them, and the records keep every scalar.
_LABEL_CHARACTERS = 200


@dataclass(frozen=True)
class LoadedSamples:
    """Samples in a fixed order (see ``samples.Samples``).

    Attributes:
        ids: One id per sample, unique.
        scalars: The one-dimensional fields, each of shape (n,); texts up to 200 characters are among them.
        available: How many samples there were before ``limit``; more than ``len``: a part was left out.
        read: Gives the fields of samples by their indices.
        about: What holds for all of them: ``categories``, the names by id, of a COCO file.
    """

    ids: tuple[str, ...]
    scalars: Mapping[str, np.ndarray]
    available: int
    read: Callable[[Sequence[int]], Mapping[str, Any]]
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The fields of these samples; see ``samples.Samples``."""
        return self.read(indices)


def from_fields(
    fields: Mapping[str, Any], name: str, *, limit: int | None = None, split: str | None = None
) -> LoadedSamples:
    """Samples of a table: one field per column, all of one length.

    Args:
        fields: Name to array, tensor or list. ``id``, where there is one, gives the ids; else the row's number.
        name: The dataset's, for messages.
        limit: Only the first so many.
        split: Only the rows whose field ``split`` has this value.

    Raises:
        DatasetError: No samples, unequal lengths, doubled ids, or no such split.
    """
    columns = {str(key): as_field(value, str(key), name) for key, value in fields.items()}
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise DatasetError(
            f"the fields of dataset {name!r} are of unequal length",
            expected="one value per sample in every field",
            found=", ".join(f"{key}: {length}" for key, length in lengths.items()),
            todo="correct the file or the loader",
        )
    count = next(iter(lengths.values()), 0)
    rows = np.arange(count) if split is None else _rows_of_split(columns, split, name)
    available, rows = len(rows), rows[:limit]
    check_not_empty(available, name)
    given = columns.pop("id", None)
    ids = as_ids([row if given is None else given[row] for row in rows], name)

    def read(indices: Sequence[int]) -> Mapping[str, Any]:
        wanted = rows[np.asarray(indices, dtype=np.intp)]
        return {
            key: column[wanted] if isinstance(column, np.ndarray) else [column[row] for row in wanted]
            for key, column in columns.items()
        }

    scalars = {
        key: values for key, column in columns.items() if (values := as_scalars(column, rows)) is not None
    }
    return LoadedSamples(ids, scalars, available, read)


def as_field(value: Any, key: str, name: str) -> Field:
    """An array of numbers or booleans, or a list of anything else.

    Raises:
        DatasetError: The value has no length.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray) and value.ndim:
        if value.dtype.kind in "biufc":
            return _in_native_order(value)
        return [str(item) for item in value] if value.dtype.kind in "Mm" else list(value.tolist())
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__len__"):
        raise DatasetError(
            f"the field {key!r} of dataset {name!r} has no value per sample",
            expected="an array, a tensor or a list, as long as there are samples",
            found=f"a {type(value).__name__}",
            todo="correct the loader",
        )
    items = list(value)
    return stack(items)


def stack(items: list[Any]) -> Field:
    """The items as one array where all are numbers, or arrays of numbers, of one shape; else as they are.

    >>> stack([1, 2]).dtype.kind, stack(["a", "b"]), stack([[1], [1, 2]])
    ('i', ['a', 'b'], [[1], [1, 2]])
    """
    arrays = [item.detach().cpu().numpy() if hasattr(item, "detach") else item for item in items]
    if any(isinstance(item, (str, bytes, Mapping)) or item is None for item in arrays):
        return items
    try:
        stacked = np.asarray(arrays)
    except (ValueError, TypeError):  # items of different shapes
        return arrays
    return _in_native_order(stacked) if stacked.dtype.kind in "biufc" else arrays


def _in_native_order(array: np.ndarray) -> np.ndarray:
    """The same numbers in this machine's byte order: neither torch nor Parquet takes those of IDX or FITS files."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_scalars(column: Field, rows: np.ndarray) -> np.ndarray | None:
    """The field's values in these rows as an array of shape (n,), if they are labels; else None."""
    if isinstance(column, np.ndarray):
        return np.array(column[rows]) if column.ndim == 1 and column.dtype.kind in "biuf" else None
    values = [column[row] for row in rows]
    if all(isinstance(value, str) and len(value) <= _LABEL_CHARACTERS for value in values):
        return np.array(values, dtype=np.str_)
    return None


def as_ids(values: Sequence[Any], name: str) -> tuple[str, ...]:
    """Ids as text.

    Raises:
        DatasetError: An id is no text or whole number, or two samples have the same.
    """
    for position, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, (str, int, np.integer)) or value == "":
            raise DatasetError(
                f"the id of sample {position} of dataset {name!r} is no id",
                expected="a text or a whole number",
                found=repr(value),
                todo="correct the field `id`",
            )
    ids = tuple(str(value) for value in values)
    if len(set(ids)) != len(ids):
        doubled = [(key, count) for key, count in Counter(ids).items() if count > 1]
        raise DatasetError(
            f"{len(doubled)} ids of dataset {name!r} stand for more than one sample, first {doubled[0][0]!r}",
            expected="an id per sample, since candidate and baseline are paired by it",
            found=", ".join(f"{key!r} {count} times" for key, count in doubled[:5]),
            todo="correct the field `id`, or remove the doubled samples",
        )
    return ids


def check_not_empty(count: int, name: str) -> None:
    """Raises if there is nothing to measure.

    Raises:
        DatasetError: ``count`` is 0.
    """
    if count == 0:
        raise DatasetError(
            f"dataset {name!r} has 0 samples",
            expected="at least one",
            todo="look at the file, the split, and what the loader filters out",
        )


def _rows_of_split(columns: Mapping[str, Field], split: str, name: str) -> np.ndarray:
    if "split" not in columns:
        raise DatasetError(
            f"dataset {name!r} has no field `split` to find {split!r} in",
            expected="a field (column) `split` with the name of each sample's split",
            found=f"fields {', '.join(columns)}",
            todo="add it, write one file per split, or leave `split` out",
        )
    values = [str(value) for value in columns["split"]]
    rows = np.flatnonzero([value == split for value in values])
    if not len(rows):
        raise DatasetError(
            f"dataset {name!r} has no sample in split {split!r}",
            found=f"splits {', '.join(sorted(set(values))[:8])}",
            todo="correct `split` in the spec",
        )
    return rows
