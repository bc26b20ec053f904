"""The run record: what a run planned, measured and decided, in ``.modelqa/runs/<id>/run.json``.

Written at collection with the plan and ``complete: false``, and again at the end with the results and
``complete: true``: a run that was killed, or that left by ``os._exit(0)``, leaves a record that says so.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..errors import RunRecordError
from ..records.atomic import write_atomically
from ..records.digests import canonical, digest
from .conclusion import Conclusion, Planned, Result

RUN_RECORD_VERSION = 2
_READ_VERSIONS = (1, RUN_RECORD_VERSION)
"""1 knew neither the names of specs and evaluations nor what was passed over in the store."""


@dataclass(frozen=True)
class ReadEvaluation:
    """What an evaluation of a spec measures.

    Attributes:
        role: Of the dataset: ``train``, ``validation`` or ``test``; None where there is no dataset.
    """

    name: str
    task: str
    model: str | None
    dataset: str | None
    role: str | None


@dataclass(frozen=True)
class ReadSpec:
    """One spec file as it was read, or why it could not be; then it has neither name nor evaluations.

    Attributes:
        proposed: Bounds that were taken from what the model itself reached, and that nobody agreed with.
    """

    path: str
    sha256: str | None
    overrides: tuple[str, ...]
    problem: str | None
    name: str = ""
    description: str = ""
    evaluations: tuple[ReadEvaluation, ...] = ()
    proposed: int = 0

    @property
    def left_out(self) -> bool:
        """Whether the file was seen and never read, as ``--lf`` leaves out files without a failure."""
        return self.sha256 is None and self.problem is None


@dataclass(frozen=True)
class RunRecord:
    """The content of ``run.json``.

    Attributes:
        started: UTC, ISO 8601.
        command: The command line.
        environment: Python, platform, packages, commit.
        options: What of the command line bears on the verdict: overrides, gate, limit.
        planned: Every item of every spec that was collected, selected or not.
        results: What became of each; none before the end.
        complete: The run came to its end.
        passed_over: Damaged records in the store that were not used, and what is wrong with each.
    """

    id: str
    started: str
    command: tuple[str, ...]
    environment: Mapping[str, Any]
    options: Mapping[str, Any]
    specs: tuple[ReadSpec, ...]
    planned: tuple[Planned, ...]
    results: tuple[Result, ...] = ()
    conclusion: Conclusion | None = None
    finished: str | None = None
    complete: bool = False
    passed_over: tuple[str, ...] = ()


def write(record: RunRecord, folder: Path) -> Path:
    """Writes the record; its own digest is its last field.

    Raises:
        StoreError: It cannot be written, or holds what JSON has no form for (NaN, an infinity).
    """
    content = canonical({"modelqa_run": RUN_RECORD_VERSION, **dataclasses.asdict(record)})
    content["sha256"] = digest(content)
    path = folder / record.id / "run.json"
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # A file name that is no UTF-8 holds lone surrogates; as an escape they are legal in JSON.
    write_atomically(path, text.encode("utf-8", "backslashreplace"))
    return path


def read(path: Path) -> RunRecord:
    """The record at a path: ``run.json`` itself or its folder.

    Raises:
        RunRecordError: It is missing, was changed or is of another version.
    """
    file = path_of(path)
    try:
        content = json.loads(file.read_text(encoding="utf-8"), parse_constant=_no_number)
    except FileNotFoundError:
        raise RunRecordError(
            "there is no run record", where=str(file), todo="name a folder under .modelqa/runs/"
        ) from None
    # ValueError: no UTF-8, no JSON, or a number with thousands of digits.
    except (OSError, ValueError, RecursionError) as error:
        raise RunRecordError(
            "the run record cannot be read",
            where=str(file),
            found=str(error),
            todo="name a run.json of pytest-modelqa, or copy it again from the machine of the run",
        ) from error
    if not isinstance(content, dict) or content.get("modelqa_run") not in _READ_VERSIONS:
        raise RunRecordError(
            "this is no run record of this version",
            where=str(file),
            expected=f"modelqa_run: {RUN_RECORD_VERSION}",
            todo="verify it with the version of pytest-modelqa that made it",
        )
    stored = content.pop("sha256", None)
    if stored != digest(content):
        raise RunRecordError(
            "the run record was changed after the run",
            where=str(file),
            expected=f"sha256 {digest(content)[:16]}…",
            found=f"sha256 {str(stored)[:16]}…",
            todo="take the record from the run itself",
        )
    try:
        return _from_json(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise RunRecordError(
            "this is no run record of this version",
            where=str(file),
            found=f"{type(error).__name__}: {error}",
            todo="verify it with the version of pytest-modelqa that made it",
        ) from error


def path_of(path: Path) -> Path:
    """``run.json``, where its folder was named."""
    return path / "run.json" if path.is_dir() else path


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number in JSON")


def new_run_id() -> str:
    """Sorts by time, unique between processes that start in the same second."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.urandom(6).hex()}"


def now() -> str:
    """This moment: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def environment(folder: Path) -> dict[str, Any]:
    """Where the run took place."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in ("pytest", "pytest-modelqa", "numpy", "pyarrow")},
        "commit": _commit(folder),
    }


def command_line() -> tuple[str, ...]:
    """The command as it was given; the interpreter's path is nobody's business."""
    return (Path(sys.argv[0]).name, *sys.argv[1:])


def _version(name: str) -> str | None:
    try:
        return version(name)
    # Run from a checkout that was never installed.
    except PackageNotFoundError:
        return None


def _commit(folder: Path) -> str | None:
    """The git commit, with ``-dirty`` when files differ from it; None outside git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def _from_json(content: Mapping[str, Any]) -> RunRecord:
    fields = {name: value for name, value in content.items() if name != "modelqa_run"}
    fields["specs"] = tuple(map(_spec_from_json, fields["specs"]))
    fields["planned"] = tuple(Planned(**item) for item in fields["planned"])
    fields["results"] = tuple(Result(**item) for item in fields["results"])
    fields["command"] = tuple(fields["command"])
    fields["passed_over"] = tuple(fields.get("passed_over", ()))
    fields["conclusion"] = Conclusion(**fields["conclusion"]) if fields["conclusion"] else None
    return RunRecord(**fields)


def _spec_from_json(fields: Mapping[str, Any]) -> ReadSpec:
    evaluations = tuple(ReadEvaluation(**evaluation) for evaluation in fields.get("evaluations", ()))
    return ReadSpec(**{**fields, "overrides": tuple(fields["overrides"]), "evaluations": evaluations})
