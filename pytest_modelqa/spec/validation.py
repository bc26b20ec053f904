"""Entries against their schemas: every error of pydantic as a problem in the words of this language."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .nodes import Entry, Node, core_value, lookup, plain
from .problems import Problems
from .schema import EXPECTED_FORMS
from .spelling import OTHER_WORDS, did_you_mean, nearest, quoted

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
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "{expected}",
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
            expected="a mapping (key: value)",
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
        return dict(_dumped_args(schema, text))
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
    for details in error.errors(include_url=False, include_context=True):
        grouped.setdefault(_path_in(node, details), []).append(details)
    deepest = [path for path in grouped if not any(p != path and p[: len(path)] == path for p in grouped)]
    for path in deepest or grouped:
        _add(path, grouped[path], schema, node, owner, what, problems)


def _path_in(node: Node, details: ErrorDetails) -> _Path:
    """The location without the names of union branches, which are no part of the file."""
    path: list[str | int] = []
    for part in details["loc"]:
        value = node.value
        if isinstance(value, dict) and part in value:
            node = value[part].node
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            node = value[part]
        elif details["type"] == "missing" and part == details["loc"][-1]:
            pass
        else:
            continue
        path.append(part)
    return tuple(path)


def _add(
    path: _Path,
    errors: Sequence[ErrorDetails],
    schema: type[BaseModel],
    node: Node,
    owner: Node,
    what: str,
    problems: Problems,
) -> None:
    first = errors[0]
    key = ".".join(str(part) for part in path) or what
    if first["type"] == "extra_forbidden":
        _add_unknown_key(path, schema, node, what, problems)
    elif first["type"] == "missing":
        parent = lookup(node, path[:-1]) if len(path) > 1 else owner
        problems.add("missing-key", f"{what} has no '{key}'", parent, expected=_about(schema, path))
    elif first["type"] == "value_error":
        problems.add("wrong-value", f"{key} of {what}: {first['ctx']['error']}", lookup(node, path))
    else:
        at = lookup(node, path)
        expected = " or ".join(dict.fromkeys(_expected(details) for details in errors))
        code, todo = _code_and_todo(first["type"], at)
        problems.add(
            code,
            f"{key} of {what} is not {expected}" if path else f"{what} is not {expected}",
            at if at.text or at.value is not None else _key_of(node, path) or at,
            expected=expected,
            found=described(at),
            todo=todo,
        )


def _add_unknown_key(path: _Path, schema: type[BaseModel], node: Node, what: str, problems: Problems) -> None:
    key = str(path[-1])
    known = _fields_at(schema, path[:-1])
    todo = None
    if nearest(key, known) is None:
        todo = OTHER_WORDS.get(key)
    problems.add(
        "unknown-key",
        f"{what} has an unknown key {quoted(key)}",
        _key_of(node, path) or lookup(node, path),
        todo=todo or did_you_mean(key, known),
    )


def _key_of(node: Node, path: _Path) -> Node | None:
    parent = lookup(node, path[:-1]) if path else node
    entry = parent.value.get(path[-1]) if path and isinstance(parent.value, dict) else None
    return entry.key if isinstance(entry, Entry) else None


def _fields_at(schema: type[BaseModel], path: _Path) -> list[str]:
    """The keys of the schema, or of the schema nested in it."""
    for part in path:
        field = schema.model_fields.get(str(part))
        nested = (
            [
                kind
                for kind in (getattr(field.annotation, "__args__", ()) or (field.annotation,))
                if field
                if isinstance(kind, type) and issubclass(kind, BaseModel)
            ]
            if field
            else []
        )
        if not nested:
            return []
        schema = nested[0]
    return list(schema.model_fields)


def _about(schema: type[BaseModel], path: _Path) -> str | None:
    for part in path[:-1]:
        del part
        return None
    field = schema.model_fields.get(str(path[-1]))
    return field.description if field else None


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


def _code_and_todo(kind: str, at: Node) -> tuple[str, str | None]:
    value = at.value
    if kind in ("float_type", "int_type", "int_from_float"):
        return "not-a-number", _number_hint(value, at) if isinstance(value, str) else None
    if kind == "finite_number":
        return "not-finite", "write the number that is meant"
    if kind == "string_type" and not isinstance(value, (dict, list)) and value is not None:
        return "wrong-type", f'write "{at.text}", in quotes, if that is meant'
    if kind == "bool_type" and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        return "wrong-type", f"write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return "out-of-range", None
    if kind in ("literal_error", "string_pattern_mismatch", "string_too_short"):
        return "wrong-value", None
    return "wrong-type", None


def _number_hint(text: str, at: Node) -> str | None:
    bare = text.strip()
    if at.quoted and bare and isinstance(core_value(bare), (int, float)):
        return "remove the quotes"
    if bare.endswith("%"):
        return f"write {bare[:-1].strip()} with unit: percent"
    stripped = bare.lstrip("<>=≥≤ ")
    if stripped != bare:
        return f"write {'max' if bare[0] in '<≤' else 'min'}: {stripped}, without an operator"
    for mark, replacement in (("_", ""), (",", "."), (" ", "")):
        other = bare.replace(mark, replacement)
        if other != bare and other and isinstance(core_value(other), (int, float)):
            return f"write {other}"
    return None
