"""Kills the process groups of workers when the pytest process is gone, however it went.

A worker asks Linux to die with its parent, but what the worker started (a data loader, a daemon of user code) does
not, and would hold the GPU. This script is run by path and without site-packages, so it starts in milliseconds.
It reads ``+PID`` and ``-PID`` lines; at the end of its input, which is the end of the process that holds the other
end of the pipe, it kills every group that is left.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable


def watch(lines: Iterable[str]) -> None:
    """Follows the groups until the input ends."""
    groups: set[int] = set()
    for line in lines:
        sign, pid = line[:1], int(line[1:])
        (groups.add if sign == "+" else groups.discard)(pid)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    # Ctrl-C is meant for pytest; this process must live until pytest is gone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch(sys.stdin)
