"""How problems are told: excerpts, carets, places, and what is left of an error that crossed a wire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pytest_modelqa.errors import ModelQAError
from pytest_modelqa.spec import SpecError
from pytest_modelqa.spec.problems import Problem

if TYPE_CHECKING:
    from conftest import Reader


def underlined(error: SpecError) -> str:
    """What the caret of an error with one problem points at."""
    *_, line, caret = str(error).splitlines()
    return line[caret.index("^") : len(caret)]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("min: 0.9", "min: high"), "high"),
        (("min: 0.9", 'min: "0.9"'), '"0.9"'),
        (("min: 0.9", "mni: 0.9"), "mni"),
        (("min: 0.9", "min:   "), "min"),
        (("role: test", "role: {a: b}"), "{"),
        (("model: candidate", "model: candidate\n    deterministic:"), "deterministic"),
        (("model: candidate", "model: candidate\n    deterministic: ~"), "~"),
        (("  test: {load: data:test, files: [test.npz], role: test}", "  test:"), "test"),
        (("  test: {load: data:test, files: [test.npz], role: test}", "  test: ~"), "~"),
        (("[test.npz]", "[test.npz, 3]"), "3"),
        (("model:Net", "model:Net, args: {text: 'é👾'}, format: onnx"), "onnx"),
        (("min: 0.9", "min: 0.9, marks: [gpu]"), "["),
    ],
)
def test_the_caret_points_at_what_is_wrong(
    read: Reader, spec_text: Callable[..., str], change: tuple[str, str], text: str
) -> None:
    assert underlined(read.error(spec_text(change))).rstrip() == text


@pytest.mark.parametrize("length", [0, 60, 74, 75, 76, 150, 5_000])
def test_a_place_in_a_long_line_is_shown(read: Reader, spec_text: Callable[..., str], length: int) -> None:
    text = spec_text(("{metric: accuracy, min: 0.9}", "{metric: accuracy, " + " " * length + "min: high}"))
    error = read.error(text)

    assert underlined(error).rstrip() == "high"
    assert max(len(line) for line in str(error).splitlines()) < 120


def test_a_tab_before_a_place_does_not_move_the_caret(read: Reader, spec_text: Callable[..., str]) -> None:
    assert underlined(read.error(spec_text(("min: 0.9", "\tmin:\thigh")))).rstrip() == "high"


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_count_them(
    read: Reader, spec_text: Callable[..., str], line_break: str
) -> None:
    error = read.error(spec_text(("min: 0.9", "min: high")).replace("\n", line_break).encode())

    assert underlined(error) == "high"
    assert "a.modelspec.yaml:12:33" in str(error)


def test_a_text_over_several_lines_is_pointed_at_where_it_begins(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    error = read.error(spec_text(("dataset: test", "dataset: test\n    seed: |\n      one\n      two")))

    assert "a.modelspec.yaml:11:11" in str(error)
    assert underlined(error) == "|"


def test_what_a_message_quotes_is_short_and_printable(read: Reader, spec_text: Callable[..., str]) -> None:
    message = str(read.error(spec_text(("min: 0.9", '"min\\e[31m' + "x" * 500 + '": 1'))))

    assert "\x1b" not in message
    assert "x" * 100 not in message.split("\n\n")[0]


def test_an_error_keeps_its_message_on_the_wire(read: Reader, spec_text: Callable[..., str]) -> None:
    for changes in ([("min: 0.9", "mni: 0.9")], [("min: 0.9", "mni: 0.9"), ("role: test", "role: x")]):
        error = read.error(spec_text(*changes))
        again = ModelQAError.from_json(json.loads(json.dumps(error.to_json())))

        assert isinstance(again, SpecError)
        assert str(again) == str(error)


def test_every_message_says_where_and_what_to_do_or_what_was_expected(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    """Promise 15 of the design, over a file in which much is wrong."""
    text = spec_text(
        ("model:Net", "model"),
        ("{load: data:test, files", "{load: data, filse"),
        ("model: candidate", "model: [candidate]\n    seed: -1\n    device: gpu\n    precision: 8"),
        ("min: 0.9", "min: '0.9', unit: 3, slices: [a], severity: eror"),
    )
    problems = read.error(text).problems

    assert len(problems) > 8
    for problem in problems:
        assert problem.position is not None
        assert problem.expected or problem.todo, problem
        assert not re.search(
            r"\bpydantic|Traceback|<class|\bNone\b", f"{problem.what}{problem.expected or ''}"
        )


def test_a_code_that_is_not_listed_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        Problem("no-such-code", "what")
