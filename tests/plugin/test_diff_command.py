"""``modelqa diff``: what changed between two runs, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.baselines.promotion import Request, promote
from pytest_modelqa.differences import compare, text
from pytest_modelqa.errors import RunRecordError
from pytest_modelqa.records.digests import file_sha256

Gate = Callable[..., Any]


def test_two_runs_of_the_same_have_no_differences(gate: Gate) -> None:
    found = compare(gate("-q").record_path, gate("-q").record_path.parent)
    assert not [row for row in found.rows if row.changed]
    assert (found.digests, found.environment) == ((), ())
    assert "6 of 6 checks are alike in both" in text(found, width=120, colours=False)


def test_a_changed_bound_candidate_and_verdict_are_named(toy: Any, gate: Gate) -> None:
    before = gate("-q").record_path
    toy.edit("    model: scaler\n", "    model: older\n")
    toy.edit("{metric: psnr, baseline: older, max_degradation: 0}", "{metric: psnr, max: 40, id: top}")
    found = compare(before, gate("-q", "-k", "reconstruction").record_path)
    rows = {row.name.split("::", 1)[1]: row for row in found.rows}
    least = rows["reconstruction::psnr-min"]
    assert least.statuses == ("PASS", "FAIL")
    assert least.values == ("27.27 dB", "21.25 dB")
    assert (least.change, least.changed) == ("−6.02 dB", ("verdict", "value"))
    assert rows["reconstruction::top"].statuses == ("—", "PASS")
    assert rows["classification::accuracy-min"].statuses == ("PASS", "—")
    # Another file is in the place of the candidate's; that it is the older model's too hides nothing.
    assert [name for name, _, _ in found.digests if "picker" not in name] == [
        "checkpoints/scaler.safetensors → checkpoints/scaler_older.safetensors"
    ]
    drawn = text(found, width=120, colours=False)
    assert "PASS → FAIL" in drawn
    assert "\nreconstruction::psnr-min " in drawn


def digests(folder: Path, name: str) -> str:
    return file_sha256(folder / "checkpoints" / f"{name}.safetensors")[:12]


def test_a_candidate_beside_its_recorded_baseline_is_shown_as_changed(
    toy: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The baseline was measured at the path where the next candidate lies: both sides have a file of that name."""
    monkeypatch.chdir(toy.folder)
    toy.edit("      - {metric: psnr, baseline: older, max_degradation: 0}\n", "")
    promote(Request(gate("-q").record_path, "v1", "first", evaluation="reconstruction"))
    toy.edit("\nevaluations:", "\nbaselines:\n  v1: {recorded: baselines/v1.json}\nevaluations:")
    toy.edit(
        "min: 27, unit: dB}\n",
        "min: 1, unit: dB}\n      - {metric: psnr, baseline: v1, max_degradation: 20}\n",
    )
    first = gate("-q").record_path
    before, bad, older = (digests(toy.folder, name) for name in ("scaler", "scaler_bad", "scaler_older"))
    at = toy.folder / "checkpoints"
    (at / "scaler.safetensors").write_bytes((at / "scaler_bad.safetensors").read_bytes())
    same_path = compare(first, gate("-q").record_path)
    assert same_path.digests == (("checkpoints/scaler.safetensors", before, bad),)
    toy.edit("model: scaler\n", "model: older\n")
    another_path = compare(first, gate("-q").record_path)
    assert another_path.digests == (
        ("checkpoints/scaler.safetensors → checkpoints/scaler_older.safetensors", before, older),
    )


def test_a_narrow_terminal_loses_no_text(toy: Any, gate: Gate) -> None:
    before = gate("-q").record_path
    toy.edit("min: 27", "min: 27.1")
    drawn = text(compare(before, gate("-q").record_path), width=60, colours=False)
    assert max(map(len, drawn.splitlines())) <= 60
    assert "27.1" in drawn


def test_the_command_ends_with_0_whatever_differs_and_explains_what_is_no_run(
    measured_toy: Path, run_command: Callable[..., Any]
) -> None:
    (run,) = (measured_toy / ".modelqa" / "runs").iterdir()
    command = [sys.executable, "-m", "pytest_modelqa.cli", "diff", str(run)]
    assert run_command(measured_toy, [*command, str(run)]).exit_code == 0
    wrong = run_command(measured_toy, [*command, str(measured_toy)])
    assert wrong.exit_code == 1
    assert "there is no run record" in wrong.text


def test_a_changed_record_is_refused(measured_toy: Path, tmp_path: Path) -> None:
    (run,) = (measured_toy / ".modelqa" / "runs").iterdir()
    (tmp_path / "run.json").write_text((run / "run.json").read_text().replace("27.2", "28.2"))
    with pytest.raises(RunRecordError, match="changed after the run"):
        compare(run, tmp_path)
