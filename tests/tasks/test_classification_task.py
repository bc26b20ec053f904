"""Classification checks labels and outputs, knows the class frequencies and draws the confusion matrix."""

from __future__ import annotations

import csv
import inspect
import io
import xml.etree.ElementTree
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.dummy
import sklearn.metrics
import torch

from pytest_modelqa.errors import DatasetError, EvaluationError, OutputError
from pytest_modelqa.metrics.classification import log_loss
from pytest_modelqa.tasks.classification import Classification
from pytest_modelqa.tasks.confusion import confusion_pictures
from pytest_modelqa.tasks.declarations import ClassificationArgs
from pytest_modelqa.tasks.protocol import Inspection, Task

LABELS = np.array([0, 2, 2, 1, 2, 0, 2, 2])
FEATURES = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)


class Gives(torch.nn.Module):
    """Answers with fixed rows, whatever it is asked."""

    def __init__(self, rows: Any) -> None:
        super().__init__()
        self.rows = torch.as_tensor(rows)
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(x)
        return self.rows


def task(**args: Any) -> Classification:
    return Classification(ClassificationArgs(**args))


def test_it_is_a_task() -> None:
    checked: Task = task()
    assert checked is not None


def test_outputs_targets_and_predictions(samples_of: Callable[..., Any]) -> None:
    logits = np.random.default_rng(1).normal(0, 2, (8, 3)).astype(np.float32)
    samples = samples_of(image=FEATURES, label=LABELS.astype(np.uint8))
    prepared = task()
    prepared.prepare(samples)
    batch = samples.tensors()

    outputs = prepared.infer(Gives(logits), batch)
    columns = prepared.predictions(outputs, prepared.targets(batch))

    assert torch.equal(outputs, torch.from_numpy(logits))
    assert columns["label"].tolist() == LABELS.tolist()
    assert columns["prediction"].tolist() == logits.argmax(1).tolist()
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert columns["confidence"] == pytest.approx(softmax.max(1), abs=1e-6)


