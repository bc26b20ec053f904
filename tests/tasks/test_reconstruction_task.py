"""Reconstruction checks what it compares, knows its constant baseline and draws what it scored."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_modelqa.errors import DatasetError, EvaluationError, OutputError
from pytest_modelqa.metrics.image import mse, psnr
from pytest_modelqa.tasks.declarations import ReconstructionArgs
from pytest_modelqa.tasks.examples import _chosen, _ranking_score
from pytest_modelqa.tasks.protocol import Inspection, Task
from pytest_modelqa.tasks.reconstruction import Reconstruction

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((130, 3, 12, 10)).astype(np.float32)


class Halves(torch.nn.Module):
    """Gives back half of its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2


class Returns(torch.nn.Module):
    """Gives back whatever a function makes of its input."""

    def __init__(self, function: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.function = function

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(x)


def task(**args: Any) -> Reconstruction:
    return Reconstruction(ReconstructionArgs(**args))


def test_it_is_a_task() -> None:
    checked: Task = task()
    kept = checked.predictions(torch.full((2, 1, 3, 3), 0.5), torch.zeros(2, 1, 3, 3))
    assert kept["squared_error"].tolist() == [0.25, 0.25]


def test_outputs_and_targets_are_the_models_and_the_datasets(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=IMAGES, clean=IMAGES / 4)
    denoising = task(target="clean")
    denoising.prepare(samples)
    batch = samples.tensors()

    assert torch.equal(denoising.infer(Halves(), batch), batch["image"] / 2)
    assert torch.equal(denoising.targets(batch), batch["clean"])


def test_the_constant_baseline_is_the_mean_image_over_all_batches(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=IMAGES)
    prepared = task()
    prepared.prepare(samples)

    outputs = prepared.baseline_outputs("constant", samples.tensors([5, 7]))

    assert outputs.shape == (2, 3, 12, 10)
    assert outputs.dtype == torch.float32
    assert np.allclose(outputs.numpy(), IMAGES.astype(np.float64).mean(axis=0), atol=1e-7)


def test_no_other_constant_image_has_less_error_than_the_constant_baseline(
    samples_of: Callable[..., Any],
) -> None:
    samples = samples_of(image=IMAGES)
    prepared = task()
    prepared.prepare(samples)
    batch = samples.tensors()
    constant = prepared.baseline_outputs("constant", batch)

    best = mse(constant, batch["image"]).mean()

    for seed in range(5):
        change = 0.01 * torch.randn(3, 12, 10, generator=torch.Generator().manual_seed(seed))
        assert mse(constant + change, batch["image"]).mean() > best


def test_a_baseline_that_it_does_not_have_is_refused(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=IMAGES)
    prepared = task()
    prepared.prepare(samples)

    with pytest.raises(EvaluationError, match="no baseline raw_pixels"):
        prepared.baseline_outputs("raw_pixels", samples.tensors([0]))


@pytest.mark.parametrize(
    ("images", "args", "message", "found"),
    [
        (IMAGES * 255, {}, "outside its declared data range", "values from 0"),
        (IMAGES / IMAGES.max() * np.float32(1.002) - IMAGES.min(), {}, "outside its declared", "values from"),
        (IMAGES * 2 - 1, {}, "outside its declared data range", "values from -0.9"),
        (IMAGES, {"data_range": 255}, "less than a hundredth of its declared data range", "values from"),
        (np.where(IMAGES > 0.999, np.nan, IMAGES), {}, "NaN or Inf in the field image", "first in sample 's"),
        (IMAGES[:, 0, 0], {}, "does not hold images", "shape (10,) in sample 's0'"),
        (IMAGES[:, :, :0], {}, "does not hold images", "shape (3, 0, 10)"),
        (IMAGES.astype(str), {}, "not an array of numbers", "ndarray"),
        (IMAGES, {"input": "pixels"}, "the dataset has no field pixels", "the fields image"),
        (IMAGES, {"target": "clean"}, "the dataset has no field clean", "the fields image"),
        (IMAGES, {"input": "noisy", "target": "image"}, "the dataset has no field noisy", "the fields image"),
    ],
)
def test_a_dataset_that_cannot_be_scored_is_refused(
    images: np.ndarray, args: dict[str, Any], message: str, found: str, samples_of: Callable[..., Any]
) -> None:
    with pytest.raises(DatasetError, match=message) as error:
        task(**args).prepare(samples_of(image=images))

    assert found in (error.value.found or "")


def test_fields_whose_names_look_like_scores_are_none(samples_of: Callable[..., Any]) -> None:
    columns = {"img.valid": np.zeros(3), "mae.v2": np.array([0.1, 0.3, 0.2]), "psnr": np.arange(3.0)}

    column, goodness = _ranking_score(columns) or ("", np.zeros(0))

    assert (column, goodness.tolist()) == ("mae.v2", [-0.1, -0.3, -0.2])
    assert _ranking_score({"img.valid": np.zeros(3)}) is None


def test_a_missing_field_is_named_with_the_argument_that_asks_for_it_and_the_nearest_one(
    samples_of: Callable[..., Any],
) -> None:
    samples = samples_of(images=IMAGES, clean=IMAGES)

    todos = []
    for args in ({}, {"input": "images", "target": "claen"}, {"input": "images", "target": "xyz"}):
        with pytest.raises(DatasetError) as error:
            task(**args).prepare(samples)
        todos.append((error.value.what, error.value.todo))

    correct = "in the evaluation, or correct the dataset"
    assert todos == [
        (
            "the dataset has no field image, which is the task's input",
            f"write args: {{input: images}} {correct}",
        ),
        (
            "the dataset has no field claen, which is the task's target",
            f"write args: {{target: clean}} {correct}",
        ),
        (
            "the dataset has no field xyz, which is the task's target",
            f"write args: {{target: FIELD}} {correct}",
        ),
    ]


def test_images_of_different_shapes_are_refused_with_the_first_that_differs() -> None:
    class Uneven:
        ids = tuple(f"s{index}" for index in range(100))

        def __len__(self) -> int:
            return 100

        def batch(self, indices: range) -> dict[str, np.ndarray]:
            return {"image": np.zeros((len(indices), 4, 4 + indices[0] // 64))}

    with pytest.raises(DatasetError, match="not of one shape") as error:
        task().prepare(Uneven())  # type: ignore[arg-type]

    assert error.value.found == "shape (4, 5) from sample 's64'"


@pytest.mark.parametrize(
    ("images", "args"),
    [
        (IMAGES * 2 - 1, {"data_range": 2}),
        ((IMAGES * 255).astype(np.uint8), {"data_range": 255}),
        (IMAGES / 10, {}),
        (np.zeros_like(IMAGES), {}),
        (IMAGES > 0.5, {}),
        (IMAGES.astype(np.float64), {}),
        (IMAGES[:, 0], {}),
        (IMAGES[:, None], {}),
    ],
    ids=["-1..1", "bytes", "dark", "black", "masks", "float64", "no channels", "clips"],
)
def test_images_of_any_kind_within_their_range_are_taken(
    images: np.ndarray, args: dict[str, Any], samples_of: Callable[..., Any]
) -> None:
    samples = samples_of(image=images)
    prepared = task(**args)
    prepared.prepare(samples)
    batch = samples.tensors([0, 1])

    outputs = prepared.infer(Returns(lambda x: x), batch)

    assert outputs.is_floating_point()
    assert prepared.targets(batch).is_floating_point()
    assert psnr(outputs, prepared.targets(batch), data_range=2.0).tolist() == [60.0, 60.0]
    assert prepared.baseline_outputs("constant", batch).shape == prepared.targets(batch).shape


def test_outputs_outside_the_range_are_scored_as_they_are(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=np.zeros((2, 1, 4, 4), dtype=np.float32))
    prepared = task()
    prepared.prepare(samples)

    outputs = prepared.infer(Returns(lambda x: x + 3), samples.tensors())

    assert torch.equal(outputs, torch.full((2, 1, 4, 4), 3.0))


def test_outputs_of_another_shape_are_refused_with_both(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=IMAGES)

    with pytest.raises(OutputError, match="not of the targets' shape") as error:
        task().infer(Returns(lambda x: x[..., :-1]), samples.tensors([0, 1]))

    assert error.value.expected == "outputs of shape (2, 3, 12, 10), as the field image"
    assert error.value.found == "outputs of shape (2, 3, 12, 9)"


@pytest.mark.parametrize(
    ("output", "returned"),
    [("image", lambda x: {"loss": 0, "image": x / 4}), (1, lambda x: (x, x / 4)), (-1, lambda x: [x, x / 4])],
)
def test_one_of_several_outputs_is_picked(
    output: str | int, returned: Callable[[torch.Tensor], Any], samples_of: Callable[..., Any]
) -> None:
    batch = samples_of(image=IMAGES).tensors([0])

    assert torch.equal(task(output=output).infer(Returns(returned), batch), batch["image"] / 4)


@pytest.mark.parametrize(
    ("output", "returned", "found"),
    [
        (None, lambda x: (x, x), "a tuple of Tensor, Tensor"),
        (None, lambda x: {"image": x, "codes": x}, "a dict with the keys 'image', 'codes'"),
        ("recon", lambda x: {"image": x}, "a dict with the keys 'image'"),
        (2, lambda x: (x, x), "a tuple of Tensor, Tensor"),
        ("image", lambda x: x, "a single tensor of shape (1, 3, 12, 10)"),
        (0, lambda x: x, "a single tensor of shape (1, 3, 12, 10)"),
        (None, lambda x: None, "a NoneType"),
    ],
)
def test_an_output_that_is_not_there_is_refused_with_what_there_is(
    output: str | int | None,
    returned: Callable[[torch.Tensor], Any],
    found: str,
    samples_of: Callable[..., Any],
) -> None:
    batch = samples_of(image=IMAGES).tensors([0])

    with pytest.raises(OutputError, match="the model does not return a tensor") as error:
        task(output=output).infer(Returns(returned), batch)

    assert error.value.found == found


def test_a_model_in_half_precision_is_given_its_own_and_scored_in_full(
    samples_of: Callable[..., Any],
) -> None:
    seen = []
    model = Returns(lambda x: (seen.append(x.dtype), x)[1]).bfloat16()

    outputs = task().infer(model, samples_of(image=IMAGES).tensors([0]))

    assert seen == [torch.bfloat16]
    assert outputs.dtype == torch.float32


@given(st.lists(st.floats(0, 50), min_size=1, max_size=40))
def test_worst_median_and_best_are_what_their_names_say(scores: list[float]) -> None:
    goodness = np.array(scores)
    chosen = dict(_chosen(goodness))

    assert len(set(chosen.values())) == len(chosen) <= 9
    assert goodness[chosen["worst_1"]] == goodness.min()
    if len(scores) >= 2:
        assert goodness[chosen["best_1"]] == goodness.max()
    if len(scores) >= 9:
        below = sorted(goodness[chosen[f"median_{place}"]] for place in (1, 2, 3))
        assert below[0] <= np.median(goodness) <= below[2]
        assert {name.split("_")[0] for name in chosen} == {"worst", "median", "best"}


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (3, 40, 60), (8, 8), (5, 1, 12, 12), (9, 3, 80, 120), (7, 9, 9)]
)
@pytest.mark.parametrize("column", ["psnr.v2.cap=60.0", "mse.v1"])
def test_pictures_show_the_worst_median_and_best(
    shape: tuple[int, ...], column: str, samples_of: Callable[..., Any]
) -> None:
    images = np.random.default_rng(1).random((12, *shape)).astype(np.float32)
    samples = samples_of(image=images)
    prepared = task()
    prepared.prepare(samples)
    errors = np.linspace(0.5, 0.01, 12)
    asked: list[int] = []

    def rerun(indices: list[int]) -> tuple[dict[str, Any], torch.Tensor]:
        asked.extend(indices)
        batch = samples.tensors(indices)
        return batch, batch["image"] + torch.from_numpy(errors[indices]).view(-1, *[1] * len(shape))

    scores = {"psnr.v2.cap=60.0": -20 * np.log10(errors), "mse.v1": errors**2}
    columns = {"label": np.arange(12), "constant/psnr.v2.cap=60.0": -errors, column: scores[column]}
    pictures = prepared.pictures(Inspection(ids=samples.ids, columns=columns, rerun=rerun))

    assert sorted(pictures) == sorted(
        f"{kind}_{n}.png" for kind in ("worst", "median", "best") for n in (1, 2, 3)
    )
    assert asked == [0, 1, 2, 11, 10, 9, 5, 6, 7]
    assert sum(map(len, pictures.values())) < 3_000_000
    for content in pictures.values():
        assert Image.open(io.BytesIO(content)).format == "PNG"


def test_a_picture_shows_target_output_and_error(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=np.zeros((1, 1, 8, 8), dtype=np.float32))
    prepared = task()
    prepared.prepare(samples)
    outputs = torch.zeros(1, 1, 8, 8)
    outputs[0, 0, :, :4] = 1.0

    pictures = prepared.pictures(
        Inspection(
            ids=["a"], columns={"psnr.v1": np.array([3.0])}, rerun=lambda _: (samples.tensors(), outputs)
        )
    )
    pixels = np.asarray(Image.open(io.BytesIO(pictures["worst_1.png"])))[-80]
    target, output, error = pixels[:160], pixels[162:322], pixels[324:484]

    assert (target == 0).all()
    assert (output[:80] == 255).all()
    assert (output[80:] == 0).all()
    assert error[10].tolist() == [178, 0, 0]
    assert error[150].tolist() == [255, 255, 255]


def test_pictures_are_ranked_by_psnr_where_there_is_one(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=IMAGES[:2])
    prepared = task()
    prepared.prepare(samples)
    columns = {"mae.v1": np.array([0.1, 0.2]), "psnr.v2.cap=60.0": np.array([9.0, 30.0])}
    asked: list[int] = []

    def rerun(indices: list[int]) -> tuple[dict[str, Any], torch.Tensor]:
        asked.extend(indices)
        return samples.tensors(indices), samples.tensors(indices)["image"]

    prepared.pictures(Inspection(ids=samples.ids, columns=columns, rerun=rerun))

    assert asked == [0, 1]


def test_a_picture_of_images_around_zero_shows_the_least_value_black_and_small_errors_faint(
    samples_of: Callable[..., Any],
) -> None:
    images = np.full((1, 1, 8, 8), -1, dtype=np.float32)
    images[0, 0, :, 4:] = 1
    samples = samples_of(image=images)
    prepared = task(data_range=2)
    prepared.prepare(samples)

    pictures = prepared.pictures(
        Inspection(
            ids=["a"],
            columns={"psnr.v1": np.array([3.0])},
            rerun=lambda _: (samples.tensors(), samples.tensors()["image"] + 0.2),
        )
    )
    pixels = np.asarray(Image.open(io.BytesIO(pictures["worst_1.png"])))[-80]

    assert (pixels[:80] == 0).all()
    assert (pixels[80:160] == 255).all()
    # An error of a tenth of the range, drawn four times as strong: 1 − 0.3 · 0.4 and 1 − 0.4 of 255.
    assert pixels[330].tolist() == [224, 153, 153]


def test_without_a_score_a_sample_there_are_no_pictures() -> None:
    inspection = Inspection(ids=["a"], columns={"label": np.array([1])}, rerun=lambda _: ({}, torch.zeros(1)))

    assert task().pictures(inspection) == {}
