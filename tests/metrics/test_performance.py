"""Summaries of measured times are the usual ones, and nothing is said of what is no model."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelqa.errors import OutputError
from pytest_modelqa.metrics.performance import (
    Performance,
    latency_p50,
    latency_p95,
    parameters,
    peak_memory,
    throughput,
)
from pytest_modelqa.tasks.registry import catalogue

times = st.lists(st.floats(0.001, 1e6), min_size=2, max_size=60).map(tuple)


@given(times)
def test_percentiles_are_those_of_the_standard_library(milliseconds: tuple[float, ...]) -> None:
    performance = Performance(milliseconds, 8, None, 1)

    cuts = statistics.quantiles(milliseconds, n=20, method="inclusive")

    assert latency_p50(performance) == pytest.approx(statistics.median(milliseconds))
    assert latency_p95(performance) == pytest.approx(cuts[-1])


@given(times, st.integers(1, 64))
def test_throughput_is_samples_over_seconds(milliseconds: tuple[float, ...], batch_size: int) -> None:
    performance = Performance(milliseconds, batch_size, None, 1)

    assert throughput(performance) == pytest.approx(
        len(milliseconds) * batch_size / (sum(milliseconds) / 1000)
    )


def test_each_batch_is_left_out_of_one_group() -> None:
    performance = Performance(tuple(float(number) for number in range(45)), 8, 3.0, 7)

    left = [performance.without(group, 20) for group in range(20)]

    assert sum(len(performance.milliseconds) - len(one.milliseconds) for one in left) == 45
    assert left[3].milliseconds == tuple(float(n) for n in range(45) if n not in (3, 23, 43))
    assert {(one.batch_size, one.peak_memory, one.parameters) for one in left} == {(8, 3.0, 7)}


@pytest.mark.parametrize("metric", [latency_p50, latency_p95, throughput, peak_memory, parameters])
def test_recorded_results_in_a_models_place_have_no_time_or_size(metric: object) -> None:
    assert callable(metric)
    with pytest.raises(OutputError, match="no model whose time and size"):
        metric(Performance((0.001,) * 40, 8, 0.0, 0))


def test_a_record_gives_back_what_it_was_given() -> None:
    performance = Performance((1.5, 2.25), 4, None, 12)

    assert Performance.from_json(performance.to_json()) == performance


def test_every_task_that_runs_a_model_offers_them() -> None:
    names = {"latency_p50", "latency_p95", "throughput", "peak_memory", "parameters"}

    for task in catalogue().tasks.values():
        assert names.issubset(task.metrics) == task.needs_model, task.name