def test_probabilities_mean_the_same_as_their_logits(samples_of: Callable[..., Any]) -> None:
    logits = np.random.default_rng(1).normal(0, 2, (8, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    samples = samples_of(image=FEATURES, label=LABELS)
    batch = samples.tensors()
    results = []
    for kind, rows in (("logits", logits), ("probabilities", probabilities)):
        prepared = task(outputs=kind)
        prepared.prepare(samples)
        outputs = prepared.infer(Gives(rows), batch)
        targets = prepared.targets(batch)
        results.append((log_loss(outputs, targets).numpy(), prepared.predictions(outputs, targets)))

    assert results[0][0] == pytest.approx(results[1][0], abs=1e-12)
    assert results[0][1]["confidence"] == pytest.approx(results[1][1]["confidence"], abs=1e-12)


def test_a_probability_of_zero_has_a_finite_log_loss(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=FEATURES[:1], label=np.array([1]))
    prepared = task(outputs="probabilities")
    prepared.prepare(samples)
    batch = samples.tensors()

    outputs = prepared.infer(Gives([[1.0, 0.0]]), batch)

    assert bool(outputs.isfinite().all())
    assert log_loss(outputs, prepared.targets(batch)).item() == pytest.approx(87.34, abs=0.01)


@pytest.mark.parametrize("rows", [[[0.5, 0.4]], [[1.2, -0.2]], [[2.0, 3.0]]])
def test_logits_said_to_be_probabilities_are_refused(
    rows: list[list[float]], samples_of: Callable[..., Any]
) -> None:
    samples = samples_of(image=FEATURES[:1], label=np.array([1]))
    prepared = task(outputs="probabilities")
    prepared.prepare(samples)

    with pytest.raises(OutputError, match="the outputs are not probabilities") as error:
        prepared.infer(Gives(rows), samples.tensors())

    assert "write outputs: logits" in (error.value.todo or "")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_probabilities_that_are_no_numbers_stay_so_for_the_caller_to_report(
    bad: float, samples_of: Callable[..., Any]
) -> None:
    samples = samples_of(image=FEATURES[:1], label=np.array([1]))
    prepared = task(outputs="probabilities")
    prepared.prepare(samples)

    assert not bool(prepared.infer(Gives([[bad, 0.5]]), samples.tensors()).isfinite().all())


def test_the_constant_baseline_is_scikit_learns_prior_classifier(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=FEATURES, label=LABELS)
    prepared = task()
    prepared.prepare(samples)
    batch = samples.tensors()
    prior = sklearn.dummy.DummyClassifier(strategy="prior").fit(FEATURES, LABELS)
    expected = sklearn.metrics.log_loss(LABELS, prior.predict_proba(FEATURES))

    outputs = prepared.baseline_outputs("constant", batch)
    targets = prepared.targets(batch)

    assert log_loss(outputs, targets).mean().item() == pytest.approx(expected, abs=1e-6)
    assert outputs[0].exp().tolist() == pytest.approx([2 / 8, 1 / 8, 5 / 8])
    assert prepared.predictions(outputs, targets)["prediction"].tolist() == [2] * 8


def test_the_constant_baseline_is_finite_for_a_class_without_samples(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=FEATURES[:2], label=np.array([0, 2]))
    prepared = task(class_names=["a", "b", "c", "d"])
    prepared.prepare(samples)

    outputs = prepared.baseline_outputs("constant", samples.tensors())

    assert outputs.shape == (2, 4)
    assert bool(outputs.isfinite().all())


def test_a_baseline_that_it_does_not_have_is_refused(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=FEATURES, label=LABELS)
    prepared = task()
    prepared.prepare(samples)

    with pytest.raises(EvaluationError, match="no baseline raw_pixels"):
        prepared.baseline_outputs("raw_pixels", samples.tensors())


@pytest.mark.parametrize(
    ("labels", "args", "message", "found"),
    [
        (LABELS.astype(np.float32), {}, "the labels in the field label are not integers", "float32 such as"),
        (
            np.array(["a", "b"] * 4),
            {},
            "the labels in the field label are not integers",
            "<U1 such as 'a' in",
        ),
        (LABELS - 1, {}, r"labels are outside the classes 0..1", "labels from -1 to 1"),
        (LABELS, {"class_names": ["a", "b"]}, r"labels are outside the classes 0..1", "labels from 0 to 2"),
        (LABELS, {"target": "digit"}, "the dataset has no field digit", "the fields image, label"),
        (
            LABELS,
            {"target": "image"},
            "the field image does not hold one label a sample",
            "shape (4,) a sample",
        ),
    ],
)
def test_labels_that_cannot_be_scored_are_refused(
    labels: np.ndarray, args: dict[str, Any], message: str, found: str, samples_of: Callable[..., Any]
) -> None:
    with pytest.raises(DatasetError, match=message) as error:
        task(**args).prepare(samples_of(image=FEATURES, label=labels))

    assert found in (error.value.found or "")


def test_fault_69_labels_from_one_are_refused_with_both_ranges(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=FEATURES, label=LABELS + 1)
    prepared = task()
    prepared.prepare(samples)

    with pytest.raises(DatasetError, match=r"labels are outside the classes 0\.\.2") as error:
        prepared.infer(Gives(np.zeros((8, 3))), samples.tensors())

    assert error.value.expected == "labels from 0 to 2, as there are 3 classes"
    assert error.value.found == "labels from 1 to 3 (they seem to be counted from 1)"


def test_fault_69_labels_beyond_the_classes_are_refused_with_both_ranges(
    samples_of: Callable[..., Any],
) -> None:
    samples = samples_of(image=FEATURES, label=LABELS)
    prepared = task()
    prepared.prepare(samples)

    with pytest.raises(DatasetError, match=r"labels are outside the classes 0\.\.1") as error:
        prepared.infer(Gives(np.zeros((8, 2))), samples.tensors())

    assert error.value.found == "labels from 0 to 2"


@pytest.mark.parametrize("shape", [(8,), (8, 1), (8, 3, 2)])
def test_outputs_that_are_no_row_of_classes_are_refused(
    shape: tuple[int, ...], samples_of: Callable[..., Any]
) -> None:
    samples = samples_of(image=FEATURES, label=LABELS)
    prepared = task()
    prepared.prepare(samples)

    with pytest.raises(OutputError, match="not one row of classes a sample") as error:
        prepared.infer(Gives(np.zeros(shape)), samples.tensors())

    assert error.value.found == f"outputs of shape {shape}"


def test_another_number_of_classes_than_names_is_refused(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=FEATURES, label=LABELS)
    prepared = task(class_names=["a", "b", "c"])
    prepared.prepare(samples)

    with pytest.raises(OutputError, match="the model has 4 classes and 3 have names"):
        prepared.infer(Gives(np.zeros((8, 4))), samples.tensors())


def test_classes_that_the_dataset_lacks_are_legal(samples_of: Callable[..., Any]) -> None:
    samples = samples_of(image=FEATURES, label=LABELS)
    prepared = task()
    prepared.prepare(samples)

    assert prepared.infer(Gives(np.zeros((8, 10))), samples.tensors()).shape == (8, 10)


def test_tokens_are_given_as_they_are_and_bytes_as_numbers(samples_of: Callable[..., Any]) -> None:
    model = Gives(np.zeros((8, 3)))
    for tokens in (np.ones((8, 5), np.int64), np.ones((8, 5), np.uint8)):
        samples = samples_of(text=tokens, label=LABELS)
        prepared = task(input="text")
        prepared.prepare(samples)
        prepared.infer(model, samples.tensors())

    assert [x.dtype for x in model.seen] == [torch.int64, torch.float32]


def test_the_confusion_matrix_is_scikit_learns(samples_of: Callable[..., Any]) -> None:
    prediction = np.array([0, 2, 1, 1, 2, 0, 0, 2])
    columns = {"label": LABELS, "prediction": prediction}
    inspection = Inspection(ids=list("abcdefgh"), columns=columns, rerun=lambda _: ({}, torch.zeros(1)))

    pictures = task(class_names=["cat", "dog & co", "<bird>"]).pictures(inspection)
    rows = list(csv.reader(io.StringIO(pictures["confusion_matrix.csv"].decode())))

    assert rows[0] == ["label \\ prediction", "cat", "dog & co", "<bird>"]
    counts = np.array([[int(cell) for cell in row[1:]] for row in rows[1:]])
    assert (counts == sklearn.metrics.confusion_matrix(LABELS, prediction)).all()


def test_the_drawing_says_in_words_what_it_shows() -> None:
    pictures = confusion_pictures(LABELS, LABELS, ["cat", "dog & co", "<bird>"])
    root = xml.etree.ElementTree.fromstring(pictures["confusion_matrix.svg"])
    name = "{http://www.w3.org/2000/svg}"

    assert root.get("role") == "img"
    assert root.findtext(f"{name}title") == "Confusion matrix"
    assert "3 classes, 8 samples, 8 on the diagonal" in (root.findtext(f"{name}desc") or "")
    cells = [cell.findtext(f"{name}title") for cell in root.iter(f"{name}g")]
    assert cells[0] == "label cat, prediction cat: 2 (100.0%)"
    assert cells[-1] == "label <bird>, prediction <bird>: 5 (100.0%)"
    assert len(cells) == 9
    assert "prefers-color-scheme:dark" in (root.findtext(f"{name}style") or "")


def test_cells_are_shaded_by_their_share_of_the_label() -> None:
    label, prediction = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 1, 1])

    root = xml.etree.ElementTree.fromstring(
        confusion_pictures(label, prediction, None)["confusion_matrix.svg"]
    )
    name = "{http://www.w3.org/2000/svg}"

    assert [cell.findtext(f"{name}title") for cell in root.iter(f"{name}g")] == [
        "label 0, prediction 0: 1 (25.0%)",
        "label 0, prediction 1: 3 (75.0%)",
        "label 1, prediction 0: 0 (0.0%)",
        "label 1, prediction 1: 2 (100.0%)",
    ]
    assert [cell.get("style") for cell in root.iter(f"{name}rect")] == [
        "--s:0.250",
        "--s:0.750",
        "--s:0.000",
        "--s:1.000",
    ]


