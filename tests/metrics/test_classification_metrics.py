"""Classification metrics agree with scikit-learn, and say "undefined" where scikit-learn says 0."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modelqa.errors import OutputError
from pytest_modelqa.metrics.classification import (
    accuracy,
    balanced_accuracy,
    expected_calibration_error,
    f1,
    log_loss,
    precision,
    recall,
    top_k_accuracy,
)


def predicted(seed: int, n: int = 300, classes: int = 7) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    label = random.integers(0, classes, n)
    label[:classes] = np.arange(classes)
    prediction = np.where(random.random(n) < 0.7, label, random.integers(0, classes, n))
    prediction[:classes] = np.arange(classes)
    return {"label": label, "prediction": prediction, "confidence": random.random(n)}


@pytest.mark.parametrize("seed", range(5))
def test_logits_score_as_in_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (200, 6))
    labels = random.integers(0, 6, 200)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    outputs, targets = torch.from_numpy(logits), torch.from_numpy(labels)

    assert accuracy(outputs, targets).mean().item() == sklearn.metrics.accuracy_score(
        labels, logits.argmax(1)
    )
    assert log_loss(outputs, targets).mean().item() == pytest.approx(
        sklearn.metrics.log_loss(labels, probabilities, labels=range(6)), abs=1e-9
    )
    for k in range(1, 6):
        assert top_k_accuracy(outputs, targets, k=k).mean().item() == pytest.approx(
            sklearn.metrics.top_k_accuracy_score(labels, logits, k=k, labels=range(6)), abs=1e-12
        )


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize("seed", range(3))
def test_predictions_score_as_in_scikit_learn(seed: int, average: str) -> None:
    columns = predicted(seed)
    label, prediction = columns["label"], columns["prediction"]

    for ours, theirs in (
        (precision, sklearn.metrics.precision_score),
        (recall, sklearn.metrics.recall_score),
        (f1, sklearn.metrics.f1_score),
    ):
        value = ours(columns, average=average)
        assert value == pytest.approx(theirs(label, prediction, average=average), abs=1e-12)
        for one in range(7):
            alone = theirs(label, prediction, labels=[one], average=None)[0]
            assert ours(columns, class_value=one) == pytest.approx(alone, abs=1e-12)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_counting_an_undefined_class_as_zero_is_what_scikit_learn_does(pairs: list[tuple[int, int]]) -> None:
    label, prediction = np.array(pairs).T
    columns = {"label": label, "prediction": prediction}
    for ours, theirs in (
        (precision, sklearn.metrics.precision_score),
        (recall, sklearn.metrics.recall_score),
        (f1, sklearn.metrics.f1_score),
    ):
        for average in ("macro", "micro", "weighted"):
            value = ours(columns, average=average, zero_division="zero")
            expected = theirs(label, prediction, average=average, zero_division=0)
            assert value == pytest.approx(expected, abs=1e-12)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=20))
def test_a_value_is_given_exactly_where_it_is_defined(pairs: list[tuple[int, int]]) -> None:
    label, prediction = np.array(pairs).T
    columns = {"label": label, "prediction": prediction}
    seen, named = set(label.tolist()), set(prediction.tolist())

    assert is_defined(precision, columns) == (seen <= named)
    assert is_defined(recall, columns) == (named <= seen)
    assert is_defined(f1, columns)
    for one in range(4):
        assert is_defined(precision, columns, class_value=one) == (one in named)
        assert is_defined(recall, columns, class_value=one) == (one in seen)
        assert is_defined(f1, columns, class_value=one) == (one in seen | named)


def is_defined(metric: Callable[..., Any], columns: dict[str, np.ndarray], **args: object) -> bool:
    try:
        value = metric(columns, **args)
    except OutputError as error:
        return "is undefined (0 / 0) for class" not in error.what
    assert 0 <= value <= 1
    return True


def test_a_class_of_no_weight_need_not_be_defined() -> None:
    columns = {"label": np.array([0, 0, 1]), "prediction": np.array([0, 2, 1])}

    assert recall(columns, average="weighted") == pytest.approx(2 / 3)
    with pytest.raises(OutputError, match=r"recall is undefined \(0 / 0\) for class 2"):
        recall(columns)


def test_balanced_accuracy_is_scikit_learns() -> None:
    columns = predicted(9)

    expected = sklearn.metrics.balanced_accuracy_score(columns["label"], columns["prediction"])

    assert balanced_accuracy(columns) == pytest.approx(expected, abs=1e-12)


def test_balanced_accuracy_leaves_out_a_class_without_samples() -> None:
    columns = {"label": np.array([0, 0, 1, 1]), "prediction": np.array([0, 2, 1, 1])}

    assert balanced_accuracy(columns) == 0.75


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_calibration_error_is_the_definition_written_as_a_loop(bins: int) -> None:
    columns = predicted(4, n=500)
    right = columns["label"] == columns["prediction"]
    total = 0.0
    for index in range(bins):
        inside = (columns["confidence"] > index / bins) & (columns["confidence"] <= (index + 1) / bins)
        if inside.any():
            gap = abs(right[inside].mean() - columns["confidence"][inside].mean())
            total += inside.mean() * gap

    assert expected_calibration_error(columns, bins=bins) == pytest.approx(total, abs=1e-12)


def test_a_calibrated_classifier_has_almost_no_calibration_error_and_a_boastful_one_much() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 40_000)
    right = random.random(40_000) < confidence
    columns = {"label": right.astype(int), "prediction": np.ones(40_000, int), "confidence": confidence}

    assert expected_calibration_error(columns) < 0.02
    boastful = {**columns, "confidence": np.ones(40_000)}
    assert expected_calibration_error(boastful) == pytest.approx(1 - right.mean(), abs=1e-12)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    # One in (0, 0.5], wrong: 0.5 off; one in (0.5, 1], right: 0.49 off. Were they in one bin: 0.005 off.
    columns = {"label": np.array([1, 1]), "prediction": np.array([0, 1]), "confidence": np.array([0.5, 0.51])}

    assert expected_calibration_error(columns, bins=2) == pytest.approx((0.5 + 0.49) / 2)


def test_confidences_of_zero_and_one_have_a_bin() -> None:
    columns = {"label": np.array([0, 0]), "prediction": np.array([1, 0]), "confidence": np.array([0.0, 1.0])}

    assert expected_calibration_error(columns) == 0.0


@pytest.mark.parametrize("bad", [math.nan, 1.5, -0.1])
def test_a_confidence_that_is_no_probability_is_refused(bad: float) -> None:
    columns = {
        "label": np.zeros(3, int),
        "prediction": np.zeros(3, int),
        "confidence": np.array([0.5, bad, 1.0]),
    }

    with pytest.raises(OutputError, match="1 of 3 confidences are not probabilities"):
        expected_calibration_error(columns)


@pytest.mark.parametrize("metric", [precision, recall, f1, balanced_accuracy, expected_calibration_error])
def test_no_samples_are_refused(metric: Callable[..., Any]) -> None:
    empty = {"label": np.zeros(0, int), "prediction": np.zeros(0, int), "confidence": np.zeros(0)}

    with pytest.raises(OutputError, match="a metric of no samples is undefined"):
        metric(empty)


@pytest.mark.parametrize("metric", [accuracy, log_loss, lambda x, y: top_k_accuracy(x, y, k=1)])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_fault_71_nan_logits_are_never_class_0(metric: Callable[..., Any], bad: float) -> None:
    outputs = torch.full((3, 4), 0.0)
    outputs[1] = bad

    with pytest.raises(OutputError, match="NaN or Inf in the outputs of 1 of 3 samples"):
        metric(outputs, torch.zeros(3, dtype=torch.long))


@pytest.mark.parametrize("metric", [accuracy, log_loss, lambda x, y: top_k_accuracy(x, y, k=1)])
@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_fault_69_labels_outside_the_classes_are_refused_with_both_ranges(
    metric: Callable[..., Any], labels: list[int]
) -> None:
    with pytest.raises(OutputError, match="labels are outside the model's classes") as error:
        metric(torch.zeros(2, 3), torch.tensor(labels))

    assert error.value.expected == "labels from 0 to 2, as the model has 3 outputs"
    assert error.value.found == f"labels from {min(labels)} to {max(labels)}"


def test_equal_outputs_gain_nothing() -> None:
    outputs, targets = torch.zeros(10, 10), torch.arange(10)

    assert accuracy(outputs, targets).mean().item() == pytest.approx(0.1)
    assert top_k_accuracy(outputs, targets, k=3).mean().item() == pytest.approx(0.3)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_top_1_is_accuracy_and_top_k_never_falls(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    outputs = torch.from_numpy(random.integers(0, 3, (20, classes)).astype(np.float64))
    targets = torch.from_numpy(random.integers(0, classes, 20))

    scores = [top_k_accuracy(outputs, targets, k=k) for k in range(1, classes)]

    assert torch.equal(scores[0], accuracy(outputs, targets))
    assert all(bool((after >= before).all()) for before, after in itertools.pairwise(scores))


def test_k_that_always_counts_is_refused() -> None:
    with pytest.raises(OutputError, match="top_k_accuracy with k = 3 is always 1 for 3 classes"):
        top_k_accuracy(torch.zeros(2, 3), torch.tensor([0, 1]), k=3)


def test_log_loss_of_a_hopeless_answer_is_finite_and_of_a_sure_right_one_zero() -> None:
    outputs = torch.tensor([[1000.0, 0.0], [0.0, 1000.0]])

    assert log_loss(outputs, torch.tensor([0, 0])).tolist() == [0.0, 1000.0]


@pytest.mark.parametrize("shape", [(4,), (4, 3, 2), (3, 3)])
def test_outputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(OutputError, match="not one row of logits a sample"):
        accuracy(torch.zeros(shape), torch.zeros(4, dtype=torch.long))
