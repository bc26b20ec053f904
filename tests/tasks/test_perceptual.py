"""The distances of a perceptual network: those of its formula, in the scale that it was made for, end to end."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pytest_modelqa.errors import DatasetError, EvaluationError, OutputError
from pytest_modelqa.metrics.clip import lpips
from pytest_modelqa.tasks.declarations import ReconstructionArgs
from pytest_modelqa.tasks.perceptual import reconstruction
from pytest_modelqa.tasks.protocol import IsFitted, Setting
from pytest_modelqa.tasks.reconstruction import Reconstruction

from .conftest import ArraySamples

TOY = Path(__file__).parent / "perceptual_toy"
_spec = importlib.util.spec_from_file_location("perceptual_toy_model", TOY / "model.py")
assert _spec is not None
assert _spec.loader is not None
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((70, 3, 9, 8)).astype(np.float32)
OUTPUTS = (IMAGES + RANDOM.normal(0, 0.2, IMAGES.shape)).astype(np.float32)


def network(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    made = toy.Perceptual().eval()
    made.first_weights.data, made.second_weights.data = torch.rand(4), torch.rand(5)
    return made


def fitted(images: np.ndarray, net: torch.nn.Module | None = None, **args: Any) -> Reconstruction:
    task = reconstruction(ReconstructionArgs(lpips="perceptual", **args))
    assert isinstance(task, IsFitted)
    samples = ArraySamples(image=images)
    task.prepare(samples)
    task.fit(
        Setting(
            model=toy.Shift(),
            models={"perceptual": net or network()},
            datasets={},
            samples=samples,
            device=torch.device("cpu"),
            seed=0,
            untrained=toy.Shift,
            alive=lambda: None,
        )
    )
    return task


def distances(task: Reconstruction, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        columns = task.predictions(torch.from_numpy(outputs), torch.from_numpy(targets))
    assert columns["squared_error"].shape == (len(outputs),)
    return lpips(columns)


def by_the_formula(one: np.ndarray, other: np.ndarray) -> list[float]:
    """Equation 1 of arXiv 1801.03924, position by position in float64, of images (n, 3, H, W) in −1 … 1."""
    net = network().double()
    found = []
    for pair in zip(one, other, strict=True):
        with torch.no_grad():
            a, b = (net.layers(torch.from_numpy(image).double()[None]) for image in pair)
        total = 0.0
        for x, y, weight in zip(a, b, (net.first_weights, net.second_weights), strict=True):
            _, channels, height, width = x.shape
            w = weight.detach().numpy()
            for row in range(height):
                for column in range(width):
                    u, v = x[0, :, row, column].numpy(), y[0, :, row, column].numpy()
                    u, v = u / max(np.linalg.norm(u), 1e-10), v / max(np.linalg.norm(v), 1e-10)
                    total += sum(w[c] * (u[c] - v[c]) ** 2 for c in range(channels)) / (height * width)
        found.append(total)
    return found


def test_the_distance_is_that_of_the_formula_of_images_scaled_to_minus_1_to_1() -> None:
    expected = by_the_formula(2 * OUTPUTS[:3] - 1, 2 * IMAGES[:3] - 1)
    assert min(expected) > 1e-3
    assert distances(fitted(IMAGES), OUTPUTS, IMAGES)[:3] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("scaled", "data_range"),
    [
        (lambda x: 255 * x, 255),
        (lambda x: 2 * x - 1, 2),
        (lambda x: x - 0.5, 1),
        (lambda x: x - 1e-7, 1),
    ],
    ids=["bytes", "-1..1", "-0.5..0.5", "rounding below 0"],
)
def test_the_range_of_the_data_does_not_matter(
    scaled: Callable[[np.ndarray], np.ndarray], data_range: float
) -> None:
    same = distances(fitted(scaled(IMAGES), data_range=data_range), scaled(OUTPUTS), scaled(IMAGES))
    assert same == pytest.approx(distances(fitted(IMAGES), OUTPUTS, IMAGES), rel=1e-3)


def test_images_that_do_not_fill_their_range_are_scaled_by_the_range() -> None:
    dim, shown = 0.3 + 0.4 * IMAGES, 0.3 + 0.4 * OUTPUTS
    assert distances(fitted(dim), shown, dim) == pytest.approx(
        distances(fitted(IMAGES), shown, dim), rel=1e-12
    )


def test_grey_images_are_given_three_times_and_clips_are_the_mean_of_their_frames() -> None:
    grey, shown = IMAGES[:, :1], OUTPUTS[:, :1]
    expected = distances(fitted(IMAGES), shown.repeat(3, axis=1), grey.repeat(3, axis=1))
    assert distances(fitted(grey), shown, grey) == pytest.approx(expected, rel=1e-6)
    assert distances(fitted(grey[:, 0]), shown[:, 0], grey[:, 0]) == pytest.approx(expected, rel=1e-6)

    # 70 frames: more than the network is given at once.
    clips, moving = IMAGES.reshape(7, 10, 3, 9, 8), OUTPUTS.reshape(7, 10, 3, 9, 8)
    of_frames = distances(fitted(IMAGES), OUTPUTS, IMAGES).reshape(7, 10).mean(1)
    assert distances(fitted(clips), moving, clips) == pytest.approx(of_frames, rel=1e-6)


class Answers(torch.nn.Module):
    """Answers by a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> Any:
        return self.function(one, other)


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, y: (x == y).flatten(1).all(1).float(),
        lambda x, y: torch.zeros(len(x)),
        lambda x, y: torch.full((len(x),), torch.nan),
    ],
    ids=["a similarity", "always 0", "no number"],
)
def test_a_network_that_measures_no_distance_is_refused(answer: Callable[..., Any]) -> None:
    with pytest.raises(EvaluationError, match="perceptual measures no distance"):
        fitted(IMAGES, Answers(answer))


