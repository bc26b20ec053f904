"""The experiment of tests/plugin with faulty models and data, and sessions of pytest that can be killed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

_specification = importlib.util.spec_from_file_location(
    "toy_experiment", Path(__file__).parents[1] / "plugin" / "conftest.py"
)
assert _specification is not None
assert _specification.loader is not None
toy_experiment = importlib.util.module_from_spec(_specification)
# Dataclasses look their module up.
sys.modules["toy_experiment"] = toy_experiment
_specification.loader.exec_module(toy_experiment)

no_accelerator = toy_experiment.no_accelerator
SPEC = toy_experiment.SPEC
FILES = Path(__file__).parent / "files"
collect_ignore = ["files"]
# Generous: the machine may be busy. Nothing waits so long where the code is right.
PATIENCE_SECONDS = 300.0


class Session:
    """A pytest under way in a process of its own.

    It has a folder for temporary files of its own, hence device slots of its own: other sessions on this machine
    do not hold it up.
    """

    def __init__(self, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        own = folder / "tmp"
        own.mkdir(exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        # A file and not a pipe: what a killed session leaves behind must not keep this test waiting.
        self._output = folder / f"output-{len(list(folder.glob('output-*')))}.txt"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest", *arguments],
                cwd=folder,
                env={**inherited, "TMPDIR": str(own), **(environment or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def wait_for(self, file: str) -> str:
        """The text of a file that the session will write."""
        path = self.folder / file
        wait_until(lambda: path.exists() and path.read_text().endswith("\n"), self)
        return path.read_text().strip()

    @property
    def text(self) -> str:
        return self._output.read_text(errors="replace")

    def end(self) -> Any:
        """Waits for its end."""
        try:
            code = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"pytest did not end\n{self.text}") from None
        return toy_experiment.checked(toy_experiment.Run(self.folder, code, self.text))


def wait_until(
    true: Callable[[], bool], session: Session | None = None, seconds: float = PATIENCE_SECONDS
) -> None:
    """Waits until something holds; fails when it never does, or when the session ends before."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, session.text if session else "it never came"
        assert session is None or session.process.poll() is None or true(), session.text
        time.sleep(0.05)


def processes_of(folder: Path) -> list[str]:
    """What still runs with this folder for its current one, or in its command."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and (
                process.cwd() == str(folder) or str(folder) in process.cmdline()
            ):
                found.append(f"{process.pid}: {process.cmdline()}")
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="session")
def make_toy() -> Callable[[Path], Any]:
    """Makes the experiment in a folder, with the faulty models and loaders beside its own; no records."""

    def make(folder: Path) -> Any:
        toy = toy_experiment.make_toy(folder)
        for file in FILES.glob("*.py"):
            toy.write(file.name, file.read_text())
        return toy

    return make


@pytest.fixture(scope="session")
def start_pytest() -> type[Session]:
    """Starts pytest on a folder."""
    return Session


@pytest.fixture(scope="session")
def run_command() -> Callable[..., Any]:
    """Runs a command in a folder."""
    run: Callable[..., Any] = toy_experiment.run_command
    return run


@pytest.fixture(scope="session", name="wait_until")
def wait_until_fixture() -> Callable[..., None]:
    """Waits until something holds."""
    return wait_until


@pytest.fixture(scope="session", name="processes_of")
def processes_of_fixture() -> Callable[[Path], list[str]]:
    """What still runs in a folder."""
    return processes_of


@pytest.fixture(scope="session")
def measured_toy(make_toy: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The experiment after a serial run on it: (its folder, the run)."""
    toy = make_toy(tmp_path_factory.mktemp("measured") / "toy")
    run = Session(toy.folder, "-q").end()
    assert run.exit_code == 0, run.text
    return toy.folder, run
