"""Ends what a worker started, however the worker or the pytest process went.

A worker asks Linux to die with its parent, but what the worker started (a data loader, a daemon of user code) does
not, and would hold the GPU. Most of it is in the worker's process group; a daemon leaves that (``setsid``), but keeps
the environment, which holds a mark of the worker.

This script is run by path and without site-packages, so it starts in milliseconds. It reads ``+PID MARK`` and
``-PID MARK`` lines; at the end of its input, which is the end of the process that holds the other end of the pipe, it
ends all that is left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

MARK = "MODELQA_WORKER"
"""The environment variable that holds the mark."""

# A process that is killed may have started another one meanwhile.
_ROUNDS = 5


def end(group: int, mark: str) -> None:
    """Kills a worker's process group, and every process that bears its mark."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    for _ in range(_ROUNDS):
        left = list(marked(mark))
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def marked(mark: str) -> Iterator[int]:
    """The processes whose environment holds a mark; none where there is no ``/proc``. One that is dead has none."""
    sought = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        # It has gone, or is somebody else's.
        with contextlib.suppress(OSError):
            if sought in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


def watch(lines: Iterable[str]) -> None:
    """Follows the workers until the input ends."""
    workers: set[tuple[int, str]] = set()
    for line in lines:
        pid, mark = line[1:].split()
        (workers.add if line[0] == "+" else workers.discard)((int(pid), mark))
    for group, mark in workers:
        end(group, mark)


if __name__ == "__main__":
    # Ctrl-C is meant for pytest; this process must live until pytest is gone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch(sys.stdin)
