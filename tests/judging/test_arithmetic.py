"""The arithmetic of bounds: what is a value, what passes, by how much."""

from __future__ import annotations

import decimal
import fractions
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pytest_modelqa.errors import BaselineError, OutputError
from pytest_modelqa.judging.arithmetic import Judged, against_baseline, against_threshold, real_number
from pytest_modelqa.metrics.registry import metrics
from pytest_modelqa.spec.resolved import Bound

ACCURACY = metrics()["accuracy"]
SSIM = metrics()["ssim"]
PSNR = metrics()["psnr"]
MSE = metrics()["mse"]

COMPARING = ("min_improvement", "min_improvement_percent", "max_degradation", "max_degradation_percent")
ANY_FLOAT = st.floats(width=64)
# What metrics give: from the squared error of nearly equal images to an exploded loss.
MEASURED = st.floats(-1e12, 1e12, allow_subnormal=False)
AMOUNTS = st.floats(0, 1e6, allow_subnormal=False)
DIRECTIONS = st.booleans()


def of_baseline(kind: Any, amount: float) -> Bound:
    return Bound(kind, amount=amount)


# --- what is a value -------------------------------------------------------------------------------------------


@given(ANY_FLOAT)
@example(-1.0)
@example(math.nan)
@example(math.inf)
@example(-math.inf)
@example(1.0 + 5e-10)
def test_only_a_finite_number_in_range_is_a_value(number: float) -> None:
    if math.isfinite(number) and -1e-9 <= number <= 1 + 1e-9:
        assert real_number(number, ACCURACY) == number
    else:
        with pytest.raises(OutputError, match="accuracy has no value that can be judged"):
            real_number(number, ACCURACY)


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        np.True_,
        "0.95",
        "1",
        b"1",
        None,
        0.5 + 0j,
        np.complex64(0.5),
        [0.5],
        np.array(0.5),
        np.array([0.5]),
        decimal.Decimal("0.5"),
        fractions.Fraction(1, 2),
        np.timedelta64(1),
        np.timedelta64(1, "s"),
        np.datetime64("2026-01-01"),
        np.str_("0.5"),
        pytest.param(object(), id="an object"),  # its repr, which xdist would compare, differs by process
        10**400,
        -(10**400),
    ],
    ids=repr,
)
def test_what_is_no_real_number_is_no_value(value: Any) -> None:
    with pytest.raises(OutputError) as caught:
        real_number(value, PSNR)
    assert caught.value.found
    assert caught.value.todo


def test_minus_one_is_explained_as_cocos_sign_for_nothing_there() -> None:
    with pytest.raises(OutputError, match="COCO's sign"):
        real_number(-1.0, ACCURACY)
    assert real_number(-1.0, SSIM) == -1.0


NUMBERS = [int, float, np.float16, np.float32, np.float64, np.longdouble]
INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


@pytest.mark.parametrize("kind", [*NUMBERS, *INTEGERS])
def test_numpy_scalars_of_every_width_are_read_as_python_floats(kind: Callable[[int], Any]) -> None:
    read = real_number(kind(1), ACCURACY)
    assert type(read) is float
    assert read == 1.0


@given(st.floats(0, 1, width=32), st.sampled_from([np.float16, np.float32]))
def test_a_short_float_is_read_as_the_decimal_that_it_is_written_with(number: float, kind: type) -> None:
    short = kind(number)
    read = real_number(short, ACCURACY)
    assert kind(read) == short
    assert f"{read:.4g}" == f"{float(str(short)):.4g}"


@given(st.decimals("0.0001", "1", places=4))
def test_a_bound_met_exactly_in_float32_passes_and_its_lower_neighbour_fails(bound: decimal.Decimal) -> None:
    written = Bound("min", minimum=float(bound))
    at = np.float32(float(bound))
    below = np.nextafter(at, np.float32(0))
    assert against_threshold(real_number(at, ACCURACY), written).passed
    assert not against_threshold(real_number(below, ACCURACY), written).passed


