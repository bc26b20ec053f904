"""Reads safetensors files: the header with the standard library, the tensors with the safetensors package.

The format: 8 bytes little-endian length N, N bytes of JSON, then the data that the JSON's offsets divide up
without holes (https://github.com/huggingface/safetensors#format).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import strict_json
from ..errors import CheckpointError
from .header import DTYPE_BITS, Header, TensorInfo

if TYPE_CHECKING:
    import torch

# The limit of the reference implementation (safetensors/src/tensor.rs, MAX_HEADER_SIZE).
HEADER_LIMIT_BYTES = 100_000_000

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
}


def read_header(path: Path) -> Header:
    """The names, shapes and dtypes of a safetensors file, whose size must be what they add up to.

    Raises:
        CheckpointError: The file is truncated, has bytes too many, or its header is damaged.
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            raise _truncated(path, len(start), 8)
        (length,) = struct.unpack("<Q", start)
        if length > HEADER_LIMIT_BYTES:
            raise _damaged(path, f"a header of {length:,} bytes; the limit is {HEADER_LIMIT_BYTES:,}")
        if size_bytes < 8 + length:
            raise _truncated(path, size_bytes, 8 + length)
        text = file.read(length)
    entries = _parse(path, text)
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise _damaged(path, "__metadata__ is not a mapping")
    tensors = {name: _tensor(path, name, entry) for name, entry in entries.items()}
    expected = 8 + length + _data_end(path, entries)
    if size_bytes < expected:
        raise _truncated(path, size_bytes, expected)
    if size_bytes > expected:
        raise _damaged(path, f"{size_bytes - expected:,} bytes after the last tensor")
    return Header(tensors, {str(key): str(value) for key, value in metadata.items()})


def read_tensors(path: Path, names: Iterable[str]) -> dict[str, torch.Tensor]:
    """Tensors by name, mapped from the file: a page is read when its values are.

    Raises:
        CheckpointError: The safetensors package refuses the file.
    """
    import safetensors

    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in names}
    except safetensors.SafetensorError as error:
        raise _damaged(path, str(error)) from error


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    try:
        entries = strict_json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"a header that is not JSON: {error}") from error
    if not isinstance(entries, dict):
        raise _damaged(path, "a header that is not a mapping")
    return entries


def _tensor(path: Path, name: str, entry: Any) -> TensorInfo:
    try:
        shape, code = tuple(entry["shape"]), entry["dtype"]
        begin, end = entry["data_offsets"]
        whole = all(type(number) is int and number >= 0 for number in (*shape, begin, end))
    except (TypeError, KeyError, ValueError) as error:
        raise _damaged(path, f"the entry of {name!r} lacks shape, dtype or data_offsets") from error
    if not whole or not isinstance(code, str):
        raise _damaged(path, f"the entry of {name!r} has a shape or offset that is not a number ≥ 0")
    info = TensorInfo(shape, _DTYPES.get(code, code))
    if info.dtype in DTYPE_BITS and info.size_bytes != end - begin:
        raise _damaged(
            path, f"{name!r} declares {info.size_bytes:,} bytes (shape {shape}, {code}), has {end - begin:,}"
        )
    return info


def _data_end(path: Path, entries: Mapping[str, Any]) -> int:
    position = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        if begin != position:
            raise _damaged(path, f"a hole or an overlap before {name!r}")
        position = end
    return position


def _truncated(path: Path, size_bytes: int, expected_bytes: int) -> CheckpointError:
    return CheckpointError(
        f"the checkpoint is truncated: {size_bytes:,} of {expected_bytes:,} bytes: {path.name}",
        where=str(path),
        todo="copy it again; if it is still being written, wait",
    )


def _damaged(path: Path, found: str) -> CheckpointError:
    return CheckpointError(
        f"the safetensors file is damaged: {path.name}",
        where=str(path),
        found=found,
        todo="copy or save it again",
    )
