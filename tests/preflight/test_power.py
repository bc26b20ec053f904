"""What checks can show with their samples, against simulations and the numbers of the literature."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.preflight.findings import Finding
from pytest_modelqa.preflight.power import Known, power_findings, samples_of
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.resolved import Spec
from pytest_modelqa.statistics import intervals
from pytest_modelqa.tasks.registry import catalogue

TEXT = """\
modelqa: 1
models: {net: {build: model:Net, checkpoint: a.safetensors}, old: {build: model:Net, checkpoint: b.safetensors}}
datasets: {test: {path: a.npz, role: test}}
baselines: {v1: {recorded: v1.json}}
evaluations:
  digits:
    task: classification
    model: net
    dataset: test
    checks:
      - CHECK
"""

Ask = Callable[..., list[Finding]]


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[[str], Spec]:
    def read(check: str) -> Spec:
        path = tmp_path / "a.modelspec.yaml"
        path.write_text(TEXT.replace("CHECK", check))
        return read_spec(path, catalogue())

    return read


@pytest.fixture
def ask(spec_of: Callable[[str], Spec]) -> Ask:
    def power(
        check: str,
        n: int,
        known: Known | None = None,
        recorded: float | None = None,
        **labels: dict[str, int],
    ) -> list[Finding]:
        spec = spec_of(check)
        evaluation = spec.evaluations["digits"]
        facts = {"n": n, "available": n, "labels": labels, "content": [], "not_finite": {}}
        measured = {evaluation.checks[0].id: known} if known else {}
        baselines = {"v1": {evaluation.checks[0].metric: recorded}} if recorded is not None else {}
        return list(power_findings(spec, evaluation, catalogue(), facts, measured, baselines))

    return power


@pytest.mark.parametrize(
    "check",
    [
        "{metric: f1, min: 0.9, id: a}",
        "{metric: recall, min: 0.9, slices: predicted, id: a}",
        "{metric: log_loss, baseline: old, max_degradation: 0.1, id: a}",
    ],
    ids=["set", "slices that nobody knows", "difference"],
)
def test_what_is_not_known_of_a_check_is_said(ask: Ask, check: str) -> None:
    known = Known(0.3, 0.1) if "log_loss" in check else None
    (finding,) = ask(check, 600, known)
    assert finding.severity == "note"
    assert finding.what == "not known before the run: what a can show"


def test_a_floor_that_no_number_of_successes_shows_can_never_pass(ask: Ask) -> None:
    (first, *_) = ask("{metric: accuracy, min: 0.99, confidence: 0.95}", 160)
    assert first.severity == "error"
    assert first.what == (
        "accuracy-min can never pass: 160 samples without a failure show 98.1%, 95% sure, and it asks for 99.0%"
    )
    assert first.todo is not None
    needed = int(re.findall(r"[\d,]+", first.todo)[0].replace(",", ""))
    # By the judge's own interval: with so many it passes, with one less it does not.
    assert (
        intervals.binary([1] * needed, 0.95).lower >= 0.99 > intervals.binary([1] * (needed - 1), 0.95).lower
    )
    assert not [
        f for f in ask("{metric: accuracy, min: 0.99, confidence: 0.95}", needed) if f.severity == "error"
    ]


def test_the_smallest_change_that_is_seen_is_that_of_a_simulation(ask: Ask) -> None:
    (note,) = ask("{metric: accuracy, min: 0.9, confidence: 0.95}", 160)
    assert note.severity == "note"
    assert note.what == "with n = 160 accuracy-min cannot see a change under 5.9 points, 95% sure"
    # A model that is 5.9 points better than the floor passes a check with confidence in about 4 of 5 test sets.
    # The spread at 0.959 is smaller than at the floor, so it passes a little more often.
    drawn = np.random.default_rng(0).binomial(160, 0.959, 400)
    passed = np.mean([intervals.binary([1] * k + [0] * (160 - k), 0.95).lower >= 0.9 for k in drawn])
    assert 0.75 < passed < 0.97


def test_without_confidence_it_is_noise_on_these_samples(ask: Ask) -> None:
    (note,) = ask("{metric: accuracy, min: 97, unit: percent}", 600)
    assert note.what.startswith("with n = 600 a change under 1.7 points is noise to accuracy-min")


def test_a_slice_rests_on_its_own_samples(ask: Ask, spec_of: Callable[[str], Spec]) -> None:
    check = spec_of("{metric: accuracy, min: 0.9, slices: label}").evaluations["digits"].checks[0]
    facts: dict[str, Any] = {"n": 100, "labels": {"label": {"0": 70, "1": 30}, "site": None}}
    assert samples_of(check, facts) == 30
    assert samples_of(replace(check, slices={"label": ("0",)}), facts) == 70
    assert samples_of(replace(check, slices={"site": None}), facts) is None
    assert samples_of(replace(check, slices={}), facts) == 100


def test_a_saturated_baseline_leaves_no_room(ask: Ask) -> None:
    check = "{metric: accuracy, baseline: v1, min_improvement: 0.01}"
    (first, *_) = ask(check, 2000, recorded=0.995)
    assert first.severity == "error"
    assert "v1 has 0.9950, which leaves 0.5 points" in first.what
    assert not [f for f in ask(check, 2000, recorded=0.98) if f.severity == "error"]


def test_a_number_that_was_measured_with_other_arguments_is_not_compared_with(ask: Ask) -> None:
    check = "{{metric: top_k_accuracy, args: {{k: {k}}}, baseline: v1, min_improvement: 0.01}}"
    said = {
        k: [f for f in ask(check.format(k=k), 2000, recorded=0.995) if f.severity == "error"] for k in (2, 5)
    }
    assert [len(errors) for errors in said.values()] == [0, 1]


def test_what_an_unchanged_model_rings_for_is_the_binomial_chance(ask: Ask) -> None:
    findings = ask("{metric: accuracy, min: 0.9}", 160, known=Known(0.92, 0.27))
    (alarm,) = [f for f in findings if "false alarm" in f.what]
    assert alarm.severity == "warning"
    (share,) = re.findall(r"false alarm in ([\d.]+)%", alarm.what)
    drawn = np.random.default_rng(1).binomial(160, 0.92, 200_000) / 160
    assert float(share) == pytest.approx(100 * np.mean(drawn < 0.9), abs=0.3)


def test_scores_of_any_kind_take_their_spread_from_an_earlier_measurement(ask: Ask) -> None:
    (unknown,) = ask("{metric: log_loss, max: 0.1}", 400)
    assert unknown.what == "how small a change is seen will be known after a first measurement: log_loss-max"
    (note,) = ask("{metric: log_loss, max: 0.1}", 400, known=Known(0.05, 0.2))
    assert note.what.startswith("with n = 400 a change under 0.02486 nats is noise to log_loss-max")


def test_an_equal_model_is_undecided_where_the_margin_is_smaller_than_the_samples_show(ask: Ask) -> None:
    check = "{metric: accuracy, baseline: old, max_degradation: 0.01, confidence: 0.95}"
    warned = [f for f in ask(check, 100) if f.severity == "warning"]
    assert warned[0].what.startswith(
        "accuracy-max-degradation-vs-old is undecided for a model that answers exactly as old does"
    )
    assert not [f for f in ask(check, 2000) if f.severity == "warning"]