# --- thresholds ------------------------------------------------------------------------------------------------


@given(MEASURED, MEASURED)
@example(0.9, 0.9)
@example(1e-13, 3e-13)
@example(-1.0, -1.0)
def test_min_and_max_agree_with_plain_comparison_up_to_the_twelfth_digit(value: float, limit: float) -> None:
    at_least = against_threshold(value, Bound("min", minimum=limit))
    at_most = against_threshold(value, Bound("max", maximum=limit))
    assert at_least.at_least
    assert not at_most.at_least
    if math.isclose(value, limit, rel_tol=1e-12):
        assert at_least.passed
        assert at_most.passed
    else:
        assert at_least.passed == (value > limit)
        assert at_most.passed == (value < limit)


@given(MEASURED, MEASURED, MEASURED)
def test_a_range_passes_exactly_when_both_of_its_ends_do(value: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    both = against_threshold(value, Bound("range", minimum=low, maximum=high))
    ends = [
        against_threshold(value, Bound("min", minimum=low)),
        against_threshold(value, Bound("max", maximum=high)),
    ]
    assert both.passed == all(end.passed for end in ends)
    assert both.margin == min(end.margin for end in ends)


def test_a_value_below_a_range_is_judged_by_the_lower_end_and_one_above_by_the_upper() -> None:
    bound = Bound("range", minimum=1.0, maximum=2.0)
    assert against_threshold(0.5, bound) == Judged(-0.5, 1.0, at_least=True, passed=False)
    assert against_threshold(2.5, bound) == Judged(-0.5, 2.0, at_least=False, passed=False)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e-13, 1e-9, 1.0, 1e9, 1e30, 1e300])
def test_a_millionth_beyond_the_bound_fails_at_every_magnitude(scale: float) -> None:
    assert not against_threshold(scale * (1 - 1e-6), Bound("min", minimum=scale)).passed
    assert not against_threshold(scale * (1 + 1e-6), Bound("max", maximum=scale)).passed
    assert not against_baseline(
        scale * (1 - 1e-6), scale, of_baseline("max_degradation", 0.0), higher_is_better=True
    ).passed
    assert not against_baseline(
        scale * (1 + 1e-6), scale, of_baseline("max_difference", 0.0), higher_is_better=None
    ).passed


def test_the_rounding_of_a_float64_mean_fails_nothing() -> None:
    total = 0.0
    for _ in range(10):
        total += 0.1
    assert total / 10 < 0.1
    assert against_threshold(total / 10, Bound("min", minimum=0.1)).passed


@given(st.sampled_from([math.nan, math.inf, -math.inf]), MEASURED, DIRECTIONS)
def test_what_is_no_number_never_passes_even_past_the_reading(
    bad: float, number: float, higher: bool
) -> None:
    for bound in (Bound("min", minimum=number), Bound("max", maximum=number)):
        with pytest.raises(OutputError, match="cannot be compared"):
            against_threshold(bad, bound)
    for kind in ("max_difference", *COMPARING):
        for value, baseline in ((bad, number), (number, bad), (bad, bad)):
            with pytest.raises((OutputError, BaselineError)):
                against_baseline(value, baseline, of_baseline(kind, 1.0), higher_is_better=higher)


@given(ANY_FLOAT, ANY_FLOAT, st.floats(0, 1e300), DIRECTIONS)
@example(1.7e308, -1.7e308, 0.0, True)
@example(1e308, 1e-8, 1.0, True)
def test_whatever_is_judged_has_a_finite_margin_and_limit(
    value: float, other: float, amount: float, higher: bool
) -> None:
    judged = []
    for bound in (Bound("min", minimum=other), Bound("max", maximum=other)):
        try:
            judged.append(against_threshold(value, bound))
        except OutputError:
            assert not (math.isfinite(value) and math.isfinite(other) and math.isfinite(value - other))
    for kind in ("max_difference", *COMPARING):
        try:
            judged.append(against_baseline(value, other, of_baseline(kind, amount), higher_is_better=higher))
        except (OutputError, BaselineError):
            assert abs(other) < 1e-9 or not math.isfinite(
                abs(value - other) * 1e2 / abs(other) * 1e2 + amount * abs(other)
            )
    assert all(math.isfinite(each.margin) and math.isfinite(each.limit) for each in judged)
    assert all(type(each.passed) is bool for each in judged)


