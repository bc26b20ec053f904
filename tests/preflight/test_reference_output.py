"""A recorded output catches edits of a configuration under which a checkpoint still loads without a word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pytest_modelqa.errors import CheckpointError, UsageError
from pytest_modelqa.evaluation.plan import job_of
from pytest_modelqa.preflight.findings import Finding
from pytest_modelqa.preflight.inspection import Ask, Inspector
from pytest_modelqa.preflight.reference_output import record
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.resolved import Spec
from pytest_modelqa.tasks.registry import catalogue

MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, heads=2, epsilon=1e-5, activation="GELU"):
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            8, heads, 16, 0.0, getattr(nn, activation)(), layer_norm_eps=epsilon, batch_first=True
        )
        self.body = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.body(x).mean(1))
"""
SPEC = """\
modelqa: 1
models: {net: {build: model:Net, checkpoint: net.safetensors, reference_output: net.npz}}
datasets: {test: {path: data.npz, role: test}}
evaluations:
  e: {task: classification, model: net, dataset: test, args: {input: x}, checks: [{metric: accuracy, min: 0.5}]}
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    """With the output of its model recorded."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / "model.py").write_text(MODEL)
    (folder / "a.modelspec.yaml").write_text(SPEC)
    scope: dict[str, Any] = {}
    exec(MODEL, scope)
    torch.manual_seed(0)
    save_file(scope["Net"]().state_dict(), folder / "net.safetensors")
    save_file(
        {name: t + 0.01 for name, t in scope["Net"]().state_dict().items()}, folder / "other.safetensors"
    )
    x = np.random.default_rng(0).standard_normal((10, 5, 8)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, label=np.arange(10) % 3)
    found = read_spec(folder / "a.modelspec.yaml", catalogue())
    assert record(found, found.evaluations["e"], catalogue(), folder / "net.npz") == folder / "net.npz"
    return found


@pytest.fixture(scope="module")
def answers(spec: Spec) -> Callable[[str], tuple[Finding, ...]]:
    """What is found of several edits, all asked of one process."""
    edits: dict[str, dict[str, Any]] = {
        "as it was": {},
        "heads": {"args": {"heads": 4}},
        "epsilon": {"args": {"epsilon": 1e-6}},
        "activation": {"args": {"activation": "ReLU"}},
        "other checkpoint": {"checkpoint": "other.safetensors"},
    }
    asks = []
    for name, edit in edits.items():
        model = replace(spec.models["net"], **edit)
        job = job_of(replace(spec, models={"net": model}), spec.evaluations["e"], catalogue())
        asks.append(Ask("reference", name, job=job, path=spec.folder / "net.npz"))
    broken = spec.folder / "broken.npz"
    broken.write_bytes(b"PK not a zip")
    asks.append(Ask("reference", "broken", job=asks[0].job, path=broken))
    found = Inspector().inspect(spec.folder, asks, 120)
    return lambda name: found[f"reference of {name}"].findings


def test_the_same_model_gives_what_was_recorded(answers: Callable[[str], tuple[Finding, ...]]) -> None:
    assert answers("as it was") == ()


@pytest.mark.parametrize("edit", ["heads", "epsilon", "activation"])
def test_an_edit_that_loads_without_a_word_is_caught(
    answers: Callable[[str], tuple[Finding, ...]], edit: str
) -> None:
    (finding,) = answers(edit)
    assert finding.severity == "error"
    assert finding.what.startswith(
        "net does not give the output that was recorded of the same checkpoint: they differ"
    )
    assert f'"{edit}"' in str(finding.found)


def test_another_checkpoint_has_no_recorded_output(answers: Callable[[str], tuple[Finding, ...]]) -> None:
    (finding,) = answers("other checkpoint")
    assert finding.what == "the recorded output is of another checkpoint of net"


def test_a_damaged_file_is_named(answers: Callable[[str], tuple[Finding, ...]]) -> None:
    (finding,) = answers("broken")
    assert finding.what == "the recorded output cannot be read: broken.npz"


def test_the_file_is_small_and_holds_no_objects(spec: Spec) -> None:
    assert (spec.folder / "net.npz").stat().st_size < 5000
    with np.load(spec.folder / "net.npz", allow_pickle=False) as file:
        assert file["output"].dtype == np.float64
        assert file["input/x"].shape == (2, 5, 8)


def test_what_cannot_be_recorded_says_why(spec: Spec, tmp_path: Path) -> None:
    grid = replace(spec.models["net"], checkpoint="net_{step}.safetensors", coordinates={"step": (1, 2)})
    with pytest.raises(UsageError, match="no output of e can be recorded"):
        record(replace(spec, models={"net": grid}), spec.evaluations["e"], catalogue(), tmp_path / "a.npz")
    gone = replace(spec.models["net"], checkpoint="gone.safetensors")
    with pytest.raises(CheckpointError, match="checkpoint is missing"):
        record(replace(spec, models={"net": gone}), spec.evaluations["e"], catalogue(), tmp_path / "a.npz")
    assert not (tmp_path / "a.npz").exists()
