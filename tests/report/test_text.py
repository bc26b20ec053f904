"""The text of a failed check: the verdict first, then what a person needs to act on it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from pytest_modelqa.errors import CheckpointError
from pytest_modelqa.judging.arithmetic import against_baseline, against_threshold
from pytest_modelqa.judging.verdict import Line, Side, Verdict
from pytest_modelqa.judging.wording import headline
from pytest_modelqa.report.text import error_json, failure_text, verdict_json
from pytest_modelqa.spec.resolved import Bound, Check, Position

CHECK = Check(
    id="psnr-min",
    metric="psnr",
    args={},
    bound=Bound("min", minimum=28.0),
    unit="dB",
    baseline=None,
    paired=True,
    slices={},
    at={},
    along=None,
    over=None,
    tolerance=None,
    confidence=None,
    on_inconclusive="fail",
    cluster=None,
    min_samples=1,
    severity="error",
    marks=(),
    sentence="psnr of candidate ≥ 28 dB",
    position=Position(12, 9),
)
CANDIDATE = {
    "name": "candidate",
    "reused": True,
    "measured": "2026-01-31T12:00:41.123456+00:00",
    "device": {"type": "cpu", "name": "a processor"},
    "inputs": {"checkpoint": [{"path": "checkpoints/a.safetensors", "sha256": "ab" * 32, "size": 9}]},
}


def line(value: float, label: str = "", n: int = 600) -> Line:
    judged = against_threshold(value, CHECK.bound)
    return Line(
        label,
        Side("candidate", value, n),
        None,
        judged.limit,
        judged.at_least,
        judged.margin,
        "pass" if judged.passed else "fail",
    )


def verdict(*lines: Line, check: Check = CHECK, **fields: Any) -> Verdict:
    given = {
        "outcome": "FAIL",
        "headline": headline(check, lines),
        "sentence": "psnr of candidate ≥ 28 dB",
        "metric": "psnr",
        "bound": check.bound.kind,
        "unit": "dB",
        "lines": lines,
        "evidence": {"candidate": CANDIDATE},
    }
    return Verdict(**(given | fields))


def test_a_failure_in_full() -> None:
    # The first says what the line of the candidate says.
    notes = (
        f"{CANDIDATE['name']}: measured 2026-01-31 12:00 UTC on a processor",
        "candidate: no accelerator: ran on the CPU",
    )
    made = verdict(line(26.41), notes=notes)
    assert failure_text(made, CHECK, "a.modelspec.yaml:12").splitlines() == [
        "psnr 26.41 dB < 28 dB, short by 1.59 dB",
        "  check:     psnr of candidate ≥ 28 dB",
        "  n:         600 samples",
        "  candidate: checkpoints/a.safetensors sha256 abababababab, measured 2026-01-31 12:00 UTC on a processor"
        " (reused)",
        "  note:      candidate: no accelerator: ran on the CPU",
        "a.modelspec.yaml:12",
    ]


def test_a_baseline_is_told_with_its_value_and_its_origin() -> None:
    check = dataclasses.replace(CHECK, bound=Bound("max_degradation", amount=0.5), baseline="older")
    judged = against_baseline(26.41, 27.0, check.bound, higher_is_better=True)
    compared = dataclasses.replace(
        line(26.41), baseline=Side("older", 27.0, 600), limit=judged.limit, margin=judged.margin
    )
    older = CANDIDATE | {"name": "older", "reused": False, "inputs": {"checkpoint": []}}
    text = failure_text(
        verdict(compared, check=check, evidence={"candidate": CANDIDATE, "baseline": older}), check, "a:12"
    )
    assert "  baseline:  older 27.00 dB\n" in text
    # A model without a checkpoint has no digest to show.
    assert "  baseline:  older, measured 2026-01-31 12:00 UTC on a processor\n" in text
    recorded = {"name": "published", "recorded": "/m/published.json", "made_by": {}}
    text = failure_text(verdict(compared, check=check, evidence={"baseline": recorded}), check, "a:12")
    assert "  baseline:  published, recorded in /m/published.json\n" in text


def test_slices_are_listed_from_the_worst_and_at_most_twelve_of_them() -> None:
    lines = [line(20.0 + number, f"label={number}", n=50 + number) for number in range(15)]
    text = failure_text(verdict(*lines), CHECK, "a:12").splitlines()
    start = text.index("  slice     value     bound    margin    n")
    assert text[start + 1 : start + 4] == [
        "  label=0   20.00 dB  ≥ 28 dB  -8.00 dB  50  FAIL",
        "  label=1   21.00 dB  ≥ 28 dB  -7.00 dB  51  FAIL",
        "  label=2   22.00 dB  ≥ 28 dB  -6.00 dB  52  FAIL",
    ]
    assert text[start + 9] == "  label=8   28.00 dB  ≥ 28 dB  +0.00 dB  58  PASS"
    assert text[start + 12] == "  label=11  31.00 dB  ≥ 28 dB  +3.00 dB  61  PASS"
    assert text[start + 13] == "  … and 3 more with larger margins"
    # The slices have samples, the check as a whole has not.
    assert not any(row.startswith("  n: ") for row in text)


def test_a_failure_that_the_interval_decided_shows_the_interval_beside_the_bound() -> None:
    sure = dataclasses.replace(CHECK, confidence=0.95)
    low = dataclasses.replace(line(26.41), margin_interval=(-1.99, -1.19), confidence=0.95)
    said = failure_text(verdict(low), sure, "a.modelspec.yaml:12").splitlines()
    assert said[2] == (
        "  interval:  at least 26.01 dB and at most 26.81 dB, 95 % sure of each; the bound is ≥ 28 dB"
    )
    assert not any("interval" in text for text in failure_text(verdict(low), CHECK, "a:12").splitlines())


def test_slices_that_intervals_decided_show_them_each() -> None:
    sure = dataclasses.replace(CHECK, confidence=0.95)
    low = dataclasses.replace(line(26.41, "label=3"), margin_interval=(-1.99, -1.19), confidence=0.95)
    high = dataclasses.replace(line(29.0, "label=4"), margin_interval=(0.5, None), confidence=0.95)
    said = failure_text(verdict(low, high), sure, "a.modelspec.yaml:12").splitlines()
    assert [" ".join(text.split()) for text in said[-4:-1]] == [
        "slice value 95 % sure of each end bound margin n",
        "label=3 26.41 dB 26.01 dB … 26.81 dB ≥ 28 dB -1.59 dB 600 FAIL",
        "label=4 29.00 dB 28.50 dB … ? ≥ 28 dB +1.00 dB 600 PASS",
    ]


def test_a_slice_that_is_undecided_is_not_shown_as_failed() -> None:
    check = dataclasses.replace(CHECK, confidence=0.95)
    undecided = dataclasses.replace(line(28.4, "label=1"), outcome="inconclusive", confidence=0.95)
    made = verdict(undecided, line(30.0, "label=2"), check=check, outcome="INCONCLUSIVE")
    rows = [row for row in failure_text(made, check, "a:12").splitlines() if row.startswith("  label=")]
    assert [row.split()[-1] for row in rows] == ["INCONCLUSIVE", "PASS"]


def test_the_verdict_for_the_run_record_has_what_tables_show() -> None:
    content = verdict_json(verdict(line(29.0, "label=1"), line(26.41, "label=2", 58)), CHECK)
    assert content["shown"] == {
        "slice": "label=2",
        "value": "26.41 dB",
        "bound": "≥ 28 dB",
        "margin": "-1.59 dB",
        "n": "58",
    }
    assert content["worst"]["slice"] == "label=2"
    json.dumps(content, allow_nan=False)


def test_an_error_for_the_run_record_has_all_of_its_parts() -> None:
    content = error_json(CheckpointError("it is missing", todo="train it"), "psnr of candidate ≥ 28 dB")
    assert content["outcome"] == "ERROR"
    assert content["headline"] == "it is missing"
    assert content["sentence"] == "psnr of candidate ≥ 28 dB"
    assert content["error"]["error"] == "CheckpointError"
    assert content["error"]["todo"] == "train it"


@pytest.mark.parametrize("count", [12, 13])
def test_no_slice_is_left_out_without_a_word(count: int) -> None:
    lines = [line(20.0, f"label={number}") for number in range(count)]
    text = failure_text(verdict(*lines), CHECK, "a:12")
    assert ("… and 1 more" in text) == (count == 13)
