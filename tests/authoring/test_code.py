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
