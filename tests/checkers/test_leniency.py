"""A checker that lets pass what no answer is, is an error before anything is generated."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_modelqa.checkers.checker import Checker
from pytest_modelqa.checkers.leniency import demand_strict
from pytest_modelqa.errors import EvaluationError

Make = Callable[..., Checker]
SAMPLES = [{"id": f"q{at}", "answer": at + 100} for at in range(200)]
PROMPTS = [f"What is {at} + 100?" for at in range(200)]


def test_a_checker_of_numbers_is_strict(checker: Make) -> None:
    demand_strict(checker(kind="numeric"), SAMPLES, [f"{prompt} (0)" for prompt in PROMPTS])


@pytest.mark.parametrize(
    ("pattern", "accepts"),
    [("", "the empty text"), ("(?s).{10}", "the prompt echoed"), (r"^[a-z]+\Z", "ten random characters")],
)
def test_a_pattern_that_takes_anything_is_too_lenient(checker: Make, pattern: str, accepts: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        demand_strict(checker(kind="regex", pattern=pattern), SAMPLES, PROMPTS)
    assert caught.value.what == f"the checker regex is too lenient: it accepts {accepts}"
    assert "50 of 50 samples, such as 'q0'" in str(caught.value.found)


def test_a_prompt_that_holds_its_answer_by_chance_has_to_be_tolerated_by_the_spec(checker: Make) -> None:
    prompts = [*PROMPTS]
    # One of the 50 that are tried.
    prompts[100] = "What is 100 + 100, if not 200"
    with pytest.raises(EvaluationError, match="accepts the prompt echoed") as caught:
        demand_strict(checker(kind="numeric", occurrence="last"), SAMPLES[1:], prompts[1:])
    assert "tolerated_echoes" in str(caught.value.todo)
    demand_strict(checker(kind="numeric", tolerated_echoes=0.1), SAMPLES[1:], prompts[1:])


def test_what_the_spec_says_must_fail_is_tried_too(checker: Make) -> None:
    strict = checker(kind="regex", pattern=r"\bcannot\b", reject=["I can"])
    demand_strict(strict, SAMPLES, PROMPTS)
    lenient = checker(kind="regex", pattern=r"\bcan", reject=["I can"])
    with pytest.raises(EvaluationError, match=r"accepts 'I can', which reject: names"):
        demand_strict(lenient, SAMPLES, PROMPTS)


def test_a_checker_of_programs_is_checked_by_running_them(checker: Make) -> None:
    samples = [{"id": "add", "prompt": "def add(a, b):\n", "tests": "assert add(1, 2) == 3"}]
    prompts = [str(sample["prompt"]) for sample in samples]
    demand_strict(
        checker(kind="python_tests", sandbox="none", reject=["def add(a, b): pass"]), samples, prompts
    )
    with pytest.raises(EvaluationError, match="accepts the empty text"):
        demand_strict(checker(kind="python_tests", sandbox="none", program="'''{text}'''"), samples, prompts)
