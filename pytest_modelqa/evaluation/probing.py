"""Asks what an experiment's code can build and read; the code itself runs in a process of its own (see ``probe``)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ..errors import EvaluationError, InfrastructureError

# Building and reading, not measuring: minutes are a hang.
_DEADLINE_SECONDS = 600.0


@dataclass(frozen=True)
class Question:
    """What is to be tried.

    Attributes:
        root: The experiment's folder: where its modules are imported from.
        checkpoints: Paths, the most promising first.
        builds: ``module:attribute`` of what may build a model.
        settings: What the experiment was configured with.
        data: How data may be read, the most telling first.
    """

    root: Path
    checkpoints: tuple[Path, ...] = ()
    builds: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class FoundModel:
    """A checkpoint and what builds it."""

    checkpoint: Path
    build: str
    args: Mapping[str, Any]
    state_dict_key: str | None


@dataclass(frozen=True)
class FoundData:
    """Data that could be read.

    Attributes:
        index: Of the question's entry.
        n: Samples.
        fields: Name to shape of one sample, or None for what is no array.
        files: What was opened for it below the root.
    """

    index: int
    n: int
    fields: Mapping[str, tuple[int, ...] | None]
    files: tuple[Path, ...]


@dataclass(frozen=True)
class FoundTask:
    """A model that answers a batch of data in the way of a task.

    Attributes:
        facts: What the choice of metrics depends on: height and width, the number of classes.
    """

    model: int
    data: int
    task: str
    args: Mapping[str, Any]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What was found.

    Attributes:
        modules: Files below the root that were imported.
        notes: What did not work, and why.
    """

    models: tuple[FoundModel, ...] = ()
    data: tuple[FoundData, ...] = ()
    tasks: tuple[FoundTask, ...] = ()
    modules: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


def ask(question: Question) -> Answer:
    """Tries everything that was asked, in a process of its own.

    Raises:
        InfrastructureError: It took too long.
        EvaluationError: The experiment's code ended the process.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "question.json", Path(folder) / "answer.json"
        asked.write_bytes(TypeAdapter(Question).dump_json(question))
        command = [sys.executable, "-P", "-m", "pytest_modelqa.evaluation.probe", str(asked), str(answered)]
        try:
            done = subprocess.run(
                command,
                cwd=question.root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_DEADLINE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InfrastructureError(
                f"trying out the experiment's code took more than {_DEADLINE_SECONDS:.0f} s",
                where=str(question.root),
                todo="write the spec by hand, or make its loaders faster",
            ) from None
        if not answered.exists():
            raise EvaluationError(
                "the experiment's code ended the process that tried it out",
                where=str(question.root),
                found=f"exit code {done.returncode}",
                todo="look at its output below; run its model and loader alone",
                details=done.stderr[-2000:],
            )
        return TypeAdapter(Answer).validate_json(answered.read_bytes())
