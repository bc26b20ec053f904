"""What a check can be compared with, and what a goal demands, on models of known quality."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Gate = Callable[..., Any]
VS_OLDER = "{metric: psnr, baseline: older, max_degradation: 0}"
# psnr of the two models: see make_toy.
NEW, OLD = -10 * np.log10(0.01 * 0.1875), -10 * np.log10(0.04 * 0.1875)


def comparison(toy: Any, check: str) -> None:
    """Puts a check in the place of the one that compares."""
    toy.edit(VS_OLDER, check)


@pytest.mark.parametrize(
    ("bound", "status", "margin"),
    [
        ("max_degradation: 0", "PASS", NEW - OLD),
        ("min_improvement: 6", "PASS", NEW - OLD - 6),
        ("min_improvement: 6.1", "FAIL", NEW - OLD - 6.1),
        ("min_improvement_percent: 28", "PASS", 100 * (NEW - OLD) / OLD - 28),
        ("max_difference: 6.1", "PASS", 6.1 - (NEW - OLD)),
        ("max_difference: 6", "FAIL", 6 - (NEW - OLD)),
    ],
)
def test_another_model_on_the_same_samples(
    gate: Gate, toy: Any, bound: str, status: str, margin: float
) -> None:
    comparison(toy, f"{{metric: psnr, baseline: older, {bound}, id: versus}}")
    result = gate("-k", "versus").results["reconstruction::versus"]
    assert result["status"] == status
    # Scores are computed in float32 images.
    assert result["verdict"]["worst"]["margin"] == pytest.approx(margin, abs=5e-4)
    assert result["verdict"]["worst"]["baseline"]["name"] == "older"
    assert result["verdict"]["worst"]["baseline"]["value"] == pytest.approx(OLD, rel=1e-5)


def test_a_worse_model_fails_against_a_better_one(gate: Gate, toy: Any) -> None:
    toy.edit("    model: scaler\n", "    model: older\n")
    toy.edit("min: 27", "min: 20")
    comparison(toy, "{metric: psnr, baseline: scaler, max_degradation: 0}")
    run = gate("-k", "reconstruction")
    assert run.statuses["reconstruction::psnr-max-degradation-vs-scaler"] == "FAIL"
    assert "psnr 21.25 dB < 27.27 dB (scaler 27.27 dB), short by 6.02 dB" in run.text


def test_a_model_compared_with_itself_is_an_error(gate: Gate, toy: Any) -> None:
    checkpoints = toy.folder / "checkpoints"
    shutil.copy(checkpoints / "scaler.safetensors", checkpoints / "scaler_older.safetensors")
    run = gate("-k", "older")
    error = run.error("reconstruction::psnr-max-degradation-vs-older")
    assert error["error"] == "BaselineError"
    assert error["what"] == "scaler and older are the same model: it is compared with itself"


TRAIN = """\
  reconstruction_train:
    task: reconstruction
    model: scaler
    dataset: train
    checks: [{metric: psnr, min: 20}]
