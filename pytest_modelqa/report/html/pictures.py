"""The pictures of the records as parts of the page, as many as its size allows."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...records.record import Record
from .budget import Budget

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}
_ROWS = 12
_COLUMNS = 12


@dataclass(frozen=True)
class Picture:
    """A picture that is part of the page; a drawing has a size of its own and is not made smaller."""

    caption: str
    source: str
    is_drawing: bool


@dataclass(frozen=True)
class Table:
    """The beginning of a table that lies beside the pictures."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int


@dataclass(frozen=True)
class Pictures:
    """What one record has to show.

    Attributes:
        left_out: How many pictures did not fit into the page.
        folder: Where all of them lie.
    """

    pictures: tuple[Picture, ...]
    tables: tuple[Table, ...]
    left_out: int
    folder: str


def pictures_of(records: Sequence[Record], budget: Budget) -> list[Pictures]:
    """The pictures of each record. All get their first one before any gets its second: one budget is for all."""
    chosen: list[list[Picture]] = [[] for _ in records]
    paths = [
        sorted((path for path in record.pictures if path.suffix in _TYPES), key=_order) for record in records
    ]
    for place in range(max(map(len, paths), default=0)):
        for number, record in enumerate(records):
            data = _whole(record, paths[number][place]) if place < len(paths[number]) else None
            # Base64 takes a third more.
            if data is not None and budget.takes(len(data) * 4 // 3 + 200):
                path = paths[number][place]
                source = f"data:{_TYPES[path.suffix]};base64,{base64.b64encode(data).decode()}"
                chosen[number].append(Picture(_caption(path), source, path.suffix == ".svg"))
    return [
        Pictures(
            tuple(chosen[number]),
            _tables(record),
            len(paths[number]) - len(chosen[number]),
            str(record.folder / "pictures"),
        )
        for number, record in enumerate(records)
    ]


def _order(path: Path) -> tuple[bool, bool, str]:
    """Drawings, which are light, before photographs; then what went worst."""
    return path.suffix != ".svg", not path.stem.startswith(("worst", "missed", "lost")), path.name


def _whole(record: Record, path: Path) -> bytes | None:
    """The file, if it is what the record says it is."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    named = path.relative_to(record.folder).as_posix()
    return data if hashlib.sha256(data).hexdigest() == record.manifest.files.get(named) else None


def _caption(path: Path) -> str:
    """``worst 1`` of ``worst_1.png``."""
    return path.stem.replace("_", " ")


def _tables(record: Record) -> tuple[Table, ...]:
    """CSV files that have no drawing of the same name."""
    drawn = {path.stem for path in record.pictures if path.suffix in _TYPES}
    found = []
    for path in record.pictures:
        data = _whole(record, path) if path.suffix == ".csv" and path.stem not in drawn else None
        rows = list(csv.reader(io.StringIO(data.decode("utf-8", "replace")))) if data else []
        if len(rows) > 1:
            cut = [tuple(row[:_COLUMNS]) for row in rows[: _ROWS + 1]]
            found.append(Table(_caption(path), cut[0], tuple(cut[1:]), len(rows) - len(cut)))
    return tuple(found)
