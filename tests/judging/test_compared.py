"""A bound that only the baseline's number shows to be no bound, and numbers that look like another unit's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.errors import BaselineError
from pytest_modelqa.judging.compared import demand_decidable
from pytest_modelqa.judging.judge import judge as judge_members
from pytest_modelqa.judging.measured import Measured, Member
from pytest_modelqa.judging.verdict import Verdict
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


def test_one_slice_that_cannot_fail_is_said_and_does_not_hide_the_others(judge: Judge) -> None:
    # Of a rare kind that nobody gets right nothing can be lost, and much of the common one.
    labels, theirs = [0, 0, 0, 0, 1, 1], [1, 1, 1, 1, 0, 0]
    text = "max_degradation: 0.05, slices: label"
    note = "shows nothing for label=1: every value of accuracy meets a bound of -0.0500"
    passed = judge(text, theirs, theirs, labels)
    assert (passed.outcome, note in passed.notes) == ("PASS", True)
    failed = judge(text, [1, 1, 0, 0, 0, 0], theirs, labels)
    assert (failed.outcome, note in failed.notes) == ("FAIL", True)
    differs = judge("max_difference: 0.6, slices: label", theirs, [1, 1, 1, 1, 1, 0], labels)
    assert differs.outcome == "PASS"
    assert [one.partition(":")[0] for one in differs.notes if "nothing" in one] == [
        "shows nothing for label=1"
    ]


def test_slices_of_which_none_can_fail_are_an_error_that_names_them(judge: Judge) -> None:
    labels, theirs = [0, 0, 1, 1], [1, 0, 1, 0]
    with pytest.raises(BaselineError, match="can never fail for label=0, label=1: every value"):
        judge("max_degradation: 0.6, slices: label", theirs, theirs, labels)


@pytest.fixture
def judge_early(bench: Any, older: Mapping[str, Any]) -> Callable[..., Verdict]:
    """Judges a check on the first samples of 2,000: ours are all right, and theirs all wrong until late."""

    def of(bound: str, right: float, seen: int = 20) -> Verdict:
        evaluation, task = OF_LABELS
        theirs = (np.arange(2000) >= 2000 * (1 - right)).astype(float)
        measured = {"early": {"total": 2000, "labels": {}}}
        candidate = bench.record({ACCURACY: np.ones(seen)}, task=task, complete=False, measured=measured)
        baseline = bench.record({ACCURACY: theirs}, task=task, model=older)
        of_labels, check = bench.check(f"{{metric: accuracy, baseline: older, {bound}}}", evaluation)
        of_labels = replace(of_labels, stop_early={"wrong_pass": 0.01, "wrong_fail": 0.05})
        declaration = catalogue().metrics["accuracy"]
        ours, other = (
            Measured(name, one, "test", has_model=True)
            for name, one in (("candidate", candidate), ("older", baseline))
        )
        return judge_members(check, of_labels, declaration, [Member({}, ours, other, early_checks=1)])

    return of


def test_the_few_samples_that_decided_early_say_nothing_of_the_baseline(
    judge_early: Callable[..., Verdict],
) -> None:
    for bound in ("max_degradation: 0.05", "max_degradation_percent: 5", "min_improvement_percent: 5"):
        verdict = judge_early(bound, right=0.10)
        assert verdict.outcome == "PASS", bound
        assert verdict.lines[0].baseline is not None
        assert verdict.lines[0].baseline.value == 0
        assert not any("shows nothing" in note or "no value" in note for note in verdict.notes)
    # On all samples it is not good enough to lose as much.
    with pytest.raises(BaselineError, match="can never fail: every value meets it") as error:
        judge_early("max_degradation: 0.11", right=0.10)
    assert error.value.found == "a bound of ≥ -0.0100; the baseline older is 0.1000"


@pytest.mark.parametrize("bound", ["max_degradation: 0", "min_improvement: 0.25"])
def test_on_the_bound_no_number_of_samples_decides(judge: Judge, bound: str) -> None:
    """The wins and losses beside it are no reason why none can be told."""
    theirs = [1, 0] * 20 if bound.endswith("0") else [1, 1, 0, 0] * 10
    ours = [0, 1] * 20 if bound.endswith("0") else [1, 1, 1, 0] * 10
    verdict = judge(f"{bound}, confidence: 0.95", ours, theirs)
    assert verdict.outcome == "INCONCLUSIVE"
    assert "no number of samples like these would decide it" in verdict.notes


def test_never_worse_than_the_worst_passes_and_says_that_it_shows_nothing(judge: Judge) -> None:
    verdict = judge("max_degradation: 0, slices: label", [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1])
    assert verdict.outcome == "PASS"
    assert "shows nothing for label=1: every value of accuracy meets a bound of 0.0000" in verdict.notes
    assert not any("shows nothing" in note for note in judge("max_degradation: 0", [1, 0], [1, 0]).notes)


def foreign(folder: Path, args: str, bound: str, number: float) -> None:
    """Asks whether a check of another tool's number decides anything against a baseline of this value."""
    path = folder / "a.modelspec.yaml"
    task = "task: recorded\n    args: {path: now.json, format: json, source: test}"
    path.write_text(
        f"modelqa: 1\nevaluations:\n  before:\n    {task.replace('now', 'before')}\n  now:\n    {task}\n"
        f"    baseline: before\n    checks: [{{metric: recorded_value, args: {{name: m, {args}}}, {bound}}}]\n"
    )
    (check,) = read_spec(path, catalogue(), environment={}).evaluations["now"].checks
    declaration = catalogue().metrics["recorded_value"].limited(check.args)
    demand_decidable(check, declaration, "before", {"": number})


def test_the_range_is_the_one_that_the_arguments_state(tmp_path: Path) -> None:
    loss = "unit: nats, higher_is_better: false"
    # Without an end there is no worst value.
    foreign(tmp_path, loss, "max_degradation: 90", 15.0)
    foreign(tmp_path, f"{loss}, lower: 0, upper: 110", "max_degradation: 90", 15.0)
    with pytest.raises(BaselineError, match="of m can never fail"):
        foreign(tmp_path, f"{loss}, lower: 0, upper: 100", "max_degradation: 90", 15.0)
    score = "unit: points, higher_is_better: true"
    foreign(tmp_path, score, "max_degradation: 20", 15.0)
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
