"""The checker ``json_schema``: a text is JSON of a given schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from ..errors import EvaluationError, MissingDependencyError
from .checker import PASSED, Outcome
from .declarations import JsonSchemaArgs
from .fences import fenced


def json_schema(args: JsonSchemaArgs) -> Callable[[Sequence[str], Mapping[str, Any]], list[Outcome]]:
    """Passes a text that is JSON (RFC 8259: a name once, no NaN) and valid under the schema.

    Raises:
        MissingDependencyError: The package jsonschema is not installed.
        EvaluationError: The schema is none.
    """
    try:
        import jsonschema
        import referencing
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "the checker json_schema needs the package jsonschema, which is not installed",
            todo="pip install 'pytest-modelqa[checkers]'",
        ) from error
    definition = dict(args.definition)
    kind = jsonschema.validators.validator_for(definition, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(definition)
    except jsonschema.SchemaError as error:
        raise EvaluationError(
            f"the schema of the checker is no JSON Schema: {error.message}",
            where=error.json_path,
            todo="correct definition: in the checker's arguments",
        ) from error
    # An empty registry: a reference to elsewhere is an error, and nothing is fetched for it.
    validator = kind(definition, registry=referencing.Registry())

    def one(text: str) -> Outcome:
        chosen = text if args.extract == "text" else fenced(text, last=True)
        if chosen is None:
            return Outcome(False, "no fenced block in it")
        try:
            value = json.loads(chosen, object_pairs_hook=_unique, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            return Outcome(False, f"no JSON: {error}"[:120])
        try:
            problem = next(validator.iter_errors(value), None)
        except referencing.exceptions.Unresolvable as error:
            raise EvaluationError(
                f"the schema of the checker refers to what is not in it: {error}",
                todo="write the definition out under $defs; nothing is fetched",
            ) from error
        return PASSED if problem is None else Outcome(False, f"{problem.json_path}: {problem.message}"[:120])

    return lambda texts, _sample: [one(text) for text in texts]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