"""


@pytest.fixture(scope="module")
def measured_run(
    once: Callable[..., Any], make_toy: Callable[..., Any], run_pytest: Callable[..., Any]
) -> Any:
    """A run with the baselines that have to be measured: a trivial one, and an evaluation on other samples."""

    def make(folder: Path) -> Any:
        toy = make_toy(folder)
        with np.load(folder / "data" / "test.npz") as arrays:
            np.savez(folder / "data" / "train.npz", **{name: values[:24] for name, values in arrays.items()})
        toy.edit("datasets:\n", "datasets:\n  train: {path: data/train.npz, role: train}\n")
        toy.add_evaluation(TRAIN)
        comparison(
            toy,
            "{metric: psnr, baseline: constant, min_improvement: 10}\n"
            "      - {metric: psnr, baseline: reconstruction_train, paired: false, max_degradation: 0.5}",
        )
        return run_pytest(folder, "--modelqa-engine=inline", "-k", "constant or train")

    return once("baselines", make)


def test_the_trivial_baseline_of_a_task(measured_run: Any) -> None:
    result = measured_run.results["reconstruction::psnr-min-improvement-vs-constant"]
    # The mean image of four equally frequent one-bright-pixel images has 0.375 in each pixel.
    constant = -10 * np.log10((0.375**2 + 3 * 0.125**2) / 4)
    assert result["status"] == "PASS"
    assert result["verdict"]["worst"]["baseline"]["value"] == pytest.approx(constant, rel=1e-5)
    assert result["verdict"]["worst"]["limit"] == pytest.approx(10 + constant, rel=1e-5)


def test_an_evaluation_on_other_samples(measured_run: Any) -> None:
    result = measured_run.results["reconstruction::psnr-max-degradation-vs-reconstruction_train"]
    assert result["status"] == "PASS"
    worst = result["verdict"]["worst"]
    assert (worst["candidate"]["n"], worst["baseline"]["n"]) == (40, 24)


def test_an_evaluation_on_other_samples_must_be_meant(gate: Gate, toy: Any) -> None:
    toy.edit("datasets:\n", "datasets:\n  train: {path: data/train.npz, role: train}\n")
    toy.add_evaluation(TRAIN)
    comparison(toy, "{metric: psnr, baseline: reconstruction_train, max_degradation: 0.5}")
    run = gate()
    assert run.last_line == "INCOMPLETE: 1 spec could not be read: toy.modelspec.yaml"
    assert "'reconstruction_train' runs on other samples" in run.text
    assert "paired: false" in run.text


def recorded(toy: Any, **changes: Any) -> None:
    content = {
        "modelqa_baseline": 1,
        "name": "published",
        "task": "classification",
        "source": "test",
        "n": 40,
        "metrics": {"accuracy": {"value": 0.88, "unit": "fraction"}},
    }
    toy.write("baselines/published.json", json.dumps(content | changes))
    toy.edit("datasets:\n", "baselines: {published: {recorded: baselines/published.json}}\ndatasets:\n")
    toy.add_evaluation(
        "      - {metric: accuracy, baseline: published, max_degradation: 0.01, id: recorded}\n"
    )


@pytest.mark.parametrize(
    ("value", "unit", "status"),
    [
        (0.88, "fraction", "PASS"),
        (88, "percent", "PASS"),
        (0.92, "fraction", "FAIL"),
        (92, "percent", "FAIL"),
    ],
)
def test_a_recorded_number_in_its_own_unit(
    gate: Gate, toy: Any, value: float, unit: str, status: str
) -> None:
    recorded(toy, metrics={"accuracy": {"value": value, "unit": unit}})
    run = gate("-k", "recorded")
    assert run.statuses == {"classification::recorded": status}
    assert "numbers only" in str(run.results["classification::recorded"]["verdict"]["notes"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "training"}, "published was measured in training and is no baseline"),
        ({"n": 41}, "published was measured on 41 samples, the candidate on 40"),
        ({"dataset": "imagenet"}, "published and picker were measured on different samples"),
        ({"metrics": {"accuracy": {"value": 88, "unit": "fraction"}}}, "accuracy is recorded as 88 fraction"),
        ({"metrics": {"accuracy": {"value": 0.9, "unit": "dB"}}}, "accuracy is recorded in dB"),
        ({"metrics": {"f1": {"value": 0.9, "unit": "fraction"}}}, "published has no accuracy"),
        ({"modelqa_baseline": 2}, "not of the form that was expected"),
    ],
    ids=["training", "n", "dataset", "range", "unit", "metric", "version"],
)
def test_a_recorded_baseline_that_cannot_be_compared_is_an_error(
    gate: Gate, toy: Any, changes: dict[str, Any], said: str
) -> None:
    recorded(toy, **changes)
    run = gate("-k", "recorded")
    assert run.statuses == {"classification::recorded": "ERROR"}
    assert said in run.text
    assert "baselines/published.json" in run.text


@pytest.mark.parametrize(("dataset", "more"), [("test", ""), ("imagenet", "paired: false, ")])
def test_a_recorded_baseline_of_the_same_dataset_or_meant_to_be_of_another(
    gate: Gate, toy: Any, dataset: str, more: str
) -> None:
    recorded(toy, dataset=dataset, split="any")
    toy.edit("max_degradation: 0.01, id: recorded", f"max_degradation: 0.01, {more}id: recorded")
    assert gate("-k", "recorded").statuses == {"classification::recorded": "PASS"}


def test_what_a_recorded_baseline_lacks_is_said_before_anything_is_measured(gate: Gate, toy: Any) -> None:
    recorded(toy, metrics={"f1": {"value": 0.9, "unit": "fraction"}})
    shutil.rmtree(toy.folder / ".modelqa")
    assert gate("-k", "recorded").statuses == {"classification::recorded": "ERROR"}
    assert not list((toy.folder / ".modelqa").rglob("samples.parquet"))


def test_a_recorded_baseline_that_is_missing_is_an_error(gate: Gate, toy: Any) -> None:
    recorded(toy)
    kept = toy.folder / "baselines" / "published.json"
    kept.rename(kept.with_stem("publisht"))
    run = gate("-k", "recorded")
    error = run.error("classification::recorded")
    assert error["what"] == "a recorded baseline is missing"
    assert error["found"] == "beside it: publisht.json"


def test_a_goal_without_an_evaluation_is_an_error(gate: Gate, toy: Any) -> None:
    toy.edit("{rebuild: reconstruction, ", "{rebuild: null, ")
    run = gate()
    assert run.last_line == "NO-GO: 1 of 6 release checks in 1 spec could not be judged: goals::rebuild"
    assert "goal rebuild has no evaluation" in run.text
    assert "one of the evaluations: reconstruction, classification" in run.text


def test_a_goal_with_a_misspelt_evaluation_is_told_which_was_meant(gate: Gate, toy: Any) -> None:
    toy.edit("{rebuild: reconstruction, ", "{rebuild: reconstrction, ")
    assert gate().error("goals::rebuild")["todo"] == "did you mean 'reconstruction'?"


def test_a_goal_whose_checks_only_warn_is_an_error(gate: Gate, toy: Any) -> None:
    toy.edit("unit: percent, min_samples: 40", "unit: percent, severity: warn")
    toy.edit("min: 0.75, slices: label", "min: 0.75, slices: label, severity: warn")
    run = gate()
    assert run.last_line == "NO-GO: 1 of 6 release checks in 1 spec could not be judged: goals::recognise"
    assert "goal recognise has no check that can fail a release" in run.text


def test_a_goal_of_which_a_check_failed_is_not_shown_as_reached(gate: Gate, toy: Any) -> None:
    toy.edit("min: 85", "min: 95")
    run = gate("-v")
    assert run.last_line == "NO-GO: 1 of 6 release checks in 1 spec failed: classification::accuracy-min"
    assert run.statuses["goals::rebuild"] == "PASS"
    assert run.statuses["goals::recognise"] == "INCONCLUSIVE"
    headline = "not shown: of 2 checks of classification 1 did not pass"
    assert run.results["goals::recognise"]["verdict"]["headline"] == headline
    assert "goals::recognise PASS its checks decide: classification" in run.text
    assert re.search(rf"recognise +WARN\n +warning: {headline}", run.text)
    comment = run.record_path.with_name("comment.md").read_text()
    assert f"WARN | `goals` recognise: {headline}" in comment
    assert "PASS | `goals` goal rebuild" in comment


def test_what_was_measured_on_training_data_alone_is_not_evaluated(gate: Gate, toy: Any) -> None:
    toy.edit("role: test", "role: train")
    run = gate()
    assert set(run.statuses.values()) == {"PASS"}
    assert run.last_line == (
        "NO-GO: trained, not evaluated: no passing check measured a model on validation or test data "
        "in toy.modelspec.yaml"
    )
    assert run.exit_code == 1
