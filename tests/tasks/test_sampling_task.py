"""A generator of two classes whose judge accuracy and distances are known, alone and from end to end."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from pytest_modelqa.errors import DatasetError, EvaluationError, OutputError
from pytest_modelqa.tasks.declarations import SamplingArgs
from pytest_modelqa.tasks.protocol import Setting
from pytest_modelqa.tasks.sampling import Sampling

from .conftest import ArraySamples

TOY = Path(__file__).parent / "sampling_toy"
_spec = importlib.util.spec_from_file_location("sampling_toy_model", TOY / "model.py")
assert _spec is not None
assert _spec.loader is not None
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)


def images(seed: int, n: int) -> dict[str, np.ndarray]:
    """Real samples: the bright half says the class."""
    generator = np.random.default_rng(seed)
    label = np.arange(n) % 2
    right = np.array([0, 0, 1, 1])
    clean = np.where(label[:, None] == 1, right, 1 - right)[:, None, None, :]
    noise = generator.standard_normal((n, 1, 4, 4)) * 0.1
    return {"image": (clean + noise).astype(np.float32), "label": label}


REAL, TRAINING = images(0, 80), images(1, 100)


def args(**changes: Any) -> SamplingArgs:
    given = {"judge": "judge", "train": "train", "samples": 60, "noise": (1, 4, 4), "method": "sample"}
    return SamplingArgs(**(given | {"judge_method": "features"} | changes))


def fitted(
    task: Sampling,
    *,
    judge: torch.nn.Module | None = None,
    real: Mapping[str, np.ndarray] = REAL,
    seed: int = 0,
    seer: torch.nn.Module | None = None,
    training: Mapping[str, np.ndarray] = TRAINING,
) -> Any:
    """Takes the task through all that comes before the first batch."""
    samples = task.make_samples(ArraySamples(**real), seed)
    task.prepare(samples)
    setting = Setting(
        model=toy.Generator(),
        models={"judge": judge or toy.Judge()} | ({"seer": seer} if seer else {}),
        datasets={"train": ArraySamples(**training)},
        samples=samples,
        device=torch.device("cpu"),
        seed=seed,
        untrained=toy.Generator,
        alive=lambda: None,
    )
    task.fit(setting)
    return samples


def batch_of(samples: Any, rows: list[int]) -> dict[str, Any]:
    return {name: torch.from_numpy(np.asarray(value)) for name, value in samples.batch(rows).items()}


@torch.inference_mode()
def drawn(task: Sampling, samples: Any, model: torch.nn.Module, rows: list[int]) -> torch.Tensor:
    return task.infer(model, batch_of(samples, rows))


def test_a_sample_is_the_same_in_whatever_batch_and_another_for_another_seed() -> None:
    task = Sampling(args())
    samples = fitted(task)
    whole = drawn(task, samples, toy.Generator(), list(range(60)))
    for rows in ([7], [59, 7], list(range(5, 30))):
        assert torch.equal(drawn(task, samples, toy.Generator(), rows), whole[rows])
    other = Sampling(args())
    assert not torch.equal(drawn(other, fitted(other, seed=1), toy.Generator(), [7]), whole[[7]])
    more = Sampling(args(samples=90))
    assert torch.equal(drawn(more, fitted(more), toy.Generator(), [7]), whole[[7]])


def test_the_noise_is_of_the_distribution_and_the_classes_are_drawn_in_turn() -> None:
    for distribution, mean, spread in (("normal", 0.0, 1.0), ("uniform", 0.5, 12**-0.5)):
        samples = Sampling(args(distribution=distribution, samples=300)).make_samples(ArraySamples(**REAL), 0)
        noise = samples.batch(range(300))["noise"]
        assert noise.mean() == pytest.approx(mean, abs=0.03)
        assert noise.std() == pytest.approx(spread, rel=0.03)
        assert np.unique(noise[:, 0, 0, 0]).size == 300
        assert np.bincount(samples.scalars["label"]).tolist() == [150, 150]


class Seer(torch.nn.Module):
    """Sees the mean, the least and the greatest value of an image."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        flat = image.flatten(1)
        return torch.stack([flat.mean(1), flat.amin(1), flat.amax(1)], 1)


def test_another_model_gives_the_features_while_the_judge_judges() -> None:
    task = Sampling(args(features="seer", judge_method=None))
    samples = fitted(task, seer=Seer())
    outputs = drawn(task, samples, toy.Generator(), list(range(60)))
    targets = task.targets(batch_of(samples, list(range(60))))
    with torch.inference_mode():
        assert np.array_equal(
            task.predictions(outputs, targets)["judge_prediction"], samples.scalars["label"]
        )
        assert task.sample_arrays(outputs, targets)["features"] == pytest.approx(Seer()(outputs).numpy())
    reference = task.set_arrays()["reference_features"]
    assert reference == pytest.approx(Seer()(torch.from_numpy(REAL["image"])).numpy())


