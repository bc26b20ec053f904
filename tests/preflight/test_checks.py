"""Checks that check nothing are found, and checks that do are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelqa.preflight.checks import check_findings, guessing_findings
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.resolved import Spec
from pytest_modelqa.tasks.registry import catalogue

HEAD = """\
modelqa: 1
models: {net: {build: model:Net, checkpoint: a.safetensors}, old: {build: model:Net, checkpoint: b.safetensors}}
datasets: {test: {path: a.npz, role: test}}
evaluations:
  e:
    task: TASK
    model: net
    dataset: test
    checks:
"""


def read(folder: Path, task: str, *checks: str) -> Spec:
    path = folder / "a.modelspec.yaml"
    path.write_text(HEAD.replace("TASK", task) + "".join(f"      - {check}\n" for check in checks))
    return read_spec(path, catalogue())


def said(spec: Spec) -> list[str]:
    return [each.what for each in check_findings(spec, spec.evaluations["e"], catalogue())]


@pytest.mark.parametrize(
    ("first", "second", "weaker"),
    [
        ("{metric: psnr, min: 28, id: a}", "{metric: psnr, min: 25, id: b}", "b"),
        ("{metric: psnr, min: 25, id: a}", "{metric: psnr, min: 28, id: b}", "a"),
        ("{metric: psnr, min: 25, slices: label}", "{metric: psnr, min: 25}", "psnr-min"),
        ("{metric: psnr, min: 28, max: 40}", "{metric: psnr, min: 25}", "psnr-min"),
        (
            "{metric: psnr, baseline: old, max_degradation: 0, id: a}",
            "{metric: psnr, baseline: old, max_degradation: 1, id: b}",
            "b",
        ),
        (
            "{metric: psnr, baseline: old, max_degradation: 0, id: a}",
            "{metric: psnr, baseline: old, min_improvement: 1, id: b}",
            "a",
        ),
        ("{metric: mse, max: 0.1, id: a}", "{metric: mse, max: 0.2, id: b}", "b"),
    ],
)
def test_a_check_that_another_implies_is_named(tmp_path: Path, first: str, second: str, weaker: str) -> None:
    (what,) = said(read(tmp_path, "reconstruction", first, second))
    assert what.startswith(f"{weaker} checks nothing of its own")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # Of a slice by itself.
        ("{metric: psnr, min: 25, slices: label}", "{metric: psnr, min: 28}"),
        ("{metric: psnr, min: 25, slices: {label: [a]}}", "{metric: psnr, min: 25}"),
        # Simpson's paradox: of other samples each slice may hold and the whole not.
        (
            "{metric: psnr, baseline: old, max_degradation: 0, paired: false, slices: label}",
            "{metric: psnr, baseline: old, max_degradation: 0, paired: false}",
        ),
        # What only warns stops nothing, so what stops is not implied by it.
        ("{metric: psnr, min: 28, severity: warn, id: a}", "{metric: psnr, min: 25, id: b}"),
        # With confidence it is a claim of another kind.
        ("{metric: psnr, min: 28, id: a}", "{metric: psnr, min: 25, confidence: 0.95, id: b}"),
        ("{metric: psnr, min: 28}", "{metric: ssim, min: 0.5}"),
        ("{metric: ssim, min: 0.9, args: {window_size: 7}}", "{metric: ssim, min: 0.8}"),
        ("{metric: psnr, min: 28, id: a}", "{metric: psnr, min: 25, min_samples: 50, id: b}"),
        ("{metric: psnr, min: 28}", "{metric: psnr, max: 40}"),
        ("{metric: psnr, baseline: old, max_degradation: 0}", "{metric: psnr, min: 20}"),
    ],
)
def test_checks_that_can_fail_by_themselves_are_left_alone(tmp_path: Path, first: str, second: str) -> None:
    assert said(read(tmp_path, "reconstruction", first, second)) == []


def test_a_metric_of_the_whole_set_is_not_implied_by_its_slices(tmp_path: Path) -> None:
    # The recall of every class does not say what the recall averaged over classes is on another slice of samples.
    spec = read(tmp_path, "classification", "{metric: f1, min: 0.9, slices: site}", "{metric: f1, min: 0.9}")
    assert said(spec) == []


def test_an_evaluation_that_only_warns_is_named(tmp_path: Path) -> None:
    spec = read(tmp_path, "reconstruction", "{metric: psnr, min: 28, severity: warn}")
    assert said(spec) == ["no check of e can stop a release: all are of severity: warn"]


def test_a_floor_that_guessing_meets_is_named(tmp_path: Path) -> None:
    spec = read(tmp_path, "classification", "{metric: accuracy, min: 0.7}", "{metric: recall, min: 0.1}")
    found = guessing_findings(spec, spec.evaluations["e"], {"label": {"cat": 75, "dog": 25}})
    assert [each.what for each in found] == [
        "any model passes accuracy-min: always answering 'cat' is right for 75.0% of them"
    ]
    assert not guessing_findings(spec, spec.evaluations["e"], {"label": {"cat": 6, "dog": 4}})
    assert not guessing_findings(spec, spec.evaluations["e"], {"label": None})


def test_a_value_of_the_whole_set_that_is_clustered_is_found_before_the_run(tmp_path: Path) -> None:
    clustered = "cluster: video, confidence: 0.95"
    set_level = f"{{metric: recall, min: 0.8, slices: label, {clustered}}}"
    (finding,) = (
        found
        for spec in [
            read(tmp_path, "classification", set_level, f"{{metric: accuracy, min: 0.5, {clustered}}}")
        ]
        for found in check_findings(spec, spec.evaluations["e"], catalogue())
    )
    assert (finding.severity, finding.kind) == ("error", "OutputError")
    assert finding.what.startswith("recall-min-by-label cannot be judged")
    assert "samples of one video would count as independent" in str(finding.todo)