# --- against a baseline ----------------------------------------------------------------------------------------


@given(MEASURED, MEASURED, AMOUNTS, st.sampled_from(("max_difference", *COMPARING)), DIRECTIONS)
def test_the_sign_of_the_margin_agrees_with_the_decision(
    value: float, baseline: float, amount: float, kind: str, higher: bool
) -> None:
    assume(not kind.endswith("_percent") or abs(baseline) >= 1e-9)
    judged = against_baseline(value, baseline, of_baseline(kind, amount), higher_is_better=higher)
    if judged.margin >= 0:
        assert judged.passed
    if judged.passed:
        whole = max(abs(value), abs(baseline))
        own_unit = judged.margin * abs(baseline) / 100 if kind.endswith("_percent") else judged.margin
        assert own_unit >= -1e-11 * whole


@given(MEASURED, MEASURED, MEASURED, AMOUNTS, st.sampled_from(COMPARING), DIRECTIONS)
def test_a_better_value_never_turns_a_pass_into_a_fail(
    one: float, other: float, baseline: float, amount: float, kind: str, higher: bool
) -> None:
    assume(not kind.endswith("_percent") or abs(baseline) >= 1e-9)
    worse, better = sorted((one, other), reverse=not higher)
    bound = of_baseline(kind, amount)
    before = against_baseline(worse, baseline, bound, higher_is_better=higher)
    after = against_baseline(better, baseline, bound, higher_is_better=higher)
    assert after.passed or not before.passed
    assert after.margin >= before.margin


@given(MEASURED, MEASURED, MEASURED)
def test_a_greater_value_never_turns_a_min_from_pass_into_fail(
    one: float, other: float, limit: float
) -> None:
    low, high = sorted((one, other))
    at_least, at_most = Bound("min", minimum=limit), Bound("max", maximum=limit)
    assert against_threshold(high, at_least).passed or not against_threshold(low, at_least).passed
    assert against_threshold(low, at_most).passed or not against_threshold(high, at_most).passed


@given(MEASURED, MEASURED, st.sampled_from(["max_degradation", "max_degradation_percent"]), DIRECTIONS)
@example(0.5, 0.5, "max_degradation", True)
@example(-2.0, -2.0, "max_degradation_percent", False)
def test_no_degradation_allowed_passes_exactly_when_not_worse(
    value: float, baseline: float, kind: str, higher: bool
) -> None:
    assume(abs(baseline) >= 1e-9)
    worse = value < baseline if higher else value > baseline
    judged = against_baseline(value, baseline, of_baseline(kind, 0.0), higher_is_better=higher)
    assert judged.passed == (not worse or math.isclose(value, baseline, rel_tol=1e-12))


@given(MEASURED, MEASURED, AMOUNTS, st.sampled_from(COMPARING))
def test_lower_is_better_is_the_mirror_of_higher_is_better(
    value: float, baseline: float, amount: float, kind: str
) -> None:
    assume(not kind.endswith("_percent") or abs(baseline) >= 1e-9)
    higher = against_baseline(value, baseline, of_baseline(kind, amount), higher_is_better=True)
    lower = against_baseline(-value, -baseline, of_baseline(kind, amount), higher_is_better=False)
    assert lower == Judged(higher.margin, -higher.limit, at_least=False, passed=higher.passed)


