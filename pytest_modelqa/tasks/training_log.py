"""The task ``training_log``: what a training run wrote down; it says nothing of other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..logs.log import Log
from ..logs.measures import doubtful
from ..logs.readers import files_of, read_log
from .log_declarations import TrainingLogArgs
from .protocol import Reading
from .reading_files import located

_MOST_POINTS = 1000


class TrainingLog:
    """Reads a log whose format the spec says."""

    def __init__(self, args: TrainingLogArgs) -> None:
        self._args = args

    def files(self, folder: Path, coordinates: Mapping[str, Any]) -> tuple[Path, ...]:
        """The log's file, or TensorBoard's event files of a folder."""
        return files_of(located(self._args.path, folder, coordinates), self._args.format)

    def read(self, files: Sequence[Path]) -> Reading:
        """The series; a validation series that is the training's is noted whatever is checked."""
        log = read_log(files, self._args.format, self._args.step)
        notes = (*log.notes, *doubtful(log))
        return Reading(ids=(), fields={}, content=log, notes=notes, tables={"log": _drawable(log)})


def _drawable(log: Log) -> dict[str, np.ndarray]:
    """Every series as rows of ``series``, ``step`` and ``value``, no more of each than a drawing can show."""
    names, steps, values = [], [np.zeros(0)], [np.zeros(0)]
    for name, series in log.series.items():
        shown = np.unique(np.linspace(0, len(series) - 1, min(len(series), _MOST_POINTS)).round().astype(int))
        names += [name] * len(shown)
        steps.append(series.steps[shown])
        values.append(series.values[shown])
    return {
        "series": np.array(names, dtype=str),
        "step": np.concatenate(steps),
        "value": np.concatenate(values),
    }
