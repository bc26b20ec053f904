"""The JSON Schema, through an independent validator: shipped specs are valid, wrong ones are not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from pytest_modelqa.spec import json_schema, read_spec
from pytest_modelqa.spec.composing import compose
from pytest_modelqa.spec.nodes import plain
from pytest_modelqa.tasks.registry import catalogue as real_catalogue

if TYPE_CHECKING:
    from pytest_modelqa.spec.catalogue import Catalogue

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "model_specs").rglob("*.modelspec.yaml"))
GOOD: dict[str, Any] = {
    "modelqa": 1,
    "models": {"m": {"build": "a:b"}},
    "datasets": {"d": {"load": "a:b", "role": "test"}},
    "evaluations": {
        "e": {
            "task": "classification",
            "model": "m",
            "dataset": "d",
            "args": {"outputs": "logits"},
            "checks": [{"metric": "top_k_accuracy", "args": {"k": 3}, "min": 0.9}],
        }
    },
}


@pytest.fixture(scope="module")
def schema(catalogue: Catalogue) -> dict[str, Any]:
    return json_schema(catalogue)


def test_the_schema_is_one_of_draft_2020_12(schema: dict[str, Any]) -> None:
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator.check_schema(json_schema(real_catalogue()))


@pytest.mark.parametrize("path", SHIPPED, ids=[path.name for path in SHIPPED])
def test_a_shipped_spec_is_valid_and_is_read(path: Path) -> None:
    root = compose(path.read_text(encoding="utf-8"), lambda *_, **__: pytest.fail("a problem"))
    assert root is not None

    jsonschema.Draft202012Validator(json_schema(real_catalogue())).validate(plain(root))
    assert read_spec(path, real_catalogue()).warnings == ()


def test_its_examples_are_valid(schema: dict[str, Any]) -> None:
    for example in schema["examples"]:
        jsonschema.Draft202012Validator(schema).validate(example)


WRONG: dict[str, tuple[tuple[Any, ...], Any]] = {
    "an unknown key": (("models", "m", "biuld"), "a:b"),
    "a missing key": (("datasets", "d"), {"load": "a:b"}),
    "another version": (("modelqa",), 2),
    "a number in quotes": (("evaluations", "e", "checks", 0, "min"), "0.9"),
    "no bound": (("evaluations", "e", "checks", 0), {"metric": "accuracy"}),
    "two bounds": (("evaluations", "e", "checks", 0, "max_degradation"), 1),
    "an empty bound": (("evaluations", "e", "checks", 0, "min"), None),
    "a negative difference": (
        ("evaluations", "e", "checks", 0),
        {"metric": "accuracy", "max_difference": -1},
    ),
    "no improvement": (("evaluations", "e", "checks", 0), {"metric": "accuracy", "min_improvement": 0}),
    "an unknown metric": (("evaluations", "e", "checks", 0, "metric"), "acuracy"),
    "an unknown task": (("evaluations", "e", "task"), "clasification"),
    "a wrong argument of a metric": (("evaluations", "e", "checks", 0, "args", "k"), 0),
    "an unknown argument of a task": (("evaluations", "e", "args", "inpt"), "x"),
    "a missing argument of a task": (("evaluations", "e", "task"), "linear_probe"),
    "a wrong device": (("evaluations", "e", "device"), "gpu"),
    "a wrong batch size": (("evaluations", "e", "batch_size"), 0),
    "a name that is none": (("models", "a b"), {"build": "a:b"}),
    "no attribute": (("models", "m", "build"), "model.Net"),
    "no evaluations": (("evaluations",), {}),
    "confidence in percent": (("evaluations", "e", "checks", 0, "confidence"), 95),
}


def test_a_good_document_is_valid(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema).validate(GOOD)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_document_is_not_valid(schema: dict[str, Any], name: str) -> None:
    path, value = WRONG[name]
    document = copy.deepcopy(GOOD)
    parent: Any = document
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = value

    assert not jsonschema.Draft202012Validator(schema).is_valid(document)


def test_a_key_without_machinery_is_valid_with_its_default_alone(catalogue: Catalogue) -> None:
    gated = jsonschema.Draft202012Validator(json_schema(catalogue, frozenset({"evaluation.repeats"})))
    lifted = jsonschema.Draft202012Validator(json_schema(catalogue, frozenset()))
    document = copy.deepcopy(GOOD)
    document["evaluations"]["e"]["repeats"] = 1
    assert gated.is_valid(document)

    document["evaluations"]["e"]["repeats"] = 3

    assert not gated.is_valid(document)
    assert lifted.is_valid(document)


def test_every_key_is_described(schema: dict[str, Any]) -> None:
    undescribed = [
        f"{name}.{key}"
        for name, definition in [("spec", schema), *schema["$defs"].items()]
        for key, value in definition.get("properties", {}).items()
        if "description" not in value
    ]

    assert undescribed == []


def test_the_schema_is_the_same_every_time(catalogue: Catalogue) -> None:
    assert json.dumps(json_schema(catalogue)) == json.dumps(json_schema(catalogue))
