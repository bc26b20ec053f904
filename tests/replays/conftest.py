"""Reports of experiments that ended badly, replayed: pytest on a spec and the numbers that were recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Imported before pytester takes its snapshot of sys.modules: numpy cannot be loaded a second time.
import pytest_modelqa.collection  # noqa: F401
from pytest_modelqa.evaluation.devices import accelerators

# An experiment of its own, which its test copies and runs.
collect_ignore = ["attention_detector"]


@dataclass(frozen=True)
class Replay:
    """What one run of pytest concluded."""

    text: str
    exit_code: int
    record: Mapping[str, Any]

    @property
    def last_line(self) -> str:
        return self.text.splitlines()[-1]

    @property
    def statuses(self) -> dict[str, str]:
        return {each["nodeid"].split("::", 1)[1]: each["status"] for each in self.record["results"]}

    def reason(self, name: str) -> str:
        """What a person is told first: the headline of a verdict, or what an error says."""
        verdict = next(e["verdict"] for e in self.record["results"] if e["nodeid"].endswith(f"::{name}"))
        return str(verdict["error"]["what"] if verdict.get("error") else verdict["headline"])

    def notes(self, name: str) -> list[str]:
        verdict = next(e["verdict"] for e in self.record["results"] if e["nodeid"].endswith(f"::{name}"))
        return list(verdict["notes"])


@pytest.fixture(scope="session", autouse=True)
def no_accelerator() -> Iterator[None]:
    """The same device on every machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        accelerators.cache_clear()
        yield
    accelerators.cache_clear()


@pytest.fixture
def replay(pytester: pytest.Pytester) -> Callable[..., Replay]:
    """Writes files and a spec, and runs pytest on them."""

    def run(spec: str, files: Mapping[str, Any]) -> Replay:
        for name, content in files.items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        (pytester.path / "report.modelspec.yaml").write_text(spec)
        result = pytester.runpytest_inprocess("-q")
        text = "\n".join([*result.outlines, *result.errlines])
        assert "Traceback" not in text, text
        (written,) = Path(pytester.path).glob(".modelqa/runs/*/run.json")
        replayed = Replay(text, int(result.ret), json.loads(written.read_text()))
        written.unlink()
        return replayed

    return run


def jsonl(rows: list[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
