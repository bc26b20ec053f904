"""Detectors whose AP rose or fell a little while small objects were lost (issue 8, c). All numbers in percent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest

from .conftest import Replay

THREE_SCALE, FAILED_FOUR_SCALE = (34.02, 17.28), (30.93, 14.83)
FOUR_SCALE_SIZE_AWARE, THREE_SCALE_SIZE_AWARE = (32.23, 12.75), (34.08, 13.53)
SPEC = """
modelqa: 1
name: size_aware
defaults: {task: recorded, baseline: before, unit: percent}
evaluations:
  before: {args: {path: before.json, format: coco, source: validation}}
  candidate:
    args: {path: candidate.json, format: coco, source: validation}
    checks:
      - metric: recorded_value
        args: {name: ap, unit: percent, higher_is_better: true, n: 5000}
        max_degradation: 0
      - metric: recorded_value
        args: {name: ap_small, unit: percent, higher_is_better: true, n: 5000}
        max_degradation: 0.5
"""
AP, SMALL = (f"recorded_value-name-{name}-max-degradation-vs-before" for name in ("ap", "ap_small"))


def stats(pair: tuple[float, float]) -> Mapping[str, float]:
    return {"ap": pair[0], "ap_small": pair[1]}


@pytest.mark.parametrize(
    ("before", "candidate", "ap", "small"),
    [
        (THREE_SCALE, FOUR_SCALE_SIZE_AWARE, "FAIL", "FAIL"),
        # Better overall than what had failed, and small objects are lost all the same.
        (FAILED_FOUR_SCALE, FOUR_SCALE_SIZE_AWARE, "PASS", "FAIL"),
        (THREE_SCALE, THREE_SCALE_SIZE_AWARE, "PASS", "FAIL"),
    ],
)
def test_lost_small_objects_block(
    replay: Callable[..., Replay],
    before: tuple[float, float],
    candidate: tuple[float, float],
    ap: str,
    small: str,
) -> None:
    run = replay(SPEC, {"before.json": stats(before), "candidate.json": stats(candidate)})
    assert run.statuses == {f"candidate::{AP}": ap, f"candidate::{SMALL}": small}
    assert run.exit_code == 1
    assert f"candidate::{SMALL}" in run.last_line
    assert f"recorded_value ap_small {candidate[1]:.1f} % <" in run.reason(SMALL)
    lost = re.fullmatch(r".*, short by (.*) points", run.reason(SMALL))
    assert lost
    assert float(lost[1]) == pytest.approx(before[1] - candidate[1] - 0.5, abs=0.051)
    assert any("numbers only" in note for note in run.notes(SMALL))


def test_the_detector_before_would_have_passed(replay: Callable[..., Replay]) -> None:
    run = replay(SPEC, {"before.json": stats(FAILED_FOUR_SCALE), "candidate.json": stats(THREE_SCALE)})
    assert run.last_line.startswith("GO: 2 of 2 release checks in 1 spec passed")


def test_a_file_compared_with_itself_is_an_error(replay: Callable[..., Replay]) -> None:
    run = replay(SPEC, {"before.json": stats(THREE_SCALE), "candidate.json": stats(THREE_SCALE)})
    assert set(run.statuses.values()) == {"ERROR"}
    assert "compared with itself" in run.reason(AP)


def test_what_was_measured_in_training_is_no_evidence(replay: Callable[..., Replay]) -> None:
    files = {"before.json": stats(FAILED_FOUR_SCALE), "candidate.json": stats(THREE_SCALE)}
    run = replay(SPEC.replace("source: validation", "source: training"), files)
    assert set(run.statuses.values()) == {"PASS"}
    assert run.last_line.startswith("NO-GO: trained, not evaluated")
    mixed = "training".join(SPEC.rsplit("validation", 1))
    assert "not measured the same way" in replay(mixed, files).reason(AP)
