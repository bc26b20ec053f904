"""What a model's outputs are refused for, and what is said of the cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from pytest_modelqa.errors import OutputError
from pytest_modelqa.evaluation.inference import Subject, predict


class Divides(nn.Module):
    """Gives NaN for an input of zeros, whatever its weight."""

    def __init__(self, weight: float, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight], dtype=dtype))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / x * self.weight


class _Forward:
    def infer(self, model: nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        output: torch.Tensor = model(batch["image"])
        return output


def refused(model: nn.Module) -> OutputError:
    subject = Subject(_Forward(), model, None, torch.device("cpu"), (), (), {})  # type: ignore[arg-type]
    with pytest.raises(OutputError) as caught:
        predict(subject, {"image": torch.zeros(2, 3)}, ["a", "b"])
    return caught.value


def test_nan_of_the_models_own_computation_blames_neither_checkpoint_nor_precision() -> None:
    error = refused(Divides(1.0))
    assert error.found == "first in sample 'a', whose data are finite"
    assert error.todo is not None
    assert error.todo.startswith("the weights are finite too")
    assert "checkpoint" not in error.todo
    assert "precision" not in error.todo


def test_nan_of_a_weight_that_nobody_set_names_the_weight() -> None:
    assert "'weight'" in str(refused(Divides(float("nan"))).todo)


def test_nan_in_float16_names_the_precision() -> None:
    assert "float16 overflows above 65,504" in str(refused(Divides(1.0, torch.float16)).todo)
