"""Where the file lies that a task reads in place of running a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..spec.grid import filled, refilled, write_instead


def located(path: str, folder: Path, coordinates: Mapping[str, Any]) -> Path:
    """The path with its coordinates filled in, from the spec's folder.

    Raises:
        DatasetError: There is nothing.

    >>> located("{name}", Path("/"), {"name": "."}).as_posix()
    '/'
    """
    found = folder / filled(path, coordinates)
    if not found.exists():
        at = ", ".join(f"{name}={value}" for name, value in coordinates.items())
        other = refilled(path, coordinates, lambda name: (folder / name).exists())
        raise DatasetError(
            "the file to read is missing" + (f" for {at}" if at else ""),
            where=str(found),
            expected="a file or folder, from the spec's folder",
            found="nothing",
            todo="correct path: in the evaluation's args, or bring the file"
            if other is None
            else f"{other[1]} is there: {write_instead(other[0], 'path:')}",
        )
    return found
