"""What is timed, and what counts as memory and as a parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from pytest_modelqa.evaluation.inference import Subject
from pytest_modelqa.evaluation.performance import performance_of
from pytest_modelqa.tasks.declarations import ReconstructionArgs
from pytest_modelqa.tasks.reconstruction import Reconstruction

ALL = ("latency_p50", "latency_p95", "throughput", "peak_memory", "parameters")


class Images:
    """Ten images of 8×8 pixels, which remember who was asked for."""

    def __init__(self) -> None:
        self.ids = tuple(str(number) for number in range(10))
        self.scalars: Mapping[str, np.ndarray] = {}
        self.asked: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, indices: Sequence[int]) -> Mapping[str, Any]:
        self.asked.append(list(indices))
        return {"image": np.ones((len(indices), 1, 8, 8), dtype=np.float32)}


class Wide(nn.Module):
    """Two linear layers with the same weights between 64 and 640 numbers, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(64, 640, bias=False)
        self.again = self.up
        self.register_buffer("offset", torch.zeros(1000))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        wide = self.up(image.flatten(1))
        return (wide @ self.again.weight).view_as(image)


def measured(model: nn.Module, asked: Sequence[str], batch_size: int) -> tuple[dict[str, Any], Images]:
    images = Images()
    subject = Subject(
        task=Reconstruction(ReconstructionArgs()),
        model=model.eval(),
        samples=images,
        device=torch.device("cpu"),
        uses=(),
        baselines=(),
        task_args={},
    )
    alive: list[None] = []
    found = performance_of(subject, range(10), batch_size, asked, lambda: alive.append(None))
    # A sign of life before each batch: a slow model is no hang.
    assert len(alive) >= len(images.asked) - 1
    return found, images


def test_whole_batches_are_timed_again_and_again_after_warm_up() -> None:
    found, images = measured(Wide(), ["latency_p95"], 4)

    assert len(found["milliseconds"]) >= 40
    assert all(time > 0 for time in found["milliseconds"])
    assert len(images.asked) == len(found["milliseconds"]) + 3
    # Ten samples make two batches of four; the last two alone would be quicker.
    assert images.asked[:4] == [[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7]]
    assert (found["batch_size"], found["peak_memory"]) == (4, None)


def test_a_batch_larger_than_the_dataset_is_the_dataset() -> None:
    found, _ = measured(Wide(), ["throughput"], 64)

    assert found["batch_size"] == 10


def test_memory_is_weights_and_what_a_batch_adds() -> None:
    found, _ = measured(Wide(), ALL, 5)

    weights = (64 * 640 + 1000) * 4
    activations = 5 * (640 + 64) * 4
    assert found["peak_memory"] == (weights + activations) / 2**20


def test_shared_parameters_count_once_and_buffers_not_at_all() -> None:
    found, images = measured(Wide(), ["parameters"], 4)

    assert found["parameters"] == 64 * 640
    assert found["milliseconds"] == []
    assert images.asked == []
