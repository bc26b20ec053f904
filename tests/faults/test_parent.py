"""Faults of the pytest process itself: whatever ends it leaves no worker and no record that proves anything."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from filelock import FileLock

HANGING = """\
modelqa: 1
models:
  never: {build: faulty:Faulty, args: {how: leaves_a_grandchild_and_hangs}}
datasets:
  test: {path: data/test.npz, role: test}
evaluations:
  hanging: {task: reconstruction, model: never, dataset: test, checks: [{metric: psnr, min: 20}]}
"""
ENDINGS = {
    "fault_111_sigterm_twice": [signal.SIGTERM, signal.SIGTERM],
    "fault_111_sigint_twice": [signal.SIGINT, signal.SIGINT],
    "fault_112_sigkill": [signal.SIGKILL],
}


def verify(run_command: Callable[..., Any], folder: Path) -> Any:
    (record,) = (folder / ".modelqa" / "runs").iterdir()
    return run_command(folder, [sys.executable, "-m", "pytest_modelqa.cli", "verify", str(record)])


@pytest.fixture(scope="module")
def ended(
    tmp_path_factory: pytest.TempPathFactory, make_toy: Any, start_pytest: Any, wait_until: Any
) -> Iterator[dict[str, Any]]:
    """One session for each ending, all at once: folder, and the worker and its child as they were."""
    sessions = {}
    for name in ENDINGS:
        toy = make_toy(tmp_path_factory.mktemp(name) / "toy")
        toy.write("toy.modelspec.yaml", HANGING)
        sessions[name] = start_pytest(toy.folder, "-q")
    family = {}
    for name, session in sessions.items():
        pids = [int(pid) for pid in session.wait_for("hanging.txt").split()]
        family[name] = [psutil.Process(pid) for pid in pids]
        for number in ENDINGS[name]:
            if session.process.poll() is None:
                session.process.send_signal(number)
    for session in sessions.values():
        session.process.wait(120)
    yield {name: (sessions[name], family[name]) for name in ENDINGS}
    for process in (process for members in family.values() for process in members if not is_gone(process)):
        process.kill()


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("name", ENDINGS)
def test_no_worker_and_no_grandchild_is_left(ended: dict[str, Any], name: str, wait_until: Any) -> None:
    """Nor one that left the worker's process group, as a daemon does."""
    _, family = ended[name]
    assert len(family) == 3
    wait_until(lambda: all(is_gone(process) for process in family), seconds=20)


@pytest.mark.parametrize("name", ENDINGS)
def test_the_exit_code_is_not_0_and_the_record_proves_nothing(
    ended: dict[str, Any], name: str, run_command: Any
) -> None:
    session, _ = ended[name]
    assert session.process.returncode != 0
    assert "\nGO:" not in session.text
    verified = verify(run_command, session.folder)
    assert verified.exit_code == 2
    assert verified.last_line.startswith("INCOMPLETE: ")


def test_fault_111_an_interrupted_session_says_that_it_is_incomplete(ended: dict[str, Any]) -> None:
    session, _ = ended["fault_111_sigint_twice"]
    assert session.process.returncode in (2, -signal.SIGINT), session.text


@pytest.fixture
def toy(measured_toy: Any, make_toy: Any, tmp_path: Path) -> Any:
    """The experiment with the records of a run."""
    toy = make_toy(tmp_path / "toy")
    (toy.folder / ".modelqa").mkdir()
    (toy.folder / ".modelqa" / "store").symlink_to(measured_toy[0] / ".modelqa" / "store")
    return toy


ENDS_AT_EXIT = """
import atexit
import os

def pytest_configure():
    atexit.register(os._exit, 0)
"""
ENDS_IN_A_TEST = """
import os

def test_leaves():
    os._exit(0)
"""


def test_fault_110_an_exit_code_of_0_at_exit_does_not_hide_a_failure(
    toy: Any, start_pytest: Any, run_command: Any
) -> None:
    toy.write("conftest.py", ENDS_AT_EXIT)
    toy.edit("min: 27", "min: 28")
    run = start_pytest(toy.folder, "-q").end()
    # The interpreter is no longer ours at that point; what the run wrote down is.
    assert run.exit_code == 0
    assert run.last_line.startswith("NO-GO: 1 of 6")
    assert verify(run_command, toy.folder).exit_code == 1


def test_fault_110_a_test_that_leaves_the_process_leaves_a_record_that_proves_nothing(
    toy: Any, start_pytest: Any, run_command: Any
) -> None:
    toy.write("test_a.py", ENDS_IN_A_TEST)
    run = start_pytest(toy.folder, "-q", "toy.modelspec.yaml", "test_a.py").end()
    assert run.exit_code == 0
    assert "GO:" not in run.text
    verified = verify(run_command, toy.folder)
    assert verified.exit_code == 2
    assert verified.last_line.startswith("INCOMPLETE: ")


def test_fault_111_who_waits_for_a_device_can_be_interrupted(
    make_toy: Any, start_pytest: Any, wait_until: Any, tmp_path: Path
) -> None:
    toy = make_toy(tmp_path / "toy")
    slots = toy.folder / "tmp" / f"modelqa-slots-{os.getuid()}"
    slots.mkdir(parents=True)
    with FileLock(slots / "cpu.lock"):
        session = start_pytest(toy.folder, "-v", "-k", "accuracy")
        wait_until(lambda: any((toy.folder / ".modelqa" / "runs").glob("*/run.json")), session)
        # The plan is written; a moment later it waits.
        time.sleep(3)
        session.process.send_signal(signal.SIGINT)
        run = session.end()
    assert run.exit_code == pytest.ExitCode.INTERRUPTED
    assert "\nINCOMPLETE: " in run.text
    assert tempfile.gettempdir() not in run.last_line
