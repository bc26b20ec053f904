"""Findings: to errors and back, over the wire, and raised."""

from __future__ import annotations

import json

import pytest

from pytest_modelqa.errors import CheckpointError, DatasetError, EvaluationError
from pytest_modelqa.preflight.findings import Finding, demand_no_errors


def test_an_error_keeps_its_class_and_every_word_as_a_finding_and_over_the_wire() -> None:
    error = CheckpointError(
        "gone", where="a:1", expected="a file", found="none", todo="train", details="more"
    )
    finding = Finding.of_error("checkpoint", "candidate", error)
    back = Finding.from_json(json.loads(json.dumps(finding.to_json())))
    assert back == finding
    assert type(back.as_error()) is CheckpointError
    assert str(back.as_error()) == str(error)


def test_only_errors_are_raised_and_the_first_names_the_others() -> None:
    note = Finding("power", "e", "note", "n = 160 is few")
    warning = Finding("checks", "e", "warning", "checks nothing")
    demand_no_errors([note, warning])
    first = Finding.of_error("data", "test", DatasetError("doubled ids"))
    second = Finding("checkpoint", "candidate", "error", "it is gone", todo="train")
    with pytest.raises(DatasetError, match="doubled ids") as caught:
        demand_no_errors([note, first, second])
    assert "it is gone\n  to do:     train" in str(caught.value)
    with pytest.raises(EvaluationError, match="it is gone"):
        demand_no_errors([second])
