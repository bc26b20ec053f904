"""Reads ``.npz`` files: sizes checked before anything is allocated, pickles refused, arrays mapped."""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np

from ..errors import DatasetError

# No deflate stream unpacks to more than this many times its size (https://zlib.net/zlib_tech.html).
_DEFLATE_RATIO = 1032
_LOCAL_HEADER_BYTES = 30


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz``, by name; those that are not compressed stay on disk until they are used.

    Raises:
        DatasetError: The file is damaged or truncated, holds Python objects, or declares more than it holds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(set(archive.namelist())) != len(entries):
                raise zipfile.BadZipFile("a name is given twice")
            return {
                entry.filename.removesuffix(".npy"): _read_entry(path, archive, entry) for entry in entries
            }
    # RuntimeError is an encrypted archive, ValueError a map that ends beyond the file.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


def _read_entry(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    if not entry.filename.endswith(".npy"):
        raise _damaged(path, f"{entry.filename!r} in it is no array")
    with archive.open(entry) as file:
        shape, fortran_order, dtype = _read_array_header(path, entry, file)
        header_bytes = file.tell()
        count: int = math.prod(shape)
        _check_sizes(path, entry, header_bytes + count * dtype.itemsize)
        if entry.compress_type == zipfile.ZIP_STORED and count * dtype.itemsize:
            offset = _data_offset(path, entry) + header_bytes
            return np.memmap(path, dtype, "r", offset, shape, "F" if fortran_order else "C")
    with archive.open(entry) as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _read_array_header(
    path: Path, entry: zipfile.ZipInfo, file: IO[bytes]
) -> tuple[tuple[int, ...], bool, np.dtype]:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran_order, dtype = readers[version](file)
    # NumPy parses the header as a Python literal, with Python's errors.
    except (ValueError, KeyError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError) as error:
        raise _damaged(path, f"the header of {entry.filename!r} cannot be read: {error}") from error
    if dtype.hasobject:
        raise DatasetError(
            f"{path.name} holds Python objects, which are pickles, in {entry.filename.removesuffix('.npy')!r}",
            where=str(path),
            expected="numbers, booleans, or texts of dtype str",
            found="dtype object; nothing was run",
            todo="save it again with a plain dtype: np.asarray(values, dtype=str)",
        )
    if any(length < 0 for length in shape):
        raise _damaged(path, f"{entry.filename!r} declares the shape {shape}")
    return shape, fortran_order, dtype


def _check_sizes(path: Path, entry: zipfile.ZipInfo, declared: int) -> None:
    """Before anything is allocated: 128 bytes of header can claim 745 GiB."""
    held = entry.file_size
    if entry.compress_type != zipfile.ZIP_STORED:
        held = min(held, entry.compress_size * _DEFLATE_RATIO)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if declared == held and (entry.compress_type == zipfile.ZIP_STORED or declared <= memory):
        return
    raise DatasetError(
        f"the array {entry.filename.removesuffix('.npy')!r} declares {declared:,} bytes, "
        f"the file has {held:,}: {path.name}",
        where=str(path),
        expected=f"sizes that agree; limit {memory:,} bytes of memory for a compressed array",
        todo="save it again; do not use it if it came from somewhere else",
    )


def _data_offset(path: Path, entry: zipfile.ZipInfo) -> int:
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        local = file.read(_LOCAL_HEADER_BYTES)
        if len(local) < _LOCAL_HEADER_BYTES or local[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile(f"no local header of {entry.filename!r}")
        name_bytes, extra_bytes = struct.unpack("<HH", local[26:30])
    return int(entry.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes)


def _damaged(path: Path, found: str) -> DatasetError:
    return DatasetError(
        f"the .npz file is damaged or truncated: {path.name}",
        where=str(path),
        found=found,
        todo="copy or save it again with np.savez",
    )
