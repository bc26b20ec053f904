"""Asks what only torch and the user's code can tell, in a process of its own that a crash ends alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from ..evaluation.local import worker_environment
from ..evaluation.plan import Job
from ..spec.resolved import Dataset, Model
from .findings import Finding

_LOG_BYTES = 4000


@dataclass(frozen=True)
class Ask:
    """One thing that the process is asked.

    Attributes:
        kind: ``build`` and ``weights`` of a model, ``data`` of a dataset, ``inputs`` of a job; ``reference`` of a
            model and ``record`` of a job.
        path: Where a reference output lies, or is to be written.
    """

    kind: Literal["build", "weights", "data", "inputs", "reference", "record"]
    asset: str
    model: Model | None = None
    dataset: Dataset | None = None
    job: Job | None = None
    path: Path | None = None

    @property
    def name(self) -> str:
        """Names the answer."""
        return f"{self.kind} of {self.asset}"


@dataclass(frozen=True)
class Answer:
    """What the process found.

    Attributes:
        facts: Numbers that questions of the parent are answered from; their keys belong to the kind of ask.
    """

    name: str
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


ASKS = TypeAdapter(list[Ask])
ANSWER = TypeAdapter(Answer)


class Inspector:
    """Runs the processes of one session, so that none is left behind when it ends."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def inspect(self, folder: Path, asks: Sequence[Ask], seconds: float) -> dict[str, Answer]:
        """The answers by name. An ask that ends the process is answered with that; the others are asked again.

        Args:
            folder: The spec's, whose modules come first.
            seconds: A process that takes longer is killed, and its ask answered with that.
        """
        answers: dict[str, Answer] = {}
        left = list(asks)
        while left and not self._closed:
            said, how = self._run(folder, left, seconds)
            answers |= {answer.name: answer for answer in said}
            left = [ask for ask in left if ask.name not in answers]
            if left:
                culprit = left.pop(0)
                answers[culprit.name] = Answer(culprit.name, (_ended(culprit, how),))
        return answers

    def close(self) -> None:
        """Ends what still runs."""
        self._closed = True
        for process in list(self._running):
            _kill(process)

    def _run(self, folder: Path, asks: list[Ask], seconds: float) -> tuple[list[Answer], str]:
        """What the process said until its end, and how it ended."""
        with tempfile.TemporaryDirectory(prefix="modelqa-preflight-") as place:
            request, reply, log = (Path(place, name) for name in ("asks.json", "answers.jsonl", "log.txt"))
            request.write_bytes(ASKS.dump_json(asks))
            reply.touch()
            with log.open("wb") as output, self._process(folder, request, reply, output) as process:
                try:
                    code = process.wait(seconds)
                    how = f"signal {-code}" if code < 0 else f"exit code {code}"
                except subprocess.TimeoutExpired:
                    how = f"stopped after {seconds:g} s"
            lines = reply.read_bytes().split(b"\n")
            # The last line is whole only when something stands behind it.
            return [ANSWER.validate_json(line) for line in lines[:-1]], f"{how}\n{_tail(log)}".strip()

    @contextmanager
    def _process(
        self, folder: Path, request: Path, reply: Path, output: Any
    ) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-P", "-m", "pytest_modelqa.preflight.inspector"]
        process = subprocess.Popen(
            [*command, str(request), str(reply), str(os.getpid()), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=worker_environment(os.environ, "cpu"),
            start_new_session=True,
        )
        self._running.add(process)
        try:
            yield process
        finally:
            _kill(process)
            self._running.discard(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(log: Path) -> str:
    return log.read_bytes()[-_LOG_BYTES:].decode("utf-8", "replace").strip()


def _ended(ask: Ask, how: str) -> Finding:
    first, _, log = how.partition("\n")
    return Finding(
        ask.kind,
        ask.asset,
        "error",
        f"the process that looked at {ask.asset} ended before it had an answer ({ask.kind})",
        expected="an answer",
        found=first,
        todo="run build, load or the model's forward alone in a Python of your own",
        details=log or None,
        kind="InfrastructureError",
    )