def test_features_from_two_places_are_refused() -> None:
    with pytest.raises(EvaluationError, match="features and judge_method both say"):
        fitted(Sampling(args(features="seer")), seer=Seer())


def test_features_that_are_no_row_a_sample_are_refused() -> None:
    class Whole(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image.flatten(1).mean(0, keepdim=True)

    with pytest.raises(OutputError, match="the features are not one row a sample"):
        fitted(Sampling(args(features="seer", judge_method=None)), seer=Whole())


def test_the_judge_names_each_sample_and_gives_its_features() -> None:
    task = Sampling(args())
    samples = fitted(task)
    batch = batch_of(samples, list(range(60)))
    outputs = drawn(task, samples, toy.Generator(), list(range(60)))
    with torch.inference_mode():
        columns = task.predictions(outputs, task.targets(batch))
        features = task.sample_arrays(outputs, task.targets(batch))["features"]
    assert np.array_equal(columns["judge_prediction"], samples.scalars["label"])
    left, right = outputs[..., :2].mean((1, 2, 3)), outputs[..., 2:].mean((1, 2, 3))
    assert features == pytest.approx(torch.stack([left, right], 1).numpy())
    reference = task.set_arrays()["reference_features"]
    assert reference.shape == (80, 2)
    assert reference[0] == pytest.approx([REAL["image"][0, ..., :2].mean(), REAL["image"][0, ..., 2:].mean()])


def test_the_nearest_training_sample_is_found_and_a_copy_is_at_zero() -> None:
    task = Sampling(args())
    samples = fitted(task)
    outputs = drawn(task, samples, toy.Generator(), list(range(10))).clone()
    outputs[3] = torch.from_numpy(TRAINING["image"][17])
    with torch.inference_mode():
        found = task.predictions(outputs, task.targets(batch_of(samples, list(range(10)))))[
            "nearest_training"
        ]
    differences = outputs.numpy()[:, None].astype(float) - TRAINING["image"][None]
    expected = np.sqrt((differences**2).mean((2, 3, 4))).min(1)
    assert found == pytest.approx(expected)
    assert found[3] == 0


@pytest.mark.parametrize(("copied", "leak"), [(0, False), (1, False), (2, True), (80, True)])
def test_real_samples_that_were_trained_on_are_no_measure_of_repetition(copied: int, leak: bool) -> None:
    training = {name: np.concatenate([TRAINING[name], REAL[name][:copied]]) for name in TRAINING}
    if leak:
        with pytest.raises(DatasetError, match="train holds the same samples") as caught:
            fitted(Sampling(args()), training=training)
        assert f"{copied} of 80" in str(caught.value)
        fitted(Sampling(args(train=None)), training=training)
    else:
        fitted(Sampling(args()), training=training)


def test_real_samples_of_the_same_classes_stand_for_what_can_be_reached() -> None:
    task = Sampling(args())
    samples = fitted(task)
    batch = batch_of(samples, list(range(60)))
    real = task.baseline_outputs("real", batch).numpy()
    rows = samples.real
    assert len(set(rows.tolist())) == 60
    assert np.array_equal(real, REAL["image"][rows])
    assert np.array_equal(REAL["label"][rows], samples.scalars["label"])


def test_fewer_real_samples_than_are_drawn_are_no_baseline() -> None:
    task = Sampling(args(samples=100))
    samples = fitted(task)
    with pytest.raises(DatasetError, match="fewer real samples of a class"):
        task.baseline_outputs("real", batch_of(samples, list(range(100))))


def test_a_judge_that_fails_on_real_samples_judges_nothing() -> None:
    blind = toy.Judge()
    with torch.no_grad():
        blind.weight.fill_(-1.0)
    with pytest.raises(EvaluationError, match=r"names only 0\.0% of real samples right") as caught:
        fitted(Sampling(args()), judge=blind)
    assert "95.0%" in str(caught.value)
    assert "0 of 80" in str(caught.value)
    fitted(Sampling(args(judge_min_accuracy=0.0)), judge=blind)


def test_the_judge_may_be_tested_on_data_of_its_own() -> None:
    task = Sampling(args(judge_data="train"))
    mislabelled = {**REAL, "label": 1 - REAL["label"]}
    fitted(task, real=mislabelled)
    with pytest.raises(EvaluationError, match="names only"):
        fitted(Sampling(args()), real=mislabelled)


class Broken(torch.nn.Module):
    """A judge that gives what the test says."""

    def __init__(self, answer: Callable[[int], torch.Tensor]) -> None:
        super().__init__()
        self._answer = answer

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._answer(len(image))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda n: torch.zeros(n, 1), "one row of classes"),
        (lambda n: torch.zeros(n, 2, 2), "one row of classes"),
        (lambda n: torch.zeros(n + 1, 2), "one row of classes"),
        (lambda n: torch.full((n, 2), torch.nan), "NaN or Inf"),
    ],
)
def test_a_judge_that_is_no_classifier_is_an_error(answer: Callable[[int], torch.Tensor], words: str) -> None:
    with pytest.raises(OutputError, match=words):
        fitted(Sampling(args(judge_method=None)), judge=Broken(answer))


