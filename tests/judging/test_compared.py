"""A bound that only the baseline's number shows to be no bound, and numbers that look like another unit's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.errors import BaselineError
from pytest_modelqa.judging.compared import compared
from pytest_modelqa.judging.verdict import Side, Verdict
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

ACCURACY = "accuracy.v1"
OF_LABELS = ("labels", "classification")
Judge = Callable[..., Verdict]


@pytest.fixture
def judge(bench: Any, older: Mapping[str, Any]) -> Judge:
    """Judges a check of accuracy on these scores of both sides, in slices where labels are given."""

    def of(bound: str, ours: Sequence[float], theirs: Sequence[float], labels: Sequence[int] = ()) -> Verdict:
        evaluation, task = OF_LABELS
        columns = {"label": list(labels)} if labels else None
        candidate = bench.record({ACCURACY: ours}, columns=columns, task=task)
        baseline = bench.record({ACCURACY: theirs}, columns=columns, task=task, model=older)
        text = f"{{metric: accuracy, baseline: older, {bound}}}"
        return bench.judge(text, candidate, baseline, evaluation)  # type: ignore[no-any-return]

    return of


@pytest.mark.parametrize("bound", ["max_degradation: 0.99", "max_degradation: 0.75", "max_difference: 0.75"])
def test_a_bound_that_every_value_meets_is_an_error(judge: Judge, bound: str) -> None:
    theirs = [1, 1, 1, 0]
    with pytest.raises(BaselineError, match="of accuracy can never fail: every value meets it") as error:
        judge(bound, [0, 0, 0, 0], theirs)
    assert error.value.expected == "a bound inside the range 0 to 1"
    assert "the baseline older is 0.7500" in str(error.value.found)
    assert "write a smaller max_" in str(error.value.todo)


def test_the_bound_is_named_in_the_unit_of_the_check(judge: Judge) -> None:
    with pytest.raises(BaselineError) as error:
        judge("max_degradation: 99, unit: percent", [1, 0], [1, 0])
    assert error.value.expected == "a bound inside the range 0 % to 100 %"
    assert error.value.found == "a bound of ≥ -49.0 %; the baseline older is 50.0 %"


@pytest.mark.parametrize(
    ("bound", "outcome"),
    [
        # Zero still misses the one, and one the other.
        ("max_degradation: 0.74", "FAIL"),
        ("max_difference: 0.74", "FAIL"),
        ("max_degradation_percent: 99", "FAIL"),
        ("min_improvement: 0.25", "FAIL"),
        ("max_degradation: 0", "FAIL"),
    ],
)
def test_what_one_value_misses_is_decided(judge: Judge, bound: str, outcome: str) -> None:
    assert judge(bound, [0, 0, 0, 0], [1, 1, 1, 0]).outcome == outcome


def test_a_difference_that_one_end_of_the_range_misses_is_decided(judge: Judge) -> None:
    assert judge("max_difference: 0.3", [0, 0, 0, 0], [1, 0, 0, 0]).outcome == "PASS"
    assert judge("max_difference: 0.3", [1, 1, 1, 0], [1, 0, 0, 0]).outcome == "FAIL"


def test_one_slice_that_cannot_fail_is_an_error_that_names_it(judge: Judge) -> None:
    labels, theirs = [0, 0, 1, 1], [1, 1, 1, 0]
    with pytest.raises(BaselineError, match="can never fail for label=1") as error:
        judge("max_degradation: 0.6, slices: label", theirs, theirs, labels)
    assert "leave label=1 out of the check" in str(error.value.todo)
    assert judge("max_degradation: 0.4, slices: label", theirs, theirs, labels).outcome == "PASS"


def test_never_worse_than_the_worst_passes_and_says_that_it_shows_nothing(judge: Judge) -> None:
    verdict = judge("max_degradation: 0, slices: label", [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1])
    assert verdict.outcome == "PASS"
    assert "shows nothing for label=1: every value of accuracy meets a bound of 0.0000" in verdict.notes
    assert not any("shows nothing" in note for note in judge("max_degradation: 0", [1, 0], [1, 0]).notes)


def foreign(folder: Path, args: str, bound: str, number: float) -> float:
    """The limit of a check of another tool's number against a baseline of this value."""
    path = folder / "a.modelspec.yaml"
    task = "task: recorded\n    args: {path: now.json, format: json, source: test}"
    path.write_text(
        f"modelqa: 1\nevaluations:\n  before:\n    {task.replace('now', 'before')}\n  now:\n    {task}\n"
        f"    baseline: before\n    checks: [{{metric: recorded_value, args: {{name: m, {args}}}, {bound}}}]\n"
    )
    (check,) = read_spec(path, catalogue(), environment={}).evaluations["now"].checks
    declaration = catalogue().metrics["recorded_value"].limited(check.args)
    return compared(check, declaration, number, Side("before", number, 100), "").limit


def test_the_range_is_the_one_that_the_arguments_state(tmp_path: Path) -> None:
    loss = "unit: nats, higher_is_better: false"
    # Without an end there is no worst value.
    assert foreign(tmp_path, loss, "max_degradation: 90", 15.0) == 105.0
    assert foreign(tmp_path, f"{loss}, lower: 0, upper: 110", "max_degradation: 90", 15.0) == 105.0
    with pytest.raises(BaselineError, match="of m can never fail"):
        foreign(tmp_path, f"{loss}, lower: 0, upper: 100", "max_degradation: 90", 15.0)
    score = "unit: points, higher_is_better: true"
    assert foreign(tmp_path, score, "max_degradation: 20", 15.0) == -5.0
    with pytest.raises(BaselineError, match="of m can never fail") as error:
        foreign(tmp_path, f"{score}, lower: 0", "max_degradation: 20", 15.0)
    assert error.value.expected == "a bound inside the range from 0 points up"


def test_a_fraction_that_is_read_as_percent_is_asked_about(tmp_path: Path) -> None:
    percent = "unit: percent, higher_is_better: true"
    with pytest.raises(BaselineError) as error:
        foreign(tmp_path, percent, "max_degradation: 1, unit: percent", 0.00921)
    assert "write unit: fraction in the check's args" in str(error.value.todo)
    with pytest.raises(BaselineError) as error:
        foreign(tmp_path, percent, "max_degradation: 30, unit: percent", 0.275)
    assert "fraction" not in str(error.value.todo)
