"""The same verdicts from several processes, and one run record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("xdist")


def test_verdicts_texts_and_numbers_are_those_of_a_serial_run(
    toy: Any, gate: Callable[..., Any], run_pytest: Callable[..., Any]
) -> None:
    toy.edit("min: 27", "min: 28")
    toy.edit("min: 85, unit: percent", "min: 95, unit: percent, severity: warn")
    (toy.folder / "checkpoints" / "scaler_older.safetensors").unlink()
    serial = gate()
    spread = run_pytest(toy.folder, "-p", "xdist", "-n", "2", "--junitxml=junit.xml")
    assert spread.last_line == serial.last_line
    assert spread.exit_code == serial.exit_code == 1
    assert spread.statuses == serial.statuses
    assert spread.record["conclusion"] == serial.record["conclusion"]
    assert spread.record["complete"] is True
    for name in serial.results:
        assert spread.results[name]["blocks"] == serial.results[name]["blocks"]
    assert "\npsnr 27.27 dB < 28 dB, short by 0.73 dB\n" in spread.text
    assert "1 warned" in spread.text
    # One run record for the serial run, one for all processes of the other.
    assert len(list((toy.folder / ".modelqa" / "runs").iterdir())) == 2
    properties = {
        item.get("name"): item.get("value")
        for item in ElementTree.parse(toy.folder / "junit.xml").iter("property")
    }
    assert properties["modelqa.unit"]


def test_a_spec_that_cannot_be_read_is_not_green(toy: Any, run_pytest: Callable[..., Any]) -> None:
    toy.write("bad.modelspec.yaml", "modelqa: 1\n")
    run = run_pytest(toy.folder, "-p", "xdist", "-n", "1")
    assert run.exit_code == 1
    assert "no evaluations in bad.modelspec.yaml" in run.text
    assert run.last_line == "INCOMPLETE: 1 spec could not be read: bad.modelspec.yaml"
