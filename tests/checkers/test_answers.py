"""Patterns, numbers and functions of the user's, on answers as models write them."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pytest_modelqa.checkers.answers import numeric
from pytest_modelqa.checkers.checker import Checker
from pytest_modelqa.checkers.declarations import CHECKERS, CheckerArgs, NumericArgs
from pytest_modelqa.errors import DatasetError, EvaluationError

Passes = Callable[..., bool]


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("The answer is 42.", 42, True),
        ("The answer is 42.", 41, False),
        ("It was 40, then 42", "42", True),
        ("$1,234.50", 1234.5, True),
        ("1,234,567 people", 1234567, True),
        ("minus: −3", -3, True),
        ("about 3e2", 300, True),
        (".5", 0.5, True),
        ("0.1 + 0.2 = 0.30", 0.3, True),
        ("42km", 42, True),
        ("gpt-4 says 5", 5, True),
        ("x2", 2, False),
        ("version 1.2.3", 3, False),
        ("no number", 0, False),
        ("", 0, False),
        ("12345678901234567891", "12345678901234567890", False),
        ("It is 1/2", "1/2", True),
        ("It is 0.5", "1/2", True),
        ("The answer is 2", "1/2", False),
        ("x = 1/2", 2, False),
        ("x = 1 / 2", 1, False),
        ("x/2", 2, False),
        (r"\frac{1}{2}", 2, False),
        (r"\dfrac{1}{2}", 0.5, True),
        (r"-3\frac{1}{2}", -3.5, True),
        (r"\frac{\pi}{2}", 2, False),
        (r"\frac12", 0.5, True),
        (r"The answer is \frac{1}{2}", 0.5, True),
        (r"x = 3, \frac{1}{2}", 0.5, True),
        (r"\frac{7}3 \text{ or } -2\frac12", -2.5, True),
        (r"\frac123", "1/23", False),
        (r"1{,}234 = 1,\!234", 1234, True),
        (r"1{,}234", 234, False),
        ("-½", -0.5, True),
        ("-½", 0.5, False),
        ("x½", 0.5, False),
        ("1½ cups", 1, False),
        ("1½ cups", 1.5, True),
        ("2 1/2 cups", "5/2", True),
        ("2 1/2 cups", "1/2", False),
        ("on 1/2/2024", 2024, False),
        ("1/0", 0, False),
        ("60/h", 60, True),
        ("10 / 2 = 5", 5, True),
        ("1/3", "1/3", True),
        ("0.3333333333333333", "1/3", False),
        ("9" * 500, 9, False),
        ("1e999", math.pi, False),
    ],
)
def test_the_last_number_of_a_text_is_compared(passes: Passes, text: str, answer: Any, right: bool) -> None:
    assert passes(text, {"answer": answer}, kind="numeric") is right


def test_which_number_counts_can_be_chosen(passes: Passes) -> None:
    text, sample = "#### 7 (and not 8)", {"answer": 7}
    assert passes(text, sample, kind="numeric", occurrence="first")
    assert not passes(text, sample, kind="numeric", occurrence="last")
    assert not passes(text, sample, kind="numeric", occurrence="only")
    assert passes("seven: 7", sample, kind="numeric", occurrence="only")


def test_only_what_follows_a_marker_is_read(passes: Passes) -> None:
    sample = {"answer": "She has 10 − 3 = <<10-3=7>>7 eggs.\n#### 7"}
    assert passes("2 + 5 = 7\n#### 7", sample, kind="numeric", after="####")
    assert not passes("2 + 5 = 7", sample, kind="numeric", after="####")


@given(st.integers(-999, 999), st.integers(1, 99), st.sampled_from(["{}/{}", "is {} / {}.", r"({}⁄{})"]))
def test_a_fraction_is_read_as_one_number(above: int, below: int, written: str) -> None:
    decide = numeric(NumericArgs(kind="numeric", occurrence="only"))
    answer = {"answer": str(Fraction(above, below))}
    assert decide([written.format(above, below)], answer)[0].passed
    assert not decide([written.format(above, below + 1)], answer)[0].passed or above == 0


def test_a_tolerance_is_met_exactly_at_its_end(passes: Passes) -> None:
    sample = {"answer": 1.0}
    assert passes("1.1", sample, kind="numeric", tolerance=0.1)
    assert not passes("1.1000001", sample, kind="numeric", tolerance=0.1)


@given(st.integers(-(10**15), 10**15), st.integers(0, 6))
def test_a_number_is_found_however_it_is_written(digits: int, places: int) -> None:
    number = Decimal(digits).scaleb(-places)
    decide = numeric(NumericArgs(kind="numeric"))
    for written in (f"{number:f}", f"{number:,f}", f"is {number:e}.", f"({number:f})"):
        (outcome,) = decide([written], {"answer": f"{number:f}"})
        assert outcome.passed, written


@pytest.mark.parametrize("answer", ["none", True, None, float("nan")])
def test_an_answer_that_is_no_number_is_an_error_and_no_failed_text(passes: Passes, answer: Any) -> None:
    with pytest.raises(DatasetError, match=r"answer of the sample 'a' is no number"):
        passes("1", {"id": "a", "answer": answer}, kind="numeric")


@pytest.mark.parametrize("answer", ["between 3 and 5", "10 − 3 = 7", "42 of 50", "#### 7\n7 or 8"])
def test_an_answer_of_several_numbers_is_an_error_and_not_the_last_of_them(
    passes: Passes, answer: str
) -> None:
    with pytest.raises(DatasetError, match=r"answer of the sample 'a' holds \d numbers"):
        passes("#### 5", {"id": "a", "answer": answer}, kind="numeric", after="####")


def test_an_answer_that_names_one_number_twice_is_that_number(passes: Passes) -> None:
    assert passes("0.5", {"answer": "1/2 (0.50)"}, kind="numeric")


def test_a_missing_field_is_an_error_that_names_those_there_are(passes: Passes) -> None:
    with pytest.raises(DatasetError, match=r"no field 'answer'") as caught:
        passes("1", {"id": "a", "question": "?"}, kind="numeric")
    assert caught.value.found == "fields id, question"


def test_numbers_of_numpy_are_answers(passes: Passes) -> None:
    assert passes("0.1", {"answer": np.float64(0.1)}, kind="numeric")
    assert passes("7", {"answer": np.int64(7)}, kind="numeric")


def test_a_pattern_is_searched_for(passes: Passes) -> None:
    assert passes("so it is\nB", {}, kind="regex", pattern=r"^[ABCD]\Z|\n[ABCD]\Z")
    assert not passes("so it is B, I think", {}, kind="regex", pattern=r"^[ABCD]\Z|\n[ABCD]\Z")


def test_the_group_of_a_pattern_is_compared_with_the_answer(passes: Passes) -> None:
    written = {"kind": "regex", "pattern": r"answer is \(?([A-D])", "answer": "letter"}
    text = "the answer is (A)… no, the answer is B"
    assert passes(text, {"letter": "B "}, **written)
    assert not passes(text, {"letter": "A"}, **written)
    assert passes(text, {"letter": "A"}, **written, occurrence="first")
    assert not passes("the answer is b", {"letter": "B"}, **written)
    assert passes("the ANSWER is b", {"letter": "B"}, **written, ignore_case=True)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"kind": "regex", "pattern": "("}, "no regular expression"),
        ({"kind": "regex", "pattern": "a", "answer": "x"}, "must have one group, and has 0"),
        ({"kind": "python_tests", "program": "{tests}"}, "has no {text}"),
        ({"kind": "function", "function": "checks.py"}, "pattern"),
        ({"kind": "numeric", "tolerance": -1.0}, "greater than or equal to 0"),
        ({"kind": "numeric", "tolerence": 0.1}, "Extra inputs"),
        ({"kind": "anything"}, "does not match any of the expected tags"),
        ({"pattern": "a"}, "Unable to extract tag"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_when_the_spec_is_read(
    written: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(CheckerArgs).validate_python(written)
    assert message in str(caught.value)


def test_every_checker_that_is_declared_can_be_made(checker: Callable[..., Checker]) -> None:
    written = {
        "regex": {"pattern": "a"},
        "numeric": {},
        "json_schema": {"definition": {}},
        "function": {"function": "math:isfinite"},
        "python_tests": {"sandbox": "none"},
    }
    assert written.keys() == CHECKERS.keys()
    for kind, args in written.items():
        assert checker(kind=kind, **args).args.kind == kind


@pytest.fixture
def _beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.mark.usefixtures("_beside")
def test_a_function_beside_the_spec_decides(passes: Passes) -> None:
    written = {"kind": "function", "function": "modelqa_checks:names_the_capital"}
    assert passes("It is Rome.", {"capital": "Rome"}, **written)
    assert not passes("It is Milan.", {"capital": "Rome"}, **written)


@pytest.mark.usefixtures("_beside")
def test_a_function_that_gives_no_bool_is_an_error(passes: Passes) -> None:
    with pytest.raises(EvaluationError, match="neither true nor false") as caught:
        passes("anything", {}, kind="function", function="modelqa_checks:forgets_to_decide")
    assert "str 'anything'" in str(caught.value.found)


@pytest.mark.usefixtures("_beside")
@pytest.mark.parametrize(
    ("function", "found"),
    [("modelqa_checks:nothing", "without nothing"), ("no_such_module:f", "no module no_such_module")],
)
def test_a_function_that_does_not_exist_is_named(passes: Passes, function: str, found: str) -> None:
    with pytest.raises(EvaluationError, match="does not exist") as caught:
        passes("a", {}, kind="function", function=function)
    assert found in str(caught.value.found)
