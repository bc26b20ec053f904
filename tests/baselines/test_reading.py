"""Recorded baselines: what a file says, in the metric's own unit, or why it says nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.baselines.reading import read_baseline
from pytest_modelqa.errors import BaselineError
from pytest_modelqa.judging.recorded import Recorded, RecordedMetric
from pytest_modelqa.spec.resolved import Position, RecordedBaseline
from pytest_modelqa.tasks.registry import catalogue

CONTENT: dict[str, Any] = {
    "modelqa_baseline": 1,
    "name": "published",
    "task": "classification",
    "source": "test",
    "metrics": {"accuracy": {"value": 0.97, "unit": "fraction"}},
}


def read(folder: Path, content: Any) -> Recorded:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "published.json").write_text(text, encoding="utf-8")
    return read_baseline(RecordedBaseline("v1", "published.json", Position(3, 5)), folder, catalogue())


def with_metric(**fields: Any) -> dict[str, Any]:
    return {**CONTENT, "metrics": {"accuracy": {"value": 0.97, "unit": "fraction", **fields}}}


def test_a_baseline_is_read_and_called_as_the_spec_calls_it(tmp_path: Path) -> None:
    more = {"dataset": "digits", "split": "test", "n": 600, "made_by": {"torch": "2.13.0"}, "reason": "first"}
    found = read(tmp_path, {**CONTENT, **more})
    assert found == Recorded(
        name="v1",
        task="classification",
        dataset="digits",
        split="test",
        n=600,
        metrics={"accuracy": RecordedMetric(0.97, None)},
        where=str(tmp_path / "published.json"),
        made_by={"torch": "2.13.0"},
    )


def test_what_a_file_need_not_say(tmp_path: Path) -> None:
    found = read(tmp_path, CONTENT)
    assert (found.dataset, found.split, found.n, found.made_by) == (None, None, None, {})


def test_percent_of_a_fraction_is_divided_and_so_is_its_error(tmp_path: Path) -> None:
    found = read(tmp_path, with_metric(value=97, unit="percent", standard_error=0.5))
    assert found.metrics["accuracy"].value == pytest.approx(0.97)
    assert found.metrics["accuracy"].standard_error == pytest.approx(0.005)
    assert read(tmp_path, with_metric(standard_error=0.005)).metrics["accuracy"] == RecordedMetric(
        0.97, 0.005
    )


def test_a_metric_that_nobody_knows_is_kept_as_it_is(tmp_path: Path) -> None:
    metrics = {**CONTENT["metrics"], "style": {"value": 7.0, "unit": "points", "standard_error": 0.1}}
    assert read(tmp_path, {**CONTENT, "metrics": metrics}).metrics["style"] == RecordedMetric(7.0, 0.1)


def test_what_a_model_scored_in_training_is_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="v1 was measured in training") as caught:
        read(tmp_path, {**CONTENT, "source": "training"})
    assert caught.value.found == "source: training"


@pytest.mark.parametrize(
    ("fields", "message", "expected"),
    [
        ({"unit": "dB"}, "accuracy is recorded in dB", "fraction or percent"),
        ({"value": 97}, "accuracy is recorded as 97 fraction", "a value from 0 to 1 fraction"),
        (
            {"value": 9700, "unit": "percent"},
            "accuracy is recorded as 9700 percent",
            "a value from 0 to 1 fraction",
        ),
        ({"value": -1}, "accuracy is recorded as -1 fraction", "a value from 0 to 1 fraction"),
    ],
)
def test_a_number_in_another_unit_or_out_of_range_is_refused(
    tmp_path: Path, fields: dict[str, Any], message: str, expected: str
) -> None:
    with pytest.raises(BaselineError, match=message) as caught:
        read(tmp_path, with_metric(**fields))
    assert caught.value.expected == expected
    assert caught.value.where == str(tmp_path / "published.json")
    assert caught.value.todo


def test_percent_is_no_unit_of_what_is_no_fraction(tmp_path: Path) -> None:
    metrics = {"psnr": {"value": 25.0, "unit": "percent"}}
    with pytest.raises(BaselineError, match="psnr is recorded in percent") as caught:
        read(tmp_path, {**CONTENT, "metrics": metrics})
    assert caught.value.expected == "dB"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({**CONTENT, "modelqa_baseline": 2}, "modelqa_baseline"),
        ({**CONTENT, "modelqa_baseline": "1"}, "modelqa_baseline"),
        ({**CONTENT, "metrics": {}}, "metrics"),
        ({**CONTENT, "metrics": []}, "metrics"),
        ({**CONTENT, "source": "somewhere"}, "source"),
        ({**CONTENT, "n": 0}, "n: "),
        ({**CONTENT, "n": True}, "n: "),
        ({**CONTENT, "n": 1.5}, "n: "),
        ({**CONTENT, "score": 1}, "score"),
        ({name: value for name, value in CONTENT.items() if name != "task"}, "task"),
        (with_metric(value=True), "metrics.accuracy.value"),
        (with_metric(value="0.97"), "metrics.accuracy.value"),
        (with_metric(value=None), "metrics.accuracy.value"),
        (with_metric(unit=None), "metrics.accuracy.unit"),
        (with_metric(standard_error=0), "metrics.accuracy.standard_error"),
        (with_metric(standard_error=-0.1), "metrics.accuracy.standard_error"),
        (with_metric(error=0.1), "metrics.accuracy.error"),
        ([], "dictionary"),
        ("3", "dictionary"),
    ],
    ids=str,
)
def test_a_file_of_another_form_is_refused_and_the_field_named(
    tmp_path: Path, content: Any, found: str
) -> None:
    with pytest.raises(BaselineError, match="not of the form that was expected") as caught:
        read(tmp_path, content)
    assert found in str(caught.value.found)
    assert caught.value.where == str(tmp_path / "published.json")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"value": 0.9, "value": 0.1}', "'value' is given 2 times"),
        ('{"value": NaN}', "NaN is not JSON"),
        ('{"made_by": {"loss": -Infinity}}', "-Infinity is not JSON"),
        ("[" * 100_000, "recursion"),
        ('{"n": ' + "1" * 5000 + "}", "digits"),
    ],
    ids=["twice", "NaN", "infinity", "deep", "long"],
)
def test_what_json_allows_and_nobody_means_is_refused(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(BaselineError, match="cannot be read") as caught:
        read(tmp_path, text)
    assert found in str(caught.value.found)


@pytest.mark.parametrize("value", ["1e999", "1" + "0" * 400], ids=["1e999", "10**400"])
def test_a_number_too_large_for_a_float_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(BaselineError):
        read(tmp_path, json.dumps(with_metric(value=0.5)).replace("0.5", value))


def test_what_is_no_json_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="no JSON") as caught:
        read(tmp_path, '{"name":\n  oops}')
    assert caught.value.where == f"{tmp_path / 'published.json'}:2:3"


def test_a_file_that_is_missing_or_no_file_is_an_error_of_ours(tmp_path: Path) -> None:
    declared = RecordedBaseline("v1", "nowhere.json", Position(3, 5))
    with pytest.raises(BaselineError, match="recorded baseline is missing"):
        read_baseline(declared, tmp_path, catalogue())
    (tmp_path / "nowhere.json").mkdir()
    with pytest.raises(BaselineError, match="cannot be read"):
        read_baseline(declared, tmp_path, catalogue())
    (tmp_path / "published.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(BaselineError, match="cannot be read"):
        read_baseline(RecordedBaseline("v1", "published.json", Position(3, 5)), tmp_path, catalogue())
