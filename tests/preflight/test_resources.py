"""Memory against what there is, and time against the deadline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from pytest_modelqa.preflight import resources
from pytest_modelqa.preflight.live_memory import LiveBytes, growth_of
from pytest_modelqa.preflight.resources import (
    device_findings,
    duration_findings,
    memory_findings,
    memory_in_bytes,
    space_findings,
)
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.resolved import Spec
from pytest_modelqa.tasks.registry import catalogue

TEXT = """\
modelqa: 1
models: {net: {build: model:Net, checkpoint: a.safetensors, gpu_memory: 8 GB}}
datasets: {test: {path: a.npz, role: test}}
evaluations:
  e: {task: classification, model: net, dataset: test, BATCH, deadline: 60, checks: [{metric: accuracy, min: 0.5}]}
"""
MEMORY = {"weights": 5e9, "fixed": 0.0, "per_sample": 2e8}


def spec_with(folder: Path, batch: str) -> Spec:
    path = folder / "a.modelspec.yaml"
    path.write_text(TEXT.replace("BATCH", batch))
    return read_spec(path, catalogue())


class Task:
    """Gives the model what the batch holds."""

    def infer(self, module: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        out: torch.Tensor = module(batch["x"])
        return out


def test_the_memory_of_a_network_is_that_of_a_count_by_hand() -> None:
    layers = nn.Sequential(nn.Linear(100, 1000), nn.ReLU(), nn.Linear(1000, 10))
    parameters = 4 * (100 * 1000 + 1000 + 1000 * 10 + 10)
    for device in ("cpu", "meta"):
        module = layers.to(device)
        few, many = [{"x": torch.empty(n, 100, device=device)} for n in (1, 5)]
        growth = growth_of(module, Task(), [few, many])  # type: ignore[arg-type]
        # The input, and before and after the ReLU: the widest moment.
        assert growth.per_sample == 4 * (100 + 1000 + 1000)
        assert growth.weights == parameters
        assert growth.of(10) == parameters + 10 * 4 * 2100


def test_what_is_let_go_of_is_not_counted_and_views_are_not_counted_twice() -> None:
    with LiveBytes() as live:
        for _ in range(5):
            made = torch.ones(1000)
            _ = made.view(10, 100)[2:4]
            del made, _
    assert live.peak == 4000


def test_a_batch_that_does_not_fit_is_an_error_with_the_batch_that_would(tmp_path: Path) -> None:
    spec = spec_with(tmp_path, "batch_size: 32")
    note, error = memory_findings(spec, spec.evaluations["e"], spec.models["net"], MEMORY)
    assert (note.severity, error.severity) == ("note", "error")
    assert error.what == "e does not fit into 8.0 GB (gpu_memory of net)"
    assert error.expected == "about 11.4 GB for a batch of 32"
    assert error.todo == "write batch_size: 15 or auto"


@pytest.mark.parametrize("batch", ["batch_size: auto", "batch_size: 15"])
def test_a_batch_that_fits_is_a_note(tmp_path: Path, batch: str) -> None:
    spec = spec_with(tmp_path, batch)
    found = memory_findings(spec, spec.evaluations["e"], spec.models["net"], MEMORY)
    assert [each.severity for each in found] == ["note"]


def test_what_is_too_slow_for_its_deadline_is_an_error(tmp_path: Path) -> None:
    spec = spec_with(tmp_path, "batch_size: 8")
    evaluation = spec.evaluations["e"]
    (slow,) = duration_findings(spec, evaluation, 1000, 10.0, "measured on cpu")
    assert (slow.severity, slow.what) == ("error", "e takes about 100 s for 1,000 samples")
    (fast,) = duration_findings(spec, evaluation, 1000, 20.0, "measured on cpu")
    assert fast.severity == "note"
    (unknown,) = duration_findings(spec, evaluation, 1000, None, "")
    assert unknown.what == "whether e ends within its deadline of 60 s is not known yet"


def test_memory_is_read_in_both_kinds_of_units() -> None:
    assert memory_in_bytes("512 MiB") == 512 * 2**20
    assert memory_in_bytes("0.5TB") == 5e11


@pytest.mark.parametrize(("free", "severities"), [(199_999_999, ["error"]), (200_000_000, [])])
def test_a_disk_without_room_for_records_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, severities: list[str]
) -> None:
    usage = SimpleNamespace(free=free)
    monkeypatch.setattr(resources.shutil, "disk_usage", lambda place: usage if place == tmp_path else None)
    # Of a folder that is not there yet, the one in which it will be made.
    assert [each.severity for each in space_findings(tmp_path / "not" / "yet")] == severities


@pytest.mark.parametrize(
    ("present", "device", "severities"),
    [
        ((), "cuda", ["note"]),
        (("a",), "cuda", []),
        (("a",), "cuda:1", ["error"]),
        (("a", "b"), "cuda:1", []),
        ((), "cpu", []),
        ((), "auto", []),
    ],
)
def test_a_device_that_is_not_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    present: tuple[str, ...],
    device: str,
    severities: list[str],
) -> None:
    monkeypatch.setattr(resources, "accelerators", lambda: present)
    spec = spec_with(tmp_path, "batch_size: 4")
    evaluation = replace(spec.evaluations["e"], device=device)
    found = device_findings(replace(spec, evaluations={"e": evaluation}))
    assert [each.severity for each in found] == severities