@pytest.mark.parametrize(
    ("changes", "real", "error", "words"),
    [
        ({"label": "digit"}, REAL, DatasetError, "field digit does not hold class numbers"),
        ({}, {**REAL, "label": REAL["label"] - 1}, DatasetError, "class numbers"),
        ({}, {**REAL, "label": REAL["label"] + 0.5}, DatasetError, "class numbers"),
        ({"input": "clip"}, REAL, DatasetError, "no field clip"),
        ({"judge_method": "embed"}, REAL, EvaluationError, "no method 'embed'"),
        ({}, {**REAL, "image": REAL["image"][..., :3]}, DatasetError, "not of one shape"),
    ],
)
def test_what_cannot_be_measured_is_told_before_the_first_batch(
    changes: dict[str, Any], real: Mapping[str, np.ndarray], error: type[EvaluationError], words: str
) -> None:
    with pytest.raises(error, match=words):
        fitted(Sampling(args(**changes)), real=real)


def test_samples_of_another_shape_than_real_ones_are_an_error() -> None:
    task = Sampling(args(noise=(2, 4, 4)))
    samples = fitted(task)
    with pytest.raises(OutputError, match="not of the shape of the real ones"):
        drawn(task, samples, toy.Generator(), [0])
    with pytest.raises(EvaluationError, match="no method 'generate'"):
        drawn(Sampling(args(method="generate")), samples, toy.Generator(), [0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(TOY, tmp_path / "toy", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "toy"
    (folder / "spec.yaml").rename(folder / "toy.modelspec.yaml")
    np.savez(folder / "test.npz", **REAL)
    np.savez(folder / "train.npz", **TRAINING)
    save_generator(folder)
    save_file({"weight": np.ones(1, dtype=np.float32)}, folder / "judge.safetensors")
    return folder


def save_generator(folder: Path, spread: float = 0.1) -> None:
    save_file({"spread": np.array(spread, dtype=np.float32)}, folder / "generator.safetensors")


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout


def test_a_healthy_generator_passes_and_a_collapsed_one_does_not(folder: Path) -> None:
    text = run(folder)
    assert text.splitlines()[-1].startswith("GO: 8 of 8"), text
    assert list(folder.glob(".modelqa/store/*/*/*/sample_arrays/features.npy"))
    assert list(folder.glob(".modelqa/store/*/*/*/sample_arrays/real%2ffeatures.npy"))
    assert list(folder.glob(".modelqa/store/*/*/*/set_arrays/reference_features.npy"))
    assert list(folder.glob(".modelqa/store/*/*/*/pictures/samples.png"))

    save_generator(folder, spread=0.001)
    collapsed = run(folder)
    assert collapsed.splitlines()[-1].startswith("NO-GO: "), collapsed
    assert "coverage-min" in collapsed
    assert "judge_accuracy-min FAILED" not in collapsed


def test_a_judge_that_is_not_good_enough_makes_every_verdict_an_error(folder: Path) -> None:
    save_file({"weight": np.full(1, -1, dtype=np.float32)}, folder / "judge.safetensors")
    text = run(folder)
    assert "8 errors" in text
    assert "the judge judge names only 0.0% of real samples right" in text


def test_the_evaluated_dataset_under_another_name_is_no_training_set(folder: Path) -> None:
    spec = folder / "toy.modelspec.yaml"
    text = spec.read_text()
    spec.write_text(text.replace("path: train.npz", "path: test.npz"))
    shown = run(folder)
    assert "80 of 80 samples are in both, value for value" in shown
    assert "8 errors" in shown


def test_too_few_samples_for_a_metric_are_the_error_of_its_check_alone(folder: Path) -> None:
    spec = folder / "toy.modelspec.yaml"
    spec.write_text(spec.read_text().replace("samples: 60", "samples: 4"))
    text = run(folder)
    assert "too few samples for 5 neighbours" in text
    assert "1 error" in text


def test_a_judge_that_is_the_candidate_is_an_error(folder: Path) -> None:
    spec = folder / "toy.modelspec.yaml"
    spec.write_text(spec.read_text().replace("judge: judge, judge_method", "judge: generator, judge_method"))
    text = run(folder)
    assert "generator is the candidate itself" in text
    assert "8 errors" in text
