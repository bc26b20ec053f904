"""Locks between processes that die with their holder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from ..errors import StoreError
from .atomic import storing

_SECONDS_BETWEEN_WORDS = 1.0


@contextlib.contextmanager
def holding(path: Path, waiting: Callable[[float], None] | None = None) -> Iterator[None]:
    """Holds the operating system's lock on a file; it goes when the process does, however that ends.

    Args:
        path: The lock file. It is made, and stays.
        waiting: Called at once and then every second while another holds the lock, with the seconds waited.

    Raises:
        StoreError: The file cannot be made, or its file system has no locks.
    """
    start = time.monotonic()
    lock = try_lock(path, 0)
    while lock is None:
        if waiting:
            waiting(time.monotonic() - start)
        lock = try_lock(path, _SECONDS_BETWEEN_WORDS)
    try:
        yield
    finally:
        lock.release()


def try_lock(path: Path, timeout_s: float) -> FileLock | None:
    """The lock on a file, held; None where another still holds it after the timeout.

    Raises:
        StoreError: See ``holding``.
    """
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # One thread may begin what another ends.
        lock = FileLock(path, thread_local=False)
        try:
            lock.acquire(timeout=timeout_s, poll_interval=0.05)
        # A TimeoutError is an OSError, but waiting in vain is no fault of the disk.
        except Timeout:
            return None
        # What older versions of filelock say where flock is missing …
        except NotImplementedError as error:
            raise _no_locks(path) from error
    # … and later it turns itself into a lock that outlives a killed holder (filelock#480).
    if isinstance(lock, SoftFileLock):
        lock.release()
        raise _no_locks(path)
    return lock


def _no_locks(path: Path) -> StoreError:
    return StoreError(
        "the file system of the store has no locks",
        where=str(path),
        expected="flock(2)",
        todo="choose a folder on a local disk for the store",
    )
