"""The language as a JSON Schema (draft 2020-12), for editors and for validators other than this package."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .catalogue import Catalogue, MetricDeclaration, TaskDeclaration
from .forms import NAME_PATTERN
from .schema import (
    BaselineEntry,
    CheckEntry,
    ControlEntry,
    DatasetEntry,
    DefaultsEntry,
    EvaluationEntry,
    Header,
    ModelEntry,
)
from .support import KINDS, NOT_SUPPORTED_YET

_EXAMPLE: dict[str, Any] = {
    "modelqa": 1,
    "name": "digits",
    "models": {"candidate": {"build": "model:Classifier", "checkpoint": "checkpoints/best.safetensors"}},
    "datasets": {"test": {"load": "data:digits", "files": ["data/*.npz"], "role": "test"}},
    "evaluations": {
        "classification": {
            "task": "classification",
            "model": "candidate",
            "dataset": "test",
            "checks": [{"metric": "accuracy", "min": 0.9}],
        }
    },
}
_ENTRIES = (
    Header,
    ModelEntry,
    DatasetEntry,
    BaselineEntry,
    EvaluationEntry,
    CheckEntry,
    DefaultsEntry,
    ControlEntry,
)


def json_schema(
    catalogue: Catalogue, not_supported_yet: frozenset[str] = NOT_SUPPORTED_YET
) -> dict[str, Any]:
    """The schema of a spec with the metrics and tasks of a catalogue.

    What needs more than one place of the file (names, units, ranges) is checked by ``read_spec`` alone.
    """
    args = {task.args for task in catalogue.tasks.values()}
    args |= {metric.args for metric in catalogue.metrics.values()}
    schemas: list[type[BaseModel]] = [
        *_ENTRIES,
        *sorted(args, key=lambda schema: (schema.__module__, schema.__qualname__)),
    ]
    references, result = models_json_schema(
        [(schema, "validation") for schema in schemas], ref_template="#/$defs/{model}"
    )
    definitions: dict[str, Any] = _without_titles(result["$defs"])
    reference = {schema: references[schema, "validation"] for schema in schemas}
    for kind, schema in KINDS.items():
        _restrict(definitions[schema.__name__], kind, not_supported_yet)
    _restrict(definitions["DefaultsEntry"], "evaluation", not_supported_yet)
    _restrict(definitions["DefaultsEntry"], "check", not_supported_yet)
    evaluation, check = definitions["EvaluationEntry"], definitions["CheckEntry"]
    evaluation["properties"]["checks"]["items"] = {"$ref": "#/$defs/CheckEntry"}
    evaluation["allOf"] = [_args_of("task", task, reference[task.args]) for task in catalogue.tasks.values()]
    check["allOf"] = [
        _args_of("metric", metric, reference[metric.args]) for metric in catalogue.metrics.values()
    ]
    check["oneOf"] = _one_bound()
    for name in ("EvaluationEntry", "DefaultsEntry"):
        definitions[name]["properties"]["task"]["enum"] = [*catalogue.tasks, None]
    for name in ("CheckEntry", "DefaultsEntry"):
        definitions[name]["properties"]["metric"]["enum"] = [*catalogue.metrics, None]
    return _document(definitions, not_supported_yet)


def _document(definitions: dict[str, Any], not_supported_yet: frozenset[str]) -> dict[str, Any]:
    header = definitions.pop("Header")["properties"]
    header["modelqa"] = {"const": 1, "description": "The version of the spec language."}
    goal = {"type": ["string", "null"], "description": "The evaluation that shows it."}
    sections = {
        "goals": _section(goal, "What the experiment set out to show, and the evaluation that shows it."),
        "defaults": {
            "anyOf": [{"$ref": "#/$defs/DefaultsEntry"}, {"type": "null"}],
            "description": "What evaluations and checks are, unless they say otherwise.",
        },
        "models": _section({"$ref": "#/$defs/ModelEntry"}, "How each model is built and loaded."),
        "datasets": _section({"$ref": "#/$defs/DatasetEntry"}, "How each dataset is read."),
        "baselines": _section({"$ref": "#/$defs/BaselineEntry"}, "Baselines that were measured earlier."),
        "evaluations": {
            **_section({"$ref": "#/$defs/EvaluationEntry"}, "Model × dataset × task, and what must hold."),
            "type": "object",
            "minProperties": 1,
        },
    }
    if "spec.controls" not in not_supported_yet:
        sections["controls"] = _section(
            {"$ref": "#/$defs/ControlEntry"}, "Known-bad models that checks must fail."
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A model spec of pytest-modelqa",
        "description": "What a model must hold before it is released; every check is one pytest item.",
        "type": "object",
        "properties": {**header, **sections},
        "required": ["modelqa", "evaluations"],
        "additionalProperties": False,
        "examples": [_EXAMPLE],
        "$defs": definitions,
    }


def _section(entry: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": ["object", "null"],
        "description": description,
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": entry,
    }


def _args_of(key: str, declaration: TaskDeclaration | MetricDeclaration, reference: Any) -> dict[str, Any]:
    """Which arguments go with a task or a metric."""
    then: dict[str, Any] = {"properties": {"args": reference}}
    if any(field.is_required() for field in declaration.args.model_fields.values()):
        then["required"] = ["args"]
    return {"if": {"properties": {key: {"const": declaration.name}}, "required": [key]}, "then": then}


def _one_bound() -> list[dict[str, Any]]:
    rest = [key for key in CheckEntry.BOUND_KEYS if key not in ("min", "max")]
    either = {"anyOf": [{"required": ["min"]}, {"required": ["max"]}]}
    return [either, *({"required": [key]} for key in rest)]


def _restrict(definition: dict[str, Any], kind: str, not_supported_yet: frozenset[str]) -> None:
    """Leaves of a key without machinery only its default."""
    for key, schema in definition["properties"].items():
        if f"{kind}.{key}" in not_supported_yet:
            description = f"Not supported yet. {schema.get('description', '')}".strip()
            definition["properties"][key] = {"const": schema.get("default"), "description": description}


def _without_titles(schema: Any) -> Any:
    """pydantic derives a title from every name, which tells a reader nothing."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _without_titles(item) for name, item in value.items()}
        if key == "properties"
        else _without_titles(value)
        for key, value in schema.items()
        if key != "title" or not isinstance(value, str)
    }
