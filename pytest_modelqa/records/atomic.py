"""Writes a file whole or not at all, and says in plain words why it could not."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ..errors import StoreError

_NO_SPACE = "free some space there, or choose a folder on another disk"
_NOT_ALLOWED = "make the folder writable for this user, or choose another one"
_TODO = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: "raise the limit on file sizes (ulimit -f), or choose a folder on another file system",
    errno.EROFS: _NOT_ALLOWED,
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
}


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turns an ``OSError`` of the block into a ``StoreError`` that says what to do.

    Raises:
        StoreError: The disk is full or read-only, the folder belongs to someone else, or the disk failed.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise StoreError(
            f"cannot write {path.name}: {reason}",
            where=str(path),
            expected="a folder that can be written to",
            found=str(error),
            todo=_TODO.get(error.errno or 0, "look after the disk, or choose another folder"),
        ) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path`` so that a reader sees the old content or the new, never a part of it.

    Missing folders are made. The file has the permissions that the umask gives, which a temporary file of the
    standard library has not (0600).

    Raises:
        StoreError: See ``storing``. The old content is still there, and no temporary file is left.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in ``folder`` survive a power cut; without it a renamed file may vanish."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
