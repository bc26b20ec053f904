"""A spec file as text: its bytes, its digest, its lines, or why it cannot be read."""

from __future__ import annotations

import codecs
import hashlib
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from .nodes import Node, RefusedError

# Twice what 10,000 models take.
LARGEST_BYTES = 1_500_000

_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
# What YAML 1.2 does not allow; and what is allowed but does not look like what it does: libyaml breaks lines
# at U+0085, U+2028 and U+2029, where editors do not, and bidirectional controls show text in another order
# than it is read in (CVE-2021-42574).
_UNREADABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)


@dataclass(frozen=True)
class Source:
    """A file that was read.

    Attributes:
        sha256: Of its bytes.
        text: Without a byte order mark.
        lines: For excerpts; split where YAML splits them.
    """

    sha256: str
    text: str
    lines: tuple[str, ...]


def read_source(path: Path) -> Source:
    """Reads a spec file.

    Raises:
        RefusedError: It cannot be opened, is no regular file, is too large, or is not UTF-8 text.
    """
    data = _read_bytes(path)
    text = _decoded(data)
    bad = _UNREADABLE.search(text)
    if bad:
        raise RefusedError(
            "control-character",
            f"the character U+{ord(bad[0]):04X} is not allowed in a spec",
            _place(text, bad.start()),
            expected="text that reads the way it looks",
            todo=rf'remove it; in a text in double quotes it may be written "\u{ord(bad[0]):04x}"',
        )
    if re.search(r"^%", text, re.MULTILINE):
        raise RefusedError(
            "directive",
            "a line begins with %, which is a YAML directive",
            _place(text, re.search(r"^%", text, re.MULTILINE).start()),  # type: ignore[union-attr]
            expected="a spec without directives; it is read as YAML 1.2",
            todo="remove the line",
        )
    return Source(hashlib.sha256(data).hexdigest(), text, tuple(re.split(r"\r\n|\n|\r", text)))


def _read_bytes(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RefusedError("file-unreadable", "the spec is not a file", found="a folder or a device")
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise RefusedError("file-unreadable", f"the spec cannot be read: {error.strerror}") from error
    if len(data) > LARGEST_BYTES:
        raise RefusedError(
            "file-too-large",
            "the spec is too large",
            expected=f"at most {LARGEST_BYTES:,} bytes",
            todo="split it; is this the file that you meant?",
        )
    return data


def _decoded(data: bytes) -> str:
    for mark, name in _ENCODINGS:
        if data.startswith(mark):
            raise _not_utf8(f"{name} (by its byte order mark)")
    if b"\0" in data[:4]:
        raise _not_utf8("UTF-16 or UTF-32 (by its zero bytes)")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        raise _not_utf8(
            f"the byte 0x{data[error.start]:02X}, as in Latin-1 or Windows-1252", _place(before, len(before))
        ) from error


def _not_utf8(found: str, at: Node | None = None) -> RefusedError:
    return RefusedError(
        "encoding",
        "the spec is not UTF-8 text",
        at,
        expected="UTF-8",
        found=found,
        todo="save it as UTF-8",
    )


def _place(text: str, offset: int) -> Node:
    before = re.split(r"\r\n|\n|\r", text[:offset])
    return Node(None, len(before), len(before[-1]) + 1)
