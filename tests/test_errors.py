"""Errors: what they say, and that they say it on the other side of a pipe too."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from pytest_modelqa import errors
from pytest_modelqa.errors import CheckpointError, EvaluationError, InfrastructureError, ModelQAError

WHOLE = {
    "where": "a.modelspec.yaml:4:17",
    "expected": "a file",
    "found": "nothing",
    "todo": "train it",
    "details": "line 1\nline 2",
}


def every_class() -> list[type[ModelQAError]]:
    found = ModelQAError.__subclasses__()
    for each in found:
        found += each.__subclasses__()
    return sorted(
        {each for each in found if each.__module__ == errors.__name__}, key=lambda each: each.__name__
    )


def test_a_message_has_what_happened_first_and_then_where_expected_found_and_what_to_do() -> None:
    assert str(CheckpointError("it is missing", **WHOLE)) == (
        "it is missing\n"
        "  where:     a.modelspec.yaml:4:17\n"
        "  expected:  a file\n"
        "  found:     nothing\n"
        "  to do:     train it\n"
        "\n"
        "line 1\n"
        "line 2"
    )


def test_what_is_not_known_is_left_out() -> None:
    assert str(CheckpointError("it is missing")) == "it is missing"
    assert str(CheckpointError("it is missing", todo="train it")) == "it is missing\n  to do:     train it"


def test_lines_of_a_longer_text_stand_under_each_other() -> None:
    assert str(CheckpointError("no", found="a\nb")) == "no\n  found:     a\n             b"


@pytest.mark.parametrize("kind", every_class(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("fields", [{}, WHOLE], ids=["short", "whole"])
def test_an_error_comes_out_of_json_and_of_a_pickle_as_it_went_in(
    kind: type[ModelQAError], fields: dict[str, str]
) -> None:
    error = kind("something", **fields)
    for copy in (ModelQAError.from_json(error.to_json()), pickle.loads(pickle.dumps(error))):
        assert type(copy) is kind
        assert str(copy) == str(error)
        assert copy.to_json() == error.to_json()


def test_a_kind_of_error_that_is_not_known_here_is_one_of_the_evaluation() -> None:
    fields = CheckpointError("something", found="x").to_json() | {"error": "ErrorOfALaterVersion"}
    error = ModelQAError.from_json(fields)
    assert type(error) is EvaluationError
    assert (error.what, error.found) == ("something", "x")


def test_the_place_that_is_known_first_stays() -> None:
    error = CheckpointError("it is missing")
    assert error.with_where("a.yaml:4") is error
    assert error.where == "a.yaml:4"
    assert error.with_where("elsewhere").where == "a.yaml:4"


def test_only_what_the_machine_did_may_be_retried() -> None:
    retried = [kind for kind in every_class() if issubclass(kind, InfrastructureError)]
    assert retried == [InfrastructureError]


def test_every_class_stands_in_the_documentation_with_a_remedy() -> None:
    page = Path(__file__).parent.parent / "docs" / "errors.md"
    rows = re.findall(
        r"^\| `(\w+Error)` \| [^|]+ \| [^|]+ \|$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(rows) == {each.__name__ for each in every_class()}
