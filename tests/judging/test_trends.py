"""Quality along checkpoints and over training runs: what falls is named, what only wavers is not flagged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta

from pytest_modelqa.errors import BaselineError, EvaluationError
from pytest_modelqa.judging.judge import judge
from pytest_modelqa.judging.measured import Measured, Member
from pytest_modelqa.judging.verdict import Verdict
from pytest_modelqa.records.digests import digest
from pytest_modelqa.spec import SpecError, read_spec
from pytest_modelqa.tasks.registry import catalogue

ACCURACY = "accuracy.v1"
SPEC = """\
modelqa: 1
models:
  curriculum:
    build: model:Net
    checkpoint: runs/{seed}_{step}.safetensors
    coordinates: {step: [3000, 6000, 10000], seed: [0, 1, 2]}
datasets:
  test: {load: data:load, files: [data.npz], role: test}
evaluations:
  labels: {task: classification, model: curriculum, dataset: test, checks: [CHECK]}
"""


class Grid:
    """Judges checks on a grid of steps and seeds."""

    def __init__(self, bench: Any, folder: Path) -> None:
        self.bench = bench
        self.folder = folder

    def judge(self, text: str, scores: Mapping[tuple[int, int], Sequence[float] | np.ndarray]) -> Verdict:
        path = self.folder / "grid.modelspec.yaml"
        path.write_text(SPEC.replace("CHECK", text), encoding="utf-8")
        evaluation = read_spec(path, catalogue()).evaluations["labels"]
        members = [
            Member({"step": step, "seed": seed}, self._measured(values, f"{step} {seed}"), None)
            for (step, seed), values in scores.items()
        ]
        check = evaluation.checks[0]
        return judge(check, evaluation, catalogue().metrics[check.metric], members)

    def _measured(self, scores: Sequence[float] | np.ndarray, name: str) -> Measured:
        record = self.bench.record(
            {ACCURACY: scores}, model={"checkpoint": [digest(name)]}, task="classification"
        )
        return Measured("curriculum", record, "test", has_model=True)


@pytest.fixture
def grid(bench: Any, tmp_path: Path) -> Grid:
    return Grid(bench, tmp_path)


def rates(
    *percentages: float, count: int, rng: np.random.Generator, correlation: float = 0.5
) -> list[np.ndarray]:
    """0/1 scores of these rates on the same samples, correlated as those of one model's checkpoints are."""
    shared = rng.normal(size=count)
    return [
        (
            np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.normal(size=count)
            < _quantile(rate)
        ).astype(float)
        for rate in percentages
    ]


def _quantile(rate: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(rate / 100))


def one_seed(
    scores: Sequence[np.ndarray], steps: Sequence[int] = (3000, 6000, 10000)
) -> dict[tuple[int, int], np.ndarray]:
    return {(step, 0): values for step, values in zip(steps, scores, strict=True)}


TREND = (
    "{metric: accuracy, trend: non_decreasing, along: step, at: {seed: 0}, tolerance: 0.02, confidence: 0.95}"
)


def test_the_collapse_of_the_story_fails_and_both_checkpoints_and_the_drop_are_named(grid: Grid) -> None:
    exact = [np.array([1.0] * right + [0.0] * (1000 - right)) for right in (77, 143, 32)]
    verdict = grid.judge(TREND, one_seed(exact))
    assert verdict.outcome == "FAIL"
    assert verdict.headline == (
        "accuracy 0.1430 at step=6000, then 0.0320 at step=10000, seed=0: worse by 0.1110, tolerance 0.0200"
        " (1 of 2 checkpoints fail)"
    )
    assert "step=10000, seed=0 after step=6000: 0 wins, 111 losses, 889 ties" in verdict.notes
    assert "step=6000, seed=0 after step=3000: 66 wins, 0 losses, 934 ties" in verdict.notes


def test_a_collapse_like_that_is_seen_on_160_samples_nearly_always(grid: Grid) -> None:
    rng = np.random.default_rng(0)
    outcomes = [
        grid.judge(TREND, one_seed(rates(7.7, 14.3, 3.2, count=160, rng=rng))).outcome for _ in range(20)
    ]
    assert "PASS" not in outcomes
    assert outcomes.count("FAIL") >= 17


