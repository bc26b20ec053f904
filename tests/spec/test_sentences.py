"""Checks in words, with their ids: before and after the baseline's number is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from pytest_modelqa.spec.sentences import describe

if TYPE_CHECKING:
    from conftest import Reader
    from pytest_modelqa.spec.catalogue import Catalogue

# The check, its id, and its sentence.
CHECKS = [
    ("accuracy, min: 0.9", "accuracy-min", "accuracy of candidate ≥ 0.9"),
    ("accuracy, min: 90, unit: percent", "accuracy-min", "accuracy of candidate ≥ 90 %"),
    ("log_loss, max: 0.30", "log_loss-max", "log_loss of candidate ≤ 0.3 nats"),
    ("accuracy, min: 0.2, max: 0.8", "accuracy-range", "accuracy of candidate ≥ 0.2 and ≤ 0.8"),
    (
        "top_k_accuracy, args: {k: 3}, min: 0.9",
        "top_k_accuracy-k-3-min",
        "top_k_accuracy (k 3) of candidate ≥ 0.9",
    ),
    ("top_k_accuracy, args: {k: 5}, min: 0.9", "top_k_accuracy-min", "top_k_accuracy of candidate ≥ 0.9"),
    (
        "accuracy, min: 0.9, slices: label",
        "accuracy-min-by-label",
        "accuracy of candidate ≥ 0.9 in every label",
    ),
    (
        "accuracy, min: 0.9, slices: {label: [walk, turn], site: null}",
        "accuracy-min-by-label-by-site",
        "accuracy of candidate ≥ 0.9 in label walk and turn and in every site",
    ),
    (
        "accuracy, min: 0.9, min_samples: 500, severity: warn",
        "accuracy-min",
        "accuracy of candidate ≥ 0.9, n ≥ 500, only a warning",
    ),
    (
        "accuracy, baseline: raw_pixels, min_improvement: 0.05",
        "accuracy-min-improvement-vs-raw_pixels",
        "accuracy of candidate ≥ raw_pixels + 0.05",
    ),
    (
        "accuracy, baseline: old, max_degradation: 0",
        "accuracy-max-degradation-vs-old",
        "accuracy of candidate ≥ old",
    ),
    (
        "accuracy, baseline: old, max_degradation: 0.5, unit: percent",
        "accuracy-max-degradation-vs-old",
        "accuracy of candidate ≥ old − 0.5 percentage points",
    ),
    (
        "accuracy, baseline: old, max_degradation_percent: 2",
        "accuracy-max-degradation-percent-vs-old",
        "accuracy of candidate ≥ old − 2 % of it",
    ),
    (
        "log_loss, baseline: old, max_degradation: 0.1, paired: false",
        "log_loss-max-degradation-vs-old",
        "log_loss of candidate ≤ old + 0.1 nats, not paired",
    ),
    (
        "log_loss, baseline: old, min_improvement_percent: 10",
        "log_loss-min-improvement-percent-vs-old",
        "log_loss of candidate ≤ old − 10 % of it",
    ),
    (
        "accuracy, baseline: old, max_difference: 0.01",
        "accuracy-max-difference-vs-old",
        "accuracy of candidate = old ± 0.01",
    ),
    (
        "accuracy, min: 0.9, confidence: 0.95, on_inconclusive: warn",
        "accuracy-min",
        "accuracy of candidate ≥ 0.9, 95 % sure, only a warning if undecided",
    ),
    (
        "accuracy, min: 0.9, confidence: 0.95, cluster: video",
        "accuracy-min",
        "accuracy of candidate ≥ 0.9, 95 % sure (clusters: video)",
    ),
    (
        "accuracy, min: 0.9, at: {step: last}",
        "accuracy-min-at-step-last",
        "accuracy of candidate ≥ 0.9 at step last at every seed",
    ),
    (
        "accuracy, min: 0.9, over: seed",
        "accuracy-min-over-seed",
        "accuracy of candidate (mean over seed) ≥ 0.9 at every step",
    ),
    (
        "accuracy, baseline: old, max_degradation: 0, over: seed, at: {step: last}",
        "accuracy-max-degradation-vs-old-at-step-last-over-seed",
        "accuracy of candidate (mean over seed) ≥ old at step last",
    ),
    (
        "accuracy, trend: non_decreasing, along: step, over: seed, tolerance: 0.05",
        "accuracy-non-decreasing-along-step-over-seed",
        "accuracy of candidate (mean over seed) never drops by more than 0.05 along step",
    ),
    (
        "accuracy, trend: increasing, along: step",
        "accuracy-increasing-along-step",
        "accuracy of candidate rises along step at every seed",
    ),
    (
        "accuracy, trend: best_is_last, along: step",
        "accuracy-best-is-last-along-step",
        "accuracy of candidate is its best at the last value along step at every seed",
    ),
    (
        "accuracy, trend: best_is_last, along: step, at: {seed: 0}, tolerance: 0.05",
        "accuracy-best-is-last-at-seed-0-along-step",
        "accuracy of candidate is within 0.05 of its best at the last value along step at seed 0",
    ),
    (
        "log_loss, trend: non_decreasing, along: step, over: seed, tolerance: 0.1",
        "log_loss-non-decreasing-along-step-over-seed",
        "log_loss of candidate (mean over seed) never rises by more than 0.1 nats along step",
    ),
    (
        "log_loss, trend: increasing, along: step, over: seed",
        "log_loss-increasing-along-step-over-seed",
        "log_loss of candidate (mean over seed) falls along step",
    ),
    ("accuracy, min: 0.9, id: main", "main", "accuracy of candidate ≥ 0.9"),
]
GRID = ("best.safetensors", "'{step}/{seed}.pt', coordinates: {step: [1, 2], seed: [0, 1]}")
OLD = ("evaluations:", "baselines: {old: {recorded: old.json}}\nevaluations:")


@pytest.mark.parametrize(("check", "identifier", "sentence"), CHECKS, ids=[check for check, _, _ in CHECKS])
def test_a_check_has_an_id_and_a_sentence(
    read: Reader, spec_text: Callable[..., str], check: str, identifier: str, sentence: str
) -> None:
    grid = [GRID] if "step" in check or "seed" in check else []
    text = spec_text(OLD, *grid, ("accuracy, min: 0.9", check))

    (resolved,) = read(text).evaluations["digits"].checks

    assert resolved.id == identifier
    assert resolved.sentence == sentence


@pytest.mark.parametrize(
    ("check", "value", "sentence"),
    [
        ("max_degradation: 0.005", 0.1728, "accuracy of candidate ≥ 0.1678 (old 0.1728 − 0.005)"),
        ("max_degradation: 0", 0.1728, "accuracy of candidate ≥ 0.1728 (old 0.1728)"),
        ("min_improvement: 0.05", 0.9, "accuracy of candidate ≥ 0.9500 (old 0.9000 + 0.05)"),
        ("max_degradation_percent: 2", 0.5, "accuracy of candidate ≥ 0.4900 (old 0.5000 − 2 % of it)"),
        (
            "max_degradation: 1, unit: percent",
            0.964,
            "accuracy of candidate ≥ 95.4 % (old 96.4 % − 1 percentage point)",
        ),
        (
            "max_difference: 0.01",
            0.5,
            "accuracy of candidate ≥ 0.4900 and ≤ 0.5100 (old 0.5000 ± 0.01)",
        ),
    ],
)
def test_a_sentence_shows_the_limit_once_the_baseline_is_known(
    read: Reader, spec_text: Callable[..., str], catalogue: Catalogue, check: str, value: float, sentence: str
) -> None:
    evaluation = read(spec_text(OLD, ("min: 0.9", f"baseline: old, {check}"))).evaluations["digits"]

    assert describe(evaluation.checks[0], evaluation, catalogue.metrics["accuracy"], value) == sentence


def test_percent_of_a_negative_baseline_is_of_its_absolute_value(
    read: Reader, spec_text: Callable[..., str], catalogue: Catalogue
) -> None:
    text = spec_text(
        OLD,
        ("classification", "reconstruction"),
        ("accuracy, min: 0.9", "ssim, baseline: old, max_degradation_percent: 10"),
    )
    evaluation = read(text).evaluations["digits"]

    sentence = describe(evaluation.checks[0], evaluation, catalogue.metrics["ssim"], -0.5)

    assert sentence == "ssim of candidate ≥ -0.5500 (old -0.5000 − 10 % of it)"


def test_an_evaluation_without_a_model_speaks_of_itself(read: Reader) -> None:
    spec = read(
        "modelqa: 1\nevaluations: {run: {task: training_log, checks: [{metric: log_loss, max: 1}]}}\n"
    )

    assert spec.evaluations["run"].checks[0].sentence == "log_loss of run ≤ 1 nats"
