"""What a Python file defines, told without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelqa.authoring.code import Loader, read_code

MODEL = """
import torch
from torch import nn

torch.manual_seed(0)

class Net(nn.Module):
    def forward(self, image): ...

class Settings: ...

def build_model(width=3): ...

def train(split): ...

def digits(split: "Literal['train', 'test']"): ...

def load_dataset(): ...

def needs_more(split, root): ...

if __name__ == "__main__":
    train("train")
"""


def test_models_and_loaders_are_found_and_training_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "package" / "model.py"
    path.parent.mkdir()
    path.write_text(MODEL.replace("\"Literal['train', 'test']\"", "Literal['train', 'test']"))
    code = read_code(path, tmp_path)
    assert code.module == "package.model"
    assert code.models == ("Net", "build_model")
    assert code.loaders == (Loader("digits", "split", ("train", "test")), Loader("load_dataset", "", ()))
    assert (code.harmful, code.useful) == (0, True)


@pytest.mark.parametrize(
    "line",
    [
        "train()",
        "for step in range(10):\n    pass",
        "with open('a', 'w') as f:\n    pass",
        "if True:\n    train()",
    ],
)
def test_a_module_that_does_things_on_import_is_not_imported(tmp_path: Path, line: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(f"import torch\n{line}\n")
    assert read_code(path, tmp_path).harmful == (3 if line.startswith("if") else 2)


def test_what_is_no_python_and_no_module_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print 'old'")
    assert not read_code(tmp_path / "a.py", tmp_path).useful
    (tmp_path / "my-model.py").write_text("class Net(Module): ...")
    assert not read_code(tmp_path / "my-model.py", tmp_path).useful


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("from torch import nn", "nn.Sequential"),
        ("import torch", "torch.nn.Linear"),
        ("import torch.nn as layers", "layers.Sequential"),
        ("from torch.nn import Sequential as Stack", "Stack"),
        ("import lightning as L", "L.LightningModule"),
        ("from transformers import PreTrainedModel", "PreTrainedModel"),
    ],
)
def test_a_class_without_a_forward_of_its_own_is_a_model_by_its_base(
    tmp_path: Path, imports: str, base: str
) -> None:
    path = tmp_path / "model.py"
    path.write_text(f"{imports}\nclass Small({base}):\n    pass\nclass Smaller(Small):\n    pass\n")
    code = read_code(path, tmp_path)
    assert (code.models, code.rejected) == (("Small", "Smaller"), ())


@pytest.mark.parametrize(
    ("imports", "base"),
    [
        ("from torch import nn", "nn.ModuleList"),
        ("from sklearn.pipeline import Sequential", "Sequential"),
        ("import lightning as L", "L.LightningDataModule"),
        ("from .base import Net", "Net"),
    ],
)
def test_a_class_that_cannot_be_run_is_none_and_the_reason_is_kept(
    tmp_path: Path, imports: str, base: str
) -> None:
    path = tmp_path / "model.py"
    path.write_text(f"{imports}\nclass Small({base}):\n    pass\n")
    code = read_code(path, tmp_path)
    assert code.models == ()
    assert code.rejected == (
        f"line 2: class Small has no forward of its own, and {base} is not known as a module of torch",
    )
