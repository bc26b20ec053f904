"""The JSON Schema of ``run.json``, made from the classes that it is written from, with their own descriptions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from ..judging.verdict import Line, Side, Verdict
from .conclusion import Conclusion, Planned, Result
from .run_record import RUN_RECORD_VERSION, ReadEvaluation, ReadSpec, RunRecord

_CLASSES = (RunRecord, ReadSpec, ReadEvaluation, Planned, Result, Conclusion, Verdict, Line, Side)
_TEXT = {"type": "string"}
_SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_FILE = {
    "type": "object",
    "required": ["path", "sha256", "size"],
    "additionalProperties": False,
    "properties": {"path": _TEXT, "sha256": _SHA256, "size": {"type": "integer", "minimum": 0}},
}
_ERROR_FIELDS = ("error", "what", "where", "expected", "found", "todo", "details")


def run_schema() -> dict[str, Any]:
    """The schema, draft 2020-12. Readers should take further fields for those of a later version."""
    definitions: dict[str, Any] = {}
    for each in _CLASSES:
        made = TypeAdapter(each).json_schema(schema_generator=_Written, ref_template="#/$defs/{model}")
        definitions |= made.pop("$defs", {})
        definitions[each.__name__] = made
    for each in _CLASSES:
        _describe(definitions[each.__name__], each)
    _refine(definitions)
    record = definitions.pop("RunRecord")
    record["properties"] = {
        "modelqa_run": {"const": RUN_RECORD_VERSION, "description": "The version of this form."},
        **record["properties"],
        "sha256": {
            **_SHA256,
            "description": "Of all other fields as canonical JSON: the record's own digest.",
        },
    }
    record["required"] = list(record["properties"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **record,
        "title": "run.json of pytest-modelqa",
        "$defs": definitions,
    }


class _Written(GenerateJsonSchema):
    """Of what is written: fields with a default are there too."""

    def field_is_required(self, *arguments: Any, **keywords: Any) -> bool:
        """Every field is written."""
        return True


def _describe(schema: dict[str, Any], kind: type) -> None:
    """Takes the description of each field from the class's own docstring, and allows no field that is not there."""
    assert is_dataclass(kind)
    text = inspect.getdoc(kind) or ""
    schema["description"] = text.partition("\n")[0]
    schema["additionalProperties"] = False
    for field in schema["properties"].values():
        field.pop("title", None)
        field.pop("default", None)
    for name, words in _attributes(text).items():
        if name in schema["properties"]:
            schema["properties"][name]["description"] = words


def _attributes(docstring: str) -> Mapping[str, str]:
    """The entries under ``Attributes:``.

    >>> _attributes("Words.\\n\\nAttributes:\\n    a: One\\n        and more.\\n    b: Two.")
    {'a': 'One and more.', 'b': 'Two.'}
    """
    _, _, entries = docstring.partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", entries, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def _refine(definitions: dict[str, Any]) -> None:
    """Says what the classes leave open: a verdict is of a check that was judged, or of one that could not be."""
    judged = definitions.pop("Verdict")
    judged["properties"]["confidence"] = {
        "description": "What the check asks for; null: the value decides.",
        "anyOf": [{"type": "number"}, {"type": "null"}],
    }
    judged["properties"]["worst"] = {"anyOf": [{"$ref": "#/$defs/Line"}, {"type": "null"}]}
    judged["properties"]["evidence"] = {
        "type": "object",
        "description": "Where the numbers came from, under candidate… and baseline….",
        "additionalProperties": {"$ref": "#/$defs/Evidence"},
    }
    shown = ("slice", "value", "bound", "margin", "n")
    judged["properties"]["shown"] = {
        "type": "object",
        "description": "The deciding line as tables show it.",
        "required": list(shown),
        "additionalProperties": False,
        "properties": dict.fromkeys(shown, _TEXT),
    }
    judged["required"] = list(judged["properties"])
    judged["properties"]["lines"]["items"] = {"$ref": "#/$defs/Line"}
    definitions["Judged"] = judged
    definitions["Unjudged"] = _unjudged()
    definitions["Answered"] = _answered()
    definitions["Evidence"] = _evidence()
    definitions["Result"]["properties"]["verdict"] = {
        "anyOf": [
            {"$ref": "#/$defs/Judged"},
            {"$ref": "#/$defs/Unjudged"},
            {"$ref": "#/$defs/Answered"},
            {"type": "null"},
        ]
    }


def _unjudged() -> dict[str, Any]:
    error = {name: {"type": ["string", "null"]} for name in _ERROR_FIELDS}
    return {
        "type": "object",
        "description": "Why a check could not be judged.",
        "required": ["outcome", "headline", "sentence", "error"],
        "additionalProperties": False,
        "properties": {
            "outcome": {"const": "ERROR"},
            "headline": _TEXT,
            "sentence": _TEXT,
            "error": {
                "type": "object",
                "required": list(_ERROR_FIELDS),
                "additionalProperties": False,
                "properties": error,
            },
        },
    }


def _answered() -> dict[str, Any]:
    said = {name: {"type": ["string", "null"]} for name in _ERROR_FIELDS}
    return {
        "type": "object",
        "description": "What a question of the preflight found, or the checks that decide a goal.",
        "required": ["outcome", "headline", "sentence", "findings"],
        "additionalProperties": False,
        "properties": {
            "outcome": {"enum": ["PASS", "FAIL", "INCONCLUSIVE"]},
            "headline": _TEXT,
            "sentence": _TEXT,
            "findings": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["severity", *_ERROR_FIELDS],
                    "additionalProperties": False,
                    "properties": {"severity": {"enum": ["error", "warning", "note"]}, **said},
                },
            },
        },
    }


def _evidence() -> dict[str, Any]:
    """A side that was measured has a key; one that was only recorded has the path of its file."""
    measured = ("key", "record", "measured", "device", "samples", "inputs", "code", "how", "reused", "role")
    return {
        "type": "object",
        "description": "A model as it was measured, or a baseline as it was recorded.",
        "required": ["name"],
        "anyOf": [{"required": ["measures_a_model", *measured]}, {"required": ["recorded", "made_by"]}],
        "properties": {
            "name": _TEXT,
            "coordinates": {"type": "object", "description": "Of a checkpoint of a grid."},
            "measures_a_model": {"type": "boolean"},
            "role": {"enum": ["train", "validation", "test", None]},
            "key": {**_SHA256, "description": "Of the evaluation: what its records are found by."},
            "record": _TEXT,
            "reused": {"type": "boolean", "description": "Measured by an earlier run."},
            "measured": {**_TEXT, "description": "UTC, ISO 8601."},
            "device": {
                "type": "object",
                "required": ["type", "name"],
                "properties": {"type": _TEXT, "name": _TEXT},
            },
            "samples": {"type": "integer", "minimum": 0},
            "inputs": {"type": "object", "additionalProperties": {"type": "array", "items": _FILE}},
            "code": {"type": "array", "items": _FILE},
            "how": {"type": "object", "description": "Batch size, precision, seconds."},
            "recorded": {**_TEXT, "description": "The file of a recorded baseline."},
            "made_by": {"type": "object"},
        },
    }