@pytest.mark.parametrize(
    "answer", [lambda x, y: (x - y).square().mean(), lambda x, y: (x - y).square().mean(1, keepdim=True)]
)
def test_a_network_that_averages_over_the_batch_or_keeps_positions_is_refused(
    answer: Callable[..., Any],
) -> None:
    with pytest.raises(OutputError, match="does not give one distance an image"):
        fitted(IMAGES, Answers(answer))


def test_images_that_cannot_be_scaled_are_refused() -> None:
    with pytest.raises(DatasetError, match="cannot be scaled"):
        fitted(4 * IMAGES - 1, data_range=4)
    with pytest.raises(OutputError, match="1 or 3 channels"):
        fitted(IMAGES[:, :2])


def test_a_reconstruction_without_a_network_waits_for_no_other_model() -> None:
    assert not isinstance(reconstruction(ReconstructionArgs()), IsFitted)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(TOY, tmp_path / "toy", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "toy"
    (folder / "spec.yaml").rename(folder / "toy.modelspec.yaml")
    np.savez(folder / "test.npz", image=IMAGES)
    save_file({"shift": torch.full((1,), 0.01)}, folder / "shift.safetensors")
    save_file(network().state_dict(), folder / "perceptual.safetensors")
    return folder


def run(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "toy.modelspec.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_spec_that_names_a_network_gates_by_its_distance(folder: Path) -> None:
    assert run(folder).splitlines()[-1].startswith("GO: 2 of 2")
    save_file({"shift": torch.full((1,), 3.0)}, folder / "shift.safetensors")
    assert "NO-GO: " in run(folder).splitlines()[-1]


def test_lpips_without_a_network_says_what_to_write(folder: Path) -> None:
    edit(folder, "    args: {lpips: perceptual}\n", "")
    text = run(folder)
    assert "lpips needs the argument lpips of the task reconstruction" in text
    assert "args: {lpips: …}" in text


def test_a_network_that_is_the_candidate_is_an_error(folder: Path) -> None:
    edit(folder, "{lpips: perceptual}", "{lpips: shift}")
    assert "shift is the candidate itself" in run(folder)
