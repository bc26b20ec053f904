"""Specs made by hypothesis: valid ones are read as they are meant, damaged ones never as something else."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_modelqa.spec import SpecError, json_schema, read_spec
from pytest_modelqa.spec.composing import compose
from pytest_modelqa.spec.nodes import plain
from pytest_modelqa.spec.schema import CheckEntry, DatasetEntry, EvaluationEntry, ModelEntry

if TYPE_CHECKING:
    from pytest_modelqa.spec.catalogue import Catalogue
    from pytest_modelqa.spec.resolved import Spec

SLOW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
FRACTIONS = st.floats(0.001, 0.999)
NAMES = {kind: [f"{kind}_{number}" for number in range(2)] for kind in ("model", "dataset", "evaluation")}


def optional(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def merged(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda dicts: {key: value for each in dicts for key, value in each.items()})


MODEL = merged(
    st.fixed_dictionaries({"build": st.sampled_from(["model:Net", "package.module:make.net"])}),
    optional(
        {
            "args": st.dictionaries(WORDS, VALUES, max_size=3),
            "checkpoint": st.sampled_from(["best.safetensors", "../run 1/x.pt", "/data/x.pt", None]),
            "format": st.sampled_from(["safetensors", "torch"]),
            "sha256": st.sampled_from(["0" * 64, "sha256:" + "A" * 64]),
            "allow_globals": st.just(["argparse.Namespace"]),
        }
    ),
)
DATASET = merged(
    st.fixed_dictionaries({"role": st.sampled_from(["train", "validation", "test"])}),
    st.one_of(
        st.just({"load": "data:test", "files": ["a.npz", "b/*.npz"]}),
        st.just({"load": "data:test", "args": {"split": "test"}, "sha256": "1" * 64}),
        st.just({"path": "data/test.npz"}),
    ),
    optional({"limit": st.integers(1, 10**9), "split": WORDS}),
)
ACCURACY_BOUND = st.one_of(
    FRACTIONS.map(lambda value: {"min": value}),
    FRACTIONS.map(lambda value: {"max": value}),
    st.tuples(FRACTIONS, FRACTIONS).map(lambda pair: {"min": min(pair), "max": max(pair)}),
    FRACTIONS.map(lambda value: {"max_degradation": value, "baseline": "constant"}),
    FRACTIONS.map(lambda value: {"max_degradation": 100 * value, "unit": "percent", "baseline": "constant"}),
    st.floats(0, 99.9).map(lambda value: {"max_degradation_percent": value, "baseline": "raw_pixels"}),
    st.floats(1e-6, 1e6).map(lambda value: {"min_improvement_percent": value, "baseline": "recorded"}),
    FRACTIONS.map(lambda value: {"max_difference": value, "baseline": "recorded", "paired": False}),
)
CHECK = merged(
    st.one_of(
        merged(st.just({"metric": "accuracy"}), ACCURACY_BOUND),
        st.floats(0, 1e9).map(lambda value: {"metric": "log_loss", "max": value}),
        st.integers(1, 9).map(lambda k: {"metric": "top_k_accuracy", "args": {"k": k}, "min": 0.5}),
    ),
    optional(
        {
            "slices": st.sampled_from(["label", {"label": ["walk", "turn"]}, {"label": None, "site": [1]}]),
            "min_samples": st.integers(1, 10**6),
            "severity": st.sampled_from(["error", "warn"]),
            "marks": st.just(["slow"]),
        }
    ),
)
OPTIONS = optional(
    {
        "batch_size": st.integers(1, 4096) | st.just("auto"),
        "device": st.sampled_from(["auto", "cpu", "cuda", "cuda:7"]),
        "precision": st.sampled_from(["float32", "float16", "bfloat16"]),
        "deterministic": st.booleans(),
        "seed": st.integers(0, 2**32 - 1),
        "deadline": st.floats(0.1, 1e6) | st.integers(1, 10**6),
        "marks": st.lists(WORDS.filter(str.isidentifier), max_size=2),
    }
)


def numbered(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Checks whose ids differ; min and max in one evaluation are kept apart by their slices."""
    return [{**check, "id": f"check-{number}", "slices": f"s{number}"} for number, check in enumerate(checks)]


