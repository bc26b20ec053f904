"""A line of a verdict on the axis of its metric."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.judging.verdict import Side
from pytest_modelqa.judging.wording import margin, relation
from pytest_modelqa.report.html.readings import Reading, reading_of
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue


def reading(make: Any, unit: str = "dB", bound: str = "min", **fields: Any) -> Reading:
    verdict = make.result("c", make.line(**fields), bound=bound, unit=unit).verdict
    return reading_of(verdict["worst"], verdict)


def test_the_interval_of_the_margin_is_drawn_around_the_value(make: Any) -> None:
    least = reading(make, value=25.0, limit=24.0, margin_interval=(0.8, 1.3))
    assert (least.low, least.high) == pytest.approx((24.8, 25.3))
    most = reading(make, value=3.0, limit=4.0, at_least=False, margin_interval=(0.8, 1.3))
    assert (most.low, most.high) == pytest.approx((2.7, 3.2))
    assert (least.interval_text, most.limit_text) == ("24.80 dB … 25.30 dB", "≤ 4 dB")


def test_an_end_of_which_nothing_is_known_stays_unknown(make: Any) -> None:
    found = reading(make, value=3.0, limit=4.0, at_least=False, margin_interval=(None, 1.0))
    assert (found.low, found.high) == (3.0, None)
    assert found.interval_text == "at least 3.00 dB"
    assert reading(make, margin_interval=None).interval_text == ""


def test_margins_in_percent_are_of_the_baseline(make: Any) -> None:
    found = reading(
        make, bound="max_degradation_percent", value=48.0, limit=45.0,
        baseline=Side("older", 50.0, 600), margin=6.0, margin_interval=(2.0, 10.0),
    )  # fmt: skip
    assert (found.low, found.high) == pytest.approx((46.0, 50.0))
    assert found.margin_text == "+3.00 dB"
    assert found.baseline == 50.0


def test_a_difference_is_compared_as_a_difference(make: Any) -> None:
    found = reading(
        make, bound="max_difference", value=25.0, limit=0.5, at_least=False,
        baseline=Side("exported", 25.2, 600), margin=0.3, outcome="pass", margin_interval=(0.2, 0.4),
    )  # fmt: skip
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.1, 0.3))
    # The baseline's own value is on another axis than the difference.
    assert found.baseline is None
    assert found.baseline_text == "exported"


SPEC = """\
modelqa: 1
models: {net: {build: model:Net, checkpoint: a.safetensors}, old: {build: model:Net, checkpoint: b.safetensors}}
datasets: {test: {path: a.npz, role: test}}
evaluations:
  e:
    task: reconstruction
    model: net
    dataset: test
    checks:
      - {metric: psnr, min: 24}
      - {metric: psnr, max: 24}
      - {metric: psnr, baseline: old, min_improvement: 1}
      - {metric: psnr, baseline: old, max_degradation_percent: 1}
      - {metric: psnr, baseline: old, max_difference: 1}
"""


def test_the_page_shows_the_numbers_that_the_terminal_shows(make: Any, tmp_path: Path) -> None:
    (tmp_path / "a.modelspec.yaml").write_text(SPEC)
    checks = read_spec(tmp_path / "a.modelspec.yaml", catalogue()).evaluations["e"].checks
    numbers = [(25.0, 24.0), (24.0, 24.0), (23.999999, 24.0), (24.00000001, 24.0), (0.0, 24.0), (1e-9, 2e-9)]
    for check in checks:
        for value, limit in numbers:
            for at_least, outcome in itertools.product((True, False), ("pass", "fail", "inconclusive")):
                baseline = Side("old", 24.5, 600) if check.bound.compares else None
                line = make.line(value, limit, at_least=at_least, outcome=outcome, baseline=baseline)
                shown = reading_of(
                    json.loads(json.dumps(asdict(line))), {"bound": check.bound.kind, "unit": check.unit}
                )
                assert (shown.value_text, shown.limit_text) == relation(check, line)
                assert shown.margin_text.replace("−", "-") == margin(check, line)


def test_all_of_it_is_said_in_words(make: Any) -> None:
    found = reading(make, value=23.2, limit=24.0, slice="label=8", baseline=Side("older", 22.0, 600))
    assert (
        found.spoken
        == "label=8: 23.20 dB; bound ≥ 24.00 dB; interval 22.70 dB … 23.70 dB; baseline older 22.00 dB"
    )
    assert found.margin_text == "−0.80 dB"
    percent = reading(make, unit="percent", value=0.95, limit=0.97, margin_interval=(-0.03, -0.01))
    assert (percent.value_text, percent.limit_text, percent.margin_text) == (
        "95.0 %",
        "≥ 97 %",
        "−2.0 points",
    )
