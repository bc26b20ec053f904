"""Gains that a recorded baseline leaves no room for are told when the spec is read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from pytest_modelqa.baselines.room import warned_of_saturation
from pytest_modelqa.spec import read_spec
from pytest_modelqa.statistics.power import highest_provable_improvement, samples_for_improvement
from pytest_modelqa.tasks.registry import catalogue

SPEC = """modelqa: 1
models: {m: {checkpoint: m, format: transformers}}
datasets: {prompts: {path: prompts.jsonl, role: test}}
baselines: {quality_only: {recorded: baseline.json}}
evaluations:
  generation:
    task: text_generation
    model: m
    dataset: prompts
    args: {generations: 4, checker: {kind: regex, pattern: x}}
    checks:
      - {metric: pass_at_k, baseline: quality_only, BOUND}
"""


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    def read(bound: str, value: float = 0.998, task: str = "text_generation") -> tuple[str, ...]:
        (tmp_path / "a.modelspec.yaml").write_text(SPEC.replace("BOUND", bound))
        metrics = {"pass_at_k": {"value": value, "unit": "fraction"}}
        baseline = {
            "modelqa_baseline": 1,
            "name": "b",
            "task": task,
            "n": 160,
            "source": "test",
            "metrics": metrics,
        }
        (tmp_path / "baseline.json").write_text(json.dumps(baseline))
        spec = read_spec(tmp_path / "a.modelspec.yaml", catalogue(), ())
        lines = warned_of_saturation(spec, catalogue()).warnings
        return tuple(line for line in lines if line.endswith("[saturated]"))

    return read


def test_a_gain_beyond_the_end_of_the_range_is_told(told: Callable[..., tuple[str, ...]]) -> None:
    # The polychromic report: pass@10 was to grow by 25 % from 0.998.
    (line,) = told("min_improvement_percent: 25")
    assert "can never pass: quality_only has 0.998" in line
    assert "leaves 0.2 points, and it asks for 24.9 points" in line
    assert told("min_improvement: 0.001") == ()


def test_with_confidence_it_is_told_how_many_samples_could_show_it(
    told: Callable[..., tuple[str, ...]],
) -> None:
    (line,) = told("min_improvement: 0.001, confidence: 0.95")
    assert "leaves 0.0 points to be shown on 160 samples, 95% sure; it asks for 0.1 points" in line
    assert "a model without a failure could show it on 6,7" in line
    (line,) = told("min_improvement: 0.002, confidence: 0.95")
    assert "no number of samples could show as much" in line
    assert told("min_improvement: 0.1, confidence: 0.95", 0.6) == ()


def test_what_is_not_comparable_or_bounds_a_loss_is_left_to_its_check(
    told: Callable[..., tuple[str, ...]],
) -> None:
    assert told("max_degradation: 0.5") == ()
    assert told("min_improvement_percent: 25", task="detection") == ()
    assert told("min_improvement_percent: 25, args: {k: 2}") == ()


@pytest.mark.parametrize(("rate", "gain"), [(0.998, 0.001), (0.9, 0.05), (0.696, 0.2)])
def test_so_many_samples_show_it_and_no_fewer_do(rate: float, gain: float) -> None:
    n = int(samples_for_improvement(rate, gain, 0.95))
    assert highest_provable_improvement(rate, n, 0.95) >= gain
    assert highest_provable_improvement(rate, math.floor(n * 0.9), 0.95) < gain
    # An independent look: with so few wins more than `gain` · n cannot be excluded to be luck.
    wins = round(n * (1 - rate))
    assert binom.sf(wins - 1, n, gain) <= 0.06
    assert np.isinf(samples_for_improvement(rate, 1 - rate, 0.95))
