"""What a metric of side tables is given and gives: rows that are no samples, and a weight for each sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

CLASS_SLICE = "category"
"""The slice that is not of the samples but of the rows: ``slices: category``."""


@dataclass(frozen=True, eq=False)
class SideTables:
    """The rows that a task kept beside the samples of one evaluation.

    Compared by identity, so that what several metrics derive from it can be derived once.

    Attributes:
        samples: The number of samples.
        columns: The columns of the samples that the metric declares, each of shape (samples,).
        tables: The side tables that it declares: columns of one length; ``sample`` is the index of the sample
            that a row belongs to.
    """

    samples: int
    columns: Mapping[str, np.ndarray]
    tables: Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class SetScore:
    """A set-level metric for several weighings of the samples.

    Attributes:
        values: One for each weighing, float64; NaN where the metric is undefined.
        n: The samples that count in the first weighing.
    """

    values: np.ndarray
    n: int
