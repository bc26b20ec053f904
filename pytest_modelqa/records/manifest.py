"""What is known of a record beside its numbers: on what it was measured, with which code, and when."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from ..errors import StoreError
from .digests import FileDigest, canonical, digest

SCHEMA_VERSION = 1
"""Raised whenever an older reader would misread a record; part of every evaluation key."""

_T = TypeVar("_T")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# The files of a record are its tables, its pictures and its arrays; no name leads out of its folder.
_FILE_NAME = re.compile(
    r"(pictures/)?[A-Za-z0-9_][A-Za-z0-9_.-]*|(sample|set)_arrays/[a-z0-9_%][a-z0-9_.,=%-]*\.npy"
)


@dataclass(frozen=True)
class Device:
    """What the inference ran on: ``Device("cuda", "NVIDIA H100 80GB HBM3")``."""

    type: Literal["cpu", "cuda"]
    name: str


@dataclass(frozen=True)
class Manifest:
    """The content of ``record.json``.

    Attributes:
        key: The evaluation's key, 64 hexadecimal digits.
        key_parts: What the key was made of, in JSON types.
        created: When the record was made: UTC, ISO 8601, as ``now_utc`` writes it.
        device: See ``Device``.
        code: Every module imported from outside site-packages and the standard library.
        distributions: Name to version of the installed distributions used.
        inputs: Label (``checkpoint``, ``data``) to the files read.
        samples: Rows of the table.
        complete: Whether every sample of the dataset was visited.
        measured: How it went, in JSON types: batch size, precision, seconds, samples per second, notes.
        files: Relative name to sha256 of each file of the record; ``Draft.commit`` fills it in.
    """

    key: str
    key_parts: Mapping[str, Any]
    created: str
    device: Device
    code: tuple[FileDigest, ...]
    distributions: Mapping[str, str]
    inputs: Mapping[str, tuple[FileDigest, ...]]
    samples: int
    complete: bool
    measured: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def created_at(self) -> datetime:
        """``created`` as a moment."""
        return datetime.fromisoformat(self.created)

    @property
    def record_id(self) -> str:
        """16 hexadecimal digits that name the record of this key, code, device and installation.

        A record of a part of the samples has an id of its own, so that it never stands in a whole one's way.
        """
        code = sorted([file.path, file.sha256] for file in self.code)
        parts = [self.key, code, dataclasses.asdict(self.device), self.distributions]
        return digest(parts if self.complete else [*parts, self.samples])[:16]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; ``from_json`` is its inverse.

        Raises:
            StoreError: ``key_parts`` or ``measured`` holds what JSON has no form for.
        """
        plain: dict[str, Any] = canonical(dataclasses.asdict(self))
        return plain

    @classmethod
    def from_json(cls, value: Any) -> Manifest:
        """The manifest that ``to_json`` wrote; every field must be there, of its type, and no other.

        Raises:
            StoreError: It is not; the message names the field.
        """
        fields = _object(value, "manifest", cls)
        return cls(
            key=_sha256(fields["key"], "key"),
            key_parts=_mapping(fields["key_parts"], "key_parts", _anything),
            created=_time(fields["created"], "created"),
            device=_device(fields["device"], "device"),
            code=_files(fields["code"], "code"),
            distributions=_mapping(fields["distributions"], "distributions", _text),
            inputs=_mapping(fields["inputs"], "inputs", _files),
            samples=_count(fields["samples"], "samples"),
            complete=_boolean(fields["complete"], "complete"),
            measured=_mapping(fields["measured"], "measured", _anything),
            files=_named(fields["files"], "files"),
        )


def minute(moment: str) -> str:
    """A moment as people read it.

    >>> minute("2026-01-31T12:00:00.000000+00:00")
    '2026-01-31 12:00 UTC'
    """
    return f"{moment[:16].replace('T', ' ')} UTC"


def now_utc() -> str:
    """This moment as ``Manifest.created`` says it: ``2026-01-31T12:00:00.000000+00:00``."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def is_file_name(name: str) -> bool:
    """Whether a record may have a file of this name.

    >>> [is_file_name(name) for name in ("pictures/a.png", "../a.png", "pictures/.hidden")]
    [True, False, False]
    """
    return _FILE_NAME.fullmatch(name) is not None


def _wrong(where: str, expected: str, found: Any) -> StoreError:
    return StoreError(f"{where} of the manifest is not {expected}", found=repr(found)[:200])


def _object(value: Any, where: str, kind: type) -> dict[str, Any]:
    names = {each.name for each in dataclasses.fields(kind)}
    if not isinstance(value, dict) or set(value) != names:
        raise _wrong(where, f"an object with exactly {', '.join(sorted(names))}", value)
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, "text", value)
    return value


def _count(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(where, "a count", value)
    return value


def _boolean(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, "true or false", value)
    return value


def _sha256(value: Any, where: str) -> str:
    if not _DIGEST.fullmatch(_text(value, where)):
        raise _wrong(where, "a sha256", value)
    return str(value)


def _time(value: Any, where: str) -> str:
    try:
        moment = datetime.fromisoformat(_text(value, where))
    except ValueError as error:
        raise _wrong(where, "a time", value) from error
    if moment.utcoffset() != timedelta(0):
        raise _wrong(where, "a time in UTC", value)
    return str(value)


def _mapping(value: Any, where: str, entry: Callable[[Any, str], _T]) -> dict[str, _T]:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    return {name: entry(each, f"{where}.{name}") for name, each in value.items()}


def _anything(value: Any, where: str) -> Any:
    return value


def _device(value: Any, where: str) -> Device:
    fields = _object(value, where, Device)
    if fields["type"] not in ("cpu", "cuda"):
        raise _wrong(f"{where}.type", "cpu or cuda", fields["type"])
    return Device(fields["type"], _text(fields["name"], f"{where}.name"))


def _files(value: Any, where: str) -> tuple[FileDigest, ...]:
    if not isinstance(value, list):
        raise _wrong(where, "a list of files", value)
    return tuple(_file(each, f"{where}[{number}]") for number, each in enumerate(value))


def _file(value: Any, where: str) -> FileDigest:
    fields = _object(value, where, FileDigest)
    return FileDigest(
        _text(fields["path"], f"{where}.path"),
        _sha256(fields["sha256"], f"{where}.sha256"),
        _count(fields["size"], f"{where}.size"),
    )


def _named(value: Any, where: str) -> dict[str, str]:
    files = _mapping(value, where, _sha256)
    for name in files:
        if not is_file_name(name):
            raise _wrong(where, "made of plain file names", name)
    return files