def test_of_many_classes_the_most_frequent_confusions_are_listed() -> None:
    random = np.random.default_rng(0)
    label = random.integers(0, 1000, 20_000)
    prediction = random.integers(0, 1000, 20_000)
    label[:50], prediction[:50] = 3, 8
    label[50:200] = prediction[50:200] = 5

    pictures = confusion_pictures(label, prediction, None)
    rows = list(csv.reader(io.StringIO(pictures["confusions.csv"].decode())))

    assert set(pictures) == {"confusions.csv"}
    assert rows[:2] == [
        ["label", "prediction", "count"],
        ["3", "8", str(((label == 3) & (prediction == 8)).sum())],
    ]
    assert len(rows) == 1001


class Headless(torch.nn.Module):
    """Has a method, and no ``forward``."""

    def classify(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_a_model_without_forward_is_named_with_its_place(samples_of: Callable[..., Any]) -> None:
    batch = samples_of(image=FEATURES, label=LABELS).tensors()
    assert torch.equal(task(method="classify").infer(Headless(), batch), torch.from_numpy(FEATURES))
    with pytest.raises(EvaluationError, match="class Headless has no forward") as caught:
        task().infer(Headless(), batch)
    file, _, line = str(caught.value.where).rpartition(":")
    assert file == __file__
    assert inspect.getsourcelines(Headless)[1] == int(line)


class Called(torch.nn.Module):
    """Has a ``__call__`` of its own, which needs no ``forward``."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_a_model_that_is_called_without_forward_is_run(samples_of: Callable[..., Any]) -> None:
    batch = samples_of(image=FEATURES, label=LABELS).tensors()
    assert torch.equal(task().infer(Called(), batch), torch.from_numpy(FEATURES))
