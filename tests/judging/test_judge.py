"""From records to verdicts: what passes, what fails, and what is refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pytest_modelqa.errors import BaselineError, ModelQAError, OutputError, StoreError
from pytest_modelqa.judging.judge import judge
from pytest_modelqa.judging.measured import Measured, Member
from pytest_modelqa.judging.recorded import Recorded, RecordedMetric
from pytest_modelqa.judging.verdict import Verdict
from pytest_modelqa.records.digests import digest
from pytest_modelqa.records.provenance import Provenance, provenance_seal, write_provenance
from pytest_modelqa.tasks.registry import catalogue

PSNR = "psnr.v3.cap=60.0"
MSE = "mse.v2"
ACCURACY = "accuracy.v1"
RECALL = 'recall.v1.average="macro",zero_division="error"'
LABELS = [0, 0, 1, 1, 2, 2]
SCORES = [30.0, 29.0, 28.0, 27.0, 26.0, 25.0]


def published(**fields: Any) -> Recorded:
    given = {
        "name": "published",
        "task": "reconstruction",
        "dataset": None,
        "split": None,
        "n": None,
        "metrics": {"psnr": RecordedMetric(27.0, None)},
        "where": "published.json",
        "made_by": {},
    }
    return Recorded(**(given | fields))


def the_line(verdict: Verdict) -> Any:
    (only,) = verdict.lines
    return only


# --- thresholds ------------------------------------------------------------------------------------------------


def test_the_mean_of_the_scores_decides(bench: Any) -> None:
    record = bench.record({PSNR: SCORES})
    passed = bench.judge("{metric: psnr, min: 27.5}", record)
    assert passed.outcome == "PASS"
    assert (the_line(passed).candidate.value, the_line(passed).candidate.n) == (27.5, 6)
    failed = bench.judge("{metric: psnr, min: 27.6}", record)
    assert failed.outcome == "FAIL"
    assert the_line(failed).margin == pytest.approx(-0.1)


def test_one_set_of_records_serves_every_bound(bench: Any) -> None:
    record = bench.record({PSNR: SCORES, MSE: [0.1] * 6})
    outcomes = [
        bench.judge(text, record).outcome
        for text in (
            "{metric: psnr, min: 20, max: 28}",
            "{metric: psnr, min: 20, max: 27}",
            "{metric: mse, max: 0.1}",
            "{metric: mse, max: 0.0999}",
        )
    ]
    assert outcomes == ["PASS", "FAIL", "PASS", "FAIL"]


def test_the_mean_of_equal_scores_is_that_score_however_many_there_are(bench: Any) -> None:
    record = bench.record({MSE: np.full(999, 0.1)})
    assert the_line(bench.judge("{metric: mse, max: 0.1}", record)).candidate.value == 0.1


def test_a_column_of_another_version_or_other_arguments_is_never_read(bench: Any) -> None:
    record = bench.record({PSNR: SCORES, "psnr.v4.cap=60.0": [99.0] * 6})
    assert the_line(bench.judge("{metric: psnr, min: 1}", record)).candidate.value == 27.5
    with pytest.raises(ModelQAError):
        bench.judge("{metric: psnr, min: 1, args: {cap: 40.0}}", record)


def test_too_few_samples_are_an_error(bench: Any) -> None:
    record = bench.record({PSNR: SCORES}, columns={"label": LABELS})
    assert bench.judge("{metric: psnr, min: 1, min_samples: 6}", record).outcome == "PASS"
    with pytest.raises(OutputError, match="psnr was measured on 6 samples") as caught:
        bench.judge("{metric: psnr, min: 1, min_samples: 7}", record)
    assert caught.value.expected == "at least 7 (min_samples)"
    # In each slice, not in all of them together.
    with pytest.raises(OutputError, match="psnr was measured on 2 samples of label=0"):
        bench.judge("{metric: psnr, min: 1, min_samples: 3, slices: label}", record)


@pytest.mark.parametrize("text", ["{metric: psnr, min: 1}", "{metric: psnr, min: 1, slices: label}"])
def test_no_samples_at_all_are_an_error(bench: Any, text: str) -> None:
    record = bench.record({PSNR: np.empty(0)}, columns={"label": np.empty(0, dtype=np.int64)})
    with pytest.raises(OutputError, match="there are no samples"):
        bench.judge(text, record)


def test_records_of_a_part_of_the_samples_are_never_judged(bench: Any) -> None:
    record = bench.record({PSNR: SCORES}, complete=False)
    with pytest.raises(OutputError, match="only a part of the samples"):
        bench.judge("{metric: psnr, min: 1}", record)


@pytest.mark.parametrize(
    "scores",
    [
        [np.nan, 30.0],
        [np.inf, 30.0],
        [np.inf, -np.inf],
        [np.nan, np.inf, -np.inf],
        [1.7e308] * 3,
    ],
    ids=repr,
)
@pytest.mark.parametrize("bound", ["min: 1", "max: 40"])
def test_a_score_that_is_no_number_is_an_error_whatever_the_bound(
    bench: Any, scores: list[float], bound: str
) -> None:
    record = bench.record({PSNR: scores})
    with pytest.raises(OutputError, match="psnr has no value that can be judged"):
        bench.judge(f"{{metric: psnr, {bound}}}", record)


def test_a_value_outside_its_range_is_an_error(bench: Any) -> None:
    record = bench.record({ACCURACY: [1.5, 1.0]}, task="classification")
    with pytest.raises(OutputError, match="accuracy has no value"):
        bench.judge("{metric: accuracy, min: 0.5}", record, evaluation="labels")


# --- slices ----------------------------------------------------------------------------------------------------


def test_every_slice_must_pass_and_the_worst_is_named(bench: Any) -> None:
    record = bench.record({PSNR: SCORES}, columns={"label": LABELS})
    passed = bench.judge("{metric: psnr, min: 25.5, slices: label}", record)
    assert passed.outcome == "PASS"
    assert {line.slice: (line.candidate.value, line.candidate.n) for line in passed.lines} == {
        "label=0": (29.5, 2),
        "label=1": (27.5, 2),
        "label=2": (25.5, 2),
    }
    assert passed.worst is not None
    assert passed.worst.slice == "label=2"
    # The mean of all is 27.5 and would pass.
    failed = bench.judge("{metric: psnr, min: 26, slices: label}", record)
    assert failed.outcome == "FAIL"
    assert [line.passed for line in failed.lines] == [True, True, False]


def test_named_slices_are_judged_and_no_others(bench: Any) -> None:
    record = bench.record({PSNR: SCORES}, columns={"label": LABELS, "site": list("xyxyxy")})
    verdict = bench.judge("{metric: psnr, min: 26, slices: {label: [0, 1]}}", record)
    assert verdict.outcome == "PASS"
    assert [line.slice for line in verdict.lines] == ["label=0", "label=1"]
    both = bench.judge("{metric: psnr, min: 26, slices: {label: [0], site: [y]}}", record)
    assert {line.slice: line.candidate.value for line in both.lines} == {"label=0": 29.5, "site=y": 27.0}


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (["walk", "walk", "turn"], ["turn", "walk"]),
        (["a=b", "a", "a"], ["a", "a=b"]),
        ([True, False, True], ["False", "True"]),
        ([0.5, 1.5, 0.5], ["0.5", "1.5"]),
        (np.array([0.1, 0.2, 0.1], dtype=np.float32), ["0.1", "0.2"]),
        (np.array([7, 7, 300], dtype=np.uint16), ["300", "7"]),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_slices_are_called_as_their_labels_are_written(bench: Any, labels: Any, named: list[str]) -> None:
    record = bench.record({PSNR: SCORES[:3]}, columns={"kind": labels})
    verdict = bench.judge("{metric: psnr, min: 1, slices: kind}", record)
    assert sorted(line.slice for line in verdict.lines) == [f"kind={name}" for name in named]


def test_a_named_slice_without_samples_is_an_error(bench: Any) -> None:
    record = bench.record({PSNR: SCORES}, columns={"label": LABELS})
    with pytest.raises(OutputError, match="no sample is in slice label=7") as caught:
        bench.judge("{metric: psnr, min: 1, slices: {label: [0, 7, 8]}}", record)
    assert caught.value.found == "2 of these slices are empty: 7, 8"


def test_a_field_that_is_not_there_cannot_be_sliced_by(bench: Any) -> None:
    record = bench.record({PSNR: SCORES}, columns={"label": LABELS})
    with pytest.raises(OutputError, match="no field 'site' to slice by") as caught:
        bench.judge("{metric: psnr, min: 1, slices: site}", record)
    assert caught.value.found == "fields label"
    assert caught.value.todo == "correct slices:, or let the loader give this field"


def test_a_misspelt_field_is_understood_and_scores_are_no_fields(bench: Any) -> None:
    record = bench.record({PSNR: SCORES}, columns={"label": LABELS, "ssim.v1": SCORES})
    with pytest.raises(OutputError, match="no field 'lable' to cluster by") as caught:
        bench.judge("{metric: psnr, min: 1, cluster: lable, confidence: 0.95}", record)
    assert (caught.value.found, caught.value.todo) == ("fields label", "did you mean 'label'?")


@pytest.mark.parametrize(
    ("values", "found"),
    [(np.zeros((6, 2)), r"shape \(6, 2\)"), ([0.0, 1.0, np.nan, 1.0, 0.0, np.nan], "NaN for 2 samples")],
)
def test_a_field_that_is_no_label_for_each_sample_cannot_be_sliced_by(
    bench: Any, values: Any, found: str
) -> None:
    record = bench.record({PSNR: SCORES}, columns={"field": values})
    with pytest.raises(OutputError, match=found):
        bench.judge("{metric: psnr, min: 1, slices: field}", record)


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    seed=st.integers(0, 10),
    least=st.floats(20, 30),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_slices_split_the_samples_and_the_verdict_is_that_of_the_worst(
    bench: Any, labels: list[int], seed: int, least: float
) -> None:
    scores = np.random.default_rng(seed).uniform(20, 30, len(labels))
    record = bench.record({PSNR: scores}, columns={"label": labels})
    verdict = bench.judge(f"{{metric: psnr, min: {least!r}, slices: label}}", record)
    assert sum(line.candidate.n for line in verdict.lines) == len(labels)
    means = {label: scores[np.array(labels) == label].mean() for label in set(labels)}
    assert {line.slice: line.candidate.value for line in verdict.lines} == pytest.approx(
        {f"label={label}": mean for label, mean in means.items()}
    )
    assert verdict.worst is not None
    assert verdict.worst.candidate.value == pytest.approx(min(means.values()))
    assert verdict.outcome == ("PASS" if min(means.values()) >= least else "FAIL")


# --- set-level metrics -----------------------------------------------------------------------------------------


def test_a_set_level_value_is_taken_as_it_was_measured(bench: Any) -> None:
    record = bench.record(
        sets={(RECALL, ""): {"": (0.9, 50)}}, columns={"label": [0] * 50}, task="classification"
    )
    assert bench.judge("{metric: recall, min: 0.9}", record, evaluation="labels").outcome == "PASS"
    assert bench.judge("{metric: recall, min: 0.91}", record, evaluation="labels").outcome == "FAIL"
    with pytest.raises(OutputError, match="measured on 50 samples"):
        bench.judge("{metric: recall, min: 0.5, min_samples: 51}", record, evaluation="labels")


def test_a_slice_that_nobody_asked_for_need_not_be_judgeable(bench: Any) -> None:
    # COCO gives −1 where there is nothing of a kind.
    sets = {(RECALL, "label"): {"0": (0.9, 30), "1": (-1.0, 20)}}
    record = bench.record(sets=sets, columns={"label": [0] * 30 + [1] * 20}, task="classification")
    verdict = bench.judge("{metric: recall, min: 0.9, slices: {label: [0]}}", record, evaluation="labels")
    assert verdict.outcome == "PASS"
    with pytest.raises(OutputError, match="COCO's sign"):
        bench.judge("{metric: recall, max: 0.95, slices: label}", record, evaluation="labels")
    with pytest.raises(OutputError, match="no sample is in slice label=2"):
        bench.judge("{metric: recall, min: 0.9, slices: {label: [2]}}", record, evaluation="labels")


# --- comparisons -----------------------------------------------------------------------------------------------


def test_against_a_model_on_the_same_samples(bench: Any, older: Mapping[str, Any]) -> None:
    candidate = bench.record({PSNR: SCORES})
    worse = bench.record({PSNR: [score - 1 for score in SCORES]}, model=older)
    verdict = bench.judge("{metric: psnr, baseline: older, min_improvement: 1}", candidate, worse)
    assert verdict.outcome == "PASS"
    assert the_line(verdict).baseline.value == 26.5
    assert (
        bench.judge("{metric: psnr, baseline: older, min_improvement: 1.1}", candidate, worse).outcome
        == "FAIL"
    )
    assert (
        bench.judge("{metric: psnr, baseline: older, max_difference: 0.9}", candidate, worse).outcome
        == "FAIL"
    )


def test_lower_is_better_turns_improvement_around(bench: Any, older: Mapping[str, Any]) -> None:
    candidate = bench.record({MSE: [0.1, 0.2]})
    baseline = bench.record({MSE: [0.2, 0.3]}, model=older)
    text = "{{metric: mse, baseline: older, {}}}"
    assert bench.judge(text.format("min_improvement: 0.1"), candidate, baseline).outcome == "PASS"
    assert bench.judge(text.format("max_degradation: 0.05"), baseline, candidate).outcome == "FAIL"
    assert bench.judge(text.format("min_improvement_percent: 40"), candidate, baseline).outcome == "PASS"
    assert bench.judge(text.format("min_improvement_percent: 41"), candidate, baseline).outcome == "FAIL"


def test_against_a_trivial_baseline_of_the_task(bench: Any) -> None:
    record = bench.record({PSNR: SCORES, f"constant/{PSNR}": [score - 12 for score in SCORES]})
    verdict = bench.judge("{metric: psnr, baseline: constant, min_improvement: 12}", record, "constant")
    assert verdict.outcome == "PASS"
    assert the_line(verdict).baseline.name == "constant"
    assert (
        bench.judge("{metric: psnr, baseline: constant, min_improvement: 13}", record, "constant").outcome
        == "FAIL"
    )


def test_an_evaluation_on_other_samples_needs_paired_false(bench: Any) -> None:
    candidate = bench.record({PSNR: SCORES})
    train = bench.record({PSNR: [31.0, 30.0, 29.0]}, ids=["t1", "t2", "t3"], dataset="train")
    unpaired = "{metric: psnr, baseline: images_train, paired: false, max_degradation: 2.5}"
    verdict = bench.judge(unpaired, candidate, train)
    assert verdict.outcome == "PASS"
    assert (the_line(verdict).candidate.n, the_line(verdict).baseline.n) == (6, 3)
    with pytest.raises(BaselineError, match="measured on different samples") as caught:
        bench.judge("{metric: psnr, baseline: older, max_degradation: 2.5}", candidate, train)
    assert "paired: false" in str(caught.value.todo)


def test_the_same_dataset_with_other_ids_cannot_be_paired(bench: Any, older: Mapping[str, Any]) -> None:
    candidate = bench.record({PSNR: SCORES})
    baseline = bench.record({PSNR: SCORES}, ids=list("abcdef"), model=older)
    with pytest.raises(BaselineError, match="measured on different samples"):
        bench.judge("{metric: psnr, baseline: older, max_degradation: 1}", candidate, baseline)


def test_other_data_with_the_same_ids_cannot_be_paired(bench: Any, older: Mapping[str, Any]) -> None:
    candidate = bench.record({PSNR: SCORES})
    # Datasets that count their samples from 0 all have the same ids.
    train = bench.record({PSNR: SCORES}, dataset="train", model=older)
    assert train.ids_digest == candidate.ids_digest
    with pytest.raises(BaselineError, match="measured on different samples"):
        bench.judge("{metric: psnr, baseline: older, max_degradation: 1}", candidate, train)


def test_what_another_judge_measured_is_another_scale(bench: Any) -> None:
    judge, fitted_again = ({"judge": {"checkpoint": [digest(name)]}} for name in ("a judge", "another"))
    ours = bench.record({PSNR: SCORES}, companions=judge)
    older = {"checkpoint": [digest("older")]}
    text = "{metric: psnr, baseline: older, max_degradation: 0}"
    assert (
        bench.judge(text, ours, bench.record({PSNR: SCORES}, model=older, companions=judge)).outcome == "PASS"
    )
    for companions in (fitted_again, {}):
        with pytest.raises(BaselineError, match="with other models or data beside them") as caught:
            bench.judge(text, ours, bench.record({PSNR: SCORES}, model=older, companions=companions))
        assert caught.value.expected == "the same judge"


def test_a_model_is_never_compared_with_itself(bench: Any) -> None:
    candidate, again = bench.record({PSNR: SCORES}), bench.record({PSNR: SCORES, MSE: [0.1] * 6})
    for text in ("max_degradation: 1", "min_improvement: 1", "max_difference: 1, paired: false"):
        with pytest.raises(BaselineError, match="compared with itself"):
            bench.judge(f"{{metric: psnr, baseline: older, {text}}}", candidate, again)


@pytest.mark.parametrize(
    "model",
    [
        {"checkpoint": [digest("older")]},
        {"checkpoint": [digest("candidate"), digest("a second shard")]},
        {"state_dict_key": "averaged"},
        {"build": "model:Quantised"},
        {"args": {"codes": 16}},
    ],
    ids=lambda model: next(iter(model)),
)
def test_what_makes_another_model(bench: Any, model: Mapping[str, Any]) -> None:
    other = bench.record({PSNR: SCORES}, model=model)
    verdict = bench.judge(
        "{metric: psnr, baseline: older, max_degradation: 0}", bench.record({PSNR: SCORES}), other
    )
    assert verdict.outcome == "PASS"


def test_two_sides_without_a_model_on_the_same_data_are_the_same(bench: Any) -> None:
    candidate = bench.record({PSNR: SCORES}, has_model=False)
    again = bench.record({PSNR: SCORES, MSE: [0.1] * 6}, has_model=False)
    with pytest.raises(BaselineError, match="compared with itself"):
        bench.judge("{metric: psnr, baseline: older, max_degradation: 1}", candidate, again)


def test_sides_measured_by_other_tasks_or_arguments_are_refused(bench: Any, older: Mapping[str, Any]) -> None:
    candidate = bench.record({PSNR: SCORES})
    text = "{metric: psnr, baseline: older, max_degradation: 1}"
    for fields in ({"task": "linear_probe"}, {"task_args": {"data_range": 255.0}}):
        other = bench.record({PSNR: SCORES}, model=older, **fields)
        with pytest.raises(BaselineError, match="not measured the same way"):
            bench.judge(text, candidate, other)


def test_an_argument_that_did_not_exist_when_a_baseline_was_recorded_is_one_that_is_unset(
    bench: Any, older: Mapping[str, Any]
) -> None:
    before = bench.record({PSNR: SCORES}, model=older, task_args={"data_range": 1.0})
    text = "{metric: psnr, baseline: older, max_degradation: 1}"
    now = bench.record({PSNR: SCORES}, task_args={"data_range": 1.0, "lpips": None})
    assert bench.judge(text, now, before).outcome == "PASS"
    set_now = bench.record({PSNR: SCORES}, task_args={"data_range": 1.0, "lpips": "perceptual"})
    with pytest.raises(BaselineError, match="not measured the same way"):
        bench.judge(text, set_now, before)


def test_slices_are_compared_one_by_one(bench: Any, older: Mapping[str, Any]) -> None:
    candidate = bench.record({PSNR: SCORES}, columns={"label": LABELS})
    # Better on the whole, worse on label 2.
    baseline = bench.record(
        {PSNR: [20.0, 20.0, 20.0, 20.0, 27.0, 27.0]}, columns={"label": LABELS}, model=older
    )
    whole = "{metric: psnr, baseline: older, max_degradation: 1}"
    assert bench.judge(whole, candidate, baseline).outcome == "PASS"
    verdict = bench.judge(
        "{metric: psnr, baseline: older, max_degradation: 1, slices: label}", candidate, baseline
    )
    assert verdict.outcome == "FAIL"
    assert {line.slice: line.passed for line in verdict.lines} == {
        "label=0": True,
        "label=1": True,
        "label=2": False,
    }
    assert {line.slice: line.baseline.value for line in verdict.lines}["label=2"] == 27.0


def test_a_slice_that_the_baseline_lacks_is_an_error(bench: Any) -> None:
    candidate = bench.record({PSNR: SCORES}, columns={"label": LABELS})
    train = bench.record({PSNR: SCORES}, columns={"label": [0, 0, 1, 1, 1, 1]}, dataset="train")
    text = "{metric: psnr, baseline: images_train, paired: false, max_degradation: 9, slices: label}"
    with pytest.raises(BaselineError, match="has no samples in slice label=2"):
        bench.judge(text, candidate, train)
    # The other way round nothing is missing: the candidate has no slice 2 to be compared.
    assert bench.judge(text, train, candidate).outcome == "PASS"


def test_paired_slices_must_hold_the_same_samples(bench: Any, older: Mapping[str, Any]) -> None:
    candidate = bench.record({PSNR: SCORES}, columns={"prediction": [0, 0, 0, 1, 1, 1]})
    baseline = bench.record({PSNR: SCORES}, columns={"prediction": [0, 0, 0, 0, 1, 1]}, model=older)
    text = "{metric: psnr, baseline: older, max_degradation: 9, slices: prediction}"
    with pytest.raises(BaselineError, match="older has 4 samples in slice prediction=0, the candidate 3"):
        bench.judge(text, candidate, baseline)


@pytest.mark.parametrize("extra", ["", ", confidence: 0.9", ", confidence: 0.9, slices: label"])
def test_sides_are_paired_by_id_and_not_by_row(bench: Any, older: Mapping[str, Any], extra: str) -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(28, 4, 60)
    worse = scores - rng.normal(10.0, 0.3, 60)
    labels = rng.integers(0, 2, 60)
    ids = [f"digit-{number}" for number in range(60)]
    text = f"{{metric: psnr, baseline: older, min_improvement: 0.3{extra}}}"
    candidate = bench.record({PSNR: scores}, ids=ids, columns={"label": labels})
    straight = bench.record({PSNR: worse}, ids=ids, columns={"label": labels}, model=older)
    turned = rng.permutation(60)
    shuffled = bench.record(
        {PSNR: worse[turned]},
        ids=[ids[index] for index in turned],
        columns={"label": labels[turned]},
        model=older,
    )
    one, other = bench.judge(text, candidate, straight), bench.judge(text, candidate, shuffled)
    assert one.outcome == other.outcome == "PASS"
    for ours, theirs in zip(one.lines, other.lines, strict=True):
        assert (ours.slice, ours.candidate, ours.baseline) == (
            theirs.slice,
            theirs.candidate,
            theirs.baseline,
        )
        assert ours.margin_interval == pytest.approx(theirs.margin_interval)


def test_a_set_level_metric_is_compared_too(bench: Any, older: Mapping[str, Any]) -> None:
    columns = {"label": [0] * 50}
    candidate = bench.record(sets={(RECALL, ""): {"": (0.9, 50)}}, columns=columns, task="classification")
    baseline = bench.record(
        sets={(RECALL, ""): {"": (0.93, 50)}}, columns=columns, task="classification", model=older
    )
    text = "{{metric: recall, baseline: older, max_degradation: {}}}"
    assert bench.judge(text.format(0.03), candidate, baseline, "labels").outcome == "PASS"
    assert bench.judge(text.format(0.02), candidate, baseline, "labels").outcome == "FAIL"


# --- recorded baselines ----------------------------------------------------------------------------------------


def test_against_a_recorded_number_the_numbers_decide_and_the_verdict_says_so(bench: Any) -> None:
    record = bench.record({PSNR: SCORES})
    text = "{metric: psnr, baseline: published, max_degradation: 0}"
    verdict = bench.judge(text, record, published(n=6))
    assert verdict.outcome == "PASS"
    assert the_line(verdict).baseline == dataclasses.replace(
        the_line(verdict).baseline, name="published", value=27.0, n=6
    )
    assert any("numbers only" in note for note in verdict.notes)
    worse = published(metrics={"psnr": RecordedMetric(27.6, None)})
    assert bench.judge(text, record, worse).outcome == "FAIL"


@pytest.mark.parametrize(
    ("fields", "text", "message"),
    [
        ({"n": 7}, "max_degradation: 0", "measured on 7 samples, the candidate on 6"),
        ({"task": "linear_probe"}, "max_degradation: 0", "measured by task linear_probe"),
        ({"metrics": {}}, "max_degradation: 0", "published has no psnr"),
        ({}, "max_degradation: 0, slices: label", "no values by slice"),
        ({}, "max_degradation: 0, args: {cap: 50.0}", "default arguments only"),
    ],
)
def test_a_recorded_number_that_was_measured_otherwise_is_refused(
    bench: Any, fields: Mapping[str, Any], text: str, message: str
) -> None:
    record = bench.record({PSNR: SCORES, "psnr.v3.cap=50.0": SCORES}, columns={"label": LABELS})
    with pytest.raises(BaselineError, match=message) as caught:
        bench.judge(f"{{metric: psnr, baseline: published, {text}}}", record, published(**fields))
    assert caught.value.where == "published.json"


def test_another_number_of_samples_is_fine_where_the_sides_are_meant_to_differ(bench: Any) -> None:
    record = bench.record({PSNR: SCORES})
    text = "{metric: psnr, baseline: published, paired: false, max_degradation: 0}"
    assert bench.judge(text, record, published(n=7)).outcome == "PASS"


def test_with_confidence_a_number_without_its_error_decides_nothing(bench: Any) -> None:
    record = bench.record({PSNR: np.random.default_rng(0).normal(40, 1, 200)})
    text = "{metric: psnr, baseline: published, max_degradation: 0, confidence: 0.95}"
    assert bench.judge(text, record, published()).outcome == "INCONCLUSIVE"
    known = published(metrics={"psnr": RecordedMetric(27.0, 0.1)})
    assert bench.judge(text, record, known).outcome == "PASS"
    better = published(metrics={"psnr": RecordedMetric(50.0, 0.1)})
    assert bench.judge(text, record, better).outcome == "FAIL"


# --- what a verdict says ---------------------------------------------------------------------------------------


def test_a_verdict_names_its_sources(bench: Any, older: Mapping[str, Any]) -> None:
    candidate, baseline = bench.record({PSNR: SCORES}), bench.record({PSNR: SCORES}, model=older)
    text = "{metric: psnr, baseline: older, max_degradation: 1}"
    verdict = bench.judge(text, candidate, baseline)
    assert verdict.evidence["candidate"]["key"] == candidate.manifest.key
    assert verdict.evidence["candidate"]["inputs"]["checkpoint"][0]["sha256"] == digest("candidate")
    assert verdict.evidence["candidate"]["measures_a_model"] is True
    assert verdict.evidence["baseline"]["key"] == baseline.manifest.key
    assert verdict.sentence == "psnr of candidate ≥ 26.50 dB (older 27.50 dB − 1 dB)"
    assert bench.judge(text, candidate, baseline) == verdict


BOUNDS = st.sampled_from(
    [
        "min: 25",
        "max: 30, min: 26",
        "baseline: older, max_degradation: 0",
        "baseline: older, min_improvement: 0.5",
        "baseline: older, min_improvement_percent: 3",
        "baseline: older, max_degradation_percent: 1",
        "baseline: older, max_difference: 0.5",
        "baseline: older, paired: false, max_degradation: 0.2",
        "baseline: older, paired: false, min_improvement_percent: 1",
    ]
)
# Constant scores, a single sample and a mean of nothing are where interval formulas divide by zero.
SOME_SCORES = st.one_of(
    st.lists(st.floats(0, 60), min_size=1, max_size=8),
    st.builds(lambda value, count: [value] * count, st.sampled_from([0.0, 25.0, 26.0]), st.integers(1, 8)),
)


@given(
    SOME_SCORES,
    SOME_SCORES,
    BOUNDS,
    st.sampled_from(["", ", confidence: 0.9"]),
    st.sampled_from(["", ", slices: label"]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_was_measured_there_is_a_verdict_that_can_be_written_or_an_error_of_ours(
    bench: Any, ours: list[float], theirs: list[float], bound: str, confidence: str, slices: str
) -> None:
    count = min(len(ours), len(theirs))
    labels = {"label": np.arange(count) % 2}
    candidate = bench.record({PSNR: ours[:count]}, columns=labels)
    baseline = bench.record({PSNR: theirs[:count]}, columns=labels, model={"checkpoint": [digest("older")]})
    try:
        verdict = bench.judge(
            f"{{metric: psnr, {bound}{confidence}{slices}}}",
            candidate,
            baseline if "baseline" in bound else None,
        )
    except BaselineError as error:
        # Percent of nothing, and a bound below nothing, are all that may be refused.
        assume("_percent has no meaning for a baseline of" not in error.what)
        assume("every value meets it" not in error.what)
        raise
    json.dumps(verdict.to_json(), allow_nan=False)
    if confidence:
        assert verdict.outcome in ("PASS", "FAIL", "INCONCLUSIVE")
    else:
        assert verdict.outcome == ("PASS" if all(line.margin >= -1e-9 for line in verdict.lines) else "FAIL")
    decided = {line.outcome for line in verdict.lines}
    assert (verdict.outcome == "PASS") == (decided == {"pass"})


def test_judging_writes_nothing_into_the_store(bench: Any, tmp_path: Path) -> None:
    record = bench.record({PSNR: SCORES})
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file() and "store" in path.parts)
    bench.judge("{metric: psnr, min: 1}", record)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file() and "store" in path.parts) == before


def test_what_another_session_computed_anew_is_not_judged(bench: Any) -> None:
    """It has another version of a package, and what it added replaced what this one was handed out."""
    record = bench.record({PSNR: SCORES})
    of, check = bench.check("{metric: psnr, min: 1}")
    write_provenance(record, PSNR, Provenance((), {"scipy": "1.11"}))
    side = Measured("candidate", record, "test", True, additions={PSNR: provenance_seal(record, PSNR)})
    declaration = catalogue().metrics["psnr"].limited(check.args)
    assert judge(check, of, declaration, [Member({}, side, None)]).outcome == "PASS"
    write_provenance(record, PSNR, Provenance((), {"scipy": "1.12"}))
    with pytest.raises(StoreError, match="psnr of candidate was computed again by another session") as caught:
        judge(check, of, declaration, [Member({}, side, None)])
    assert "modelqa_dir" in str(caught.value.todo)
