"""What every dataset becomes: samples with ids, read in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np


class Samples(Protocol):
    """Samples in a fixed order."""

    @property
    def ids(self) -> tuple[str, ...]:
        """One id per sample, unique; what candidate and baseline are paired by."""
        ...

    @property
    def scalars(self) -> Mapping[str, np.ndarray]:
        """The one-dimensional fields (labels, sites, lengths), each of shape (n,).

        Every one of them may be named under ``slices:``, so all of them are kept in the records.
        """
        ...

    def __len__(self) -> int:
        """The number of samples."""
        ...

    def batch(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The fields of these samples: arrays of shape (len(indices), …), or lists where a field is no array.

        Raises:
            DatasetError: A sample cannot be read; the message names its id.
        """
        ...
