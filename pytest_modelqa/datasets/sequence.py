"""Samples of a sequence: anything with ``len`` and ``[index]`` that gives one mapping per sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError
from ..user_code import explained
from .loaded import LoadedSamples, as_ids, as_scalars, check_not_empty, stack


def from_sequence(items: Any, name: str, folder: Path, *, limit: int | None = None) -> LoadedSamples:
    """Samples of a sequence of mappings, such as a torch Dataset.

    Every item is read once here, for the ids and the labels, and again in its batch: a loader whose items are
    costly returns a mapping of arrays, or an object with ``ids``, ``scalars`` and ``batch``.

    Args:
        items: Has ``len`` and ``[index]``; each item maps field names to values; ``id`` gives the ids.
        name: The dataset's, for messages.
        folder: The spec's folder, for messages.
        limit: Only the first so many.

    Raises:
        DatasetError: No samples, an item that cannot be read or is no mapping, or doubled ids.
    """
    with explained(f"len() of dataset {name!r} raised", folder, DatasetError):
        available = len(items)
    check_not_empty(available, name)
    count = available if limit is None else min(limit, available)
    ids: list[Any] = []
    labels: dict[str, list[Any]] = {}
    keys: set[str] | None = None
    for index in range(count):
        item = _item(items, index, f"sample {index} of dataset {name!r}", folder)
        keys = keys or set(item)
        if set(item) != keys:
            raise DatasetError(
                f"sample {index} of dataset {name!r} has other fields than the first",
                expected=", ".join(sorted(keys)),
                found=", ".join(sorted(item)),
                todo="give every sample the same fields",
            )
        ids.append(item.get("id", index))
        for key, value in item.items():
            if key != "id" and _is_scalar(value):
                labels.setdefault(key, []).append(value.item() if hasattr(value, "item") else value)
    named = as_ids(ids, name)

    def read(indices: Sequence[int]) -> Mapping[str, Any]:
        batch = [
            _item(items, index, f"sample {named[index]!r} of dataset {name!r}", folder) for index in indices
        ]
        return {key: stack([item[key] for item in batch]) for key in batch[0] if key != "id"} if batch else {}

    every = np.arange(count)
    whole = {key: stack(values) for key, values in labels.items() if len(values) == count}
    scalars = {
        key: values for key, column in whole.items() if (values := as_scalars(column, every)) is not None
    }
    return LoadedSamples(named, scalars, available, read)


def _item(items: Any, index: int, what: str, folder: Path) -> Mapping[str, Any]:
    with explained(f"{what} cannot be read", folder, DatasetError):
        item = items[int(index)]
    if not isinstance(item, Mapping):
        raise DatasetError(
            f"{what} is no mapping",
            expected='names to values: {"image": …, "label": …}',
            found=f"a {type(item).__name__}",
            todo="return a dict from __getitem__",
        )
    return item


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str)) or getattr(value, "shape", None) == ()
