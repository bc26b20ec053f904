from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pytest_modelqa.errors import DatasetError, EvaluationError, OutputError
from pytest_modelqa.tasks.codes import Codes
from pytest_modelqa.tasks.declarations import CodesArgs
from pytest_modelqa.tasks.protocol import Setting

from .conftest import ArraySamples

IMAGES = np.random.default_rng(0).random((6, 1, 2, 2)).astype(np.float32)
SAMPLES = ArraySamples(image=IMAGES, label=np.arange(6) % 2)


class Quantiser(torch.nn.Module):
    """Codes are tenths of the pixels, times its step."""

    def __init__(self, step: int = 10, dtype: torch.dtype = torch.int64) -> None:
        super().__init__()
        self.step, self.dtype = step, dtype

    def codes(self, image: torch.Tensor) -> torch.Tensor:
        return (image * self.step).floor().to(self.dtype)

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        return image.flatten(2) * self.step


def fitted(**changes: Any) -> Codes:
    task = Codes(CodesArgs(**({"method": "codes"} | changes)))
    task.prepare(SAMPLES)
    task.fit(
        Setting(
            model=Quantiser(),
            models={},
            datasets={},
            samples=SAMPLES,
            device=torch.device("cpu"),
            seed=0,
            untrained=lambda: Quantiser(step=3),
            alive=lambda: None,
        )
    )
    return task


def kept(task: Codes, outputs: torch.Tensor) -> dict[str, np.ndarray]:
    return dict(task.sample_arrays(outputs, task.targets(SAMPLES.tensors())))


def test_codes_are_kept_as_the_model_gives_them() -> None:
    task = fitted()
    arrays = kept(task, task.infer(Quantiser(), SAMPLES.tensors()))
    assert list(arrays) == ["codes"]
    assert arrays["codes"].dtype == np.int64
    assert np.array_equal(arrays["codes"], np.floor(IMAGES * 10).reshape(6, 4))


def test_features_are_kept_beside_them_where_they_are_asked_for() -> None:
    task = fitted(features_method="embed")
    batch = SAMPLES.tensors()
    outputs = task.infer(Quantiser(), batch)
    arrays = kept(task, outputs)
    assert arrays["features"] == pytest.approx(IMAGES.reshape(6, 4) * 10)
    assert np.array_equal(arrays["codes"], np.floor(IMAGES * 10).reshape(6, 4))
    assert task.predictions(outputs, task.targets(batch))["label"].tolist() == [0, 1, 0, 1, 0, 1]


def test_the_random_encoder_is_the_model_before_training() -> None:
    task = fitted(features_method="embed")
    arrays = kept(task, task.baseline_outputs("random_encoder", SAMPLES.tensors()))
    assert np.array_equal(arrays["codes"], np.floor(IMAGES * 3).reshape(6, 4))
    assert arrays["features"] == pytest.approx(IMAGES.reshape(6, 4) * 3)
    with pytest.raises(EvaluationError):
        task.baseline_outputs("constant", SAMPLES.tensors())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Quantiser(dtype=torch.float32), "no integers"),
        (Quantiser(dtype=torch.bool), "no integers"),
        (Quantiser(step=-10), "below 0"),
    ],
)
def test_what_is_no_index_into_a_codebook_is_an_error(model: Quantiser, words: str) -> None:
    with pytest.raises(OutputError, match=words):
        fitted().infer(model, SAMPLES.tensors())


def test_labels_are_needed_for_features_alone() -> None:
    bare = ArraySamples(image=IMAGES)
    Codes(CodesArgs(method="codes")).prepare(bare)
    with pytest.raises(DatasetError, match="class numbers"):
        Codes(CodesArgs(method="codes", features_method="embed")).prepare(bare)
