"""The content-addressed store of records: ``root/<key[:2]>/<key>/<record id>/``, each whole or not there.

A damaged store can only cause an evaluation to be made again, never a wrong value: a record counts only when
each of its files has the digest that its manifest names, and the manifest the digest that it carries itself.
"""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from filelock import BaseFileLock

from ..errors import StoreError
from .arrays import OF_SAMPLES, OF_SET, write_array
from .atomic import storing, sync_folder, write_atomically
from .digests import file_sha256
from .locks import holding, try_lock
from .manifest import SCHEMA_VERSION, Manifest, is_file_name
from .record import MANIFEST_FILE, SAMPLES_FILE, Record, array_file, read_record, require_whole
from .sealed import seal
from .sets import SetValue
from .tables import write_samples_table, write_side_table

__all__ = ["Draft", "Record", "SetValue", "Store"]

_KEY = re.compile(r"[0-9a-f]{64}")


class Store:
    """Records under a root folder, shared by any number of processes.

    Attributes:
        root: The folder; made when something is first written.
        problems: What ``find`` came across and left out, in words, each once.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[str] = []

    def find(self, key: str, wanted: Callable[[Manifest], bool] | None = None) -> list[Record]:
        """The whole records of a key, newest first.

        Args:
            key: 64 hexadecimal digits.
            wanted: Asked of each manifest before the other files are read; None takes all.
        """
        found = []
        for folder in self._candidates(self._folder(key)):
            try:
                record = read_record(folder)
                if wanted is None or wanted(record.manifest):
                    require_whole(record)
                    found.append(record)
            except StoreError as error:
                self._note(folder, error.what)
        return sorted(found, key=lambda record: (record.manifest.created_at, record.id), reverse=True)

    def lock(self, key: str, waiting: Callable[[float], None] | None = None) -> AbstractContextManager[None]:
        """Held while an evaluation is made, so that it is made once; it dies with its process.

        Args:
            key: 64 hexadecimal digits.
            waiting: Called at once and then every second while another holds it, with the seconds waited.

        Raises:
            StoreError: The store cannot be written, or its file system has no locks.
        """
        _require_key(key)
        return holding(self.root / ".locks" / f"{key}.lock", waiting)

    def begin(self, key: str) -> Draft:
        """A new record in the making, seen by nobody until it is committed.

        Raises:
            StoreError: The store cannot be written.
        """
        target = self._folder(key)
        folder = self._drafts / secrets.token_hex(8)
        with self._moving(), storing(folder):
            self._sweep()
            (folder / "record").mkdir(parents=True)
            lock = try_lock(folder / "lock", 0)
        if lock is None:
            raise StoreError("a new draft is locked already", where=str(folder), todo="run again")
        return Draft(target, folder, lock, self._moving)

    @property
    def _drafts(self) -> Path:
        return self.root / ".drafts"

    def _folder(self, key: str) -> Path:
        _require_key(key)
        return self.root / key[:2] / key

    def _moving(self) -> AbstractContextManager[None]:
        # Held for moments only: while a draft appears, is swept, or becomes a record.
        return holding(self.root / ".locks" / "store.lock")

    def _sweep(self) -> None:
        for folder in _folders(self._drafts):
            lock = try_lock(folder / "lock", 0)
            # Nobody holds it: whoever began this draft is dead.
            if lock is not None:
                lock.release()
                _remove(folder)

    def _candidates(self, folder: Path) -> list[Path]:
        try:
            return _folders(folder)
        except OSError as error:
            self._note(folder, f"cannot be listed: {error.strerror or error}")
            return []

    def _note(self, folder: Path, what: str) -> None:
        problem = f"{folder.relative_to(self.root)}: {what}"
        if problem not in self.problems:
            self.problems.append(problem)


class Draft:
    """A record in the making. Used as a context manager, it is discarded unless it was committed."""

    def __init__(
        self,
        target: Path,
        folder: Path,
        lock: BaseFileLock,
        moving: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._target = target
        self._folder = folder
        self._record = folder / "record"
        self._lock = lock
        self._moving = moving
        self._rows: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def write_samples(self, ids: Sequence[str], columns: Mapping[str, np.ndarray]) -> None:
        """Writes the table: a row per sample.

        Args:
            ids: Unique, in the order of the dataset.
            columns: Shape (n,), or (n, few): booleans, integers, floating-point numbers, text.

        Raises:
            StoreError: Ids doubled, a column of another length or type, or the store cannot be written.
        """
        path = self._record / SAMPLES_FILE
        with storing(path), path.open("wb") as file:
            write_samples_table(file, ids, columns)
            file.flush()
            os.fsync(file.fileno())
        self._rows = len(ids)

    def write_table(self, name: str, columns: Mapping[str, np.ndarray]) -> None:
        """Writes a side table, whose rows are no samples (``detections``).

        Args:
            name: A plain name; the file is ``NAME.parquet``.
            columns: Of one length, as those of the samples; ``sample`` is the row of the sample.

        Raises:
            StoreError: A column of another length or type, no such name, or the store cannot be written.
        """
        path = self._record / f"{name}.parquet"
        if "/" in name or not is_file_name(path.name) or path.name == SAMPLES_FILE:
            raise StoreError(f"{name!r} is no name for a side table", expected="letters, digits, - and _")
        with storing(path), path.open("wb") as file:
            write_side_table(file, columns)
            file.flush()
            os.fsync(file.fileno())

    def write_sample_array(self, name: str, values: np.ndarray) -> None:
        """Writes numbers with a row for each sample (``features``), once the samples are written.

        Raises:
            StoreError: Not one row a sample, no numbers, or the store cannot be written.
        """
        if np.ndim(values) < 1 or len(values) != self._rows:
            raise StoreError(
                f"the array {name!r} does not fit the samples",
                expected=f"shape ({self._rows}, …)",
                found=f"shape {np.shape(values)}",
            )
        self._write_array(OF_SAMPLES, name, values)

    def write_set_array(self, name: str, values: np.ndarray) -> None:
        """Writes numbers whose rows are no samples of the evaluation (``reference_features``).

        Raises:
            StoreError: No numbers, or the store cannot be written.
        """
        self._write_array(OF_SET, name, values)

    def _write_array(self, folder: str, name: str, values: np.ndarray) -> None:
        path = self._record / array_file(folder, name)
        with storing(path):
            path.parent.mkdir(exist_ok=True)
            with path.open("wb") as file:
                write_array(file, name, values)
                file.flush()
                os.fsync(file.fileno())

    def write_picture(self, name: str, data: bytes) -> None:
        """Writes a picture under its plain file name (``worst.png``).

        Raises:
            StoreError: The name is no plain file name, or the store cannot be written.
        """
        if "/" in name or not is_file_name(f"pictures/{name}"):
            raise StoreError(
                f"{name!r} is no file name for a picture", expected="letters, digits, - _ and dots"
            )
        write_atomically(self._record / "pictures" / name, data)

    def commit(self, manifest: Manifest) -> Record:
        """Puts the record into its place, whole; a whole one that is there already wins and is given back.

        Args:
            manifest: Of the key that the draft was begun with; its ``files`` are filled in here.

        Raises:
            StoreError: The manifest is of another key, the table is missing, or the store cannot be written.
        """
        if manifest.key != self._target.name:
            raise StoreError("the manifest is of another key", expected=self._target.name, found=manifest.key)
        if manifest.samples != self._rows:
            raise StoreError(
                "the manifest and the table of samples disagree",
                expected=f"a table of {manifest.samples} samples",
                found="no table" if self._rows is None else f"{self._rows} samples",
            )
        # Read back before it is kept: what cannot be read again must not be written.
        whole = Manifest.from_json(dataclasses.replace(manifest, files=self._files()).to_json())
        write_atomically(self._record / MANIFEST_FILE, seal("record", SCHEMA_VERSION, whole.to_json()))
        place = self._target / whole.record_id
        with self._moving(), storing(place):
            there = _whole_record(place)
            if there is None:
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.exists():
                    place.rename(self._folder / "damaged")
                self._record.rename(place)
                sync_folder(place.parent)
                there = read_record(place)
        self.discard()
        return there

    def discard(self) -> None:
        """Removes what was written; nothing happens after a commit."""
        if self._lock.is_locked:
            # A sweep that came upon the folder half removed would take it for a dead process's.
            with self._moving():
                _remove(self._folder)
                self._lock.release()

    def _files(self) -> dict[str, str]:
        files = sorted(
            path for path in self._record.rglob("*") if path.is_file() and path.name != MANIFEST_FILE
        )
        return {path.relative_to(self._record).as_posix(): file_sha256(path) for path in files}


def _require_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise StoreError("this is no key of an evaluation", expected="64 hexadecimal digits", found=key)


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir())
    # Nothing is stored yet.
    except FileNotFoundError:
        return []


def _whole_record(folder: Path) -> Record | None:
    if not folder.exists():
        return None
    try:
        record = read_record(folder)
        require_whole(record)
    # Damaged: the new one takes its place.
    except StoreError:
        return None
    return record


def _remove(folder: Path) -> None:
    with storing(folder):
        shutil.rmtree(folder)