@given(MEASURED, MEASURED, AMOUNTS, DIRECTIONS)
def test_improvement_by_an_amount_and_degradation_by_it_are_each_others_mirror(
    value: float, baseline: float, amount: float, higher: bool
) -> None:
    improved = against_baseline(
        value, baseline, of_baseline("min_improvement", amount), higher_is_better=higher
    )
    # The baseline is worse than the value by at most the amount exactly when its margin is the other's, negated.
    degraded = against_baseline(
        baseline, value, of_baseline("max_degradation", amount), higher_is_better=higher
    )
    assert improved.margin == -degraded.margin
    if abs(improved.margin) > 1e-11 * max(abs(value), abs(baseline)):
        assert improved.passed != degraded.passed


@given(
    MEASURED,
    MEASURED,
    st.floats(0, 1000),
    st.sampled_from(["min_improvement", "max_degradation"]),
    DIRECTIONS,
)
@example(-9.0, -10.0, 10.0, "min_improvement", True)
@example(-11.0, -10.0, 10.0, "max_degradation", True)
def test_percent_is_of_the_absolute_value_of_the_baseline(
    value: float, baseline: float, percent: float, kind: str, higher: bool
) -> None:
    assume(abs(baseline) >= 1e-9)
    of_it = against_baseline(
        value, baseline, of_baseline(f"{kind}_percent", percent), higher_is_better=higher
    )
    amount = percent / 100 * abs(baseline)
    own = against_baseline(value, baseline, of_baseline(kind, amount), higher_is_better=higher)
    assert of_it.passed == own.passed or abs(own.margin) <= 1e-11 * max(abs(value), abs(baseline))
    assert of_it.limit == pytest.approx(own.limit, rel=1e-12, abs=1e-300)


def test_a_negative_baseline_does_not_turn_percent_around() -> None:
    bound = of_baseline("min_improvement_percent", 10)
    assert against_baseline(-9.0, -10.0, bound, higher_is_better=True).passed
    assert not against_baseline(-9.1, -10.0, bound, higher_is_better=True).passed
    assert not against_baseline(-11.0, -10.0, bound, higher_is_better=True).passed
    assert against_baseline(-11.0, -10.0, bound, higher_is_better=False).passed


@given(MEASURED, MEASURED, AMOUNTS, st.sampled_from([True, False, None]))
def test_a_difference_is_judged_either_way_whatever_the_direction(
    value: float, baseline: float, amount: float, direction: bool | None
) -> None:
    bound = of_baseline("max_difference", amount)
    judged = against_baseline(value, baseline, bound, higher_is_better=direction)
    assert judged == against_baseline(baseline, value, bound, higher_is_better=direction)
    if abs(abs(value - baseline) - amount) > 1e-11 * max(abs(value), abs(baseline)):
        assert judged.passed == (abs(value - baseline) <= amount)


@pytest.mark.parametrize("kind", COMPARING)
def test_without_a_direction_there_is_no_better_or_worse(kind: str) -> None:
    with pytest.raises(BaselineError, match="neither high nor low is better") as caught:
        against_baseline(1.0, 1.0, of_baseline(kind, 0.0), higher_is_better=None)
    assert caught.value.todo == "write max_difference"


@pytest.mark.parametrize("baseline", [0.0, -0.0, 1e-10])
@pytest.mark.parametrize("kind", ["min_improvement_percent", "max_degradation_percent"])
def test_percent_of_nothing_is_refused_and_says_what_to_write(kind: str, baseline: float) -> None:
    with pytest.raises(BaselineError) as caught:
        against_baseline(0.5, baseline, of_baseline(kind, 5), higher_is_better=True)
    assert caught.value.todo == f"write {kind.removesuffix('_percent')}, in the metric's own unit"


def test_an_improvement_met_exactly_passes_although_floats_disagree() -> None:
    assert 0.3 - 0.2 < 0.1
    bound = of_baseline("min_improvement", 0.1)
    assert against_baseline(0.3, 0.2, bound, higher_is_better=True).passed
    assert not against_baseline(0.2999, 0.2, bound, higher_is_better=True).passed
