"""A record: what one evaluation left behind, read from its folder when asked for."""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import EvaluationError, StoreError
from .arrays import OF_SAMPLES, OF_SET, read_array
from .atomic import write_atomically
from .digests import file_sha256
from .manifest import SCHEMA_VERSION, Manifest
from .sealed import seal, unseal
from .sets import SetValue, sets_from_json, sets_to_json
from .tables import ID_COLUMN, IDS_DIGEST, column_names, read_column, read_notes, read_table, write_one_column

MANIFEST_FILE = "record.json"
SAMPLES_FILE = "samples.parquet"
_SET_VERSION = 1


@dataclass(frozen=True)
class Record:
    """One record in the store. Nothing but the manifest is held in memory.

    Attributes:
        folder: Where its files are.
        manifest: See ``Manifest``.
        seal: The sha256 of ``record.json``: what is added later names it, so that it serves no other record.
    """

    folder: Path
    manifest: Manifest
    seal: str

    @property
    def id(self) -> str:
        """16 hexadecimal digits, unique under its key."""
        return self.manifest.record_id

    @property
    def ids(self) -> np.ndarray:
        """The sample ids: text, shape (n,), read anew each time."""
        return read_column(self.folder / SAMPLES_FILE, ID_COLUMN)

    @property
    def ids_digest(self) -> str:
        """The same for two records exactly when they have the same ids in the same order.

        The ids of a million samples with paths for names take 150 MB, and pairing rarely needs to see them.
        """
        return read_notes(self.folder / SAMPLES_FILE)[IDS_DIGEST]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns beside the ids; scores are not among them."""
        return column_names(self.folder / SAMPLES_FILE)

    @property
    def pictures(self) -> list[Path]:
        """The pictures, by name."""
        return [self.folder / name for name in sorted(self.manifest.files) if name.startswith("pictures/")]

    def column(self, name: str) -> np.ndarray:
        """A column as it was written, shape (n,) or (n, few); only this one is read.

        Raises:
            StoreError: There is no such column, or the file was damaged since the record was found.
        """
        return read_column(self.folder / SAMPLES_FILE, name)

    def table(self, name: str) -> dict[str, np.ndarray]:
        """A side table: every column by name, each as it was written.

        Raises:
            StoreError: There is no such table, or the file was damaged since the record was found.
        """
        return read_table(self.folder / f"{name}.parquet")

    def has_array(self, name: str, folder: str) -> bool:
        """Whether there is an array of this name: ``arrays.OF_SAMPLES`` or ``OF_SET`` says of what."""
        return array_file(folder, name) in self.manifest.files

    def array(self, name: str) -> np.ndarray:
        """An array beside the samples, mapped from its file, as it was written.

        Raises:
            StoreError: There is none, or the file was damaged since the record was found.
        """
        for folder in (OF_SAMPLES, OF_SET):
            if self.has_array(name, folder):
                return read_array(self.folder / array_file(folder, name))
        raise self._not_there("array", name)

    def sample_arrays(self) -> dict[str, np.ndarray]:
        """Every array with a row for each sample, by name."""
        folder = f"{OF_SAMPLES}/"
        files = [name for name in sorted(self.manifest.files) if name.startswith(folder)]
        return {original_name(Path(name).stem): read_array(self.folder / name) for name in files}

    def has_scores(self, column: str) -> bool:
        """Whether the scores are there, whole, and belong to this record."""
        return self._scores_file(column) is not None

    def scores(self, column: str) -> np.ndarray:
        """The scores of a column: float64, finite, shape (n,), in the order of ``ids``.

        Raises:
            StoreError: They are not there; see ``has_scores``.
        """
        path = self._scores_file(column)
        if path is None:
            raise self._not_there("scores", column)
        return read_column(path, "score")

    def add_scores(self, column: str, values: np.ndarray) -> None:
        """Keeps the scores of a column; where there are some already, those stay.

        Args:
            column: See ``columns.column_name``.
            values: Finite numbers or booleans, shape (n,), in the order of ``ids``.

        Raises:
            StoreError: A value is not finite, the shape is wrong, or the store cannot be written.
        """
        values = np.asarray(values)
        if values.dtype.kind not in "biuf" or values.shape != (self.manifest.samples,):
            raise StoreError(
                f"the scores of {column} do not fit the record",
                expected=f"{self.manifest.samples} numbers",
                found=f"shape {values.shape}, {values.dtype}",
            )
        values = values.astype(np.float64)
        wrong = int(np.count_nonzero(~np.isfinite(values)))
        if wrong:
            raise StoreError(
                f"{wrong} of {values.size} scores of {column} are NaN or Inf", expected="finite scores"
            )
        if not self.has_scores(column):
            data = write_one_column("score", values, {"record": self.seal, "column": column})
            # Named by its own digest: a file is checked before anything in it is believed.
            write_atomically(
                self._scores_folder(column) / f"{hashlib.sha256(data).hexdigest()}.parquet", data
            )

    def has_set(self, column: str, slice_name: str) -> bool:
        """Whether the values of a set-level metric are there, whole, and belong to this record."""
        return self._read_set(column, slice_name) is not None

    def set_values(self, column: str, slice_name: str) -> Mapping[str, SetValue]:
        """The values of a set-level metric: slice value to ``SetValue``; ``""`` of ``""`` is the whole set.

        Raises:
            StoreError: They are not there; see ``has_set``.
        """
        values = self._read_set(column, slice_name)
        if values is None:
            raise self._not_there("set-level values", f"{column} by {slice_name}" if slice_name else column)
        return values

    def add_set(self, column: str, slice_name: str, values: Mapping[str, SetValue]) -> None:
        """Keeps the values of a set-level metric; where there are some already, those stay.

        Raises:
            StoreError: A value is not finite, left-out values are missing, or the store cannot be written.
        """
        entries = sets_to_json(column, values)
        if not self.has_set(column, slice_name):
            body = {"record": self.seal, "column": column, "slice": slice_name, "values": entries}
            write_atomically(self._set_file(column, slice_name), seal("set", _SET_VERSION, body))

    def failures(self, column: str, slice_name: str) -> Mapping[str, Mapping[str, str | None]]:
        """Why a metric has no value on some slices: slice value to an error as JSON; empty where it has all."""
        try:
            body = unseal("failures", _SET_VERSION, self._failures_file(column, slice_name).read_bytes())
        # Damaged or gone: as good as not there.
        except (OSError, StoreError):
            return {}
        if [body.get(name) for name in ("record", "column", "slice")] != [self.seal, column, slice_name]:
            return {}
        failures: Mapping[str, Mapping[str, str | None]] = body.get("failures", {})
        return failures

    def add_failures(
        self, column: str, slice_name: str, failures: Mapping[str, Mapping[str, str | None]]
    ) -> None:
        """Keeps why a metric is undefined, so that the checks that need it say so, and no others.

        Raises:
            StoreError: The store cannot be written.
        """
        body = {"record": self.seal, "column": column, "slice": slice_name, "failures": failures}
        write_atomically(self._failures_file(column, slice_name), seal("failures", _SET_VERSION, body))

    def _failures_file(self, column: str, slice_name: str) -> Path:
        return self.folder / "failures" / file_name(column) / f"{file_name(slice_name)}.json"

    def _scores_folder(self, column: str) -> Path:
        return self.folder / "scores" / file_name(column)

    def _scores_file(self, column: str) -> Path | None:
        folder = self._scores_folder(column)
        for path in sorted(folder.glob("*.parquet")):
            if self._is_ours(path, column):
                return path
        return None

    def _is_ours(self, path: Path, column: str) -> bool:
        try:
            return file_sha256(path) == path.stem and read_notes(path) == {
                "record": self.seal,
                "column": column,
            }
        # Damaged or gone: as good as not there.
        except (EvaluationError, StoreError):
            return False

    def _set_file(self, column: str, slice_name: str) -> Path:
        return self.folder / "sets" / file_name(column) / f"{file_name(slice_name)}.json"

    def _read_set(self, column: str, slice_name: str) -> dict[str, SetValue] | None:
        try:
            body = unseal("set", _SET_VERSION, self._set_file(column, slice_name).read_bytes())
            if [body.get(name) for name in ("record", "column", "slice")] != [self.seal, column, slice_name]:
                return None
            return sets_from_json(body.get("values"))
        # Damaged or gone: as good as not there.
        except (OSError, StoreError):
            return None

    def _not_there(self, what: str, name: str) -> StoreError:
        return StoreError(
            f"the record has no {what} of {name}",
            where=str(self.folder),
            todo="run again: the evaluation is made anew when its records are incomplete",
        )


def read_record(folder: Path) -> Record:
    """The record in a folder, its manifest checked and its other files not yet read.

    Raises:
        StoreError: There is none, or it is damaged, of another schema version, or in another record's place.
    """
    try:
        data = (folder / MANIFEST_FILE).read_bytes()
    except OSError as error:
        raise StoreError(f"cannot read {MANIFEST_FILE}: {error.strerror or error}") from error
    manifest = Manifest.from_json(unseal("record", SCHEMA_VERSION, data))
    if (folder.parent.name, folder.name) != (manifest.key, manifest.record_id):
        raise StoreError(
            "the record lies in another's place",
            expected=f"{folder.parent.name}/{folder.name}",
            found=f"{manifest.key}/{manifest.record_id}",
        )
    return Record(folder, manifest, hashlib.sha256(data).hexdigest())


def require_whole(record: Record) -> None:
    """Reads every file of the record once.

    Raises:
        StoreError: One is missing or not as it was written; the message names it.
    """
    for name, sha256 in record.manifest.files.items():
        try:
            found = file_sha256(record.folder / name)
        except EvaluationError as error:
            raise StoreError(error.what) from error
        if found != sha256:
            raise StoreError(f"{name} is damaged: its digest does not match", expected=sha256, found=found)


def array_file(folder: str, name: str) -> str:
    """Where the array of a name lies within its record."""
    return f"{folder}/{file_name(name)}.npy"


def file_name(name: str) -> str:
    """A column's or slice's name as a file name that differs where the name does, whatever the file system.

    Raises:
        StoreError: The name is too long for a file.

    >>> file_name("constant/AP.v1.k=5")
    'constant%2f%41%50.v1.k=5'
    >>> file_name("")
    '%'
    """
    # Capitals too: some file systems take AP and ap for the same.
    encoded = re.sub(
        rb"[^a-z0-9._=,-]|^\.", lambda match: b"%%%02x" % match[0][0], name.encode("utf-8", "surrogatepass")
    )
    if len(encoded) > 200:
        raise StoreError("the name is too long for a file", expected="at most 200 bytes", found=name)
    return encoded.decode("ascii") or "%"


def original_name(encoded: str) -> str:
    """The name that ``file_name`` encoded.

    >>> original_name(file_name("constant/AP.v1.k=5"))
    'constant/AP.v1.k=5'
    """
    return "" if encoded == "%" else urllib.parse.unquote(encoded, errors="surrogatepass")
