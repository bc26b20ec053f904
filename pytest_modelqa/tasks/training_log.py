"""The task ``training_log``: what a training run wrote down; it says nothing of other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..logs.measures import doubtful
from ..logs.readers import files_of, read_log
from .log_declarations import TrainingLogArgs
from .protocol import Reading
from .reading_files import located


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
        return Reading(ids=(), fields={}, content=log, notes=(*log.notes, *doubtful(log)))
