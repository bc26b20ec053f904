"""Experiments as their training leaves them: code, checkpoints and data, and no spec."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "model_specs"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a Python module in a folder, with nothing of the pytest around it in the environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**inherited, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose ``runs/digits`` holds an autoencoder and a classifier, each with a worse checkpoint beside."""
    project = tmp_path_factory.mktemp("digits")
    kept = shutil.ignore_patterns("*.yaml", "*.md", ".modelqa", "__pycache__")
    shutil.copytree(SHIPPED / "digits", project / "runs" / "digits", ignore=kept)
    return project


@pytest.fixture(scope="session")
def modelqa_new() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Drafts a spec of the name ``drafted`` in a project."""
    return lambda project, origin: run(project, "pytest_modelqa.cli", "new", "drafted", "--from", origin)


@pytest.fixture(scope="session")
def gate() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the drafted spec."""
    return lambda project, *more: run(
        project, "pytest", "model_specs/drafted", "-p", "no:cacheprovider", *more
    )
