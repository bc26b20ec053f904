"""Reads TensorBoard's event files: their scalars, and tensors of one number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DatasetError, MissingDependencyError
from .log import Log, in_order


def read_events(files: Sequence[Path]) -> Log:
    """Every scalar of the event files of one run, by tag.

    Raises:
        MissingDependencyError: The package tensorboard is not installed.
        DatasetError: The files hold no scalars.
    """
    try:
        from tensorboard.backend.event_processing import event_file_loader
        from tensorboard.util import tensor_util
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "reading TensorBoard event files needs the package tensorboard, which is not installed",
            todo="pip install 'pytest-modelqa[tensorboard]'",
        ) from error
    points: dict[str, list[tuple[float, float]]] = {}
    for path in files:
        # The loader turns scalars of every age into tensors (its data_compat).
        for event in event_file_loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                array = tensor_util.make_ndarray(value.tensor) if value.HasField("tensor") else None
                if array is not None and array.size == 1 and array.dtype.kind in "fiu":
                    points.setdefault(value.tag, []).append((float(event.step), float(array.item())))
    if not points:
        raise DatasetError(
            "the event files hold no scalars",
            where=", ".join(str(path) for path in files[:3]),
            expected="scalars, as add_scalar writes them",
            todo="correct path:, or log scalars",
        )
    notes: list[str] = []
    return Log({tag: in_order(of_tag, tag, notes) for tag, of_tag in points.items()}, tuple(notes))
