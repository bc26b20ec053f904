"""What a run leaves for people: the HTML report, Markdown, and what GitHub shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from pytest_modelqa.cli import main

# Imported before pytester takes its snapshot of sys.modules, so that the run uses the module that a test changes.
from pytest_modelqa.report.html import page
from pytest_modelqa.report.run_schema import run_schema

Gate = Callable[..., Any]
SPEC = "toy.modelspec.yaml"


def test_every_run_leaves_a_report_beside_its_record(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    run = gate("-q")
    path = run.record_path.with_name("report.html")
    assert f"report: {path}" in run.lines
    html = path.read_text(encoding="utf-8")
    assert "<title>NO-GO: 1 of 6 release checks in 1 spec failed</title>" in html
    assert "psnr 27.27 dB &lt; 28 dB, short by 0.73 dB" in html
    # Of the records: strips of the worst images, the confusion matrix, every sample.
    assert html.count("data:image/png;base64,") >= 3
    assert 'alt="confusion matrix of picker"' in html
    assert "Samples of scaler: 40 of 40, lowest psnr first; taken singly 40 of 40 miss psnr ≥ 28 dB" in html


def test_the_reports_end_with_the_line_that_the_session_ends_with(gate: Gate, toy: Any) -> None:
    toy.write("test_other.py", "def test_other():\n    assert False\n")
    run = gate("-q")
    assert run.last_line.endswith("; exit code 1, because something else in this run failed")
    assert run.last_line in run.record_path.with_name("comment.md").read_text()
    toy.write("test_other.py", "import pytest\n\n\ndef test_other():\n    pytest.exit('enough')\n")
    run = gate("-q", SPEC, "test_other.py")
    assert run.last_line == (
        "INCOMPLETE: the run did not come to its end; until then GO: 6 of 6 release checks in 1 spec passed"
    )
    comment = run.record_path.with_name("comment.md").read_text()
    assert f"## ⚠️ {run.last_line}" in comment
    html = run.record_path.with_name("report.html").read_text(encoding="utf-8")
    assert f"<title>{run.last_line}</title>" in html


def test_the_report_is_drawn_again_elsewhere(
    gate: Gate, toy: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = gate("-q")
    folder = run.record_path.parent
    shutil.move(folder, toy.folder / "kept" / "runs" / folder.name)
    output = toy.folder / "shown" / "report.html"
    assert main(["report", str(toy.folder / "kept" / "runs" / folder.name), "--output", str(output)]) == 0
    assert capsys.readouterr().out.strip().endswith(str(output))
    html = output.read_text(encoding="utf-8")
    assert "<title>GO: 6 of 6 release checks in 1 spec passed</title>" in html
    assert "Some records of this evaluation are not on this machine" in html
    assert main(["report", str(toy.folder)]) == 1
    assert "there is no run record" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_changes_nothing_but_is_said(
    gate: Gate, toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_modelqa.report.run_record.new_run_id", lambda: "20260131-120000-abcdef")
    (toy.folder / ".modelqa" / "runs" / "20260131-120000-abcdef" / "report.html").mkdir(parents=True)
    run = gate("-q")
    assert any("cannot write report.html" in line for line in run.lines)
    assert run.last_line == "GO: 6 of 6 release checks in 1 spec passed"
    assert run.exit_code == 0


def test_a_report_that_cannot_be_drawn_costs_no_verdict(
    gate: Gate, toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a drawing without points")

    monkeypatch.setattr(page, "figures_of", broken)
    run = gate("-q")
    (said,) = [line for line in run.lines if "could not be drawn" in line]
    assert "ValueError: a drawing without points (test_reports.py:" in said
    assert run.last_line == "GO: 6 of 6 release checks in 1 spec passed"
    assert run.exit_code == 0


def test_under_xdist_the_controller_writes_the_report(toy: Any, run_pytest: Gate) -> None:
    run = run_pytest(toy.folder, "-q", "-n", "2")
    path = run.record_path.with_name("report.html")
    assert f"report: {path}" in run.lines
    assert "<title>GO: 6 of 6 release checks in 1 spec passed</title>" in path.read_text(encoding="utf-8")


def test_github_is_told_where_and_what(gate: Gate, toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = toy.folder / "summary.md"
    summary.write_text("what another step wrote\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(toy.folder.parent))
    toy.edit("min: 27", "min: 28")
    (toy.folder / "checkpoints" / "picker.safetensors").unlink()
    run = gate("-q")
    told = [line for line in run.lines if line.startswith("::")]
    place = f"file={toy.folder.name}/{SPEC}"
    psnr = (
        f"::error {place},line=19,title=reconstruction%3A%3Apsnr-min::psnr 27.27 dB < 28 dB, short by 0.73 dB"
    )
    assert psnr in told
    assert sum("checkpoint" in line for line in told) == 2
    assert run.last_line.startswith("NO-GO: ")
    text = summary.read_text()
    assert text.startswith("what another step wrote\n<!-- pytest-modelqa -->\n## ❌ NO-GO: 3 of 6")
    assert "| ❌ FAIL | `reconstruction` psnr of scaler ≥ 28 dB | 27.27 dB | ≥ 28 dB |" in text
    assert text.endswith(run.record_path.with_name("comment.md").read_text())


def test_the_run_record_is_of_the_published_schema(
    gate: Gate, toy: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (toy.folder / "checkpoints" / "picker.safetensors").unlink()
    record = gate("-q").record
    capsys.readouterr()
    assert main(["schema", "--run"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == run_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    assert not [error.message for error in validator.iter_errors(record)]
    # It is strict: a field that nobody described, a wrong type and a missing field are none of it.
    verdict = record["results"][0]["verdict"]
    (unjudged,) = [each["verdict"] for each in record["results"] if each["nodeid"].endswith("::accuracy-min")]
    spoils: list[tuple[dict[str, Any], str, object]] = [
        (record, "more", 1),
        (record, "complete", None),
        (verdict["lines"][0], "margin", "1"),
        (verdict, "headline", None),
        (unjudged, "outcome", "PASS"),
        (unjudged["error"], "more", "1"),
    ]
    for of, field, value in spoils:
        before = dict(of)
        of[field] = value
        assert not validator.is_valid(record), field
        of.clear()
        of.update(before)
    assert validator.is_valid(record)
    described = schema["$defs"]["Line"]["properties"]["margin"]["description"]
    assert described.startswith("How far the value is on the good side of the bound")


LOG = """
modelqa: 1
name: training
evaluations:
  training:
    task: training_log
    args: {path: history.csv, format: csv}
    checks: [{metric: finite, min: 1}]
"""


def test_a_training_log_is_drawn(gate: Gate, toy: Any) -> None:
    rows = [f"{epoch},{1 / (1 + epoch)},{1.2 / (1 + epoch)},0.001" for epoch in range(3000)]
    toy.write("history.csv", "\n".join(["epoch,train_loss,val_loss,rate", *rows]) + "\n")
    toy.write("log.modelspec.yaml", LOG)
    run = gate("-q", "log.modelspec.yaml")
    html = run.record_path.with_name("report.html").read_text(encoding="utf-8")
    assert "losses in training" in html
    assert "rate in training" in html
    assert html.count('class="curve s') >= 5
