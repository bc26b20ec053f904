"""Texts that should be JSON of a schema."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelqa.errors import EvaluationError

Passes = Callable[..., bool]
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('{"name": "Ada", "age": 36}', True),
        (' \n{"name": "Ada", "age": 36}\n', True),
        ('{"name": "Ada"}', False),
        ('{"name": "Ada", "age": -1}', False),
        ('{"name": "Ada", "age": 36.5}', False),
        ('{"name": "Ada", "age": 36, "role": 1}', False),
        ('{"name": "Ada", "age": 36, "age": 37}', False),
        ('Sure: {"name": "Ada", "age": 36}', False),
        ("", False),
        ("NaN", False),
        ("[" * 100_000, False),
    ],
)
def test_a_text_is_valid_under_the_schema(passes: Passes, text: str, right: bool) -> None:
    assert passes(text, {}, kind="json_schema", definition=PERSON) is right


def test_a_number_that_is_none_in_json_is_refused_also_where_the_schema_takes_anything(
    passes: Passes,
) -> None:
    assert passes("[1]", {}, kind="json_schema", definition={})
    assert not passes("[NaN]", {}, kind="json_schema", definition={})
    assert not passes("[-Infinity]", {}, kind="json_schema", definition={})


@pytest.mark.parametrize("end", ["```", "", "```   \nDone.", "```\r\nDone."])
def test_the_last_fenced_block_is_taken_where_the_spec_says_so(passes: Passes, end: str) -> None:
    text = 'First:\n```json\n{"name": 1}\n```\nBetter:\n```json\n{"name": "Ada", "age": 36}\n' + end
    written: dict[str, Any] = {"kind": "json_schema", "definition": PERSON}
    assert passes(text, {}, **written, extract="fence")
    assert not passes(text, {}, **written)
    assert not passes('{"name": "Ada", "age": 36}', {}, **written, extract="fence")


def test_a_schema_that_is_none_is_an_error(passes: Passes) -> None:
    with pytest.raises(EvaluationError, match="no JSON Schema"):
        passes("{}", {}, kind="json_schema", definition={"type": "objekt"})


def test_nothing_is_fetched_for_a_reference_to_elsewhere(passes: Passes) -> None:
    before = socket.getdefaulttimeout()
    # Code that did fetch would wait for an answer.
    socket.setdefaulttimeout(1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        with pytest.raises(EvaluationError, match="refers to what is not in it"):
            passes("{}", {}, kind="json_schema", definition={"$ref": address})
        socket.setdefaulttimeout(before)
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_reference_within_the_schema_is_followed(passes: Passes) -> None:
    definition = {
        "$ref": "#/$defs/positive",
        "$defs": {"positive": {"type": "number", "exclusiveMinimum": 0}},
    }
    assert passes("1", {}, kind="json_schema", definition=definition)
    assert not passes("0", {}, kind="json_schema", definition=definition)


@pytest.mark.parametrize(
    "definition",
    [
        {"$ref": "#"},
        {"anyOf": [{"type": "string"}, {"$ref": "#"}]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    ],
)
def test_a_schema_that_leads_back_to_where_it_stands_is_an_error(
    passes: Passes, definition: dict[str, Any]
) -> None:
    with pytest.raises(EvaluationError, match="refers to itself without an end"):
        passes("[1]", {}, kind="json_schema", definition=definition)


def test_a_text_that_is_nested_too_deeply_for_a_sound_schema_has_not_passed(passes: Passes) -> None:
    definition = {"type": "array", "items": {"$ref": "#"}}
    assert passes("[" * 60 + "]" * 60, {}, kind="json_schema", definition=definition)
    assert not passes("[" * 900 + "]" * 900, {}, kind="json_schema", definition=definition)
