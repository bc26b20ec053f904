"""Models and datasets that a task's arguments name: part of the plan, of the key, of the record's inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from pydantic import BaseModel
from safetensors.numpy import save_file

from pytest_modelqa.errors import CheckpointError, DatasetError, EvaluationError
from pytest_modelqa.evaluation.keys import Key, key_of
from pytest_modelqa.evaluation.plan import Job, needs
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.catalogue import Catalogue, NamesEntry, TaskDeclaration
from pytest_modelqa.tasks.registry import catalogue

TEXT = """\
modelqa: 1
models:
  generator: {build: model:Net, checkpoint: generator.safetensors}
  older: {build: model:Net, checkpoint: older.safetensors}
  judge: {build: model:Judge, checkpoint: judge.safetensors}
  many: {build: model:Judge, checkpoint: "{step}.safetensors", coordinates: {step: [1, 2]}}
  plain: {build: model:Plain, args: {size: 2}}
  plain_too: {build: model:Plain, args: {size: 2}}
datasets:
  test: {path: test.npz, role: test}
  train: {path: train.npz, role: train}
  undeclared: {load: data:load, role: train}
evaluations:
  judged:
    task: judged
    model: generator
    dataset: test
    args: {judge: judge, train: [train]}
    checks:
      - {metric: accuracy, min: 0.5}
      - {metric: accuracy, baseline: older, max_degradation: 0.1}
"""


class JudgedArgs(BaseModel):
    judge: Annotated[str | None, NamesEntry("model")] = None
    train: Annotated[tuple[str, ...], NamesEntry("dataset")] = ()


JUDGED = TaskDeclaration(
    name="judged",
    summary="a task with a judge",
    metrics=("accuracy",),
    baselines=(),
    implementation="nowhere:Judged",
    version=1,
    args=JudgedArgs,
)
CATALOGUE = Catalogue(catalogue().metrics, {**catalogue().tasks, "judged": JUDGED})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place, name in enumerate(("generator", "older", "judge")):
        save_file({"weight": np.array([float(place)])}, tmp_path / f"{name}.safetensors")
    for place, name in enumerate(("test", "train")):
        np.savez(tmp_path / f"{name}.npz", image=np.full((3, 1, 2, 2), place))
    (tmp_path / "a.modelspec.yaml").write_text(TEXT)
    return tmp_path


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "a.modelspec.yaml"
    assert path.read_text().count(old) == 1, old
    path.write_text(path.read_text().replace(old, new))


def jobs(folder: Path) -> list[Job]:
    """The candidate's, and the baseline's of the second check."""
    spec = read_spec(folder / "a.modelspec.yaml", CATALOGUE)
    evaluation = spec.evaluations["judged"]
    (wanted,) = needs(spec, evaluation, evaluation.checks[1], CATALOGUE)
    assert wanted.baseline is not None
    return [wanted.candidate, wanted.baseline]


def key(folder: Path) -> Key:
    return key_of(jobs(folder)[0], CATALOGUE, "run-1", folder / "memory")


def test_a_job_carries_what_its_arguments_name_and_so_does_its_baselines(folder: Path) -> None:
    for job in jobs(folder):
        assert list(job.companions.models) == ["judge"]
        assert list(job.companions.datasets) == ["train"]
        assert Job.from_json(job.to_json()) == job
    edit(folder, "{judge: judge, train: [train]}", "{}")
    assert not jobs(folder)[0].companions.models


@pytest.mark.parametrize(
    ("file", "changes"), [("judge.safetensors", True), ("train.npz", True), ("older.safetensors", False)]
)
def test_the_bytes_of_a_judge_are_in_the_key_and_stand_among_the_inputs(
    folder: Path, file: str, changes: bool
) -> None:
    before = key(folder)
    paths = {what: [each.path for each in files] for what, files in before.inputs.items()}
    assert paths["checkpoint of judge"] == ["judge.safetensors"]
    assert paths["data of train"] == ["train.npz"]
    content = bytearray((folder / file).read_bytes())
    content[-1] ^= 1
    (folder / file).write_bytes(bytes(content))
    assert (key(folder).value != before.value) == changes


def test_how_a_judge_is_built_is_in_the_key(folder: Path) -> None:
    before = key(folder).value
    edit(folder, "judge: {build: model:Judge,", "judge: {build: model:Judge, args: {wide: true},")
    assert key(folder).value != before


def test_other_data_that_nobody_declared_serve_one_run(folder: Path) -> None:
    assert not key(folder).undeclared_data
    edit(folder, "train: [train]", "train: [train, undeclared]")
    assert key(folder).undeclared_data


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda folder: (folder / "judge.safetensors").unlink(), CheckpointError, "judge.safetensors"),
        (lambda folder: (folder / "train.npz").unlink(), DatasetError, "train"),
        (lambda folder: edit(folder, "judge: judge,", "judge: many,"), EvaluationError, "only one"),
    ],
)
def test_what_cannot_be_loaded_is_told_before_anything_runs(
    folder: Path, change: Callable[[Path], object], error: type[EvaluationError], words: str
) -> None:
    change(folder)
    with pytest.raises(error, match=words):
        key(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: edit(folder, "judge: judge,", "judge: generator,"),
        lambda folder: (folder / "judge.safetensors").write_bytes(
            (folder / "generator.safetensors").read_bytes()
        ),
        lambda folder: (
            edit(folder, "judge: judge,", "judge: plain,"),
            edit(folder, "model: generator\n", "model: plain_too\n"),
        ),
    ],
    ids=["by name", "a copied checkpoint", "built alike, without weights"],
)
def test_a_judge_that_is_the_candidate_is_refused(folder: Path, change: Callable[[Path], object]) -> None:
    change(folder)
    with pytest.raises(EvaluationError, match="is the candidate itself"):
        key(folder)
