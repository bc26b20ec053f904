"""Numbers in messages: they keep the order of what they stand for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelqa.spec.numbers import format_bound, format_pair, format_value

UNITS = st.sampled_from(["dB", "fraction", "percent", "nats", "", "ms"])


def number(text: str) -> float:
    return float(text.split()[0])


def sign(left: float, right: float) -> int:
    return (left > right) - (left < right)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), UNITS)
def test_a_value_and_a_bound_are_shown_in_their_order(value: float, bound: float, unit: str) -> None:
    value_text, bound_text = format_pair(value, bound, unit)

    scale = 100 if unit == "percent" else 1
    if value != bound and value * scale != bound * scale:
        assert sign(number(value_text), number(bound_text)) == sign(value, bound)


@given(st.floats(0.001, 1000), st.integers(1, 40), st.booleans(), UNITS)
def test_a_value_next_to_its_bound_does_not_look_like_it(
    bound: float, steps: int, below: bool, unit: str
) -> None:
    value = bound
    for _ in range(steps):
        value = math.nextafter(value, -math.inf if below else math.inf)
    scale = 100 if unit == "percent" else 1
    if value * scale == bound * scale:
        return

    value_text, bound_text = format_pair(value, bound, unit)

    assert sign(number(value_text), number(bound_text)) == (-1 if below else 1)


@given(st.floats(-1e6, 1e6), UNITS)
def test_a_value_is_shown_to_four_digits_or_the_units_decimals(value: float, unit: str) -> None:
    scale = 100 if unit == "percent" else 1
    error = {"dB": 0.005, "percent": 0.05, "fraction": 0.00005}.get(unit, abs(value) * 5e-4)

    assert abs(number(format_value(value, unit)) - value * scale) <= error * (1 + 1e-9) + 1e-15


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.07, "percent", "7 %"),
        (1 / 3, "fraction", "0.333333333333"),
        (1e-5, "nats", "0.00001 nats"),
        (100000.0, "ms", "100000 ms"),
        (-0.5, "dB", "-0.5 dB"),
        (1e300, "", "1e+300"),
    ],
)
def test_a_bound_is_shown_as_short_as_it_was_written(value: float, unit: str, text: str) -> None:
    assert format_bound(value, unit) == text
