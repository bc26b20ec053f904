"""What is said where a model could not be shown the samples: nothing that reads as an answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pytest_modelqa.evaluation.plan import job_of
from pytest_modelqa.preflight import inspected
from pytest_modelqa.preflight.inspection import Answer, Ask
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

# The layer takes three numbers a sample, and the samples have four.
MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, 2)

    def forward(self, image):
        return self.layer(image.flatten(1))
"""
SPEC = """\
modelqa: 1
models: {net: {build: modelqa_inspected_net:Net, args: {width: WIDTH}, checkpoint: a.safetensors}}
datasets:
  train: {path: data.npz, role: train}
  test: {path: data.npz, role: test}
evaluations:
  e:
    task: TASK
    model: net
    dataset: test
    checks: [{metric: accuracy, min: 0.5}]
"""


def asked(folder: Path, monkeypatch: pytest.MonkeyPatch, *, width: int, task: str) -> Answer:
    (folder / "modelqa_inspected_net.py").write_text(MODEL)
    (folder / "a.modelspec.yaml").write_text(SPEC.replace("WIDTH", str(width)).replace("TASK", task))
    images = np.random.default_rng(0).random((8, 1, 2, 2), dtype=np.float32)
    np.savez(folder / "data.npz", image=images, label=np.arange(8) % 2)
    monkeypatch.syspath_prepend(str(folder))
    spec = read_spec(folder / "a.modelspec.yaml", catalogue())
    job = job_of(spec, spec.evaluations["e"], catalogue())
    return inspected.Inspected(folder).inputs(Ask("inputs", "e", job=job))


def said(answer: Answer) -> list[tuple[str, str]]:
    return [(finding.question, finding.severity) for finding in answer.findings]


def test_a_large_model_that_cannot_run_without_values_leaves_the_question_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspected, "_RUN_FOR_REAL_BYTES", 0)
    answer = asked(tmp_path, monkeypatch, width=3, task="classification")
    assert said(answer) == [("inputs", "warning"), ("memory", "warning")]
    assert answer.findings[0].what == "not known: whether net takes the samples"
    # The meta device's own words, which name the two shapes.
    assert "RuntimeError where it runs without values" in str(answer.findings[0].found)
    assert "[3, 2]" in str(answer.findings[0].found)


def test_a_model_that_takes_the_samples_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asked(tmp_path, monkeypatch, width=4, task="classification")
    assert said(answer) == []
    assert answer.facts["memory"]["weights"] == 4 * 10


def test_of_a_task_that_is_fitted_first_the_weights_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asked(
        tmp_path, monkeypatch, width=4, task="linear_probe\n    args: {train: train, input: image}"
    )
    assert said(answer) == [("inputs", "note")]
    assert answer.facts["memory"] == {"weights": 40.0, "fixed": 0.0, "per_sample": 0.0}


def weights(folder: Path, monkeypatch: pytest.MonkeyPatch, **tensors: np.ndarray) -> list[tuple[str, str]]:
    """What is said of a checkpoint with these tensors beside the two of the model."""
    asked(folder, monkeypatch, width=4, task="classification")
    sound = {"layer.weight": np.ones((2, 4), np.float32), "layer.bias": np.ones(2, np.float32)}
    save_file(
        sound | {name.replace("_", "."): value for name, value in tensors.items()}, folder / "a.safetensors"
    )
    model = read_spec(folder / "a.modelspec.yaml", catalogue()).models["net"]
    answer = inspected.Inspected(folder).weights(Ask("weights", "net", model=model))
    return [(finding.severity, finding.what) for finding in answer.findings]


NAN = np.array([1, np.nan], np.float32)


def test_nan_in_a_checkpoint_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights(tmp_path, monkeypatch) == []
    (found,) = weights(tmp_path, monkeypatch, layer_bias=NAN)
    assert found == ("error", "the checkpoint has 1 NaN in 'layer.bias'")


def test_a_checkpoint_too_large_to_be_read_is_said_to_be_and_still_has_to_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspected, "_VALUES_READ_BYTES", 0)
    (found,) = weights(tmp_path, monkeypatch, layer_bias=NAN)
    assert found == ("note", "too large to be read whole here; the run does it")
    (found,) = weights(tmp_path, monkeypatch, layer_bias=np.ones(3, np.float32))
    assert found[0] == "error"
    assert "layer.bias" in found[1] or "does not fit" in found[1]
