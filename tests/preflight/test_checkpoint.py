"""What is known of checkpoints before anything is loaded: each there, each another, each of a known kind."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pytest_modelqa.controls import with_control
from pytest_modelqa.errors import EvaluationError
from pytest_modelqa.preflight.checkpoint import (
    checkpoint_findings,
    same_steps_findings,
    same_weights_findings,
)
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.resolved import Spec
from pytest_modelqa.tasks.registry import catalogue

SPEC = """\
modelqa: 1
models:
  grid: {build: model:Net, checkpoint: "step_{step}.safetensors", coordinates: {step: [1, 2, 3]}}
  net: {build: model:Net, checkpoint: step_1.safetensors}
  other: {build: model:Net, args: {width: 2}, checkpoint: step_1.safetensors}
  words: {checkpoint: words, format: transformers}
datasets: {test: {path: a.npz, role: test}}
evaluations:
  e:
    task: classification
    model: net
    dataset: test
    checks:
      - {metric: accuracy, baseline: BASELINE, max_degradation: 0}
  texts: {task: language_modeling, model: words, dataset: test, checks: [{metric: perplexity, max: 9}]}
controls:
  untrained: {evaluation: texts}
"""


def read(folder: Path, baseline: str = "other") -> Spec:
    for step in (1, 2, 3):
        save_file({"w": np.full(4, step, np.float32)}, folder / f"step_{step}.safetensors")
    (folder / "a.modelspec.yaml").write_text(SPEC.replace("BASELINE", baseline))
    return read_spec(folder / "a.modelspec.yaml", catalogue())


def test_a_step_that_is_a_copy_of_another_is_an_error(tmp_path: Path) -> None:
    spec = read(tmp_path)
    assert same_steps_findings(spec.models["grid"], tmp_path, tmp_path / "memory") == ()
    (tmp_path / "step_3.safetensors").write_bytes((tmp_path / "step_1.safetensors").read_bytes())
    (finding,) = same_steps_findings(spec.models["grid"], tmp_path, tmp_path / "memory")
    assert finding.severity == "error"
    assert finding.what == "grid has the same checkpoint at step=1 and at step=3"


def test_one_file_built_in_two_ways_is_two_models(tmp_path: Path) -> None:
    spec = read(tmp_path)
    assert same_weights_findings(spec, spec.models["net"], tmp_path / "memory") == ()


def test_each_checkpoint_of_a_grid_that_is_missing_is_named(tmp_path: Path) -> None:
    spec = read(tmp_path)
    for step in (2, 3):
        (tmp_path / f"step_{step}.safetensors").unlink()
    found = checkpoint_findings(spec.models["grid"], tmp_path, tmp_path / "memory")
    assert [finding.what for finding in found] == [
        "(step=2) checkpoint is missing: step_2.safetensors",
        "(step=3) checkpoint is missing: step_3.safetensors",
    ]


def test_a_type_that_is_not_known_is_a_warning(tmp_path: Path) -> None:
    spec = read(tmp_path)
    header = json.dumps({"w": {"dtype": "F3_NEW", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (tmp_path / "step_1.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    (finding,) = checkpoint_findings(spec.models["net"], tmp_path, tmp_path / "memory")
    assert finding.severity == "warning"
    assert finding.what == "the checkpoint of net holds tensors of a type that is not known: F3_NEW"


def test_a_directory_has_no_random_weights_to_be_a_control(tmp_path: Path) -> None:
    spec = read(tmp_path)
    with pytest.raises(EvaluationError, match="words has no random weights"):
        with_control(spec, spec.controls["untrained"])


@pytest.mark.parametrize(
    ("pattern", "there", "todo"),
    [
        (
            "step_{step}.safetensors",
            "step_000007.safetensors",
            "step_000007.safetensors is there: write {step:06} in checkpoint:, which fills up with zeros",
        ),
        (
            "{step:04}.safetensors",
            "7.safetensors",
            "7.safetensors is there: write {step} in checkpoint:, which adds no zeros",
        ),
        (
            "{step}.safetensors",
            "8.safetensors",
            "correct the path in the spec, or make the file (is it left out of the clone?)",
        ),
    ],
)
def test_a_file_whose_number_has_zeros_before_it_is_found(
    tmp_path: Path, pattern: str, there: str, todo: str
) -> None:
    save_file({"w": np.full(4, 7, np.float32)}, tmp_path / there)
    text = SPEC.replace("BASELINE", "other").replace("step_{step}.safetensors", pattern)
    (tmp_path / "a.modelspec.yaml").write_text(text.replace("[1, 2, 3]", "[7]"))
    model = read_spec(tmp_path / "a.modelspec.yaml", catalogue()).models["grid"]

    (finding,) = checkpoint_findings(model, tmp_path, tmp_path / "memory")

    assert finding.todo == todo
