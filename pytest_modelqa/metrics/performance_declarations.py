"""What each metric of time and size is called, measures and needs; every task that runs a model offers them."""

from __future__ import annotations

import math
from typing import Any

from ..spec.catalogue import MetricDeclaration

_PERFORMANCE: dict[str, Any] = {
    "lower": 0.0,
    "upper": math.inf,
    "version": 1,
    "level": "set",
    "scores": "set",
}
_RUN: dict[str, Any] = {
    **_PERFORMANCE,
    "needs": "run",
    "bias": "the interval is of the batches of this run: another day, or a neighbour on the machine, may move all of "
    "them; compare with a baseline model measured in the same run",
}

PERFORMANCE_METRICS: tuple[MetricDeclaration, ...] = (
    MetricDeclaration(
        name="latency_p50",
        summary="median time of a batch in the model, after warm-up",
        unit="ms",
        higher_is_better=False,
        function="pytest_modelqa.metrics.performance:latency_p50",
        **_RUN,
    ),
    MetricDeclaration(
        name="latency_p95",
        summary="time that 95 % of the batches do not exceed, after warm-up",
        unit="ms",
        higher_is_better=False,
        function="pytest_modelqa.metrics.performance:latency_p95",
        **_RUN,
    ),
    MetricDeclaration(
        name="throughput",
        summary="samples that pass through the model in a second, after warm-up",
        unit="samples/s",
        higher_is_better=True,
        function="pytest_modelqa.metrics.performance:throughput",
        **_RUN,
    ),
    MetricDeclaration(
        name="peak_memory",
        summary="weights, and what a batch adds to them at most, on the device",
        unit="MiB",
        higher_is_better=False,
        function="pytest_modelqa.metrics.performance:peak_memory",
        **_RUN,
    ),
    MetricDeclaration(
        name="parameters",
        summary="how many numbers the model learns",
        unit="",
        higher_is_better=False,
        needs="model",
        function="pytest_modelqa.metrics.performance:parameters",
        **_PERFORMANCE,
    ),
)
