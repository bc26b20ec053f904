"""What a worker started ends with it, and nothing else does."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_modelqa.evaluation import watchdog

Process = subprocess.Popen[bytes]
# Another session of these tests on this machine has another one.
MINE = secrets.token_hex(8)


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Three sessions: of a worker, of a daemon that it started, and of another worker's daemon."""
    marks = (MINE, MINE, secrets.token_hex(8))
    started = [
        subprocess.Popen(
            [sys.executable, "-S", "-c", "print(flush=True); import time; time.sleep(60)"],
            env={**os.environ, watchdog.MARK: mark},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        for mark in marks
    ]
    for process in started:
        # Until it has run, a process has the environment of the one that it was forked from.
        assert process.stdout is not None
        process.stdout.readline()
    yield started
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no environment can be read")
def test_a_daemon_ends_with_the_worker_that_started_it(processes: list[Process]) -> None:
    worker, daemon, other = processes
    watchdog.end(worker.pid, MINE)
    assert worker.wait(10) == daemon.wait(10) == -9
    assert other.poll() is None


def test_the_group_of_a_worker_ends_where_no_mark_is_found(processes: list[Process]) -> None:
    worker, daemon, _ = processes
    watchdog.end(worker.pid, "no-such-mark")
    assert worker.wait(10) == -9
    assert daemon.poll() is None


def test_only_what_was_not_released_is_ended(processes: list[Process]) -> None:
    worker, _, other = processes
    watchdog.watch([f"+{worker.pid} a\n", f"+{other.pid} b\n", f"-{worker.pid} a\n"])
    assert other.wait(10) == -9
    assert worker.poll() is None
