"""Entries against their schemas: every error of pydantic as a problem in the words of this language."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from .forms import EXPECTED_FORMS
from .hints import code_and_todo
from .nodes import Node, lookup, plain
from .problems import MOST_PROBLEMS, Problems
from .schema import BaselineEntry, CheckEntry
from .schema import Entry as WrittenEntry
from .spelling import did_you_mean, listed, nearest, quoted
from .unknown_keys import meant_key

_Schema = TypeVar("_Schema", bound=BaseModel)
_Path = tuple[str | int, ...]

_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "none_required": "nothing (null)",
    "string_too_short": "a text that is not empty",
    "greater_than": "a number greater than {gt:.15g}",
    "greater_than_equal": "a number of at least {ge:.15g}",
    "less_than": "a number less than {lt:.15g}",
    "less_than_equal": "a number of at most {le:.15g}",
    "literal_error": "{expected}",
}

# What stands in the place of a whole entry, where it has one form.
_FORMS: Mapping[type[BaseModel], str] = {
    CheckEntry: "a mapping: {metric: psnr, min: 27}",
    BaselineEntry: "a mapping: {recorded: baselines/NAME.json}",
}


def validated(
    schema: type[_Schema], node: Node, owner: Node, what: str, problems: Problems
) -> _Schema | None:
    """An entry as its schema's object, or None after its problems were added.

    Args:
        schema: What the entry should be.
        node: The entry.
        owner: What names the entry: the place to show when a key is missing.
        what: The entry in words, for messages: ``the model candidate``.
        problems: Gets what is wrong.
    """
    if not isinstance(node.value, dict):
        problems.add(
            "wrong-type",
            f"{what} is not a mapping",
            node if node.text or node.value is not None else owner,
            expected=_FORMS.get(schema, "a mapping (key: value)"),
            found=described(node),
        )
        return None
    try:
        return schema.model_validate(plain(node))
    except ValidationError as error:
        _add_all(error, schema, node, owner, what, problems)
        return None


def validated_args(
    schema: type[BaseModel], node: Node | None, owner: Node, what: str, problems: Problems
) -> dict[str, Any] | None:
    """Arguments with their defaults, or None after their problems were added.

    They are validated as JSON, in which a list may become a tuple although the schema is strict.
    """
    values = plain(node) if node is not None else {}
    text = json.dumps(values, sort_keys=True)
    try:
        return copy.deepcopy(_dumped_args(schema, text))
    except ValidationError as error:
        _add_all(error, schema, node or owner, owner, what, problems)
        return None


@lru_cache(maxsize=1024)
def _dumped_args(schema: type[BaseModel], text: str) -> dict[str, Any]:
    return schema.model_validate_json(text).model_dump(mode="json")


def described(node: Node) -> str:
    """What stands somewhere, for the line ``found:``."""
    value = node.value
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return node.text
    return f"the number {node.text}"


def _add_all(
    error: ValidationError, schema: type[BaseModel], node: Node, owner: Node, what: str, problems: Problems
) -> None:
    # The branches of a union each give an error, at a location with the branch's name: told as one.
    grouped: dict[_Path, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        grouped.setdefault(_path_in(node, details), []).append(details)
    misspelt = _misspelt(grouped, schema)
    above = {path[:length] for path in grouped for length in range(1, len(path))}
    for path, errors in grouped.items():
        # Where something inside a value is wrong, one branch of the union did fit the value itself.
        if path in above:
            continue
        kind = errors[0]["type"]
        if kind == "extra_forbidden":
            _add_unknown_key(path, _schema_at(schema, path[:-1]), node, what, problems)
        elif kind == "missing" and path not in misspelt:
            _add_missing_key(path, _schema_at(schema, path[:-1]), node, owner, what, problems)
        elif kind != "missing":
            _add_wrong_value(path, errors, node, what, problems)


def _path_in(node: Node, details: ErrorDetails) -> _Path:
    """The location without the names of union branches, which are no part of the file."""
    path: list[str | int] = []
    for part in details["loc"]:
        value = node.value
        if isinstance(value, dict) and part in value:
            node = value[part].node
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            node = value[part]
        elif details["type"] != "missing" or part != details["loc"][-1]:
            continue
        path.append(part)
    return tuple(path)


def _misspelt(grouped: Mapping[_Path, list[ErrorDetails]], schema: type[BaseModel]) -> set[_Path]:
    """The missing keys that are there in another spelling: one mistake is told once."""
    paths: dict[str, list[_Path]] = {"missing": [], "extra_forbidden": []}
    for path, errors in grouped.items():
        paths.setdefault(errors[0]["type"], []).append(path)
    return {
        missing
        for missing in paths["missing"]
        for extra in paths["extra_forbidden"][:MOST_PROBLEMS]
        if extra[:-1] == missing[:-1]
        and nearest(str(extra[-1]), _schema_at(schema, extra[:-1]).model_fields) == missing[-1]
    }


def _add_unknown_key(path: _Path, schema: type[BaseModel], node: Node, what: str, problems: Problems) -> None:
    key = str(path[-1])
    parent = lookup(node, path[:-1])
    # The words of other tools mean something in the language's own entries only.
    todo = (
        meant_key(key, lookup(node, path), schema)
        if issubclass(schema, WrittenEntry)
        else did_you_mean(key, schema.model_fields)
    )
    problems.add(
        "unknown-key",
        f"{_inside(path[:-1], what)} has an unknown key {quoted(key)}",
        parent.value[key].key if isinstance(parent.value, dict) else parent,
        todo=todo,
    )


def _add_missing_key(
    path: _Path, schema: type[BaseModel], node: Node, owner: Node, what: str, problems: Problems
) -> None:
    key = str(path[-1])
    problems.add(
        "missing-key",
        f"{_inside(path[:-1], what)} has no {quoted(key)}",
        lookup(node, path[:-1]) if len(path) > 1 else owner,
        expected=_field_in_words(key, schema.model_fields[key]),
    )


def _add_wrong_value(
    path: _Path, errors: Sequence[ErrorDetails], node: Node, what: str, problems: Problems
) -> None:
    at = lookup(node, path)
    subject = _inside(path, what)
    if errors[0]["type"] in ("value_error", "assertion_error"):
        problems.add("wrong-value", f"{subject}: {errors[0]['ctx']['error']}", at)
        return
    parent = lookup(node, path[:-1])
    if not at.text and at.value is None and path and isinstance(parent.value, dict):
        # Nothing stands there to point at.
        at = parent.value[path[-1]].key._replace(value=None, text="")
    expected = " or ".join(dict.fromkeys(_expected(details) for details in errors))
    code, todo = code_and_todo(errors, at, str(path[-1]) if path else "")
    problems.add(code, f"{subject} is not {expected}", at, expected=expected, found=described(at), todo=todo)


def _inside(path: _Path, what: str) -> str:
    return f"{'.'.join(str(part) for part in path)} of {what}" if path else what


def _schema_at(schema: type[BaseModel], path: _Path) -> type[BaseModel]:
    """The schema nested in another at a path (``tiny`` in a model's)."""
    for part in path:
        field = schema.model_fields.get(str(part))
        kinds = (get_args(field.annotation) or (field.annotation,)) if field else ()
        schema = next(
            (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), schema
        )
    return schema


def _field_in_words(key: str, field: FieldInfo) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    if choices:
        return f"{key}: one of {listed(str(choice) for choice in choices)}"
    return f"{key}: {field.description}" if field.description else f"{key}: …"


def _expected(details: ErrorDetails) -> str:
    kind = details["type"]
    context = details.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return EXPECTED_FORMS.get(context["pattern"], f"text of the form {context['pattern']}")
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context)
    return details["msg"][0].lower() + details["msg"][1:]
