"""What authors write by mistake: one message, and what they probably meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Reader

CHECK = "{metric: accuracy, min: 0.9}"
MODEL = "    model: candidate\n"
GRID = ("best.safetensors", "'{step}/{seed}.pt', coordinates: {step: [1, 2], seed: [0, 1]}")

MEANT: list[tuple[list[tuple[str, str]], str, str]] = [
    # A unit that is wrong makes the number mean nothing: it is told alone.
    ([("0.9", "90, unit: dB")], "wrong-unit", "convert the bound and write unit: fraction"),
    ([("0.9", "90, unit: '%'")], "wrong-unit", "did you mean 'percent'?"),
    ([("0.9", "90, unit: Percent")], "wrong-unit", "did you mean 'percent'?"),
    (
        [("classification", "reconstruction"), ("accuracy, min: 0.9", "psnr, min: 27, unit: db")],
        "wrong-unit",
        "did you mean 'dB'?",
    ),
    (
        [("accuracy, min: 0.9", "log_loss, max: 0.1, unit: nat")],
        "wrong-unit",
        "convert the bound and write unit: nats",
    ),
    # A key in the wrong entry
    (
        [(MODEL, MODEL + "    min: 27\n")],
        "unknown-key",
        "it belongs to a check: {metric: …, min: …} in the list under checks:",
    ),
    ([(MODEL, MODEL + "    checkpoint: a.pt\n")], "unknown-key", "it belongs to a model"),
    (
        [("models:", "defaults: {min: 0.9}\nmodels:")],
        "unknown-key",
        "write it where it is meant: min has no default",
    ),
    (
        [("models:", "defaults: {args: {}}\nmodels:")],
        "unknown-key",
        "write it where it is meant: args has no default",
    ),
    ([("models:", "batch_size: 3\nmodels:")], "unknown-key", "it belongs to an evaluation"),
    (
        [("task: classification", "task: tabular_regression")],
        "unknown-task",
        "No task measures a regression: write each sample's error to a table and gate that with"
        " task: recorded (docs/recorded.md)",
    ),
    (
        [("best.safetensors", "'{step}.pt', coordinates: {step: [1, 2]}, reference_output: a.npz")],
        "contradiction",
        "give the checkpoint that was promoted a model of its own",
    ),
    # A section in the singular, whose word is a key of entries too
    (
        [("models:", "baseline: {old: {recorded: a.json}}\nmodels:")],
        "unknown-key",
        "did you mean 'baselines'?",
    ),
    ([("models:", "model: {new: {build: model:Net}}\nmodels:")], "unknown-key", "did you mean 'models'?"),
    # A slip in a short key is no argument of the metric
    ([("min: 0.9", "min: 0.9, unti: percent")], "unknown-key", "did you mean 'unit'?"),
    ([("min: 0.9", "mim: 0.9")], "unknown-key", "did you mean 'min'? or write args: {mim: …} for the metric"),
    (
        [("best.safetensors", "'{stp}.pt', coordinates: {step: [1, 2]}")],
        "unknown-coordinate",
        "did you mean {step}?",
    ),
    (
        [(CHECK, "accuracy: {min: 0.9}")],
        "unknown-key",
        "write {metric: accuracy, …}, with the keys below it beside it",
    ),
    (
        [("metric: accuracy", "metric:accuracy, metric: accuracy")],
        "unknown-key",
        "write metric: accuracy, with a colon and a space",
    ),
    ([("model:Net", "model:Net, _target_: Net")], "unknown-key", "write build: module:attribute"),
    # A value of another type
    (
        [(f"\n      - {CHECK}", " {metric: accuracy, min: 0.9}")],
        "wrong-type",
        "begin each check with a dash: - {metric: psnr, min: 27}",
    ),
    ([("files: [test.npz]", "files: test.npz")], "wrong-type", "write [test.npz]"),
    ([("0.9}", "0.9, slices: {label: walk}}")], "wrong-type", "write [walk]"),
    (
        [("0.9}", "0.9, slices: [a, b]}")],
        "wrong-type",
        "write slices: {FIRST: null, SECOND: null} for every value of several fields",
    ),
    ([("0.9}", "0.9, marks: slow}")], "wrong-type", "write [slow]"),
    ([GRID, ("0.9}", "0.9, at: last}")], "wrong-type", "name the coordinate: at: {NAME: VALUE}"),
    ([(MODEL, MODEL + "    device: 0\n")], "wrong-type", "write cuda, or cuda:0 for one of several"),
    # Numbers: only those of a check have a unit
    ([("0.9}", "0.9, confidence: 95%}")], "not-a-number", "write 0.95"),
    ([("0.9}", "0.9, confidence: 0.05}")], "out-of-range", "did you mean 0.95?"),
    ([("0.9}", "0.9, min_samples: 1e3}")], "not-a-number", "write 1000"),
    ([(MODEL, MODEL + "    deadline: 10 min\n")], "not-a-number", "write 600, in seconds"),
    ([(MODEL, MODEL + "    batch_size: 64 samples\n")], "not-a-number", "write 64"),
    # Other tools' words for values
    ([("role: test", "role: val")], "wrong-value", "did you mean 'validation'?"),
    ([(MODEL, MODEL + "    device: gpu\n")], "wrong-value", "write cuda"),
    ([(MODEL, MODEL + "    device: gpu0\n")], "wrong-value", "write cuda:0"),
    ([(MODEL, MODEL + "    precision: fp16\n")], "wrong-value", "did you mean 'float16'?"),
    ([(MODEL, MODEL + "    precision: 16\n")], "wrong-value", "did you mean 'float16'?"),
    ([("0.9}", "0.9, severity: critical}")], "wrong-value", "did you mean 'error'?"),
    (
        [GRID, ("min: 0.9", "trend: decreasing, along: step")],
        "wrong-value",
        "trends follow the metric's direction: increasing is better than before, non_decreasing never worse",
    ),
    # Names and attributes
    ([("metric: accuracy", "metric: “accuracy”")], "wrong-value", "write accuracy"),
    ([("modelqa: 1\n", "modelqa: 1\nname: my run\n")], "wrong-value", "write my_run"),
    ([("  digits:", "  my digits:")], "bad-name", "write my_digits"),
    (
        [("min: 0.9", "max_degradation: 0, baseline: old/v1.json")],
        "wrong-value",
        "declare it, baselines: {NAME: {recorded: old/v1.json}}, and write baseline: NAME",
    ),
    (
        [("dataset: test", "dataset: data/test.npz")],
        "wrong-value",
        "declare it, datasets: {NAME: {path: data/test.npz, role: test}}, and write dataset: NAME",
    ),
    (
        [("model: candidate", "model: {build: a:B}")],
        "wrong-type",
        "declare it, models: {NAME: {build: module:attribute, checkpoint: …}}, and write model: NAME",
    ),
    ([("dataset: test", "dataset: [test, test]")], "wrong-type", "write an evaluation for each dataset"),
    ([("metric: accuracy", "metric: [accuracy]")], "wrong-type", "write a check for each metric"),
    (
        [("0.9}", "{walk: 0.9}, slices: label}")],
        "not-a-number",
        "write a check for each number; slices: {FIELD: [VALUE]} says of which slice it speaks",
    ),
    ([("0.9}", "5M}")], "not-a-number", "write 5000000"),
    ([(MODEL, MODEL + "    weights: a.pt\n")], "unknown-key", "write checkpoint: in a model"),
    (
        [("model:Net", "Net")],
        "wrong-value",
        "write MODULE:Net, with the file that defines it: model:Net for model.py beside the spec",
    ),
    ([("model:Net", "'model:Net()'")], "wrong-value", "write model:Net, and the arguments under args:"),
    ([("model:Net", "src/model:Net")], "wrong-value", "write src.model:Net"),
    (
        [("load: data:test, files: [test.npz]", "load: data/test.npz")],
        "wrong-value",
        "write path: data/test.npz, if it is a file or folder of data",
    ),
    ([("best.safetensors", "'${oc.env:CK,runs}/a.pt'")], "shell-syntax", "write ${env:CK:-runs}"),
    # Metrics
    ([("accuracy", "acc")], "unknown-metric", "did you mean 'accuracy'?"),
    ([("accuracy", "nll")], "unknown-metric", "did you mean 'log_loss'?"),
    (
        [("accuracy, min: 0.9", "psnr, min: 27")],
        "unknown-metric",
        "psnr is measured by the task reconstruction",
    ),
    (
        [("accuracy, min: 0.9", "pnsr, min: 27")],
        "unknown-metric",
        "did you mean 'psnr'? psnr is measured by the task reconstruction",
    ),
    # A section in another spelling or form is not missed as well.
    ([("evaluations:", "evaluation:")], "unknown-key", "did you mean 'evaluations'?"),
    (
        [("evaluations:\n  digits:\n    task", "evaluations:\n  - task")],
        "wrong-type",
        "write a name and a colon before each entry, without a dash",
    ),
]


@pytest.mark.parametrize(
    ("changes", "code", "todo"), MEANT, ids=[str(changes[-1][1])[:50] for changes, _, _ in MEANT]
)
def test_a_mistake_is_told_once_with_what_was_meant(
    read: Reader, spec_text: Callable[..., str], changes: list[tuple[str, str]], code: str, todo: str
) -> None:
    (problem,) = read.error(spec_text(*changes)).problems

    assert (problem.code, problem.todo) == (code, todo)
    assert problem.position is not None


def test_a_key_that_only_its_metric_may_know_is_sent_to_args(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    (problem,) = read.error(spec_text(("min: 0.9", "min: 0.9, k: 5"))).problems

    assert str(problem.todo).startswith("write args: {k: …} for the metric, or one of: metric, ")


def test_the_form_of_a_check_is_shown_where_there_is_none(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    (problem,) = read.error(spec_text((CHECK, "accuracy > 0.9"))).problems

    assert problem.expected == "a mapping: {metric: psnr, min: 27}"
