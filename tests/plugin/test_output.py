"""What a person and other tools read: lines, failure texts, summaries, JUnit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

Gate = Callable[..., Any]
SPEC = "toy.modelspec.yaml"


def test_a_line_of_v_has_value_and_bound(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    lines = gate("-v").lines
    shown = [line.rpartition("[")[0].strip() for line in lines if line.startswith(f"{SPEC}::")]
    assert shown[:4] == [
        f"{SPEC}::reconstruction::psnr-min FAIL psnr 27.27 dB < 28 dB, short by 0.73 dB",
        f"{SPEC}::reconstruction::psnr-max-degradation-vs-older PASS psnr 27.27 dB ≥ 21.25 dB (older 21.25 dB)",
        f"{SPEC}::classification::accuracy-min PASS accuracy 90.0 % ≥ 85 %",
        f"{SPEC}::classification::recall-min-by-label PASS recall 0.9000 ≥ 0.75 for label=0 (worst of 4 slices)",
    ]


def test_a_failure_begins_with_the_verdict_and_ends_with_the_place(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    run = gate()
    start = run.lines.index(
        "_____________________ model spec: reconstruction::psnr-min _____________________"
    )
    text = run.lines[start + 1 : run.lines.index(f"{toy.folder / SPEC}:19") + 1]
    digest = hashlib.sha256((toy.folder / "checkpoints" / "scaler.safetensors").read_bytes()).hexdigest()
    assert text[0] == "psnr 27.27 dB < 28 dB, short by 0.73 dB"
    assert text[1].split() == ["check:", "psnr", "of", "scaler", "≥", "28", "dB"]
    assert [line.split() for line in text if line.startswith("  n:")] == [["n:", "40", "samples"]]
    assert any(f"checkpoints/scaler.safetensors sha256 {digest[:12]}" in line for line in text)


def test_a_failure_by_slices_shows_the_worst_first(gate: Gate, toy: Any) -> None:
    toy.edit("min: 0.75, slices: label", "min: 0.95, slices: label")
    text = gate("-k", "recall").text
    assert "recall 0.9000 < 0.95 for label=0, short by 0.0500 (4 of 4 slices fail)" in text
    for label in range(4):
        assert f"label={label}" in text


def test_the_short_summary_is_one_line_for_each_failure(
    toy: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")  # pytest then shows whole messages
    toy.edit("min: 27", "min: 28")
    (toy.folder / "checkpoints" / "picker.safetensors").unlink()
    lines = gate("-q").lines
    summary = lines[next(i for i, line in enumerate(lines) if "short test summary" in line) + 1 :]
    assert summary[0] == f"FAILED {SPEC}::reconstruction::psnr-min - psnr 27.27 dB < 28 dB, short by 0.73 dB"


@pytest.mark.parametrize("style", ["auto", "long", "short", "line", "native", "no"])
def test_every_style_of_traceback_shows_the_verdict_and_none_of_our_lines(
    gate: Gate, toy: Any, style: str
) -> None:
    toy.edit("min: 27", "min: 28")
    run = gate(f"--tb={style}", "-k", "psnr-min")
    assert "psnr 27.27 dB < 28 dB" in run.text
    if style == "line":
        assert f"{toy.folder / SPEC}:19: psnr 27.27 dB < 28 dB, short by 0.73 dB" in run.lines


@pytest.mark.parametrize(
    "arguments",
    [
        ["-q"],
        ["-qq"],
        ["-rA"],
        ["-s"],
        ["--color=yes"],
        ["--durations=3"],
        ["--setup-show"],
        ["--no-header", "-vv"],
    ],
    ids=" ".join,
)
def test_the_last_line_is_the_last_whatever_else_is_shown(gate: Gate, arguments: list[str]) -> None:
    run = gate(*arguments)
    assert "GO: 6 of 6 release checks in 1 spec passed" in run.last_line
    assert run.exit_code == 0


def test_junit_has_a_case_for_each_check_with_its_numbers(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    (toy.folder / "checkpoints" / "scaler_older.safetensors").unlink()
    gate("--junitxml=junit.xml")
    (suite,) = ElementTree.parse(toy.folder / "junit.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "1", "errors": "1", "skipped": "0",
    }  # fmt: skip
    cases = {case.get("name"): case for case in suite}
    failed = {item.get("name"): item.get("value") for item in cases["psnr-min"].iter("property")}
    assert float(failed["modelqa.value"]) == pytest.approx(27.27, abs=0.01)
    assert (failed["modelqa.bound"], failed["modelqa.unit"], failed["modelqa.n"]) == ("28.0", "dB", "40")
    assert failed["modelqa.outcome"] == "FAIL"
    assert cases["psnr-min"].find("failure").get("message") == "psnr 27.27 dB < 28 dB, short by 0.73 dB"
    error = cases["psnr-max-degradation-vs-older"].find("error")
    assert "scaler_older.safetensors" in error.text
    assert cases["accuracy-min"].find("failure") is None


def test_colours_are_only_for_those_who_want_them(
    gate: Gate, toy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.edit("min: 27", "min: 28")
    assert "\x1b[" not in gate().text
    assert "\x1b[31m" in gate("--color=yes").text
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in gate().text


def test_goals_that_an_evaluation_shows_are_not_in_the_table(gate: Gate) -> None:
    text = gate("-q").text
    table = text[text.index("model quality") :]
    assert "accuracy-min" in table
    assert "recognise" not in table


def test_an_error_that_checks_share_is_told_once_and_referred_to_after(gate: Gate, toy: Any) -> None:
    toy.edit("return scaled(image, self.weight)", "return missing_name", "model.py")
    run = gate()
    told = [line for line in run.lines if "missing_name" in line and "NameError" in line]
    details = [line for line in run.lines if line.startswith("for the same reason as ")]
    errors = [name for name, status in run.statuses.items() if status == "ERROR"]
    assert len(errors) > 1
    assert len(details) == len(errors) - 1, run.text
    assert all(f"for the same reason as {errors[0]}, where it is told" in line for line in details)
    # The run record holds the whole of it for each.
    assert len({run.error(name)["details"] for name in errors}) == 1
    assert told


@pytest.mark.parametrize("processes", [0, 2])
def test_a_damaged_record_that_is_passed_over_is_said(toy: Any, run_pytest: Gate, processes: int) -> None:
    tables = sorted((toy.folder / ".modelqa" / "store").glob("*/*/*/samples.parquet"))
    tables[0].write_bytes(tables[0].read_bytes()[:-20])
    run = run_pytest(toy.folder, "-q", *(["-n", str(processes)] if processes else []))
    (said,) = [line for line in run.lines if line.startswith("damaged record passed over: ")]
    assert said.endswith("samples.parquet is damaged: its digest does not match")
    assert run.record["passed_over"] == [said.removeprefix("damaged record passed over: ")]
    assert run.last_line.startswith("GO: ")


@pytest.mark.parametrize("distributed", [(), ("-n", "1")])
def test_the_summary_of_a_CI_server_has_a_line_for_each_red(
    gate: Gate, toy: Any, monkeypatch: pytest.MonkeyPatch, distributed: tuple[str, ...]
) -> None:
    # Where CI is set pytest does not cut the texts of its short summary to the width of the terminal.
    monkeypatch.setenv("CI", "true")
    toy.edit("return scaled(image, self.weight)", "return missing_name", "model.py")
    toy.edit("accuracy, min: 85", "accuracy, min: 99")
    run = gate(*distributed)
    summary = run.lines[next(i for i, line in enumerate(run.lines) if "short test summary" in line) + 1 :]
    reds = [line for line in summary if not line.startswith(("=", "report: ", "run record: ", "NO-GO: "))]
    assert sorted(reds) == [
        "ERROR toy.modelspec.yaml::reconstruction::psnr-max-degradation-vs-older - NameError: name 'missing_name' is "
        "not defined",
        "ERROR toy.modelspec.yaml::reconstruction::psnr-min - NameError: name 'missing_name' is not defined",
        "FAILED toy.modelspec.yaml::classification::accuracy-min - accuracy 90.0 % < 99 %, short by 9.0 points",
    ], run.text
