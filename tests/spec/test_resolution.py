"""What was written becomes what is meant: defaults, variables, names, slices, goals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pytest_modelqa.spec.resolved import Bound, Goal, Position

if TYPE_CHECKING:
    from conftest import Reader

# The list of a younger version: the list of this one gets shorter.
NOT_SUPPORTED = frozenset(
    {
        "spec.controls",
        "model.coordinates",
        "evaluation.repeats",
        "evaluation.stop_early",
        *(f"check.{key}" for key in ("at", "along", "over", "tolerance", "trend", "confidence")),
    }
)
WHOLE = """\
modelqa: 1
name: trajectories
description: Video autoencoder over four kinds of trajectory.
goals: {reconstruct: reconstruction, classify: probe, generate: generation}
tags: [video]
defaults: {severity: error, batch_size: auto, seed: 0}

models:
  candidate:
    build: model:VideoAutoencoder
    args: {codes: 256}
    checkpoint: checkpoints/best.safetensors
    tiny: {args: {codes: 16}, checkpoint: null}
  curriculum:
    build: model:Generator
    checkpoint: runs/seed_{seed}/step_{step}.safetensors
    coordinates: {step: [3000, 6000, 10000], seed: [0, 1, 2]}
  digit_classifier: {build: model:Judge, checkpoint: checkpoints/judge.safetensors}

