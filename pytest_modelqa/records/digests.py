"""Digests of files and of values: what keys are made of."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import EvaluationError, StoreError
from .atomic import write_atomically

GROUPS = 20
"""How many groups the leave-one-group-out values of a set-level metric are made over."""

# Below this a file is hashed faster than its memory is looked up.
_REMEMBERED_FROM_BYTES = 1 << 20
# A file written again within the tick of its clock keeps its mtime; 2 s is the coarsest tick in use (FAT).
RACY_SECONDS = 2.0
"""A file that was written more recently may change again without a trace in its times."""

NOT_THERE = "f" * 64
"""Stands for the sha256 of a file that code looked for in vain: once it is there, it is read."""

_ATTEMPTS = 3
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class FileDigest:
    """One file and its content.

    Attributes:
        path: As it was named (relative to the spec's folder, or absolute).
        sha256: 64 hexadecimal digits.
        size: Bytes.
    """

    path: str
    sha256: str
    size: int


def file_sha256(path: Path, memory: Path | None = None) -> str:
    """The sha256 of a file's content, 64 hexadecimal digits.

    Args:
        path: The file; links are followed.
        memory: A folder in which the digests of files of 1 MiB and more are remembered by path, size, mtime,
            ctime and inode. A file modified in the last two seconds is not remembered: its next change might
            not show in its times.

    Raises:
        EvaluationError: The file cannot be read, or kept changing while it was read.
    """
    try:
        for _ in range(_ATTEMPTS):
            before = path.stat()
            note = _note_of(path, memory) if before.st_size >= _REMEMBERED_FROM_BYTES else None
            if note and (known := _remembered(note, before)):
                return known
            sha256 = _hash(path)
            if identity(path.stat()) == identity(before):
                if note:
                    _remember(note, before, sha256)
                return sha256
    except OSError as error:
        raise EvaluationError(
            f"cannot read {path.name}: {error.strerror or error}",
            where=str(path),
            expected="a file that can be read",
            todo="correct the path, or make the file readable",
        ) from error
    raise EvaluationError(
        f"{path.name} changes while it is read",
        where=str(path),
        expected="a file that stays as it is during the run",
        found=f"it was changed during each of {_ATTEMPTS} readings",
        todo="wait until it is written, then run again",
    )


def identity(stat: os.stat_result) -> list[int]:
    """What changes when a file is written to or replaced, unless within the tick of its clock."""
    # ctime as well: a file replaced by one of the same size and a copied mtime (cp -p, touch -r) changes it.
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_dev, stat.st_ino]


def digest(value: Any) -> str:
    """The sha256 of a value's canonical JSON: the order of keys does not matter, everything else does.

    Raises:
        StoreError: See ``canonical``.

    >>> digest({"b": 1, "a": (2, 3)}) == digest({"a": [2, 3], "b": 1})
    True
    >>> digest(1) == digest(1.0)
    False
    """
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def canonical(value: Any) -> Any:
    """The same value in plain JSON types: tuples as lists, numpy scalars as Python's, keys as text.

    A key that is no text is written with its type, so that ``{0: x}`` and ``{"0": x}`` stay different.

    Raises:
        StoreError: NaN, Inf, or something that JSON has no form for.

    >>> canonical({0: (1, 2.5), "a": None})
    {'!int 0': [1, 2.5], 'a': None}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Mapping):
        return {_key(key): canonical(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(entry) for entry in value]
    what = f"the number {value}" if isinstance(value, float) else f"a value of type {type(value).__name__}"
    raise StoreError(
        f"{what} has no form in JSON, so nothing that depends on it can be recorded",
        expected="text, finite numbers, true, false, null, lists and mappings of these",
        found=repr(value)[:200],
        todo="look for it among the args in the spec; write it as text, and let the code turn that into a number",
    )


def group_of(sample_id: str) -> int:
    """The group (0 to 19) that a sample belongs to, the same in every evaluation.

    >>> group_of("digit-0001")
    9
    """
    return (
        int.from_bytes(hashlib.sha256(sample_id.encode("utf-8", "surrogatepass")).digest()[:8], "big")
        % GROUPS
    )


def _key(key: Any) -> str:
    # Text stays as it is, also where it looks like another key's form: what is read back must not change.
    return key if isinstance(key, str) else f"!{type(key).__name__} {json.dumps(canonical(key))}"


def _hash(path: Path) -> str:
    sha256 = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        buffer = memoryview(bytearray(_CHUNK_BYTES))
        while size := file.readinto(buffer):
            sha256.update(buffer[:size])
    return sha256.hexdigest()


def _note_of(path: Path, memory: Path | None) -> Path | None:
    return memory / f"{digest(str(path.resolve()))}.json" if memory else None


def _remembered(note: Path, stat: os.stat_result) -> str | None:
    # A memory that is missing or damaged only costs the hashing of the file.
    with contextlib.suppress(OSError, ValueError, RecursionError, StoreError):
        entry = json.loads(note.read_bytes())
        if isinstance(entry, dict) and entry.get("identity") == identity(stat):
            sha256 = entry.get("sha256")
            if isinstance(sha256, str) and entry.get("check") == digest([identity(stat), sha256]):
                return sha256
    return None


def _remember(note: Path, stat: os.stat_result, sha256: str) -> None:
    if time.time() - max(stat.st_mtime, stat.st_ctime) < RACY_SECONDS:
        return
    entry = {"identity": identity(stat), "sha256": sha256, "check": digest([identity(stat), sha256])}
    # The digest is right whether it is remembered or not: a memory that cannot be written must fail nothing.
    with contextlib.suppress(StoreError):
        write_atomically(note, json.dumps(entry).encode())
