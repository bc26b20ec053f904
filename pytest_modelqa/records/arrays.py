"""Arrays beside the table of samples, as ``.npy`` files: features, codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import StoreError

OF_SAMPLES = "sample_arrays"
"""The folder of arrays with a row for each sample."""
OF_SET = "set_arrays"
"""The folder of arrays whose rows are no samples of the evaluation: features of a reference set."""


def write_array(file: Any, name: str, values: np.ndarray) -> None:
    """Writes numbers of any shape to an open binary file.

    Raises:
        StoreError: They are no numbers.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise StoreError(
            f"the array {name!r} cannot be stored",
            expected="booleans, integers or floating-point numbers",
            found=f"{values.dtype}",
        )
    np.save(file, np.ascontiguousarray(values), allow_pickle=False)


def read_array(path: Path) -> np.ndarray:
    """The array, mapped from its file: rows that nobody looks at are not read. What is written to it is not kept.

    Raises:
        StoreError: The file cannot be read.
    """
    try:
        array: np.ndarray = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"cannot read {path.name}: {str(error)[:200]}",
            where=str(path),
            todo="run again: the evaluation is made anew when its records are damaged",
        ) from error
    return array
