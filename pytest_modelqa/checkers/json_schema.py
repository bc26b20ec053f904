"""The checker ``json_schema``: a text is JSON of a given schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import strict_json
from ..errors import EvaluationError, MissingDependencyError
from .checker import PASSED, Outcome
from .declarations import JsonSchemaArgs
from .fences import fenced

# Python's stack takes a text of some 100 levels under a schema that refers to itself, and none under an endless one.
_DEEP = 30


def json_schema(args: JsonSchemaArgs) -> Callable[[Sequence[str], Mapping[str, Any]], list[Outcome]]:
    """Passes a text that is JSON (RFC 8259: a name once, no NaN) and valid under the schema.

    Raises:
        MissingDependencyError: The package jsonschema is not installed.
        EvaluationError: The schema is none.
    """
    problem_of = _validator(dict(args.definition))

    def one(text: str) -> Outcome:
        chosen = text if args.extract == "text" else fenced(text, last=True)
        if chosen is None:
            return Outcome(False, "no fenced block in it")
        try:
            value = strict_json.loads(chosen)
        except (ValueError, RecursionError) as error:
            return Outcome(False, f"no JSON: {error}"[:120])
        try:
            problem = problem_of(value)
        except RecursionError as error:
            depth = _depth(value)
            if depth > _DEEP:
                return Outcome(False, f"nested {depth} deep, too deep to be checked")
            raise EvaluationError(
                "the schema of the checker refers to itself without an end",
                expected="references that lead on into the text, such as that of items",
                found=f"no decision on {chosen[:80]!r}",
                todo='remove the reference that leads back to where it stands, such as {"$ref": "#"}',
            ) from error
        return PASSED if problem is None else Outcome(False, f"{problem.json_path}: {problem.message}"[:120])

    return lambda texts, _sample: [one(text) for text in texts]


def _validator(definition: dict[str, Any]) -> Callable[[Any], Any]:
    """From a value to the first problem that it has under the schema, or None."""
    try:
        import jsonschema
        import referencing
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "the checker json_schema needs the package jsonschema, which is not installed",
            todo="pip install 'pytest-modelqa[checkers]'",
        ) from error
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

    def problem_of(value: Any) -> Any:
        try:
            return next(validator.iter_errors(value), None)
        except referencing.exceptions.Unresolvable as error:
            raise EvaluationError(
                f"the schema of the checker refers to what is not in it: {error}",
                todo="write the definition out under $defs; nothing is fetched",
            ) from error

    return problem_of


def _depth(value: Any) -> int:
    """How deep lists and objects are nested.

    >>> _depth(1), _depth([]), _depth([1, {"a": [2]}])
    (0, 1, 3)
    """
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, list | dict)]:
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth
