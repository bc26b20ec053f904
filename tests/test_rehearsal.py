"""What the tiny run leaves out it says."""

from __future__ import annotations

from pathlib import Path

from pytest_modelqa.gate import Gate, Options
from pytest_modelqa.rehearsal import rehearse
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

SPEC = """\
modelqa: 1
models:
  ours: {build: "pytest_modelqa.models.coco_results:CocoResults", checkpoint: ours.json}
  theirs: {build: "pytest_modelqa.models.coco_results:CocoResults", checkpoint: theirs.json}
datasets: {test: {path: truths.json, role: test}}
evaluations:
  e: {task: detection, model: ours, dataset: test, checks: [{metric: ap, baseline: theirs, max_degradation: 0}]}
"""


def test_a_check_whose_baseline_is_not_written_yet_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.modelspec.yaml").write_text(SPEC)
    spec = read_spec(tmp_path / "a.modelspec.yaml", catalogue())
    (finding,) = rehearse(Gate(Options(tmp_path, tmp_path / "store", "run")), spec, spec.evaluations["e"])
    assert finding.severity == "note"
    assert finding.what == (
        "not rehearsed: ap-max-degradation-vs-theirs, as the results to compare with are not written yet"
    )
