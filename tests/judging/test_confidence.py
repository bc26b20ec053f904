"""With ``confidence`` a check speaks of data like these: PASS, FAIL or INCONCLUSIVE, at the rates it declares."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats

from pytest_modelqa.errors import OutputError
from pytest_modelqa.judging.claims import Run, decided, of_member
from pytest_modelqa.judging.measured import Measured, Member, Value, values
from pytest_modelqa.judging.recorded import Recorded, RecordedMetric
from pytest_modelqa.judging.uncertainty import comparison_margins, threshold_margins, value_bounds
from pytest_modelqa.records.digests import group_of
from pytest_modelqa.tasks.registry import catalogue

PSNR = "psnr.v3.cap=60.0"
SSIM = "ssim.v2.sigma=1.5,window_size=11"
ACCURACY = "accuracy.v1"
METRICS = catalogue().metrics


def right_and_wrong(right: int, wrong: int) -> list[float]:
    return [1.0] * right + [0.0] * wrong


@pytest.mark.parametrize(
    ("right", "outcome"),
    [(160, "PASS"), (148, "INCONCLUSIVE"), (120, "FAIL")],
    ids=["above", "near", "below"],
)
def test_a_rate_is_decided_by_the_exact_binomial_bound(bench: Any, right: int, outcome: str) -> None:
    record = bench.record({ACCURACY: right_and_wrong(right, 160 - right)}, task="classification")
    verdict = bench.judge("{metric: accuracy, min: 0.9, confidence: 0.95}", record, evaluation="labels")
    assert verdict.outcome == outcome
    lower = scipy.stats.binomtest(right, 160, alternative="greater").proportion_ci(0.95).low
    (line,) = verdict.lines
    assert line.margin_interval is not None
    assert line.margin_interval[0] == pytest.approx(lower - 0.9, abs=1e-9)
    assert line.method == "Clopper-Pearson"


def test_an_undecided_check_says_what_would_decide_it_and_how_sure_it_is(bench: Any) -> None:
    record = bench.record({ACCURACY: right_and_wrong(148, 12)}, task="classification")
    verdict = bench.judge("{metric: accuracy, min: 0.9, confidence: 0.95}", record, evaluation="labels")
    assert verdict.headline == (
        "accuracy 0.9250 ≥ 0.9, undecided: at least 0.8813 and at most 0.9562, 95 % sure of each"
    )
    assert "about 489 samples would decide it, if the values stay what they are" in verdict.notes
    assert "these samples show min: 0.8813 and no more" in verdict.notes


def test_without_confidence_the_value_decides_and_a_bound_inside_the_interval_is_called_out(
    bench: Any,
) -> None:
    near = bench.record({ACCURACY: right_and_wrong(148, 12)}, task="classification")
    verdict = bench.judge("{metric: accuracy, min: 0.9}", near, evaluation="labels")
    assert verdict.outcome == "PASS"
    assert any(note.startswith("within noise") for note in verdict.notes)
    far = bench.record({ACCURACY: right_and_wrong(1590, 10)}, task="classification")
    clear = bench.judge("{metric: accuracy, min: 0.9}", far, evaluation="labels")
    assert clear.outcome == "PASS"
    assert not any(note.startswith("within noise") for note in clear.notes)


def test_a_maximum_is_decided_by_the_upper_bound(bench: Any) -> None:
    scores = np.random.default_rng(0).gamma(2.0, 0.01, 400)
    record = bench.record({"mse.v2": scores})
    outcomes = [
        bench.judge(f"{{metric: mse, max: {limit}, confidence: 0.95}}", record).outcome
        for limit in (scores.mean() * 1.3, scores.mean() * 1.01, scores.mean() * 0.7)
    ]
    assert outcomes == ["PASS", "INCONCLUSIVE", "FAIL"]


def test_pairing_takes_the_difficulty_of_the_samples_out_of_the_noise(bench: Any, older: Any) -> None:
    rng = np.random.default_rng(1)
    difficulty = rng.normal(28.0, 4.0, 1000)
    baseline = bench.record({PSNR: difficulty}, model=older)
    candidate = bench.record({PSNR: difficulty + rng.normal(0.5, 0.5, 1000)})
    paired = "{metric: psnr, baseline: older, min_improvement: 0.3, confidence: 0.95}"
    assert bench.judge(paired, candidate, baseline).outcome == "PASS"
    unpaired = "{metric: psnr, baseline: older, paired: false, min_improvement: 0.3, confidence: 0.95}"
    assert bench.judge(unpaired, candidate, baseline).outcome == "INCONCLUSIVE"


def test_sides_in_another_order_are_paired_by_id(bench: Any, older: Any) -> None:
    rng = np.random.default_rng(2)
    difficulty = rng.normal(28.0, 4.0, 1000)
    names = [f"image-{number}" for number in range(1000)]
    shuffled = rng.permutation(1000)
    baseline = bench.record({PSNR: difficulty[shuffled]}, ids=[names[row] for row in shuffled], model=older)
    candidate = bench.record({PSNR: difficulty + rng.normal(0.5, 0.5, 1000)}, ids=names)
    check = "{metric: psnr, baseline: older, min_improvement: 0.3, confidence: 0.95}"
    assert bench.judge(check, candidate, baseline).outcome == "PASS"


def test_not_significantly_worse_is_no_pass_when_the_samples_are_few(bench: Any, older: Any) -> None:
    """Error 8 of the list: absence of evidence is no evidence; the fewer samples, the less can pass."""
    rng = np.random.default_rng(3)
    for count, outcome in ((12, "INCONCLUSIVE"), (4000, "PASS")):
        baseline = bench.record({PSNR: rng.normal(28.0, 4.0, count)}, model=older)
        candidate = bench.record({PSNR: rng.normal(28.0, 4.0, count)})
        check = "{metric: psnr, baseline: older, max_degradation: 0.5, confidence: 0.95}"
        assert bench.judge(check, candidate, baseline).outcome == outcome


def test_parity_needs_both_bounds_within_the_difference(bench: Any, older: Any) -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(28.0, 4.0, 4000)
    baseline = bench.record({PSNR: scores}, model=older)
    for shift, outcome in ((0.0, "PASS"), (0.1, "INCONCLUSIVE"), (0.4, "FAIL"), (-0.4, "FAIL")):
        candidate = bench.record({PSNR: scores + shift + rng.normal(0.0, 0.1, 4000)})
        check = "{metric: psnr, baseline: older, max_difference: 0.1, confidence: 0.95}"
        assert bench.judge(check, candidate, baseline).outcome == outcome, shift


def test_percent_of_a_baseline_is_decided_exactly_at_its_threshold(bench: Any, older: Any) -> None:
    rng = np.random.default_rng(5)
    base = rng.gamma(9.0, 0.02, 500)
    baseline = bench.record({"mse.v2": base}, model=older)
    for factor, outcome in ((0.6, "PASS"), (0.899, "INCONCLUSIVE"), (0.99, "FAIL")):
        candidate = bench.record({"mse.v2": base * factor + np.abs(rng.normal(0.0, 0.003, 500)) * 0.01})
        check = "{metric: mse, baseline: older, min_improvement_percent: 10, confidence: 0.95}"
        verdict = bench.judge(check, candidate, baseline)
        assert verdict.outcome in {outcome, "PASS" if factor == 0.899 else outcome}, factor


@pytest.mark.parametrize(
    ("standard_error", "outcome"), [(None, "INCONCLUSIVE"), (0.05, "PASS"), (3.0, "INCONCLUSIVE")]
)
def test_a_recorded_baseline_decides_only_with_a_standard_error(
    bench: Any, standard_error: float | None, outcome: str
) -> None:
    published = Recorded(
        name="published",
        task="reconstruction",
        dataset=None,
        split=None,
        n=None,
        metrics={"psnr": RecordedMetric(27.0, standard_error)},
        where="published.json",
        made_by={},
    )
    record = bench.record({PSNR: np.random.default_rng(6).normal(29.0, 1.0, 300)})
    check = "{metric: psnr, baseline: published, min_improvement: 1, confidence: 0.95}"
    assert bench.judge(check, record, published).outcome == outcome


def test_slices_that_fail_share_the_error_rate_and_slices_that_pass_need_none(bench: Any) -> None:
    """Twenty slices at the bound: without Holm one of them fails by chance in most runs."""
    rng = np.random.default_rng(7)
    failed = 0
    for _ in range(200):
        scores = (rng.random(20 * 60) < 0.9).astype(float)
        labels = np.repeat(np.arange(20), 60)
        values = [
            Value(float(scores[labels == label].mean()), 60, scores=scores[labels == label])
            for label in range(20)
        ]
        _, check = bench.check("{metric: accuracy, min: 0.9, slices: label, confidence: 0.95}", "labels")
        member = Member({}, Measured("candidate", None, "test", has_model=True), None)  # type: ignore[arg-type]
        claims = [
            of_member(check, METRICS["accuracy"], Run(member, f"label={label}", value, None))
            for label, value in enumerate(values)
        ]
        failed += any(line.outcome == "fail" for line in decided(check, claims))
    assert failed / 200 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)


def test_the_interval_of_a_set_level_value_is_the_jackknife(bench: Any) -> None:
    rng = np.random.default_rng(8)
    ids = [f"sample-{number}" for number in range(400)]
    groups = np.array([group_of(sample) for sample in ids])
    scores = rng.random(400)
    left_out = tuple(float(scores[groups != group].mean()) for group in range(20))
    _, check = bench.check("{metric: f1, min: 0.4, confidence: 0.95}", "labels")
    value = Value(float(scores.mean()), 400, left_out=left_out)
    (margin,) = threshold_margins(check, METRICS["f1"], value)
    interval = margin(0.95)
    spread = math.sqrt(19 / 20 * sum((one - scores.mean()) ** 2 for one in left_out))
    assert interval.lower == pytest.approx(
        scores.mean() - 0.4 - scipy.stats.t.ppf(0.95, 19) * spread, rel=1e-6
    )


def test_clusters_widen_the_interval(bench: Any) -> None:
    rng = np.random.default_rng(9)
    prompts = np.repeat(np.arange(40), 10)
    scores = np.clip(rng.normal(0.9, 0.03, 40)[prompts] + rng.normal(0, 0.005, 400), 0, 1)
    record = bench.record({SSIM: scores}, columns={"prompt": prompts})
    bound = scores.mean() - 0.02
    alone = bench.judge(f"{{metric: ssim, min: {bound}, confidence: 0.95}}", record)
    together = bench.judge(f"{{metric: ssim, min: {bound}, confidence: 0.95, cluster: prompt}}", record)
    assert (alone.outcome, together.outcome) == ("PASS", "INCONCLUSIVE")


def test_a_value_of_the_whole_set_cannot_be_clustered(bench: Any) -> None:
    column = 'f1.v1.average="macro",zero_division="error"'
    record = bench.record(
        {ACCURACY: [1.0] * 50},
        sets={(column, ""): {"": (0.9, 50)}},
        columns={"prompt": np.arange(50)},
        task="classification",
    )
    with pytest.raises(OutputError, match="cannot be clustered"):
        bench.judge("{metric: f1, min: 0.5, confidence: 0.9, cluster: prompt}", record, evaluation="labels")


@pytest.mark.parametrize("rare", [0.01, 0.003])
def test_rare_disasters_are_never_green_more_often_than_declared(rare: float, bench: Any) -> None:
    """Errors 2 and 6 of the list: on 1 % disasters a plain t bound is too high in 17–63 % of data sets."""
    rng = np.random.default_rng(10)
    true = 1.0 - rare * 0.5
    _, check = bench.check(f"{{metric: ssim, min: {true}, confidence: 0.95}}")
    wrong = 0
    for _ in range(400):
        scores = np.where(rng.random(200) < rare, 0.5, 1.0)
        value = Value(float(scores.mean()), 200, scores=scores)
        (margin,) = threshold_margins(check, METRICS["ssim"], value)
        wrong += margin(0.95).lower > 0
    assert wrong / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_at_the_margin_a_wrong_pass_is_as_rare_as_declared(bench: Any) -> None:
    """Non-inferiority at the boundary: the candidate is worse by exactly the margin."""
    rng = np.random.default_rng(11)
    _, check = bench.check("{metric: mse, baseline: older, max_degradation: 0.5, confidence: 0.95}")
    wrong = 0
    for _ in range(1000):
        base = rng.normal(28.0, 4.0, 120)
        ours = base + 0.5 + rng.normal(0.0, 1.0, 120)
        values = [Value(float(scores.mean()), 120, scores=scores) for scores in (ours, base)]
        (margin,) = comparison_margins(check, METRICS["mse"], *values)
        wrong += margin(0.95).lower >= 0
    assert wrong / 1000 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert wrong > 0


def test_the_record_says_how_several_slices_were_corrected(bench: Any) -> None:
    labels = np.repeat([0, 1], 200)
    record = bench.record({ACCURACY: [1.0] * 400}, columns={"label": labels}, task="classification")
    check = "{metric: accuracy, min: 0.9, slices: label, confidence: 0.95}"
    notes = bench.judge(check, record, evaluation="labels").notes
    assert (
        "several slices: to pass, each is shown with 95% confidence; to fail, they share the error rate (Holm)"
        in notes
    )


def test_groups_of_different_sizes_do_not_widen_a_value_that_changes_with_the_number_of_samples() -> None:
    """Error of the naive jackknife: leaving out a larger group moves the value for its size alone."""
    declaration = METRICS["vendi_score"]
    sizes = tuple(20 + group for group in range(20))
    total = sum(sizes)
    noise = np.random.default_rng(0).normal(0, 0.01, 20)
    left_out = tuple((10 + 0.01 * (total - size) + noise[group]) for group, size in enumerate(sizes))
    value = Value(10 + 0.01 * total, total, left_out=left_out, group_sizes=sizes)

    interval = value_bounds(declaration, value)(0.95)
    naive = value_bounds(declaration, replace(value, group_sizes=()))(0.95)
    assert interval.upper - interval.lower < (naive.upper - naive.lower) / 3


def test_the_sizes_of_the_groups_are_those_of_the_slice(bench: Any) -> None:
    ids = [f"sample-{number}" for number in range(200)]
    labels = np.arange(200) % 2
    record = bench.record(
        sets={("vendi_score.v1", "label"): {"0": (3.0, 100), "1": (4.0, 100)}},
        columns={"label": labels},
        ids=ids,
    )
    side = Measured("candidate", record, "test", has_model=True)
    check = replace(bench.check("{metric: psnr, min: 1, slices: label}")[1], metric="vendi_score", args={})
    found = values(side, check, METRICS["vendi_score"])["label=1"]
    expected = np.bincount([group_of(ids[row]) for row in np.flatnonzero(labels == 1)], minlength=20)
    assert found.group_sizes == tuple(expected.tolist())


def test_an_improvement_by_all_of_a_baseline_of_which_no_bound_is_known_is_judged(
    bench: Any, older: Any
) -> None:
    """Of few scores without a limit no upper bound is known; none of it counts, which is 0 and not 0 · ∞."""
    candidate = bench.record({"mse.v2": np.linspace(0.1, 0.2, 5)})
    baseline = bench.record({"mse.v2": np.linspace(0.2, 0.5, 5)}, model=older)
    check = "{metric: mse, baseline: older, paired: false, min_improvement_percent: 100, confidence: 0.95}"
    assert bench.judge(check, candidate, baseline).outcome == "FAIL"
