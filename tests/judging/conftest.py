"""Real records in a store, and checks read by the real language: what a judgement is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.judging.judge import judge
from pytest_modelqa.judging.measured import Measured, Member
from pytest_modelqa.judging.recorded import Recorded
from pytest_modelqa.judging.verdict import Verdict
from pytest_modelqa.records.digests import FileDigest, digest
from pytest_modelqa.records.manifest import Device, Manifest
from pytest_modelqa.records.store import Record, SetValue, Store
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.resolved import Check, Evaluation
from pytest_modelqa.tasks.registry import catalogue

SPEC = """\
modelqa: 1
models:
  candidate: {build: model:Net, checkpoint: candidate.safetensors}
  older: {build: model:Net, checkpoint: older.safetensors}
datasets:
  test: {load: data:load, files: [data.npz], role: test}
  train: {load: data:load, args: {split: train}, files: [data.npz], role: train}
baselines:
  published: {recorded: published.json}
evaluations:
  images_train: {task: reconstruction, model: candidate, dataset: train, checks: [{metric: psnr, min: 1}]}
  images: {task: reconstruction, model: candidate, dataset: test, checks: [CHECK_OF_IMAGES]}
  labels: {task: classification, model: candidate, dataset: test, checks: [CHECK_OF_LABELS]}
"""


@dataclass(frozen=True)
class Bench:
    """Writes records and judges checks."""

    folder: Path

    def check(self, text: str, evaluation: str = "images") -> tuple[Evaluation, Check]:
        """A check as its spec gives it: ``{metric: psnr, min: 28}``."""
        checks = {"images": "{metric: psnr, min: 1}", "labels": "{metric: accuracy, min: 0.1}"}
        checks[evaluation] = text
        path = self.folder / "a.modelspec.yaml"
        content = SPEC.replace("CHECK_OF_IMAGES", checks["images"]).replace(
            "CHECK_OF_LABELS", checks["labels"]
        )
        path.write_text(content, encoding="utf-8")
        found = read_spec(path, catalogue()).evaluations[evaluation]
        return found, found.checks[0]

    def record(
        self,
        scores: Mapping[str, Sequence[float] | np.ndarray] | None = None,
        *,
        sets: Mapping[tuple[str, str], Mapping[str, tuple[float, int]]] | None = None,
        columns: Mapping[str, Sequence[Any] | np.ndarray] | None = None,
        ids: Sequence[str] | None = None,
        model: Mapping[str, Any] | None = None,
        has_model: bool = True,
        task: str = "reconstruction",
        task_args: Mapping[str, Any] | None = None,
        dataset: str = "test",
        companions: Mapping[str, Any] | None = None,
        complete: bool = True,
        measured: Mapping[str, Any] | None = None,
    ) -> Record:
        """A record of these score columns, set-level values (value and n) and other columns."""
        arrays = {name: np.asarray(values) for name, values in (columns or {}).items()}
        scored = {name: np.asarray(values, dtype=np.float64) for name, values in (scores or {}).items()}
        lengths = [len(array) for array in (*scored.values(), *arrays.values())]
        count = lengths[0] if lengths else max((n for one in (sets or {}).values() for _, n in one.values()))
        ids = [f"sample-{number}" for number in range(count)] if ids is None else ids
        of_model = {"build": "model:Net", "args": {}, "checkpoint": [digest("candidate")]}
        of_model |= {"state_dict_key": None, "format": None, **(model or {})}
        parts = {
            "task": {"name": task, "version": 1, "args": dict(task_args or {})},
            "model": of_model if has_model else None,
            "dataset": {"load": "data:load", "args": {"split": dataset}},
            "companions": {"models": dict(companions or {}), "datasets": {}},
            # So that two records of a test never have one key.
            "content": repr([scored, arrays, sets, list(ids)]),
        }
        made = Manifest(
            key=digest(parts),
            key_parts=parts,
            created="2026-01-31T12:00:00.000000+00:00",
            device=Device("cpu", "a processor"),
            code=(),
            distributions={},
            inputs={"checkpoint": (FileDigest("candidate.safetensors", digest("candidate"), 1000),)},
            samples=len(ids),
            complete=complete,
            measured=measured or {"batch_size": 2},
        )
        with Store(self.folder / "store").begin(made.key) as draft:
            draft.write_samples(ids, {**arrays, **scored})
            kept = draft.commit(made)
        for (column, slice_name), values in (sets or {}).items():
            made_of = {label: SetValue(value, (value,) * 20, n) for label, (value, n) in values.items()}
            kept.add_set(column, slice_name, made_of)
        return kept

    def judge(
        self,
        text: str,
        candidate: Record,
        baseline: Record | Recorded | str | None = None,
        evaluation: str = "images",
    ) -> Verdict:
        """The verdict of a check on records; ``baseline`` may be the name of a trivial one."""
        of, check = self.check(text, evaluation)
        ours = Measured("candidate", candidate, "test", has_model=True)
        theirs: Measured | Recorded | None
        if isinstance(baseline, str):
            theirs = Measured(baseline, candidate, "test", has_model=True, trivial=baseline)
        elif isinstance(baseline, Record):
            theirs = Measured(str(check.baseline), baseline, "test", has_model=True)
        else:
            theirs = baseline
        declaration = catalogue().metrics[check.metric].limited(check.args)
        return judge(check, of, declaration, [Member({}, ours, theirs)])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


PSNR = "psnr.v3.cap=60.0"
"""The score column of psnr with its default arguments."""


@pytest.fixture
def older() -> Mapping[str, Any]:
    """What differs in the key of another model."""
    return {"checkpoint": [digest("older")]}
