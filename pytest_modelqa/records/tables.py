"""Columns of numbers and text in Parquet files, and back, one column at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import StoreError
from .digests import digest

if TYPE_CHECKING:
    import pyarrow as pa

ID_COLUMN = "__id__"
IDS_DIGEST = "ids_sha256"
_ROWS_AT_A_TIME = 65_536
_MOST_CHARACTERS = 2**26


def write_samples_table(file: Any, ids: Sequence[str], columns: Mapping[str, np.ndarray]) -> None:
    """Writes a row per sample to an open binary file.

    Args:
        file: Opened for writing.
        ids: One per row.
        columns: Shape (n,), or (n, few), of booleans, integers, floating-point numbers or text.

    Raises:
        StoreError: An id is there twice; a column is of another length or type.
    """
    if len(set(ids)) != len(ids):
        raise StoreError("a sample id is in the table twice", expected="one row per sample")
    arrays = {ID_COLUMN: _arrow(ID_COLUMN, np.asarray(list(ids), dtype=object), len(ids))}
    for name, values in columns.items():
        if name in arrays:
            raise StoreError(f"no column may be called {name!r}", todo="choose another name")
        arrays[name] = _arrow(name, values, len(ids))
    _write(file, arrays, {IDS_DIGEST: digest(list(ids))})


def write_side_table(file: Any, columns: Mapping[str, np.ndarray]) -> None:
    """Writes a table of rows that are no samples to an open binary file.

    Raises:
        StoreError: A column is of another length or type.
    """
    rows = len(next(iter(columns.values()), ()))
    _write(file, {name: _arrow(name, values, rows) for name, values in columns.items()}, {})


def write_one_column(name: str, values: np.ndarray, notes: Mapping[str, str]) -> bytes:
    """A Parquet file of one column of shape (n,), with notes beside it."""
    buffer = io.BytesIO()
    _write(buffer, {name: _arrow(name, values, len(values))}, notes)
    return buffer.getvalue()


def column_names(path: Path) -> tuple[str, ...]:
    """The names of the columns, in the order written, without the ids.

    Raises:
        StoreError: The file cannot be read.
    """
    with _reading(path) as file:
        return tuple(name for name in file.schema_arrow.names if name != ID_COLUMN)


def read_column(path: Path, name: str) -> np.ndarray:
    """One column with the type and shape that it was written with; nothing else of the file is read.

    Raises:
        StoreError: There is no such column, or the file cannot be read.
    """
    with _reading(path) as file:
        names = file.schema_arrow.names
        if names.count(name) != 1:
            raise StoreError(
                f"the records have no column {name!r}",
                where=str(path),
                expected=f"one of {', '.join(each for each in names if each != ID_COLUMN) or '(none)'}",
            )
        return _numpy(file.read(columns=[name], use_threads=False).column(name))


def read_table(path: Path) -> dict[str, np.ndarray]:
    """Every column of a table but the ids, by name.

    Raises:
        StoreError: The file cannot be read.
    """
    return {name: read_column(path, name) for name in column_names(path)}


def read_notes(path: Path) -> dict[str, str]:
    """The notes that lie beside the columns: ``IDS_DIGEST``, or what ``write_one_column`` was given.

    Raises:
        StoreError: The file cannot be read.
    """
    with _reading(path) as file:
        notes = file.schema_arrow.metadata or {}
        return {name.decode(): text.decode() for name, text in notes.items()}


def _write(file: Any, arrays: Mapping[str, Any], notes: Mapping[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(dict(arrays)).replace_schema_metadata(dict(notes))
    pq.write_table(table, file, compression="zstd", write_page_checksum=True)


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, memory_map=True, page_checksum_verification=True) as file:
            yield file
    # ArrowInvalid is a ValueError, and so is text that is not UTF-8.
    except (pa.ArrowException, OSError, ValueError) as error:
        raise StoreError(
            f"cannot read {path.name}: {str(error)[:200]}",
            where=str(path),
            todo="run again: the evaluation is made anew when its records are damaged",
        ) from error


def _arrow(name: str, values: np.ndarray, rows: int) -> pa.Array:
    import pyarrow as pa

    values = np.asarray(values)
    if values.ndim not in (1, 2) or len(values) != rows or 0 in values.shape[1:]:
        raise StoreError(
            f"column {name!r} does not fit the table",
            expected=f"shape ({rows},) or ({rows}, few)",
            found=f"shape {values.shape}",
        )
    flat = values.reshape(-1)
    array = _text(name, flat) if flat.dtype.kind in "UO" else _numbers(name, flat)
    return array if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(array, values.shape[1])


def _text(name: str, values: np.ndarray) -> pa.Array:
    import pyarrow as pa

    texts = values.tolist()
    # numpy drops NULs at the end of a text, so it would not come back as it was written.
    if not all(isinstance(text, str) and not text.endswith("\0") for text in texts):
        raise _not_storable(name, "something that is no text, or text that ends in NUL")
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError as error:
        raise _not_storable(name, "text that is not valid Unicode") from error


def _numbers(name: str, values: np.ndarray) -> pa.Array:
    import pyarrow as pa

    # float16 to float64: longer floating-point numbers have no Parquet type.
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        raise _not_storable(name, f"{values.dtype}")
    return pa.array(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="), copy=False)))


def _not_storable(name: str, found: str) -> StoreError:
    return StoreError(f"column {name!r} cannot be stored", expected="booleans, numbers or text", found=found)


def _numpy(column: Any) -> np.ndarray:
    import pyarrow as pa

    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        return _flat(
            pa.chunked_array([chunk.flatten() for chunk in column.chunks], column.type.value_type)
        ).reshape(-1, width)
    return _flat(column)


def _flat(column: Any) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return np.asarray(column.to_numpy())
    # Filled in parts: a list of a million texts takes more memory than the array they end in.
    width = pc.max(pc.utf8_length(column)).as_py() or 1
    # numpy gives every text the width of the longest: 200 generations of 10,000 prompts would take 8 GB.
    fits = width * len(column) <= _MOST_CHARACTERS
    texts = np.empty(len(column), dtype=f"<U{width}" if fits else object)
    for start in range(0, len(column), _ROWS_AT_A_TIME):
        part = column.slice(start, _ROWS_AT_A_TIME)
        texts[start : start + len(part)] = part.to_pylist()
    return texts
