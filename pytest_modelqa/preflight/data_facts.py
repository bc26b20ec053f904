"""What is in a dataset: how many samples of which label, which contents, what is no number. Imports no torch."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..datasets.samples import Samples

# A field of more values than this is an id or a measurement, and nobody slices by it.
_LABELS = 1000
# Samples are read for their contents for so long (seconds); the rest stays unknown, and this is said.
READING_SECONDS = 4.0
_AT_ONCE = 256


def facts_of(samples: Samples, seconds: float = READING_SECONDS) -> dict[str, Any]:
    """The facts of a dataset.

    Returns:
        ``n``; ``available`` before a limit; ``labels``: of each one-dimensional field the number of samples of each
        value, or None where there are too many; ``content``: the digest of each sample that was read, in order;
        ``not_finite``: of each field of the samples read, how many hold NaN or Inf, and the first of them.
    """
    labels = {name: _counts(values) for name, values in samples.scalars.items()}
    return {
        "n": len(samples),
        "available": getattr(samples, "available", len(samples)),
        "labels": labels,
        **_contents(samples, seconds),
    }


def _counts(values: np.ndarray) -> dict[str, int] | None:
    found, counts = np.unique(values, return_counts=True)
    if len(found) > _LABELS:
        return None
    return {str(value): int(count) for value, count in zip(found, counts, strict=True)}


def _contents(samples: Samples, seconds: float) -> dict[str, Any]:
    until = time.monotonic() + seconds
    content: list[str] = []
    not_finite: dict[str, dict[str, Any]] = {}
    for start in range(0, len(samples), _AT_ONCE):
        if start and time.monotonic() > until:
            break
        indices = list(range(start, min(start + _AT_ONCE, len(samples))))
        batch = samples.batch(indices)
        content += _digests(batch, len(indices), samples.scalars.keys())
        for name, row in _not_finite(batch, len(indices)):
            known = not_finite.setdefault(name, {"count": 0, "first": samples.ids[indices[row]]})
            known["count"] += 1
    return {"content": content, "not_finite": not_finite}


def _digests(batch: Mapping[str, Any], count: int, scalars: Iterable[str]) -> list[str]:
    """What a model would be shown of each sample: its arrays and texts, not its labels, unless it has nothing else.

    Boxes and the like are arrays too; of several arrays the largest is what the sample is.
    """
    shown = {name: value for name, value in batch.items() if name not in set(scalars)}
    sizes = {name: max(_size(value[row]) for row in range(count)) for name, value in shown.items()}
    if sizes:
        largest = max(sizes, key=lambda name: (sizes[name], name))
        return [_digest(shown[largest][row]) for row in range(count)]
    names = sorted(batch)
    return [_digest([_plain(batch[name][row]) for name in names]) for row in range(count)]


def _size(value: Any) -> int:
    return int(value.nbytes) if isinstance(value, np.ndarray) else len(str(value))


def _digest(value: Any) -> str:
    """64 bits: among a million samples a chance twin is one in 37 million."""
    if isinstance(value, np.ndarray):
        head = f"{value.dtype.str}{value.shape}".encode()
        made = hashlib.blake2b(head + np.ascontiguousarray(value).tobytes(), digest_size=8)
    else:
        made = hashlib.blake2b(json.dumps(_plain(value), sort_keys=True, default=str).encode(), digest_size=8)
    return made.hexdigest()


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _not_finite(batch: Mapping[str, Any], count: int) -> list[tuple[str, int]]:
    found = []
    for name, value in batch.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and len(value) == count:
            finite = np.isfinite(value.reshape(count, -1)).all(axis=1)
            found += [(name, int(row)) for row in np.flatnonzero(~finite)]
    return found
