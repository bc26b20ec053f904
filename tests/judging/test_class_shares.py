"""Precision, recall and f1 of one class are shares of counted samples: their intervals are exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import scipy.stats

from pytest_modelqa.judging.measured import Measured, Value, values
from pytest_modelqa.judging.uncertainty import value_bounds
from pytest_modelqa.metrics import classification
from pytest_modelqa.records.columns import REPEAT_OF, column_name
from pytest_modelqa.tasks.registry import catalogue

METRICS = catalogue().metrics
ARGS = {"average": "macro", "zero_division": "error"}
COMPUTE = {"precision": classification.precision, "recall": classification.recall, "f1": classification.f1}
BY_CLASS = pytest.mark.parametrize("metric", sorted(COMPUTE))


def record_of(bench: Any, metric: str, columns: Mapping[str, np.ndarray], slice_name: str = "label") -> Any:
    """A record with the true values of each class, whose left-out values are all the same."""
    found = {
        str(one): (COMPUTE[metric](columns, class_value=int(one)), int((columns["label"] == one).sum()))
        for one in np.unique(columns["label"])
    }
    sets = {(column_name(metric, 1, ARGS), slice_name): found}
    return bench.record(sets=sets, columns=columns, task="classification")


def digits(wrong: int) -> dict[str, np.ndarray]:
    """Three classes of 60 samples; so many of class 2 are taken for class 1."""
    label = np.repeat([0, 1, 2], 60)
    prediction = label.copy()
    prediction[120 : 120 + wrong] = 1
    return {"prediction": prediction, "label": label}


def read(bench: Any, metric: str, record: Any, slices: str = "label") -> dict[str, Value]:
    _, check = bench.check(f"{{metric: {metric}, min: 0.8, slices: {slices}}}", "labels")
    found = values(Measured("candidate", record, "test", has_model=True), check, METRICS[metric])
    return {name.partition("=")[2]: value for name, value in found.items()}


@BY_CLASS
def test_classes_that_are_always_right_pass_what_so_many_samples_prove(bench: Any, metric: str) -> None:
    record = record_of(bench, metric, digits(wrong=0))
    check = f"{{metric: {metric}, min: 0.8, slices: label, confidence: 0.95}}"
    assert bench.judge(check, record, evaluation="labels").outcome == "PASS"
    undecided = bench.judge(check.replace("0.8", "0.99"), record, evaluation="labels")
    assert undecided.outcome == "INCONCLUSIVE"
    enough = 150 if metric == "f1" else 299  # 0.05^(1/n) = 0.99 of a share; of Jaccard's index 0.99 / 1.01
    (note,) = (note for note in undecided.notes if "would decide it" in note)
    assert int(note.split()[1]) == pytest.approx(enough, rel=0.03)


@pytest.mark.parametrize(
    ("metric", "label", "right", "of"),
    [
        ("recall", "2", 53, 60),
        ("recall", "1", 60, 60),
        ("precision", "1", 60, 67),
        ("precision", "2", 53, 53),
    ],
)
def test_the_bounds_are_those_of_clopper_and_pearson(
    bench: Any, metric: str, label: str, right: int, of: int
) -> None:
    value = read(bench, metric, record_of(bench, metric, digits(wrong=7)))[label]
    interval = value_bounds(METRICS[metric], value)(0.95)
    expected = scipy.stats.binomtest(right, of).proportion_ci(0.90)
    assert (interval.lower, interval.upper) == pytest.approx((expected.low, expected.high))
    assert interval.estimate == pytest.approx(value.number)
    assert interval.n == of


def test_the_bounds_of_f1_are_right_as_often_as_they_say(bench: Any) -> None:
    rng = np.random.default_rng(0)
    share = np.array([[0.25, 0.03], [0.02, 0.70]])  # of label and prediction
    truth = 2 * share[0, 0] / (2 * share[0, 0] + share[0, 1] + share[1, 0])
    wrong = np.zeros(2)
    draws = 2000
    for _ in range(draws):
        cell = rng.choice(4, size=150, p=share.ravel())
        right, counted = int((cell == 0).sum()), int((cell < 3).sum())
        outcomes = np.repeat([1.0, 0.0], [right, counted - right])
        number = 2 * right / (right + counted)
        interval = value_bounds(METRICS["f1"], Value(number, 150, outcomes=outcomes))(0.95)
        assert interval.estimate == pytest.approx(number)
        wrong += interval.lower > truth, interval.upper < truth
    assert (wrong / draws <= 0.05).all()
    assert (wrong / draws > 0.01).all(), "and is no wider than it has to be"


@BY_CLASS
def test_the_target_may_have_another_name_but_another_field_is_no_class(bench: Any, metric: str) -> None:
    columns = digits(wrong=3)
    same = record_of(bench, metric, {**columns, "digit": columns["label"]}, "digit")
    assert all(value.outcomes is not None for value in read(bench, metric, same, "digit").values())
    writer = record_of(bench, metric, {**columns, "writer": np.roll(columns["label"], 1)}, "writer")
    assert all(value.outcomes is None for value in read(bench, metric, writer, "writer").values())


def test_samples_that_were_measured_several_times_prove_no_more(bench: Any) -> None:
    once = digits(wrong=0)
    often = {name: np.repeat(column, 5) for name, column in once.items()}
    often[REPEAT_OF] = np.repeat([f"s{number}" for number in range(180)], 5)
    single = read(bench, "recall", record_of(bench, "recall", once))["0"]
    repeated = read(bench, "recall", record_of(bench, "recall", often))["0"]
    bounds = [value_bounds(METRICS["recall"], value)(0.95).lower for value in (single, repeated)]
    assert bounds[1] <= bounds[0] + 1e-9


def test_a_trivial_baseline_is_judged_by_its_own_predictions(bench: Any) -> None:
    columns = {**digits(wrong=0), "majority/prediction": np.zeros(180, dtype=int)}
    name = column_name("recall", 1, ARGS)
    sets = {
        (name, "label"): {str(one): (1.0, 60) for one in range(3)},
        (f"majority/{name}", "label"): {str(one): (float(one == 0), 60) for one in range(3)},
    }
    record = bench.record(sets=sets, columns=columns, task="classification")
    _, check = bench.check("{metric: recall, min: 0.8, slices: label}", "labels")
    side = Measured("majority", record, "test", has_model=True, trivial="majority")
    found = values(side, check, METRICS["recall"])
    shares = {label: value.outcomes.mean() for label, value in found.items() if value.outcomes is not None}
    assert shares == {"label=0": 1.0, "label=1": 0.0, "label=2": 0.0}


def test_a_value_without_any_spread_names_no_number_of_samples(bench: Any) -> None:
    sets = {(column_name("f1", 1, ARGS), ""): {"": (1.0, 600)}}
    record = bench.record(sets=sets, task="classification")
    verdict = bench.judge("{metric: f1, min: 0.8, confidence: 0.95}", record, evaluation="labels")
    assert verdict.outcome == "INCONCLUSIVE"
    assert "how many samples would decide it cannot be told" in verdict.notes
    assert any("the same with any of the 20 groups left out" in note for note in verdict.notes)
    assert not any("about" in note for note in verdict.notes)