def test_on_few_samples_it_is_undecided_and_never_green(grid: Grid) -> None:
    rng = np.random.default_rng(1)
    outcomes = {
        grid.judge(TREND, one_seed(rates(7.7, 14.3, 3.2, count=30, rng=rng))).outcome for _ in range(20)
    }
    assert "PASS" not in outcomes
    assert "INCONCLUSIVE" in outcomes


@pytest.mark.parametrize(("losses", "other_end"), [(3, "better by at most"), (6, "worse by at least")])
def test_what_is_known_of_an_undecided_change_is_said_of_the_change(
    grid: Grid, losses: int, other_end: str
) -> None:
    """Not of the later value, as the earlier one plus the change: that was an accuracy of at most 1.0072."""
    exact = [np.array([1.0] * count + [0.0] * (30 - count)) for count in (29, 29 - losses)]
    verdict = grid.judge(TREND.replace("0.02", "0.06"), one_seed(exact, (3000, 6000)))
    assert verdict.outcome == "INCONCLUSIVE"
    # Without a win the exact bound is Clopper and Pearson's, of the losses.
    most = float(beta.ppf(0.95, losses + 1, 30 - losses))
    assert f"undecided: worse by at most {most:.4f} and {other_end} 0.0" in verdict.headline
    assert verdict.headline.endswith("95 % sure of each")


def test_flat_quality_is_not_flagged(grid: Grid) -> None:
    rng = np.random.default_rng(2)
    outcomes = [grid.judge(TREND, one_seed(rates(80, 80, 80, count=400, rng=rng))).outcome for _ in range(20)]
    assert outcomes.count("FAIL") <= 3


def test_flat_quality_passes_on_enough_samples(grid: Grid) -> None:
    scores = rates(80, 80, 80, count=20_000, rng=np.random.default_rng(3))
    verdict = grid.judge(TREND, one_seed(scores))
    assert verdict.outcome == "PASS"


def test_without_confidence_any_drop_beyond_the_tolerance_fails(grid: Grid) -> None:
    scores = one_seed([np.array([1.0] * right + [0.0] * (100 - right)) for right in (80, 90, 85)])
    for tolerance, outcome in ((0.04, "FAIL"), (0.06, "PASS")):
        check = f"{{metric: accuracy, trend: non_decreasing, along: step, at: {{seed: 0}}, tolerance: {tolerance}}}"
        assert grid.judge(check, scores).outcome == outcome


def test_best_is_last_looks_only_at_the_last(grid: Grid) -> None:
    dip = one_seed([np.array([1.0] * right + [0.0] * (100 - right)) for right in (80, 60, 90)])
    best_is_last = "{metric: accuracy, trend: best_is_last, along: step, at: {seed: 0}}"
    assert grid.judge(best_is_last, dip).outcome == "PASS"
    assert grid.judge(best_is_last.replace("best_is_last", "non_decreasing"), dip).outcome == "FAIL"


def test_increasing_fails_where_nothing_is_gained(grid: Grid) -> None:
    flat = one_seed([np.array([1.0] * 80 + [0.0] * 20)] * 3)
    assert (
        grid.judge("{metric: accuracy, trend: increasing, along: step, at: {seed: 0}}", flat).outcome
        == "FAIL"
    )
    rising = one_seed([np.array([1.0] * right + [0.0] * (100 - right)) for right in (60, 70, 80)])
    assert (
        grid.judge("{metric: accuracy, trend: increasing, along: step, at: {seed: 0}}", rising).outcome
        == "PASS"
    )


def test_each_coordinate_that_is_not_named_must_pass(grid: Grid) -> None:
    scores = {
        (10000, seed): [1.0] * right + [0.0] * (100 - right) for seed, right in ((0, 95), (1, 91), (2, 70))
    }
    verdict = grid.judge("{metric: accuracy, min: 0.9, at: {step: last}}", scores)
    assert verdict.outcome == "FAIL"
    assert verdict.sentence.endswith("≥ 0.9 at step last at every seed")
    assert [(line.slice, line.passed) for line in verdict.lines] == [
        ("step=10000, seed=0", True),
        ("step=10000, seed=1", True),
        ("step=10000, seed=2", False),
    ]


