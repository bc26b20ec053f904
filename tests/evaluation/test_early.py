"""What an evaluation that may stop early has to know before its first sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_modelqa.evaluation.early import populations_of
from pytest_modelqa.evaluation.plan import Job, needs
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

SPEC = """\
modelqa: 1
models: {candidate: {build: model:Net, checkpoint: candidate.safetensors}}
datasets: {test: {load: data:load, files: [data.npz], role: test}}
evaluations:
  labels:
    task: classification
    model: candidate
    dataset: test
    stop_early: certain
    checks: [{metric: accuracy, min: 0.5, slices: site}]
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "a.modelspec.yaml").write_text(SPEC)
    spec = read_spec(tmp_path / "a.modelspec.yaml", catalogue())
    (evaluation,) = spec.evaluations.values()
    return needs(spec, evaluation, evaluation.checks[0], catalogue())[0].candidate


@pytest.mark.parametrize(
    ("site", "labels"),
    [
        (np.array(["north", "south", "north"]), {"north": 2, "south": 1}),
        (np.array([1.0, 2.0, 2.0]), {"1.0": 1, "2.0": 2}),
    ],
    ids=["text", "numbers"],
)
def test_the_samples_of_each_label_are_counted(job: Job, site: np.ndarray, labels: dict[str, int]) -> None:
    found = populations_of({"site": site, "other": np.zeros(3)}, job, 3)
    assert (found.total, found.labels) == (3, {"site": labels})


def test_a_column_with_samples_without_a_label_decides_nothing_early(job: Job) -> None:
    """Else the slice "nan" would pass, which is an error where every sample is visited."""
    assert populations_of({"site": np.array([1.0, np.nan, 2.0])}, job, 3).labels == {}
