from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from pytest_modelqa.errors import DatasetError, EvaluationError, OutputError
from pytest_modelqa.tasks.declarations import ForecastArgs
from pytest_modelqa.tasks.forecast import Forecast
from pytest_modelqa.tasks.protocol import Inspection

from .conftest import ArraySamples

# A bright column that moves one pixel a frame.
CLIPS = np.stack(
    [[np.roll(np.eye(8)[[start]].repeat(8, 0), t, 1)[None] for t in range(7)] for start in range(5)]
)
CLIPS = CLIPS.astype(np.float32)


class Shifter(torch.nn.Module):
    """Knows how the clips go on, and remembers what it was shown."""

    def __init__(self, frames: int = 3) -> None:
        super().__init__()
        self.frames = frames
        self.shown: torch.Tensor | None = None

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        self.shown = given
        return torch.stack([given[:, -1].roll(step + 1, -1) for step in range(self.frames)], 1)


def args(**changes: Any) -> ForecastArgs:
    return ForecastArgs(**({"given": 4, "horizon": 3} | changes))


@pytest.fixture
def samples() -> ArraySamples:
    return ArraySamples(clip=CLIPS)


@pytest.fixture
def task(samples: ArraySamples) -> Forecast:
    task = Forecast(args())
    task.prepare(samples)
    return task


def test_the_model_is_shown_the_given_frames_and_no_other(task: Forecast, samples: ArraySamples) -> None:
    model, batch = Shifter(), samples.tensors()
    outputs = task.infer(model, batch)
    assert model.shown is not None
    assert np.array_equal(model.shown.numpy(), CLIPS[:, :4])
    assert torch.equal(outputs, task.targets(batch))
    assert np.array_equal(task.targets(batch).numpy(), CLIPS[:, 4:])


def test_persistence_repeats_the_last_frame_that_was_given(task: Forecast, samples: ArraySamples) -> None:
    outputs = task.baseline_outputs("persistence", samples.tensors()).numpy()
    assert outputs.shape == (5, 3, 1, 8, 8)
    for frame in range(3):
        assert np.array_equal(outputs[:, frame], CLIPS[:, 3])
    with pytest.raises(EvaluationError):
        task.baseline_outputs("constant", samples.tensors())


def test_the_squared_error_of_each_clip_is_kept(task: Forecast, samples: ArraySamples) -> None:
    batch = samples.tensors()
    outputs = task.infer(Shifter(), batch)
    outputs[2] += 0.5
    kept = task.predictions(outputs, task.targets(batch))
    assert kept["squared_error"].tolist() == pytest.approx([0, 0, 0.25, 0, 0])


@pytest.mark.parametrize(
    ("changes", "clips", "words"),
    [
        ({"given": 5}, CLIPS, "not of the stated length"),
        ({}, CLIPS[:, :6], "not of the stated length"),
        ({}, CLIPS[:, 0], "not of the stated length"),
        ({}, CLIPS * 3, "outside its declared data range"),
        ({"data_range": 255.0}, CLIPS, "less than a hundredth"),
        ({"input": "video"}, CLIPS, "no field video"),
        ({}, np.where(CLIPS > 0, np.nan, CLIPS), "NaN or Inf"),
    ],
)
def test_clips_that_are_not_as_stated_are_refused(
    changes: dict[str, Any], clips: np.ndarray, words: str
) -> None:
    with pytest.raises(DatasetError, match=words):
        Forecast(args(**changes)).prepare(ArraySamples(clip=clips))


@pytest.mark.parametrize("frames", [2, 4, 7])
def test_more_or_fewer_frames_than_asked_for_are_an_error(
    frames: int, task: Forecast, samples: ArraySamples
) -> None:
    with pytest.raises(OutputError, match="not the frames that were asked for"):
        task.infer(Shifter(frames), samples.tensors())


def test_worst_median_and_best_are_drawn(task: Forecast, samples: ArraySamples) -> None:
    batch = samples.tensors()

    def rerun(rows: Any) -> tuple[dict[str, Any], torch.Tensor]:
        part = samples.tensors(rows)
        return part, task.infer(Shifter(), part)

    scores = {"psnr.v3": np.arange(5.0)}
    pictures = task.pictures(Inspection(ids=samples.ids, columns=scores, rerun=rerun))
    assert set(pictures) == {"worst_1.png", "median_1.png", "best_1.png"}
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())
    assert batch["clip"].shape == (5, 7, 1, 8, 8)


def test_a_method_of_the_model_can_be_named(
    samples: ArraySamples, make_model: Callable[[], torch.nn.Module]
) -> None:
    task = Forecast(args(method="continued", output="frames"))
    task.prepare(samples)
    batch = samples.tensors()
    assert torch.equal(task.infer(make_model(), batch), task.targets(batch))


@pytest.fixture
def make_model() -> Callable[[], torch.nn.Module]:
    class Methodical(Shifter):
        def continued(self, given: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"loss": torch.zeros(1), "frames": self(given)}

    return Methodical
