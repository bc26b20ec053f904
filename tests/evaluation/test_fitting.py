"""Which arguments make a class fit a checkpoint, found from settings, from shapes, or not at all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pytest_modelqa.evaluation.fitting import fitting_model

MODULE = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width: int = 8, depth: int = 1, name: str = "a"):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))

class Demanding(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.layer = nn.Linear(width, 3)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "modelqa_fitting.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("modelqa_fitting", None)


def net(width: int, depth: int) -> dict[str, torch.Tensor]:
    layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
    return {f"layers.{name}": value for name, value in layers.state_dict().items()}


@pytest.mark.parametrize(
    ("width", "depth", "settings", "args"),
    [
        (8, 1, {}, {}),
        (8, 1, {"width": 8, "learning_rate": 0.1}, {}),
        (12, 3, {"width": 12, "depth": 3, "name": "a"}, {"width": 12, "depth": 3}),
        (12, 1, {}, {"width": 12}),
        (12, 3, {}, {"width": 12, "depth": 3}),
    ],
)
def test_arguments_are_found(
    folder: Path, width: int, depth: int, settings: dict[str, object], args: dict[str, object]
) -> None:
    save_file(net(width, depth), folder / "a.safetensors")
    assert fitting_model(folder / "a.safetensors", "modelqa_fitting:Net", settings, folder) == (args, None)


def test_weights_inside_a_training_checkpoint_are_found(folder: Path) -> None:
    torch.save({"epoch": 3, "model": net(12, 1), "optimizer": {"state": {}}}, folder / "a.pt")
    found = fitting_model(folder / "a.pt", "modelqa_fitting:Net", {}, folder)
    assert found == ({"width": 12}, "model")


def test_a_required_argument_is_found_from_the_shapes(folder: Path) -> None:
    save_file(nn.Linear(17, 3).state_dict(), folder / "a.safetensors")
    assert fitting_model(folder / "a.safetensors", "modelqa_fitting:Demanding", {}, folder) is None
    layer = {f"layer.{name}": value for name, value in nn.Linear(17, 3).state_dict().items()}
    save_file(layer, folder / "a.safetensors")
    assert fitting_model(folder / "a.safetensors", "modelqa_fitting:Demanding", {}, folder) == (
        {"width": 17},
        None,
    )


def test_another_architecture_does_not_fit(folder: Path) -> None:
    save_file({"other": torch.ones(3)}, folder / "a.safetensors")
    assert fitting_model(folder / "a.safetensors", "modelqa_fitting:Net", {}, folder) is None