datasets:
  train: {load: data:trajectories, args: {split: train}, files: [data/*.npz], role: train}
  test:  {load: data:trajectories, args: {split: test},  files: [data/*.npz], role: test, tiny: {limit: 8}}

baselines:
  three_scale: {recorded: baselines/three_scale.json}

evaluations:
  reconstruction:
    task: reconstruction
    model: candidate
    dataset: test
    checks:
      - {metric: psnr, min: 28, unit: dB}
      - {metric: psnr, min: 25, slices: label}
      - {metric: ssim, min: 0.90, severity: warn}
      - {metric: psnr, baseline: reconstruction_train, paired: false, max_degradation: 1.0}
  reconstruction_train: {task: reconstruction, model: candidate, dataset: train, checks: [{metric: psnr, min: 28}]}
  probe:
    task: linear_probe
    model: candidate
    dataset: test
    args: {train: train, judges: [digit_classifier]}
    checks:
      - {metric: accuracy, baseline: constant, min_improvement: 0.05, confidence: 0.95}
  generation:
    task: classification
    model: curriculum
    dataset: test
    checks:
      - {metric: accuracy, min: 0.80, at: {step: last}}
      - {metric: accuracy, trend: non_decreasing, along: step, over: seed, tolerance: 0.05, confidence: 0.95}
"""


def test_the_spec_of_the_design_is_read_whole(read: Reader) -> None:
    spec = read(WHOLE)

    assert spec.name == "trajectories"
    assert spec.tags == ("video",)
    assert spec.goals["generate"] == Goal("generate", "generation", Position(4, 55))
    assert spec.models["candidate"].tiny == {"args": {"codes": 16}, "checkpoint": None}
    assert spec.models["curriculum"].coordinates == {"step": (3000, 6000, 10000), "seed": (0, 1, 2)}
    assert spec.datasets["test"].tiny == {"limit": 8}
    assert spec.datasets["test"].position == Position(22, 3)
    assert spec.baselines["three_scale"].recorded == "baselines/three_scale.json"
    assert spec.evaluations["probe"].args == {"train": "train", "judges": ["digit_classifier"]}
    assert [check.id for evaluation in spec.evaluations.values() for check in evaluation.checks] == [
        "psnr-min",
        "psnr-min-by-label",
        "ssim-min",
        "psnr-max-degradation-vs-reconstruction_train",
        "psnr-min",
        "accuracy-min-improvement-vs-constant",
        "accuracy-min-at-step-last",
        "accuracy-non-decreasing-along-step-over-seed",
    ]
    checks = spec.evaluations["reconstruction"].checks
    assert checks[0].bound == Bound("min", minimum=28.0)
    assert checks[1].slices == {"label": None}
    assert checks[2].severity == "warn"
    assert (checks[3].baseline, checks[3].paired) == ("reconstruction_train", False)
    assert checks[3].position == Position(36, 9)


def test_keys_without_machinery_are_each_refused(read: Reader) -> None:
    problems = read.error(WHOLE, not_supported_yet=NOT_SUPPORTED).problems

    assert {problem.code for problem in problems} == {"not-supported-yet"}
    assert [problem.what.removeprefix("not supported yet: ") for problem in problems] == [
        "coordinates", "confidence", "at", "trend", "along", "over", "tolerance", "confidence",
    ]  # fmt: skip


def test_a_key_without_machinery_may_be_written_with_its_default(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    spec = read(
        spec_text(
            ("model: candidate", "model: candidate\n    repeats: 1\n    stop_early: null"),
            ("min: 0.9", "min: 0.9, confidence: null"),
        ),
        not_supported_yet=NOT_SUPPORTED,
    )

    assert spec.evaluations["digits"].repeats == 1


@pytest.mark.parametrize(
    ("control", "problem"),
    [
        ("{evaluation: digit}", "the control 'blind' names 'digit', which does not exist"),
        ("{evaluation: digits, model: old}", "the control 'blind' names 'old', which does not exist"),
        (
            "{evaluation: digits, fails: [accuracy-max]}",
            "the control 'blind' names the check 'accuracy-max', which does not exist",
        ),
        ("{evaluation: digits, model: candidate}", "the control 'blind' is the model of digits itself"),
        ("{fails: []}", "the control 'blind' has no 'evaluation'"),
    ],
)
def test_a_control_names_what_exists(
    read: Reader, spec_text: Callable[..., str], control: str, problem: str
) -> None:
    text = spec_text(("evaluations:", f"controls: {{blind: {control}}}\nevaluations:"))

    assert [each.what for each in read.error(text).problems] == [problem]


@pytest.mark.parametrize("wrong", ["minn: 0.9", "min: many"])
def test_a_control_of_a_check_that_is_wrong_is_not_told_too(
    read: Reader, spec_text: Callable[..., str], wrong: str
) -> None:
    control = "controls: {blind: {evaluation: digits, fails: [accuracy-min]}}\nevaluations:"
    (problem,) = read.error(spec_text(("evaluations:", control), ("min: 0.9", wrong))).problems

    assert "blind" not in problem.what


def test_a_control_is_read(read: Reader, spec_text: Callable[..., str]) -> None:
    text = "controls: {blind: {evaluation: digits, fails: [accuracy-min]}}\nevaluations:"
    (control,) = read(spec_text(("evaluations:", text))).controls.values()

    assert (control.evaluation, control.model, control.fails) == ("digits", None, ("accuracy-min",))
    assert (control.position.line, control.position.column) == (6, 12)


def test_controls_are_refused_as_a_whole(read: Reader, spec_text: Callable[..., str]) -> None:
    text = spec_text(("evaluations:", "controls: {blind: {}}\nevaluations:"))

    assert read.codes(text, not_supported_yet=NOT_SUPPORTED) == ["not-supported-yet"]


def test_defaults_of_the_language(read: Reader, spec_text: Callable[..., str]) -> None:
    spec = read(spec_text())
    evaluation = spec.evaluations["digits"]
    (check,) = evaluation.checks

    assert (spec.name, spec.description, spec.tags, spec.goals, spec.baselines) == ("a", "", (), {}, {})
    assert (evaluation.batch_size, evaluation.device, evaluation.precision) == ("auto", "auto", "float32")
    assert (evaluation.deterministic, evaluation.seed, evaluation.repeats) == (True, 0, 1)
    assert (evaluation.stop_early, evaluation.deadline, evaluation.marks) == (None, None, ())
    assert (check.paired, check.min_samples, check.severity, check.on_inconclusive) == (
        True,
        1,
        "error",
        "fail",
    )
    assert (check.slices, check.at, check.confidence, check.baseline) == ({}, {}, None, None)
    assert evaluation.args == {"input": "image", "output": None, "outputs": "logits", "class_names": None}


def test_the_nearest_entry_decides_a_key(read: Reader, spec_text: Callable[..., str]) -> None:
    text = spec_text(
        (
            "evaluations:",
            "defaults: {seed: 1, severity: warn, baseline: raw_pixels, marks: [slow]}\nevaluations:",
        ),
        ("model: candidate", "model: candidate\n    seed: 2\n    baseline: constant"),
        ("{metric: accuracy, min: 0.9}", "{metric: accuracy, max_degradation: 0.1, severity: error}"),
        (
            "severity: error}",
            "severity: error}\n      - {metric: log_loss, max_degradation: 1, marks: [nightly]}",
        ),
    )
    evaluation = read(text).evaluations["digits"]

    assert evaluation.seed == 2
    assert [check.severity for check in evaluation.checks] == ["error", "warn"]
    assert [check.baseline for check in evaluation.checks] == ["constant", "constant"]
    assert [check.marks for check in evaluation.checks] == [("slow",), ("slow", "nightly")]


def test_task_model_dataset_and_metric_may_come_from_defaults(read: Reader) -> None:
    spec = read(
        """\
modelqa: 1
defaults: {task: classification, model: m, dataset: d, metric: accuracy}
models: {m: {build: a:b}}
datasets: {d: {load: a:b, role: test}}
evaluations:
  first: {checks: [{min: 0.9}]}
"""
    )
    (check,) = spec.evaluations["first"].checks

    assert (spec.evaluations["first"].task, check.metric) == ("classification", "accuracy")


def test_a_baseline_of_the_evaluation_is_not_handed_to_checks_that_compare_with_nothing(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    text = spec_text(
        ("model: candidate", "model: candidate\n    baseline: constant"),
        ("min: 0.9}", "min: 0.9}\n      - {metric: accuracy, min_improvement: 0.1}"),
    )

    assert [check.baseline for check in read(text).evaluations["digits"].checks] == [None, "constant"]


def test_a_baseline_that_nothing_uses_is_an_error(read: Reader, spec_text: Callable[..., str]) -> None:
    text = spec_text(("model: candidate", "model: candidate\n    baseline: constant"))

    assert read.codes(text) == ["without-effect"]


def test_percent_becomes_a_fraction_but_percent_of_the_baseline_does_not(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    for written, bound in (
        ("min: 96.4, unit: percent", Bound("min", minimum=0.964)),
        ("min: 50, max: 60, unit: percent", Bound("range", minimum=0.5, maximum=0.6)),
        ("max_degradation: 1, unit: percent, baseline: constant", Bound("max_degradation", amount=0.01)),
        (
            "max_degradation_percent: 1, unit: percent, baseline: constant",
            Bound("max_degradation_percent", amount=1.0),
        ),
    ):
        (check,) = read(spec_text(("min: 0.9", written))).evaluations["digits"].checks

        assert (check.bound, check.unit) == (bound, "percent")


def test_variables_are_replaced_in_paths(read: Reader, spec_text: Callable[..., str]) -> None:
    text = spec_text(
        ("best.safetensors", '"${env:RUNS}/${env:RUN:-best}.pt", tiny: {checkpoint: "${env:RUNS}/t.pt"}'),
        ("[test.npz]", '["${env:DATA:-data}/*.npz"]'),
        ("evaluations:", 'baselines: {old: {recorded: "${env:RUNS}/old.json"}}\nevaluations:'),
    )
    spec = read(text, environment={"RUNS": "/runs", "RUN": ""})

    assert spec.models["candidate"].checkpoint == "/runs/best.pt"
    assert spec.models["candidate"].tiny == {"checkpoint": "/runs/t.pt"}
    assert spec.datasets["test"].files == ("data/*.npz",)
    assert spec.baselines["old"].recorded == "/runs/old.json"


def test_a_replaced_variable_is_not_read_again(read: Reader, spec_text: Callable[..., str]) -> None:
    text = spec_text(("best.safetensors", '"${env:A}"'))

    assert read(text, environment={"A": "${env:B}", "B": "x"}).models["candidate"].checkpoint == "${env:B}"


def test_digests_are_kept_bare(read: Reader, spec_text: Callable[..., str]) -> None:
    text = spec_text(("best.safetensors", f"best.safetensors, sha256: 'sha256:{'AB' * 32}'"))

    assert read(text).models["candidate"].sha256 == "ab" * 32


@pytest.mark.parametrize(
    ("written", "slices"),
    [
        ("label", {"label": None}),
        ("{label: null}", {"label": None}),
        ("{label: [walk, turn]}", {"label": ("walk", "turn")}),
        ('{label: [1, 2.5, "3.10"], site: null}', {"label": ("1", "2.5", "3.10"), "site": None}),
    ],
)
def test_slices_are_text(
    read: Reader, spec_text: Callable[..., str], written: str, slices: dict[str, object]
) -> None:
    (check,) = read(spec_text(("min: 0.9", f"min: 0.9, slices: {written}"))).evaluations["digits"].checks

    assert check.slices == slices


def test_a_goal_may_name_nothing_or_what_is_not_there(read: Reader, spec_text: Callable[..., str]) -> None:
    spec = read(spec_text(("models:", "goals: {open: null, later: not_yet}\nmodels:")))

    assert {name: goal.evaluation for name, goal in spec.goals.items()} == {"open": None, "later": "not_yet"}


def test_an_evaluation_without_checks_may_be_the_other_side_of_a_comparison(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    text = spec_text(
        ("min: 0.9", "baseline: other, max_degradation: 0.1"),
        ("datasets:", "  second: {build: model:Net}\ndatasets:"),
    )
    spec = read(text + "  other: {task: classification, model: second, dataset: test}\n")

    assert spec.evaluations["other"].checks == ()


def test_a_model_may_be_a_baseline(read: Reader, spec_text: Callable[..., str]) -> None:
    text = spec_text(
        ("min: 0.9", "baseline: second, max_degradation: 0.1"),
        ("datasets:", "  second: {build: model:Net}\ndatasets:"),
    )

    assert read(text).evaluations["digits"].checks[0].baseline == "second"


def test_checks_of_different_arguments_or_slices_have_different_ids(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    checks = "\n      - ".join(
        [
            "{metric: top_k_accuracy, min: 0.9}",
            "{metric: top_k_accuracy, args: {k: 1}, min: 0.5}",
            "{metric: top_k_accuracy, min: 0.8, slices: label}",
            "{metric: top_k_accuracy, max: 0.99}",
        ]
    )
    evaluation = read(spec_text(("{metric: accuracy, min: 0.9}", checks))).evaluations["digits"]

    assert [check.id for check in evaluation.checks] == [
        "top_k_accuracy-min",
        "top_k_accuracy-k-1-min",
        "top_k_accuracy-min-by-label",
        "top_k_accuracy-max",
    ]


def test_bounds_that_were_proposed_and_not_agreed_with_are_counted(
    read: Reader, spec_text: Callable[..., str]
) -> None:
    text = spec_text()
    assert read(text).proposed == 0
    assert read(f"# proposed from runs/a: 0.9\n{text}").proposed == 1
    assert read(text.replace("\n", "  # proposed from runs/a\n")).proposed == text.count("\n")
    assert read(f"# it was proposed from the start\n{text}").proposed == 0
