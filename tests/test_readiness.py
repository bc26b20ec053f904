"""No question of the preflight passes because nobody looked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_modelqa.gate import Gate, Options
from pytest_modelqa.preflight.questions import questions_of, run_of
from pytest_modelqa.readiness import Readiness
from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.resolved import Spec
from pytest_modelqa.tasks.registry import catalogue

SPEC = """\
modelqa: 1
models:
  net: {build: model:Net, checkpoint: net.pt, reference_output: net.npz}
  older: {build: model:Net, checkpoint: older.pt}
  bad: {build: model:Net, checkpoint: bad.pt}
  unused: {build: model:Net, checkpoint: unused.pt}
datasets:
  train: {path: train.npz, role: train}
  test: {path: test.npz, role: test}
evaluations:
  e:
    task: classification
    model: net
    dataset: test
    checks: [{metric: accuracy, min: 0.5}, {metric: accuracy, baseline: older, max_degradation: 0}]
controls:
  c: {evaluation: e, model: bad}
"""
# Those that only a process can answer, or that start from what it said.
ASKED = ("build", "reference-output", "overlap", "checks", "power", "inputs", "memory")


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    path = tmp_path / "a.modelspec.yaml"
    path.write_text(SPEC)
    return read_spec(path, catalogue())


@pytest.fixture
def answered(spec: Spec, tmp_path: Path) -> Callable[[str], list[str]]:
    """The severities of what a question of a session finds that was ended before anybody looked."""
    readiness = Readiness(Gate(Options(tmp_path, tmp_path / ".modelqa", "run")))
    readiness._inspector.close()
    questions = {each.name: each for each in questions_of(spec, catalogue())}

    def findings(name: str) -> list[str]:
        found = readiness.findings(spec, questions[name], lambda title, progress: None, 5.0)
        return [each.severity for each in found]

    return findings


@pytest.mark.parametrize("name", ASKED)
def test_a_question_that_nobody_answered_does_not_pass(
    answered: Callable[[str], list[str]], name: str
) -> None:
    assert set(answered(name)) & {"error", "warning"}


def test_a_model_is_run_by_its_evaluation_or_by_one_that_compares_with_it(spec: Spec) -> None:
    own = spec.evaluations["e"]
    assert run_of(spec, "net") == own
    assert run_of(spec, "older") == replace(own, model="older")
    assert run_of(spec, "bad") == replace(own, model="bad")
    assert run_of(spec, "unused") is None
