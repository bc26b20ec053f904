"""A tiny experiment with a spec, copied for each test, and pytest run on it as a user would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import save_file

# Imported before pytester takes its snapshot of sys.modules: numpy cannot be loaded a second time.
import pytest_modelqa.collection  # noqa: F401
from pytest_modelqa.evaluation.devices import accelerators

collect_ignore = ["toy"]
TOY = Path(__file__).parent / "toy"
SPEC = "toy.modelspec.yaml"
# What must never reach a user: a traceback that is not told in our words, frames of the package, pytest's own crash.
FORBIDDEN = ("Traceback (most recent call last)", "INTERNALERROR", "pytest_modelqa/")


@dataclass(frozen=True)
class Run:
    """One run of pytest: what it printed and left behind."""

    folder: Path
    exit_code: int
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def last_line(self) -> str:
        return self.lines[-1]

    @property
    def record_path(self) -> Path:
        """The run record that the run names."""
        named = re.findall(r"^run record: (.+)$", self.text, re.MULTILINE)
        assert len(named) == 1, self.text
        return Path(named[0])

    @property
    def record(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.record_path.read_text())
        return content

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """The results by the item's name without its file: ``reconstruction::psnr-min``."""
        return {result["nodeid"].split("::", 1)[1]: result for result in self.record["results"]}

    @property
    def statuses(self) -> dict[str, str]:
        return {name: result["status"] for name, result in self.results.items()}

    def error(self, name: str) -> dict[str, str | None]:
        """The error that an item ended with, as the run record has it."""
        fields: dict[str, str | None] = self.results[name]["verdict"]["error"]
        return fields

    def reused(self, name: str) -> bool:
        """Whether a check was judged on records of an earlier run."""
        return bool(self.results[name]["verdict"]["evidence"]["candidate"]["reused"])


@dataclass(frozen=True)
class Toy:
    """A copy of the experiment."""

    folder: Path

    def edit(self, old: str, new: str, file: str = SPEC) -> None:
        """Replaces a text that must be there exactly once."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def add_evaluation(self, text: str) -> None:
        """Appends to the spec, whose last section is ``evaluations``."""
        with (self.folder / SPEC).open("a") as file:
            file.write(text)


@pytest.fixture(scope="session", autouse=True)
def no_accelerator() -> Iterator[None]:
    """The same device on every machine, for this process and those it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        accelerators.cache_clear()
        yield
    accelerators.cache_clear()


def make_toy(folder: Path) -> Toy:
    """The experiment without records.

    40 images of four pixels, of which the brightest is the class; the labels of four images are wrong. So psnr
    of ``scaler`` (weight 0.9) is 27.27 dB and of ``scaler_older`` (0.8) 21.25 dB, and accuracy is 0.9.
    """
    shutil.copytree(TOY, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "spec.yaml").rename(folder / SPEC)
    shown = np.arange(40) % 4
    pixels = np.full((40, 4), 0.25, dtype=np.float32)
    pixels[np.arange(40), shown] = 0.75
    label = np.where(np.arange(40) < 4, (shown + 1) % 4, shown)
    (folder / "data").mkdir()
    images = pixels.reshape(40, 1, 2, 2)
    np.savez(
        folder / "data" / "test.npz",
        id=np.array([f"image-{i}" for i in range(40)]),
        image=images,
        label=label,
    )
    (folder / "checkpoints").mkdir()
    for name, weight in (("scaler", 0.9), ("scaler_older", 0.8), ("scaler_bad", 0.5)):
        save_file(
            {"weight": np.array([weight], dtype=np.float32)}, folder / "checkpoints" / f"{name}.safetensors"
        )
    for name, order in (("picker", [0, 1, 2, 3]), ("picker_bad", [1, 0, 2, 3])):
        save_file(
            {"weight": np.eye(4, dtype=np.float32)[order]}, folder / "checkpoints" / f"{name}.safetensors"
        )
    return Toy(folder)


def run_pytest(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Run:
    """Runs pytest in a process of its own."""
    return run_command(folder, [sys.executable, "-m", "pytest", *arguments], environment)


def run_command(folder: Path, command: list[str], environment: Mapping[str, str] | None = None) -> Run:
    """Runs a command in a folder, with nothing of the pytest around it in the environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**inherited, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=False,
    )
    return checked(Run(folder, done.returncode, done.stdout))


def checked(run: Run) -> Run:
    """The run, once it is known to hold no traceback of ours."""
    shown = [line for line in run.lines for text in FORBIDDEN if text in line]
    assert not shown, f"{shown}\n\n{run.text}"
    return run


@pytest.fixture(scope="session", name="make_toy")
def make_toy_fixture() -> Callable[[Path], Toy]:
    """Makes the experiment in a folder, without records."""
    return make_toy


@pytest.fixture(scope="session", name="run_pytest")
def run_pytest_fixture() -> Callable[..., Run]:
    """Runs pytest on a folder in a process of its own."""
    return run_pytest


@pytest.fixture(scope="session", name="run_command")
def run_command_fixture() -> Callable[..., Run]:
    """Runs a command in a folder."""
    return run_command


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], Run]], Run]:
    """Makes an expensive run once for all processes of xdist, in the way that its documentation shows."""

    def share(name: str, make: Callable[[Path], Run]) -> Run:
        root = tmp_path_factory.getbasetemp()
        root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
        kept = root / f"{name}.json"
        with FileLock(root / f"{name}.lock"):
            if not kept.exists():
                run = make(root / name)
                kept.write_text(json.dumps({"exit_code": run.exit_code, "text": run.text}))
        return Run(root / name, **json.loads(kept.read_text()))

    return share


@pytest.fixture(scope="session")
def measured_toy(once: Callable[[str, Callable[[Path], Run]], Run]) -> Path:
    """The experiment with the records of one run, so that tests that only judge wait for no worker."""
    run = once("measured", lambda folder: run_pytest(make_toy(folder).folder, "-q"))
    assert run.exit_code == 0, run.text
    return run.folder


@pytest.fixture
def toy(measured_toy: Path, pytester: pytest.Pytester) -> Toy:
    """A copy of the experiment in pytester's folder, with its records."""
    shutil.copytree(measured_toy, pytester.path, dirs_exist_ok=True)
    shutil.rmtree(pytester.path / ".modelqa" / "runs")
    return Toy(pytester.path)


@pytest.fixture
def gate(toy: Toy, pytester: pytest.Pytester) -> Callable[..., Run]:
    """Runs pytest on the copy, within this process."""

    def run(*arguments: str) -> Run:
        result = pytester.runpytest_inprocess(*arguments)
        return checked(Run(toy.folder, int(result.ret), "\n".join([*result.outlines, *result.errlines])))

    return run
