"""What the preflight says of a recorded baseline, before anything is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.baselines.findings import baseline_findings
from pytest_modelqa.preflight.findings import Finding
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

SPEC = """\
modelqa: 1
models: {net: {build: model:Net, checkpoint: net.pt}}
datasets: {test: {path: test.npz, role: test}}
baselines: {published: {recorded: published.json}}
evaluations:
  e:
    task: classification
    model: net
    dataset: test
    checks:
      - {metric: accuracy, baseline: published, max_degradation: 0.01}
      - {metric: log_loss, baseline: published, max_degradation: 0.1}
      - {metric: accuracy, min: 0.5}
"""
NUMBERS = {
    "accuracy": {"value": 0.9, "unit": "fraction"},
    "log_loss": {"value": 0.3, "unit": "nats"},
}


def found(folder: Path, **changes: Any) -> tuple[Finding, ...]:
    content = {
        "modelqa_baseline": 1,
        "name": "published",
        "task": "classification",
        "source": "test",
        "n": 40,
        "metrics": NUMBERS,
    }
    (folder / "published.json").write_text(json.dumps(content | changes))
    path = folder / "a.modelspec.yaml"
    path.write_text(SPEC)
    return baseline_findings(read_spec(path, catalogue()), "published", catalogue())


def test_a_baseline_that_has_what_the_checks_need_is_let_through(tmp_path: Path) -> None:
    assert found(tmp_path) == ()


def test_a_number_below_which_nothing_can_be_lost_is_found(tmp_path: Path) -> None:
    low = {**NUMBERS, "accuracy": {"value": 0.01, "unit": "fraction"}}
    (finding,) = found(tmp_path, metrics=low)
    assert finding.severity == "error"
    assert finding.what == (
        "e::accuracy-max-degradation-vs-published cannot be judged:"
        " max_degradation of accuracy can never fail: every value meets it"
    )
    assert finding.found == "a bound of ≥ 0.0000; the baseline published is 0.0100"


def test_a_metric_that_the_baseline_lacks_is_found_for_the_check_that_needs_it(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, metrics={"accuracy": NUMBERS["accuracy"]})
    assert finding.severity == "error"
    assert finding.what == (
        "e::log_loss-max-degradation-vs-published cannot be judged: published has no log_loss"
    )
    assert finding.where == str(tmp_path / "published.json")
    assert finding.todo == "record it, or compare with another baseline"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "linear_probe"}, "published was measured by task linear_probe"),
        ({"dataset": "other"}, "published and net were measured on different samples"),
        (
            {"metrics": {name: {**number, "version": 99} for name, number in NUMBERS.items()}},
            "of another version of the metric",
        ),
    ],
    ids=["task", "dataset", "version"],
)
def test_numbers_of_something_else_are_found_for_every_check(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    assert [said in finding.what for finding in found(tmp_path, **changes)] == [True, True]


def test_a_file_that_cannot_be_read_is_said_once(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, source="training")
    assert finding.what.startswith("published was measured in training")
