"""The words of a verdict: exact headlines, and numbers that never look equal when they differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_modelqa.judging.arithmetic import against_baseline, against_threshold
from pytest_modelqa.judging.verdict import Line, Side
from pytest_modelqa.judging.wording import headline, margin, relation
from pytest_modelqa.spec.resolved import Bound, Check, Position

PSNR = "psnr.v3.cap=60.0"
ACCURACY = "accuracy.v1"


@pytest.mark.parametrize(
    ("score", "bound", "said"),
    [
        (26.41, "min: 28", "psnr 26.41 dB < 28 dB, short by 1.59 dB"),
        (28.5, "min: 28", "psnr 28.50 dB ≥ 28 dB"),
        (28.0, "min: 28", "psnr 28.00 dB ≥ 28 dB"),
        (27.996, "min: 28", "psnr 27.996 dB < 28 dB, short by 0.004 dB"),
        (27.99999999, "min: 28", "psnr 27.99999999 dB < 28 dB, short by 1e-08 dB"),
        (30.2, "max: 30", "psnr 30.20 dB > 30 dB, over by 0.20 dB"),
        (24.0, "min: 25, max: 30", "psnr 24.00 dB < 25 dB, short by 1.00 dB"),
        (31.0, "min: 25, max: 30", "psnr 31.00 dB > 30 dB, over by 1.00 dB"),
        (26.0, "min: 25, max: 30", "psnr 26.00 dB ≥ 25 dB"),
        (29.0, "min: 25, max: 30", "psnr 29.00 dB ≤ 30 dB"),
    ],
)
def test_against_a_number(bench: Any, score: float, bound: str, said: str) -> None:
    record = bench.record({PSNR: [score]})
    assert bench.judge(f"{{metric: psnr, {bound}}}", record).headline == said


@pytest.mark.parametrize(
    ("correct", "bound", "said"),
    [
        (990, "min: 97, unit: percent", "accuracy 99.0 % ≥ 97 %"),
        (965, "min: 97, unit: percent", "accuracy 96.5 % < 97 %, short by 0.5 points"),
        (965, "min: 0.97", "accuracy 0.9650 < 0.97, short by 0.0050"),
        (999, "max: 0.5", "accuracy 0.9990 > 0.5, over by 0.4990"),
    ],
)
def test_fractions_and_percent(bench: Any, correct: int, bound: str, said: str) -> None:
    record = bench.record({ACCURACY: [1.0] * correct + [0.0] * (1000 - correct)}, task="classification")
    assert bench.judge(f"{{metric: accuracy, {bound}}}", record, evaluation="labels").headline == said


@pytest.mark.parametrize(
    ("ours", "theirs", "bound", "said"),
    [
        (25.0, 12.0, "min_improvement: 12", "psnr 25.00 dB ≥ 24.00 dB (older 12.00 dB + 12 dB)"),
        (
            23.0,
            12.0,
            "min_improvement: 12",
            "psnr 23.00 dB < 24.00 dB (older 12.00 dB + 12 dB), short by 1.00 dB",
        ),
        (26.0, 27.0, "max_degradation: 0", "psnr 26.00 dB < 27.00 dB (older 27.00 dB), short by 1.00 dB"),
        (26.0, 27.0, "max_degradation: 1.5", "psnr 26.00 dB ≥ 25.50 dB (older 27.00 dB − 1.5 dB)"),
        (
            26.9999,
            27.0,
            "max_degradation: 0",
            "psnr 26.9999 dB < 27.0000 dB (older 27.00 dB), short by 0.0001 dB",
        ),
        (
            10.0,
            20.0,
            "max_degradation_percent: 25",
            "psnr 10.00 dB < 15.00 dB (older 20.00 dB − 25 % of it), short by 5.00 dB",
        ),
        (
            26.0,
            27.0,
            "max_difference: 0.5",
            "psnr differs by 1.00 dB > 0.5 dB (26.00 dB, older 27.00 dB), over by 0.50 dB",
        ),
        (26.0, 26.25, "max_difference: 0.5", "psnr differs by 0.25 dB ≤ 0.5 dB (26.00 dB, older 26.25 dB)"),
    ],
)
def test_against_a_baseline(
    bench: Any, older: Mapping[str, Any], ours: float, theirs: float, bound: str, said: str
) -> None:
    candidate, baseline = bench.record({PSNR: [ours]}), bench.record({PSNR: [theirs]}, model=older)
    assert bench.judge(f"{{metric: psnr, baseline: older, {bound}}}", candidate, baseline).headline == said


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        ("max_degradation: 0.1", "mse 0.3000 > 0.2000 (older 0.1000 + 0.1), over by 0.1000"),
        ("max_degradation: 0.25", "mse 0.3000 ≤ 0.3500 (older 0.1000 + 0.25)"),
        ("min_improvement: 0.05", "mse 0.30000 > 0.05000 (older 0.1000 − 0.05), over by 0.2500"),
        ("max_degradation_percent: 100", "mse 0.3000 > 0.2000 (older 0.1000 + 100 % of it), over by 0.1000"),
    ],
)
def test_lower_is_better(bench: Any, older: Mapping[str, Any], bound: str, said: str) -> None:
    candidate, baseline = bench.record({"mse.v2": [0.3]}), bench.record({"mse.v2": [0.1]}, model=older)
    assert bench.judge(f"{{metric: mse, baseline: older, {bound}}}", candidate, baseline).headline == said


def test_percent_of_a_percentage_says_which_percent_is_meant(bench: Any, older: Mapping[str, Any]) -> None:
    candidate = bench.record({ACCURACY: [1.0] * 80 + [0.0] * 20}, task="classification")
    baseline = bench.record({ACCURACY: [1.0] * 90 + [0.0] * 10}, task="classification", model=older)
    text = "{{metric: accuracy, unit: percent, baseline: older, {}}}"
    points = bench.judge(text.format("max_degradation: 5"), candidate, baseline, "labels")
    assert points.headline == (
        "accuracy 80.0 % < 85.0 % (older 90.0 % − 5 percentage points), short by 5.0 points"
    )
    percent = bench.judge(text.format("max_degradation_percent: 5"), candidate, baseline, "labels")
    assert percent.headline == "accuracy 80.0 % < 85.5 % (older 90.0 % − 5 % of it), short by 5.5 points"


def test_with_slices_the_worst_is_named_and_how_many_fail(bench: Any) -> None:
    labels = list(range(10)) * 2
    record = bench.record({PSNR: [20.0 + label for label in labels]}, columns={"label": labels})
    text = "{{metric: psnr, min: {}, slices: label}}"
    assert bench.judge(text.format(19), record).headline == (
        "psnr 20.00 dB ≥ 19 dB for label=0 (worst of 10 slices)"
    )
    assert bench.judge(text.format(22), record).headline == (
        "psnr 20.00 dB < 22 dB for label=0, short by 2.00 dB (2 of 10 slices fail)"
    )
    one = bench.judge("{metric: psnr, min: 22, slices: {label: [1]}}", record)
    assert one.headline == "psnr 21.00 dB < 22 dB for label=1, short by 1.00 dB"


def test_a_slice_that_fails_is_worse_than_one_that_passes_whatever_the_margins() -> None:
    # Within rounding of a large limit a negative margin passes; at a small one it does not.
    passing = line(1e12 - 0.5, against_threshold(1e12 - 0.5, Bound("min", minimum=1e12)), "a=1")
    failing = line(0.9, against_threshold(0.9, Bound("min", minimum=1.0)), "a=2")
    assert passing.passed
    assert not failing.passed
    assert passing.margin < failing.margin
    assert "for a=2, short by" in headline(check_of(Bound("min", minimum=1.0), ""), [passing, failing])


def test_an_undecided_check_shows_what_is_known(bench: Any) -> None:
    spread = np.random.default_rng(0).normal(0, 4, 400)
    record = bench.record({PSNR: 28.1 + spread - spread.mean()})
    verdict = bench.judge("{metric: psnr, min: 28, confidence: 0.95}", record)
    assert verdict.outcome == "INCONCLUSIVE"
    assert verdict.headline == (
        "psnr 28.10 dB ≥ 28 dB, undecided: at least 27.77 dB and at most 28.43 dB, 95 % sure of each"
    )


@pytest.mark.parametrize(
    ("before", "after", "at_least", "said"),
    [
        (0.8, 0.65, True, "m 0.8000 at step=1, then 0.6500 at step=2: worse by 0.1500"),
        (0.8, 0.85, True, "m 0.8000 at step=1, then 0.8500 at step=2: better by 0.0500"),
        (0.8, 0.85, False, "m 0.8000 at step=1, then 0.8500 at step=2: worse by 0.0500"),
        (0.8, 0.7, False, "m 0.8000 at step=1, then 0.7000 at step=2: better by 0.1000"),
        (0.8, 0.8, True, "m 0.8000 at step=1, then 0.8000 at step=2: no change"),
    ],
)
def test_a_trend_names_the_two_checkpoints_and_the_change(
    before: float, after: float, at_least: bool, said: str
) -> None:
    step = Line(
        slice="step=2",
        candidate=Side("candidate", after, 10),
        baseline=Side("step=1", before, 10),
        limit=before,
        at_least=at_least,
        margin=(after - before) * (1 if at_least else -1),
        outcome="fail",
    )
    check = check_of(Bound("trend", trend="increasing"), "fraction")
    assert headline(check, [step]) == said


def test_what_passes_by_rounding_alone_does_not_look_short_of_its_bound() -> None:
    bound = Bound("min", minimum=0.9)
    value = float(np.nextafter(0.9, 0))
    found = line(value, against_threshold(value, bound))
    assert found.passed
    assert relation(check_of(bound, "fraction"), found) == ("0.9000", "≥ 0.9")
    assert margin(check_of(bound, "fraction"), found) == "+0.0000"
    assert headline(check_of(bound, "fraction"), [found]) == "m 0.9000 ≥ 0.9"


# --- properties ------------------------------------------------------------------------------------------------


def check_of(bound: Bound, unit: str) -> Check:
    return Check(
        id="m-min",
        metric="m",
        args={},
        bound=bound,
        unit=unit,
        baseline="old" if bound.compares else None,
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
        sentence="",
        position=Position(1, 1),
    )


def line(value: float, judged: Any, label: str = "", baseline: float | None = None) -> Line:
    return Line(
        slice=label,
        candidate=Side("candidate", value, 10),
        baseline=None if baseline is None else Side("old", baseline, 10),
        limit=judged.limit,
        at_least=judged.at_least,
        margin=judged.margin,
        outcome="pass" if judged.passed else "fail",
    )


def number(text: str) -> float:
    found = re.search(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text)
    assert found, text
    return float(found[0])


UNITS = st.sampled_from(["dB", "fraction", "percent", "nats", ""])
VALUES = st.one_of(
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.floats(0, 1, allow_subnormal=False),
    st.sampled_from([0.0, 0.9, 0.07, 9.9996, 9.99996, 10.0, 28.0, 1e-13, 2e-13]),
)


def says_what_it_decided(check: Check, found: Line) -> None:
    value, bound = (number(text) for text in relation(check, found))
    shown = headline(check, [found])
    if found.passed:
        assert value >= bound if found.at_least else value <= bound
        assert margin(check, found).startswith("+")
        assert " short by " not in shown
        assert " over by " not in shown
    else:
        assert value < bound if found.at_least else value > bound
        assert margin(check, found).startswith("-")
        assert number(margin(check, found)) < 0
        missed = re.search(r", (?:short|over) by (\S+)", shown)
        assert missed
        assert float(missed[1]) > 0


@given(VALUES, VALUES, UNITS, st.sampled_from(["min", "max"]))
def test_value_and_bound_look_as_they_were_judged(value: float, limit: float, unit: str, kind: Any) -> None:
    bound = Bound(kind, **{f"{kind}imum": limit})
    says_what_it_decided(check_of(bound, unit), line(value, against_threshold(value, bound)))


@given(VALUES, st.integers(1, 3), UNITS)
def test_the_nearest_floats_look_different(value: float, steps: int, unit: str) -> None:
    limit = value
    for _ in range(steps):
        limit = float(np.nextafter(limit, np.inf))
    bound = Bound("min", minimum=limit * (1 + 1e-9))
    found = line(value, against_threshold(value, bound))
    if not found.passed:
        value_text, bound_text = relation(check_of(bound, unit), found)
        assert value_text != bound_text.removeprefix("≥ ")


@given(
    VALUES,
    VALUES,
    st.floats(0, 100, allow_subnormal=False),
    UNITS,
    st.sampled_from(
        [
            "min_improvement",
            "min_improvement_percent",
            "max_degradation",
            "max_degradation_percent",
            "max_difference",
        ]
    ),
    st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.filter_too_much])
def test_value_and_limit_of_a_comparison_look_as_they_were_judged(
    value: float, baseline: float, amount: float, unit: str, kind: Any, higher: bool
) -> None:
    if kind.endswith("_percent") and abs(baseline) < 1e-9:
        return
    bound = Bound(kind, amount=amount)
    judged = against_baseline(value, baseline, bound, higher_is_better=higher)
    says_what_it_decided(check_of(bound, unit), line(value, judged, baseline=baseline))