def test_over_seeds_the_mean_decides_and_the_spread_between_runs_is_the_error(grid: Grid) -> None:
    def of(*rights: int) -> dict[tuple[int, int], list[float]]:
        return {(10000, seed): [1.0] * right + [0.0] * (1000 - right) for seed, right in enumerate(rights)}

    check = "{metric: accuracy, min: 0.9, at: {step: last}, over: seed, confidence: 0.95}"
    assert grid.judge(check, of(930, 935, 940)).outcome == "PASS"
    # Three thousand samples would prove it, three runs that differ so much do not.
    assert grid.judge(check, of(990, 900, 925)).outcome == "INCONCLUSIVE"
    assert grid.judge(check, of(800, 810, 790)).outcome == "FAIL"
    assert (
        grid.judge("{metric: accuracy, min: 0.9, at: {step: last}, over: seed}", of(990, 900, 825)).outcome
        == "PASS"
    )


def test_two_runs_never_show_anything(grid: Grid) -> None:
    scores = {(10000, seed): [1.0] * 990 + [0.0] * (10 + seed) + [1.0] * (1 - seed) for seed in (0, 1)}
    check = "{metric: accuracy, min: 0.5, at: {step: last}, over: seed, confidence: 0.95}"
    assert grid.judge(check, scores).outcome == "INCONCLUSIVE"


def test_a_checkpoint_that_stands_in_for_another_is_refused(grid: Grid, bench: Any) -> None:
    same = grid._measured([1.0] * 90 + [0.0] * 10, "copied")
    evaluation, check = bench.check("{metric: accuracy, min: 0.5}", "labels")
    members = [Member({"step": step}, same, None) for step in (3000, 6000)]
    with pytest.raises(BaselineError, match="step=3000 and step=6000 have the same checkpoint"):
        judge(check, evaluation, catalogue().metrics["accuracy"], members)


def test_one_checkpoint_is_no_trend(grid: Grid) -> None:
    with pytest.raises(EvaluationError, match="at least two checkpoints along step"):
        grid.judge(TREND, one_seed([np.ones(100)], steps=[3000]))


def test_percent_points_are_read_as_such_in_a_tolerance(grid: Grid) -> None:
    scores = one_seed([np.array([1.0] * right + [0.0] * (100 - right)) for right in (80, 99, 83)])
    check = (
        "{metric: accuracy, unit: percent, trend: non_decreasing, along: step, at: {seed: 0}, tolerance: 5}"
    )
    verdict = grid.judge(check, scores)
    assert verdict.outcome == "FAIL"
    assert "worse by 16.0 points, tolerance 5.0 points" in verdict.headline


def test_a_tolerance_that_no_drop_exceeds_is_refused(grid: Grid) -> None:
    scores = one_seed([np.ones(10)] * 3)
    with pytest.raises(SpecError, match="as large as the range of accuracy"):
        grid.judge(
            "{metric: accuracy, trend: non_decreasing, along: step, at: {seed: 0}, tolerance: 5}", scores
        )


def test_undecided_runs_ask_for_runs_and_not_for_samples(grid: Grid) -> None:
    scores = {
        (10000, seed): [1.0] * right + [0.0] * (1000 - right) for seed, right in enumerate((990, 900, 925))
    }
    verdict = grid.judge(
        "{metric: accuracy, min: 0.9, at: {step: last}, over: seed, confidence: 0.95}", scores
    )
    assert any("runs would decide it" in note for note in verdict.notes)


def test_a_tolerance_that_no_drop_exceeds_is_said_to_show_nothing(grid: Any) -> None:
    low = {(3000, 0): [1, 0, 0, 0], (6000, 0): [0, 0, 0, 0], (10000, 0): [0, 0, 0, 0]}
    text = "{metric: accuracy, trend: non_decreasing, along: step, tolerance: TOLERANCE}"
    verdict = grid.judge(text.replace("TOLERANCE", "0.5"), low)
    assert verdict.outcome == "PASS"
    (note,) = [note for note in verdict.notes if "shows nothing" in note]
    assert "every value of accuracy meets a bound of -0.2500" in note
    # From a step that has more to lose, a drop is one.
    high = {**low, (3000, 0): [1, 1, 1, 0]}
    assert grid.judge(text.replace("TOLERANCE", "0.5"), high).outcome == "FAIL"
