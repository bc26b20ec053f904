"""Reads what W&B wrote of a run on this machine, ``run-ID.wandb``: the rows that were logged. Needs no W&B.

The file is LevelDB's log format, https://github.com/google/leveldb/blob/main/doc/log_format.md, behind a header of
seven bytes; its records are protobuf messages of wandb/proto/wandb_internal.proto, of which two fields are read.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import DatasetError

_HEADER = b":W&B\xe1\xbe\x00"
_BLOCK = 32768
_FRAME = struct.Struct("<IHB")
_WHOLE, _LAST = 1, 4
# Record.history, Record.exit, HistoryRecord.item, and of an item its key, the parts of one, and the value as JSON.
_HISTORY, _EXIT, _ITEM, _KEY, _NESTED_KEY, _VALUE_JSON = 2, 18, 1, 1, 2, 16


def read_run(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of names and numbers or texts that a run logged, in the order in which they were logged.

    Raises:
        DatasetError: The file is none of W&B, is damaged, or the run did not come to its end.
    """
    data = path.read_bytes()
    if not data.startswith(_HEADER):
        raise _damaged(path, "a file of a run, run-ID.wandb", f"the first bytes {data[:7]!r}")
    ended = False
    try:
        for message in _messages(data, path):
            for field, value in _fields(message):
                ended = ended or field == _EXIT
                if field == _HISTORY:
                    yield dict(_items(value))
    except (IndexError, struct.error, ValueError, RecursionError) as error:
        raise _damaged(path, "protobuf messages of W&B", str(error)) from error
    if not ended:
        raise DatasetError(
            "the run of W&B did not come to its end",
            where=str(path),
            expected="the record of its exit as the last",
            found="none: it was killed, still runs, or the file was cut off",
            todo="let it end, or export its history and name that file",
        )


def _messages(data: bytes, path: Path) -> Iterator[bytes]:
    position, parts = len(_HEADER), b""
    while position + _FRAME.size <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < _FRAME.size:
            position += left
            continue
        checksum, length, kind = _FRAME.unpack_from(data, position)
        body = data[position + _FRAME.size : position + _FRAME.size + length]
        if len(body) < length:
            return
        if zlib.crc32(bytes([kind]) + body) != checksum:
            raise _damaged(path, "a record with its checksum", f"another at byte {position}")
        position += _FRAME.size + length
        parts += body
        if kind in (_WHOLE, _LAST):
            yield parts
            parts = b""


def _items(history: bytes) -> Iterator[tuple[str, Any]]:
    for field, item in _fields(history):
        if field == _ITEM:
            found = list(_fields(item))
            parts = [value.decode() for number, value in found if number in (_KEY, _NESTED_KEY)]
            text = next((value for number, value in found if number == _VALUE_JSON), b"{}")
            value = json.loads(text)
            # Pictures and tables are objects, which are no series.
            if value is None or isinstance(value, (int, float, str)):
                yield ".".join(parts), value


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field that has a length; others have numbers that nothing here needs."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        match tag & 7:
            case 0:
                _, position = _varint(message, position)
            case 1:
                position += 8
            case 2:
                length, position = _varint(message, position)
                if position + length > len(message):
                    raise ValueError("a field that is longer than its message")
                yield tag >> 3, message[position : position + length]
                position += length
            case 5:
                position += 4
            case wire:
                raise ValueError(f"a field of wire type {wire}")


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = message[position]
        value |= (byte & 127) << shift
        position += 1
        if byte < 128:
            return value, position
        shift += 7


def _damaged(path: Path, expected: str, found: str) -> DatasetError:
    return DatasetError(
        f"the training log cannot be read: {path.name}",
        where=str(path),
        expected=expected,
        found=found,
        todo="copy it again, or export the run's history and name that file",
    )
