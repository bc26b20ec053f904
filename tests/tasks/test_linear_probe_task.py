"""The probe against scikit-learn's own pipeline, its baselines, and what it refuses."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pytest_modelqa.errors import DatasetError, EvaluationError, MissingDependencyError, OutputError
from pytest_modelqa.tasks.declarations import LinearProbeArgs
from pytest_modelqa.tasks.linear_probe import LinearProbe
from pytest_modelqa.tasks.probe import fit_probe
from pytest_modelqa.tasks.protocol import Setting

from .conftest import ArraySamples


def made(seed: int, n: int, classes: int = 3) -> ArraySamples:
    """Images whose mean is no use and whose contrast tells the class."""
    generator = np.random.default_rng(seed)
    label = np.arange(n) % classes
    image = generator.normal(size=(n, 1, 4, 4)) * (1 + label)[:, None, None, None]
    return ArraySamples(image=image.astype(np.float32), label=label)


TRAIN, TEST = made(0, 120), made(1, 60)


class Contrast(torch.nn.Module):
    """Features that tell: the size of each pixel; with ``useless`` they do not."""

    def __init__(self, useless: bool = False) -> None:
        super().__init__()
        self.useless = useless

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(image), 3) if self.useless else image.abs()


def fitted(
    train: ArraySamples = TRAIN, test: ArraySamples = TEST, model: Any = None, **changes: Any
) -> LinearProbe:
    task = LinearProbe(LinearProbeArgs(**({"train": "train", "method": "embed"} | changes)))
    task.prepare(test)
    task.fit(
        Setting(
            model=model or Contrast(),
            models={},
            datasets={"train": train},
            samples=test,
            device=torch.device("cpu"),
            seed=0,
            untrained=lambda: Contrast(useless=True),
            alive=lambda: None,
        )
    )
    return task


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("n", [12, 120], ids=["fewer samples than features", "more"])
def test_a_probe_is_scikit_learns(classes: int, n: int) -> None:
    train, test = made(0, n, classes), made(1, 30, classes)
    features = torch.from_numpy(np.abs(train.fields["image"]).reshape(n, -1))
    probe = fit_probe(features, train.fields["label"], 2.0, "the model")
    other = np.abs(test.fields["image"]).reshape(30, -1).astype(float)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=5000, tol=1e-8))
    pipeline.fit(features.numpy().astype(float), train.fields["label"])
    found = probe.logits(torch.from_numpy(other)).softmax(1).numpy()
    assert found == pytest.approx(pipeline.predict_proba(other), abs=2e-3)


def test_the_models_features_are_probed_and_the_baselines_others() -> None:
    task, batch = fitted(), TEST.tensors()
    label = TEST.fields["label"]

    def accuracy(logits: torch.Tensor) -> float:
        return float(np.mean(logits.argmax(1).numpy() == label))

    assert accuracy(task.infer(Contrast(), batch)) > 0.7
    raw = task.baseline_outputs("raw_pixels", batch)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    pipeline.fit(TRAIN.fields["image"].reshape(120, -1), TRAIN.fields["label"])
    assert accuracy(raw) == pytest.approx(
        pipeline.score(TEST.fields["image"].reshape(60, -1), label), abs=0.02
    )
    assert accuracy(task.baseline_outputs("random_encoder", batch)) == pytest.approx(1 / 3)
    with pytest.raises(EvaluationError):
        task.baseline_outputs("constant", batch)


def test_a_batch_of_another_size_gives_the_same() -> None:
    task = fitted()
    whole = task.infer(Contrast(), TEST.tensors())
    assert torch.equal(task.infer(Contrast(), TEST.tensors([5, 7])), whole[[5, 7]])


def test_what_is_kept_is_that_of_a_classification() -> None:
    task, batch = fitted(), TEST.tensors()
    columns = task.predictions(task.infer(Contrast(), batch), task.targets(batch))
    assert set(columns) == {"prediction", "confidence", "label"}
    assert columns["label"].tolist() == TEST.fields["label"].tolist()


def test_a_probe_on_its_own_training_data_is_refused() -> None:
    with pytest.raises(DatasetError, match="fitted on what it is measured on") as caught:
        fitted(test=TRAIN)
    assert "120 of 120" in str(caught.value)
    both = ArraySamples(
        **{name: np.concatenate([TRAIN.fields[name], TEST.fields[name]]) for name in TRAIN.fields}
    )
    with pytest.raises(DatasetError, match="fitted on what it is measured on"):
        fitted(train=both)


@pytest.mark.parametrize(
    ("n", "alike", "leak"), [(60, 1, False), (60, 2, True), (600, 6, False), (600, 7, True)]
)
def test_one_twin_or_one_in_a_hundred_is_no_leak_and_more_are(n: int, alike: int, leak: bool) -> None:
    fields = dict(made(1, n).fields)
    fields["image"] = np.concatenate([TRAIN.fields["image"][:alike], fields["image"][alike:]])
    if leak:
        with pytest.raises(DatasetError, match="fitted on what it is measured on") as caught:
            fitted(test=ArraySamples(**fields))
        assert f"{alike} of {n}" in str(caught.value)
    else:
        fitted(test=ArraySamples(**fields))


def test_samples_are_known_again_in_another_type_of_number() -> None:
    doubled = {**TRAIN.fields, "image": TRAIN.fields["image"].astype(np.float64)}
    with pytest.raises(DatasetError, match="120 of 120"):
        fitted(test=ArraySamples(**doubled))


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (np.where(TRAIN.fields["label"] == 1, 2, TRAIN.fields["label"]), "lack classes"),
        (np.zeros(120, dtype=int), "lack classes"),
        (TRAIN.fields["label"] + 0.5, "class numbers"),
    ],
)
def test_training_data_without_every_class_are_refused(label: np.ndarray, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        fitted(train=ArraySamples(image=TRAIN.fields["image"], label=label))


def test_labels_that_are_not_there_are_told_with_the_tasks_own_argument() -> None:
    with pytest.raises(DatasetError, match="does not hold class numbers") as error:
        fitted(target="labels")

    assert "args: {target: label}" in (error.value.todo or "")


def test_names_for_another_number_of_classes_are_refused() -> None:
    with pytest.raises(DatasetError, match="3 classes and 2 have names"):
        fitted(class_names=("a", "b"))


class Growing(Contrast):
    """Features whose number depends on the batch; NaN where it is told so."""

    def embed(self, image: torch.Tensor) -> torch.Tensor:
        if self.useless:
            return image / 0 * 0
        return image.abs().flatten(1)[:, : len(image) % 7 + 4]


def test_features_that_cannot_be_probed_are_an_error() -> None:
    with pytest.raises(OutputError, match="NaN or Inf in the features of the model"):
        fitted(model=Growing(useless=True))
    task = fitted()
    with pytest.raises(OutputError, match="not those that the probe was fitted on"):
        task.infer(Growing(), TEST.tensors())
    with pytest.raises(EvaluationError, match="no method 'encode'"):
        fitted(method="encode")


def test_a_probe_that_does_not_converge_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_modelqa.tasks.probe._STEPS", 1)
    with pytest.raises(EvaluationError, match="does not converge"):
        fitted(penalty=1e-9)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MissingDependencyError, match=r"pytest-modelqa\[probe\]"):
        fitted()
