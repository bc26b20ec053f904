"""The shipped digits: real data, the numbers that other libraries compute, and no check that cannot fail."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, f1_score, log_loss, recall_score

FOLDER = Path(__file__).parents[2] / "model_specs" / "digits"
MODELS = ("autoencoder", "classifier")
MODULES = ("data", "model", "train")


@pytest.fixture(scope="module")
def experiment() -> Iterator[SimpleNamespace]:
    """The modules of the experiment's folder, whose plain names no other test shall meet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
        for name in MODULES:
            del sys.modules[name]


def gate(folder: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Runs a copy of the spec's folder; gives the process and the run record."""
    shutil.copytree(FOLDER, folder / "digits", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pytest", "digits", "-m", "gpu", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    (record,) = folder.glob(".modelqa/runs/*/run.json")
    return done, json.loads(record.read_text())


@pytest.fixture(scope="module")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any]]:
    return gate(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def undertrained_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any]]:
    overrides = [
        f"--modelqa-set=models.{name}.checkpoint=checkpoints/{name}_undertrained.safetensors"
        for name in MODELS
    ]
    return gate(tmp_path_factory.mktemp("undertrained"), *overrides)


def test_the_file_holds_the_digits_of_scikit_learn(experiment: SimpleNamespace) -> None:
    parts = [experiment.data.digits(split) for split in ("train", "test")]
    assert [len(part["id"]) for part in parts] == [1197, 600]
    images, labels = load_digits(return_X_y=True)
    order = [int(name.removeprefix("digit-")) for part in parts for name in part["id"]]
    assert sorted(order) == list(range(1797))
    np.testing.assert_array_equal(
        np.concatenate([part["image"] for part in parts]).reshape(-1, 64), images[order] / 16
    )
    np.testing.assert_array_equal(np.concatenate([part["label"] for part in parts]), labels[order])


def test_no_image_stands_in_both_parts(experiment: SimpleNamespace) -> None:
    train, test = (
        {image.tobytes() for image in experiment.data.digits(split)["image"]} for split in ("train", "test")
    )
    assert not train & test


def test_every_digit_has_enough_test_images(experiment: SimpleNamespace) -> None:
    counts = np.bincount(experiment.data.digits("test")["label"], minlength=10)
    assert counts.min() >= 50


def test_the_loader_gives_what_the_models_take(experiment: SimpleNamespace) -> None:
    test = experiment.data.digits("test")
    assert test["image"].shape == (600, 1, 8, 8)
    assert test["image"].dtype == np.float32
    assert (test["image"].min(), test["image"].max()) == (0, 1)
    assert test["label"].dtype == np.int64


def test_the_loader_names_the_parts_there_are(experiment: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="split is 'dev'; the digits are split into 'train' and 'test'"):
        experiment.data.digits("dev")


def test_checkpoints_are_small() -> None:
    sizes = {file.name: file.stat().st_size for file in (FOLDER / "checkpoints").iterdir()}
    assert set(sizes) == {f"{name}{kind}.safetensors" for name in MODELS for kind in ("", "_undertrained")}
    assert max(sizes.values()) < 1_000_000


def test_the_script_makes_the_committed_checkpoint(experiment: SimpleNamespace) -> None:
    # The shortest of the four recipes. Another CPU rounds otherwise: logits, whose spread is 0.8, differ by
    # 0.0004 between one thread and two.
    train = experiment.data.digits("train")
    images, labels = torch.from_numpy(train["image"]), torch.from_numpy(train["label"])
    made = experiment.train.classifier(images, labels, steps=25, seed=0)
    with torch.inference_mode():
        logits = made.eval()(images).numpy()
    np.testing.assert_allclose(logits, outputs(experiment, "classifier", "_undertrained", "train"), atol=0.02)


def test_the_shipped_checkpoints_pass(good_run: tuple[Any, dict[str, Any]]) -> None:
    done, record = good_run
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "GO: 13 of 13 release checks in 1 spec passed"
    assert {result["status"] for result in record["results"]} == {"PASS"}


def test_every_check_fails_on_the_undertrained_checkpoints(
    undertrained_run: tuple[Any, dict[str, Any]],
) -> None:
    done, record = undertrained_run
    assert done.returncode == 1, done.stdout
    assert done.stdout.splitlines()[-1].startswith("NO-GO: 11 of 13 release checks in 1 spec failed: ")
    of_kind: dict[str, set[str]] = {"check": set(), "goal": set()}
    for plan, result in zip(record["planned"], record["results"], strict=True):
        assert plan["nodeid"] == result["nodeid"]
        of_kind[plan["kind"]].add(result["status"])
    assert of_kind == {"check": {"FAIL"}, "goal": {"INCONCLUSIVE"}}


@pytest.mark.parametrize(("run", "kind"), [("good_run", ""), ("undertrained_run", "_undertrained")])
def test_the_values_are_those_of_scikit_image_and_scikit_learn(
    run: str, kind: str, experiment: SimpleNamespace, request: pytest.FixtureRequest
) -> None:
    _, record = request.getfixturevalue(run)
    found = {
        result["nodeid"].split("::", 1)[1]: {
            line["slice"]: [side["value"] for side in (line["candidate"], line["baseline"]) if side]
            for line in result["verdict"]["lines"]
        }
        for plan, result in zip(record["planned"], record["results"], strict=True)
        if plan["kind"] == "check"
    }
    expected = {**reconstructed(experiment, kind), **classified(experiment, kind)}
    assert found.keys() == expected.keys()
    for check, slices in expected.items():
        assert found[check].keys() == slices.keys(), check
        for name, values in slices.items():
            assert found[check][name] == pytest.approx(values, rel=1e-5, abs=1e-6), (check, name)


def outputs(experiment: SimpleNamespace, name: str, kind: str, split: str) -> np.ndarray:
    model = {"autoencoder": experiment.model.Autoencoder, "classifier": experiment.model.Classifier}[name]()
    model.load_state_dict(load_file(FOLDER / "checkpoints" / f"{name}{kind}.safetensors"))
    with torch.inference_mode():
        result: np.ndarray = model.eval()(torch.from_numpy(experiment.data.digits(split)["image"])).numpy()
    return result.astype(np.float64)


def psnrs(images: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    pairs = zip(images.astype(np.float64), drawn, strict=True)
    return np.array([peak_signal_noise_ratio(image, other, data_range=1) for image, other in pairs])


def reconstructed(experiment: SimpleNamespace, kind: str) -> dict[str, dict[str, list[Any]]]:
    test = experiment.data.digits("test")
    images = test["image"].astype(np.float64)
    drawn = outputs(experiment, "autoencoder", kind, "test")
    psnr = psnrs(images, drawn)
    psnr_train = psnrs(
        experiment.data.digits("train")["image"], outputs(experiment, "autoencoder", kind, "train")
    )
    psnr_constant = psnrs(images, np.broadcast_to(images.mean(axis=0), images.shape))
    # scikit-image cuts its window at 3.5 sigma: 7×7 for 0.95.
    ssim = [
        structural_similarity(
            image[0], other[0], data_range=1, gaussian_weights=True, sigma=0.95, use_sample_covariance=False
        )
        for image, other in zip(images, drawn, strict=True)
    ]
    by_label = {f"label={digit}": [psnr[test["label"] == digit].mean()] for digit in range(10)}
    return {
        "reconstruction::psnr-min": {"": [psnr.mean()]},
        "reconstruction::psnr-min-by-label": by_label,
        "reconstruction::ssim-sigma-0.95-window_size-7-min": {"": [np.mean(ssim)]},
        "reconstruction::psnr-min-improvement-vs-constant": {"": [psnr.mean(), psnr_constant.mean()]},
        "reconstruction::psnr-max-degradation-vs-reconstruction_train": {
            "": [psnr.mean(), psnr_train.mean()]
        },
        "reconstruction_train::psnr-min": {"": [psnr_train.mean()]},
    }


def classified(experiment: SimpleNamespace, kind: str) -> dict[str, dict[str, list[Any]]]:
    label = experiment.data.digits("test")["label"]
    logits = outputs(experiment, "classifier", kind, "test")
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    prediction, confidence = probability.argmax(axis=1), probability.max(axis=1)
    recalls = recall_score(label, prediction, average=None)
    bins = np.digitize(confidence, np.arange(1, 15) / 15, right=True)
    calibration_error = sum(
        abs(np.mean((prediction == label)[bins == i]) - np.mean(confidence[bins == i])) * np.mean(bins == i)
        for i in np.unique(bins)
    )
    return {
        "classification::accuracy-min": {"": [accuracy_score(label, prediction)]},
        "classification::recall-min-by-label": {f"label={digit}": [recalls[digit]] for digit in range(10)},
        "classification::f1-min": {"": [f1_score(label, prediction, average="macro")]},
        "classification::log_loss-max": {"": [log_loss(label, probability)]},
        "classification::expected_calibration_error-max": {"": [calibration_error]},
    }


def test_the_preflight_passes_before_anything_was_trained(tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns("__pycache__", "checkpoints")
    shutil.copytree(FOLDER, tmp_path / "digits", ignore=left_out)
    command = [sys.executable, "-m", "pytest", "digits", "-m", "preflight and not after_training"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("PREFLIGHT OK: ")
    assert "tiny-run-of-classification" in done.stdout


def test_the_controls_are_failed_by_the_checks(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "digits", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pytest", "digits", "-m", "control"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "CONTROLS OK: 3 control items passed", done.stdout
