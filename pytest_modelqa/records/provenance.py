"""Which code and packages computed what was added to a record after it was written: scores, set-level values.

The manifest says it of the record itself, and is sealed before any metric of predictions runs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import StoreError
from .atomic import storing, write_atomically
from .digests import FileDigest
from .record import Record, file_name
from .sealed import seal, unseal

_VERSION = 1
_KIND = "provenance"


@dataclass(frozen=True)
class Provenance:
    """What computed an addition.

    Attributes:
        code: As in ``Manifest``.
        distributions: As in ``Manifest``.
    """

    code: tuple[FileDigest, ...]
    distributions: Mapping[str, str]


def write_provenance(record: Record, column: str, provenance: Provenance) -> None:
    """Says what computed the additions of a column; written after them, so that none is believed without it.

    Raises:
        StoreError: The store cannot be written.
    """
    body = {"record": record.seal, "column": column, **dataclasses.asdict(provenance)}
    write_atomically(_file(record, column), seal(_KIND, _VERSION, body))


def read_provenance(record: Record, column: str) -> Provenance | None:
    """What computed the additions of a column; None where nobody wrote it down for this record."""
    try:
        body = unseal(_KIND, _VERSION, _file(record, column).read_bytes())
    # Damaged or gone: as good as not there.
    except (OSError, StoreError):
        return None
    if [body.get(name) for name in ("record", "column")] != [record.seal, column]:
        return None
    # The seal holds, so this is what was written.
    files: list[dict[str, Any]] = body["code"]
    return Provenance(tuple(FileDigest(**file) for file in files), body["distributions"])


def provenance_seal(record: Record, column: str) -> str:
    """The sha256 of what says who computed the additions of a column; empty where nothing says it.

    It is removed before additions are and written after them, so while it stays the same they do.
    """
    try:
        return hashlib.sha256(_file(record, column).read_bytes()).hexdigest()
    except OSError:
        return ""


def forget(record: Record, column: str) -> None:
    """Removes the additions of a column, and first what says that they may be believed.

    Raises:
        StoreError: The store cannot be written.
    """
    with storing(record.folder):
        _file(record, column).unlink(missing_ok=True)
        for kind in ("scores", "sets", "failures"):
            folder = record.folder / kind / file_name(column)
            if folder.exists():
                shutil.rmtree(folder)


def _file(record: Record, column: str) -> Path:
    return record.folder / _KIND / f"{file_name(column)}.json"
