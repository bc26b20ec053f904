"""Samples in memory, and batches of them as the worker makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch


class ArraySamples:
    """Samples from arrays with one row each."""

    def __init__(self, **fields: np.ndarray) -> None:
        self.fields = fields
        self.ids = tuple(f"s{index}" for index in range(len(next(iter(fields.values())))))
        self.scalars = {name: values for name, values in fields.items() if values.ndim == 1}

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, indices: Sequence[int]) -> Mapping[str, Any]:
        return {name: values[list(indices)] for name, values in self.fields.items()}

    def tensors(self, indices: Sequence[int] | None = None) -> dict[str, Any]:
        """A batch of all or some samples, with tensors for arrays of numbers."""
        batch = self.batch(range(len(self)) if indices is None else indices)
        return {name: torch.from_numpy(a) if a.dtype.kind in "fiub" else a for name, a in batch.items()}


@pytest.fixture
def samples_of() -> Callable[..., ArraySamples]:
    """Makes samples of named arrays."""
    return ArraySamples