EVALUATION = merged(
    st.fixed_dictionaries(
        {
            "task": st.just("classification"),
            "model": st.sampled_from(NAMES["model"]),
            "dataset": st.sampled_from(NAMES["dataset"]),
            "checks": st.lists(CHECK, min_size=1, max_size=1)
            | st.lists(CHECK, min_size=1, max_size=4).map(numbered),
        }
    ),
    OPTIONS,
    optional({"args": st.just({"input": "x", "output": 1})}),
)


def named(kind: str, entry: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict.fromkeys(NAMES[kind], entry))


SPECS = merged(
    st.fixed_dictionaries(
        {
            "modelqa": st.just(1),
            "models": named("model", MODEL),
            "datasets": named("dataset", DATASET),
            "baselines": st.just({"recorded": {"recorded": "baselines/old.json"}}),
            "evaluations": named("evaluation", EVALUATION),
        }
    ),
    optional(
        {
            "name": WORDS,
            "description": st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=30),
            "tags": st.lists(WORDS, max_size=2),
            "goals": st.just({"shown": "evaluation_0", "open": None, "later": "missing"}),
            "defaults": OPTIONS,
        }
    ),
)


class _Quoting(yaml.SafeDumper):
    """Quotes every text that is a value, as PyYAML does not know what is a number in YAML 1.2."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Quoting.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def written(document: Any, style: str) -> str:
    if style == "json":
        return json.dumps(document, ensure_ascii=False)
    return yaml.dump(
        document, Dumper=_Quoting, default_flow_style=style == "flow", allow_unicode=True, sort_keys=False
    )


STYLES = st.sampled_from(["json", "flow", "block"])
PIECES = ["", "\n", " ", "-", ":", "{", "}", "[", '"', "0", "e", "\t", "#", "&a", "*a"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="module")
def validator(catalogue: Catalogue) -> Any:
    return jsonschema.Draft202012Validator(json_schema(catalogue))


def read(folder: Path, text: str, catalogue: Catalogue) -> Spec:
    path = folder / "a.modelspec.yaml"
    path.write_text(text, encoding="utf-8")
    return read_spec(path, catalogue, environment={})


@SLOW
@given(document=SPECS, style=STYLES)
def test_a_valid_spec_is_read_as_it_is_meant(
    folder: Path, catalogue: Catalogue, validator: Any, document: dict[str, Any], style: str
) -> None:
    spec = read(folder, written(document, style), catalogue)

    validator.validate(document)
    defaults = document.get("defaults", {})
    assert spec.name == document.get("name", "a")
    assert list(spec.models) == list(document["models"])
    for name, entry in document["evaluations"].items():
        evaluation = spec.evaluations[name]
        assert evaluation.batch_size == entry.get("batch_size", defaults.get("batch_size", "auto"))
        assert evaluation.seed == entry.get("seed", defaults.get("seed", 0))
        assert evaluation.deadline == entry.get("deadline", defaults.get("deadline"))
        assert evaluation.args["input"] == entry.get("args", {}).get("input", "image")
        assert len({check.id for check in evaluation.checks}) == len(entry["checks"])
        for check, one in zip(evaluation.checks, entry["checks"], strict=True):
            assert check.severity == one.get("severity", "error")
            assert check.min_samples == one.get("min_samples", 1)
            assert check.sentence.startswith(check.metric)
            assert_same_bound(check, one)


def assert_same_bound(check: Any, one: dict[str, Any]) -> None:
    scale = 100 if one.get("unit") == "percent" else 1
    if "min" in one:
        assert check.bound.minimum == one["min"]
    if "max" in one:
        assert check.bound.maximum == one["max"]
    for key in ("max_degradation", "max_difference", "max_degradation_percent", "min_improvement_percent"):
        if key in one:
            assert check.bound.kind == key
            assert check.bound.amount == pytest.approx(one[key] / scale, rel=1e-15)
            assert check.baseline == one["baseline"]


@SLOW
@given(document=SPECS)
def test_a_valid_entry_survives_its_schema(document: dict[str, Any]) -> None:
    for schema, section in (
        (ModelEntry, "models"),
        (DatasetEntry, "datasets"),
        (EvaluationEntry, "evaluations"),
    ):
        for entry in document[section].values():
            assert schema.model_validate(entry).model_dump(exclude_unset=True) == entry
            for check in entry.get("checks", []):
                assert CheckEntry.model_validate(check).model_dump(exclude_unset=True) == check


@SLOW
@given(document=SPECS, style=STYLES)
def test_the_way_of_writing_changes_nothing(
    folder: Path, catalogue: Catalogue, document: dict[str, Any], style: str
) -> None:
    one = dataclasses.asdict(read(folder, written(document, "json"), catalogue))
    other = dataclasses.asdict(read(folder, written(document, style), catalogue))

    assert without_places(one) == without_places(other)


def without_places(value: Any) -> Any:
    if isinstance(value, dict):
        left_out = ("position", "sha256", "warnings")
        return {key: without_places(item) for key, item in value.items() if key not in left_out}
    return [without_places(item) for item in value] if isinstance(value, (list, tuple)) else value


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, (dict, list)) and "args" not in (*path, key):
            found += paths(item, (*path, key))
    return found


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


@SLOW
@given(document=SPECS, data=st.data())
def test_an_unknown_key_is_never_accepted(
    folder: Path, catalogue: Catalogue, validator: Any, document: dict[str, Any], data: st.DataObject
) -> None:
    mappings = [path for path in paths(document) if isinstance(at(document, path), dict)]
    path = data.draw(st.sampled_from(mappings))
    key = data.draw(st.from_regex(r"x[a-z ]{3,9}x", fullmatch=True))
    damaged = copy.deepcopy(document)
    # In a section a new name is legal, and its value is then no entry; so is a goal and a slice.
    at(damaged, path)[key] = {"xx": 1}

    with pytest.raises(SpecError):
        read(folder, written(damaged, "block"), catalogue)
    assert not validator.is_valid(damaged)


@SLOW
@given(document=SPECS, data=st.data())
def test_a_value_of_another_type_is_never_accepted(
    folder: Path, catalogue: Catalogue, document: dict[str, Any], data: st.DataObject
) -> None:
    path = data.draw(
        st.sampled_from([path for path in paths(document) if isinstance(at(document, path), dict)])
    )
    damaged = copy.deepcopy(document)
    mapping = at(damaged, path)
    key = data.draw(st.sampled_from(sorted(mapping)))
    # A list in a mapping's place, a mapping in a scalar's or a list's.
    mapping[key] = [[0]] if isinstance(mapping[key], dict) else {"xx": {"x": [[0]]}}

    with pytest.raises(SpecError):
        read(folder, written(damaged, "flow"), catalogue)


@SLOW
@given(document=SPECS, style=STYLES, data=st.data())
def test_damaged_text_gives_an_error_or_a_spec_that_says_what_the_text_says(
    folder: Path,
    catalogue: Catalogue,
    validator: Any,
    document: dict[str, Any],
    style: str,
    data: st.DataObject,
) -> None:
    text = written(document, style)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 6))
        piece = data.draw(
            st.sampled_from(["", "\n", " ", "-", ":", "{", "}", "[", '"', "0", "e", "\t", "#", "&a", "*a"])
        )
        text = text[:place] + piece + text[place + length :]
    spec = attempt(folder, text, catalogue)
    if isinstance(spec, SpecError):
        assert spec.problems
        assert_places_are_in(text, spec)
        return

    root = compose(text, lambda *args, **labels: pytest.fail("accepted in spite of a problem"))
    assert root is not None
    said = plain(root)
    validator.validate(said)
    assert {name: model.build for name, model in spec.models.items()} == {
        name: entry["build"] for name, entry in (said["models"] or {}).items()
    }
    for name, entry in said["evaluations"].items():
        for check, one in zip(spec.evaluations[name].checks, entry.get("checks", []), strict=True):
            assert_same_bound(check, one)


def attempt(folder: Path, text: str, catalogue: Catalogue) -> Spec | SpecError:
    try:
        return read(folder, text, catalogue)
    except SpecError as error:
        return error


def assert_places_are_in(text: str, error: SpecError) -> None:
    lines = text.split("\n")
    for problem in error.problems:
        if problem.position is not None:
            assert 1 <= problem.position.line <= len(lines)
            assert 1 <= problem.position.column <= len(lines[problem.position.line - 1]) + 1


@SLOW
@given(data=st.binary(max_size=200))
def test_bytes_are_never_more_than_an_error(folder: Path, catalogue: Catalogue, data: bytes) -> None:
    path = folder / "b.modelspec.yaml"
    path.write_bytes(data)

    with pytest.raises(SpecError) as caught:
        read_spec(path, catalogue, environment=os.environ)
    assert str(caught.value)
