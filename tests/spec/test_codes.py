"""Every code has a spec that gives it, alone, at the place that is wrong; and the docs list every code."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_modelqa.spec import SpecError, read_spec
from pytest_modelqa.spec.codes import CODES

if TYPE_CHECKING:
    from conftest import Reader
    from pytest_modelqa.spec.catalogue import Catalogue

DOCS = Path(__file__).parents[2] / "docs" / "errors.md"
CHECK = "{metric: accuracy, min: 0.9}"
DATASET = "    dataset: test\n"

# What to replace in the good spec, where the problem is then (line:column), and the first words about it.
EXAMPLES: dict[str, tuple[list[tuple[str, str]], str, str]] = {
    "control-character": ([("best", "be\u202est")], "3:47", "the character U+202E is not allowed in a spec"),
    "yaml-syntax": (
        [("{build", "[build")],
        "3:61",
        "the file is not YAML: did not find expected ',' or ']'",
    ),
    "directive": ([("modelqa: 1", "%YAML 1.1\n---\nmodelqa: 1")], "1:1", "a line begins with %"),
    "tag": ([("accuracy", "!!str accuracy")], "12:18", "the tag tag:yaml.org,2002:str is not allowed"),
    "second-document": (
        [("    checks:", "---\n    checks:")],
        "11:1",
        "the file holds a second YAML document",
    ),
    "duplicate-key": (
        [(DATASET, DATASET * 2)],
        "11:5",
        "'dataset' is given twice, on lines 10 and 11",
    ),
    "key-not-text": ([(DATASET, DATASET + "    1: x\n")], "11:5", "the key 1 is not text"),
    "unknown-alias": ([("accuracy", "*name")], "12:18", "*name refers to an anchor that does not exist"),
    "alias-cycle": ([("model:Net", "&a [*a]")], "3:26", "*a refers to the value that it stands in"),
    "too-deep": ([("model:Net", "[" * 40)], "3:59", "the spec is nested too deep"),
    "too-many-values": ([("model:Net", f"[{'1, ' * 100_000}]")], "3:", "the spec holds too many values"),
    "number-too-long": ([("0.9", "0." + "9" * 100)], "12:33", "a number has 102 characters"),
    "wrong-version": ([("modelqa: 1", "modelqa: 2")], "1:10", "the spec is written in another version"),
    "unknown-key": ([("role: test", "role: test, rol: x")], "5:58", "the dataset 'test' has an unknown key"),
    "missing-key": ([(", role: test", "")], "5:3", "the dataset 'test' has no 'role'"),
    "wrong-type": ([("[test.npz]", "test.npz")], "5:34", "files of the dataset 'test' is not a list"),
    "wrong-value": ([("role: test", "role: tset")], "5:52", "role of the dataset 'test' is not train,"),
    "not-a-number": ([("0.9", "high")], "12:33", "min of check 1 of digits is not a number"),
    "not-finite": ([("0.9", "-.inf")], "12:33", "min of check 1 of digits is not a finite number"),
    "bad-name": (
        [("  digits:", "  'all digits':")],
        "7:3",
        "'all digits' cannot be the name of an evaluation",
    ),
    "not-supported-yet": ([(DATASET, DATASET + "    repeats: 2\n")], "11:5", "not supported yet: repeats"),
    "undefined-variable": (
        [("best.safetensors", "'${env:NOWHERE}/best'")],
        "3:45",
        "the environment variable NOWHERE is not set",
    ),
    "shell-syntax": ([("best", "runs/$NAME/best")], "3:45", "$NAME has no meaning in a path of a spec"),
    "variable-outside-path": (
        [("model:Net", "model:Net, args: {root: '${env:HOME}'}")],
        "3:46",
        "${env:…} is replaced in paths only",
    ),
    "name-taken": (
        [("  test:", "  digits: {load: data:test, role: train}\n  test:")],
        "8:3",
        "'digits' names both a dataset and an evaluation",
    ),
    "unknown-name": (
        [("model: candidate", "model: candiate")],
        "9:12",
        "the evaluation 'digits' names 'candi",
    ),
    "wrong-kind": (
        [("model: candidate", "model: test")],
        "9:12",
        "the evaluation 'digits' names 'test', which",
    ),
    "unknown-task": ([("classification", "clasification")], "8:11", "the evaluation 'digits' names the task"),
    "unknown-metric": (
        [("accuracy", "psnr")],
        "12:18",
        "check 1 of digits: the task classification does not",
    ),
    "unknown-coordinate": (
        [("best.safetensors", "'{step}.pt'")],
        "3:45",
        "the checkpoint of 'candidate' holds {step}",
    ),
    "unused-coordinate": (
        [("best.safetensors", "best.safetensors, coordinates: {step: [1, 2]}")],
        "3:83",
        "the coordinate 'step' does not stand in the checkpoint of 'candidate'",
    ),
    "bad-coordinate": (
        [("best.safetensors", "'{step}.safetensors', coordinates: {step: [1, 1]}")],
        "3:87",
        "the coordinate 'step' of 'candidate' needs values that differ",
    ),
    "no-checks": ([(f"    checks:\n      - {CHECK}\n", "")], "7:3", "the evaluation 'digits' checks nothing"),
    "no-bound": ([(", min: 0.9", "")], "12:9", "check 1 of digits checks nothing: it has no bound"),
    "two-bounds": (
        [("min: 0.9", "min: 0.9, max_difference: 0.1")],
        "12:54",
        "check 1 of digits has more than one bound",
    ),
    "out-of-range": ([("0.9", "-0.9")], "12:33", "min of accuracy is outside its range 0..1"),
    "cannot-fail": ([("0.9", "0.0")], "12:33", "check 1 of digits checks nothing: no value of accuracy"),
    "contradiction": ([("0.9", "0.9, max: 0.8")], "12:43", "check 1 of digits can never pass"),
    "without-effect": ([("0.9", "0.9, paired: false")], "12:38", "paired of check 1 of digits has no effect"),
    "wrong-unit": ([("0.9", "0.9, unit: dB")], "12:44", "accuracy is not measured in dB"),
    "no-direction": (
        [("accuracy, min: 0.9", "brightness, baseline: constant, max_degradation: 1")],
        "12:67",
        "max_degradation of brightness: it is neither better",
    ),
    "no-improvement": (
        [("min: 0.9", "baseline: constant, min_improvement: 0")],
        "12:65",
        "min_improvement of accuracy is 0",
    ),
    "negative-difference": (
        [("min: 0.9", "baseline: constant, max_difference: -1")],
        "12:64",
        "max_difference of accuracy is negative",
    ),
    "no-baseline": ([("min: 0.9", "max_degradation: 0.1")], "12:9", "check 1 of digits compares, and has no"),
    "compares-with-itself": (
        [("min: 0.9", "baseline: digits, max_degradation: 0.1")],
        "12:38",
        "check 1 of digits compares 'digits' with itself",
    ),
    "empty-slices": ([("0.9", "0.9, slices: {label: []}")], "12:46", "slices of check 1 of digits names no"),
    "ambiguous-value": ([("0.9", "0.9, slices: {label: [1.0, 1.10]}")], "12:60", "the slice value 1.10 of"),
    "id-taken": (
        [(CHECK, f"{CHECK}\n      - {CHECK}")],
        "13:9",
        "two checks of 'digits' have the id accuracy-min",
    ),
    "reserved-mark": (
        [("0.9", "0.9, marks: [slow, gpu]")],
        "12:45",
        "the mark gpu cannot be given by a spec",
    ),
}


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_code_has_an_example_that_gives_it_alone(
    read: Reader, spec_text: Callable[..., str], code: str
) -> None:
    changes, place, what = EXAMPLES[code]

    (problem,) = read.error(spec_text(*changes), not_supported_yet=frozenset({"evaluation.repeats"})).problems

    assert problem.code == code
    assert problem.what.startswith(what)
    assert problem.position is not None
    assert f"{problem.position.line}:{problem.position.column}".startswith(place)


def test_a_file_that_is_missing_or_a_folder_is_unreadable(tmp_path: Path, catalogue: Catalogue) -> None:
    (tmp_path / "folder.modelspec.yaml").mkdir()
    for name, what in (
        ("absent", "the spec cannot be read: No such file or directory"),
        ("folder", "the spec is not a file"),
    ):
        with pytest.raises(SpecError, match=re.escape(f"{what} [file-unreadable]")):
            read_spec(tmp_path / f"{name}.modelspec.yaml", catalogue)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"#" * 1_500_001, "file-too-large"),
        (b"name: \xff", "encoding"),
        (b"# nothing", "empty"),
        (b"- a\n", "wrong-type"),
        (b"hello\n", "wrong-type"),
        (b"modelqa: 1\nmodels: {a: {build: a:b}}\n", "no-evaluations"),
    ],
)
def test_a_file_that_is_no_spec_has_a_code(read: Reader, content: bytes, code: str) -> None:
    assert read.codes(content) == [code]


def test_a_comparison_of_different_samples_has_a_code(read: Reader, spec_text: Callable[..., str]) -> None:
    text = spec_text(
        ("  test:", "  train: {load: data:train, role: train}\n  test:"),
        ("min: 0.9", "baseline: fitted, max_degradation: 0.1"),
    )
    text += "  fitted: {task: classification, model: candidate, dataset: train}\n"

    assert read.codes(text) == ["not-comparable"]
    assert read(text.replace("baseline: fitted", "paired: false, baseline: fitted"))


def test_a_bound_against_the_direction_is_a_warning_with_a_code(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    (warning,) = read(spec_text(("accuracy, min", "log_loss, min"))).warnings

    assert warning.endswith("[against-direction]")


RELEASES = "baselines: {v1: {recorded: v1.json}}\n"


def test_a_baseline_that_moves_with_every_release_is_no_floor(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    """Error 16 of the list: a margin of one point is lost again with each release."""
    only = RELEASES + spec_text(("min: 0.9", "baseline: v1, max_degradation: 0.01"))
    (warning,) = read(only).warnings
    assert warning.endswith("add a bound that stays, such as {metric: accuracy, min: …} [ratchet]")

    (lower,) = read(only.replace("metric: accuracy", "metric: log_loss")).warnings
    assert "{metric: log_loss, max: …}" in lower
    floor = "      - {metric: accuracy, min: 0.8}\n"
    assert read(only + floor).warnings == ()
    assert read(only.replace("max_degradation: 0.01", "max_degradation: 0")).warnings == ()


def test_the_best_of_several_checkpoints_cannot_be_gated_on(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    """Error 15 of the list: the best of several is partly luck."""
    text = spec_text(
        ("best.safetensors", "'step_{step}.safetensors', coordinates: {step: [1, 2]}"),
        ("min: 0.9", "min: 0.9, at: {step: best}"),
    )
    (problem,) = read.error(text).problems
    assert problem.code == "unknown-coordinate"
    assert "choose it on other data" in str(read.error(text))


def test_the_tests_of_this_file_give_every_code() -> None:
    elsewhere = {"file-unreadable", "file-too-large", "encoding", "empty", "no-evaluations"}
    elsewhere |= {"not-comparable", "against-direction", "ratchet", "diversity-alone", "hardly-any-gain"}

    assert set(EXAMPLES) | elsewhere == set(CODES)


def test_the_docs_list_every_code_with_its_cause_and_a_remedy() -> None:
    text = DOCS.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+) \| ([^|]+\.) \|$", text, re.MULTILINE)

    assert {code: cause for code, cause, _ in rows} == dict(CODES)
