"""Metrics of how fast a model runs and how large it is. Of the run itself: no function of outputs or predictions.

What was measured is kept in the record (see ``evaluation.performance``); the functions here only summarise it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import OutputError


@dataclass(frozen=True)
class Performance:
    """What was measured of a model on one device.

    Attributes:
        milliseconds: How long each timed batch took, from its tensors on the device to its outputs; after warm-up.
            Empty where nothing asked for the time.
        batch_size: Samples in each of them.
        peak_memory: MiB of weights and of what one batch adds to them at most; None where nothing asked for it.
        parameters: Numbers that the model learns, each counted once.
    """

    milliseconds: tuple[float, ...]
    batch_size: int
    peak_memory: float | None
    parameters: int

    def without(self, group: int, groups: int) -> Performance:
        """The same but for every batch whose number is the group's, for the jackknife."""
        kept = tuple(time for number, time in enumerate(self.milliseconds) if number % groups != group)
        return replace(self, milliseconds=kept)

    def to_json(self) -> dict[str, Any]:
        """For the record."""
        return {
            "milliseconds": list(self.milliseconds),
            "batch_size": self.batch_size,
            "peak_memory": self.peak_memory,
            "parameters": self.parameters,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Performance:
        """What ``to_json`` wrote."""
        return cls(**{**value, "milliseconds": tuple(value["milliseconds"])})


def latency_p50(performance: Performance) -> float:
    """The median time of a batch in ms.

    Raises:
        OutputError: There is no model to time.

    >>> latency_p50(Performance((2.0, 4.0, 30.0), 8, None, 100))
    4.0
    """
    return float(np.percentile(_times(performance), 50))


def latency_p95(performance: Performance) -> float:
    """The time in ms that 95 % of the batches do not exceed, interpolated linearly. Errors as ``latency_p50``.

    >>> latency_p95(Performance((1.0, 3.0), 8, None, 100))
    2.9
    """
    return float(np.percentile(_times(performance), 95))


def throughput(performance: Performance) -> float:
    """Samples per second, over all timed batches. Errors as ``latency_p50``.

    >>> throughput(Performance((100.0, 300.0), 8, None, 100))
    40.0
    """
    times = _times(performance)
    return 1000.0 * performance.batch_size * len(times) / sum(times)


def peak_memory(performance: Performance) -> float:
    """MiB of weights and of what one batch adds to them at most. Errors as ``latency_p50``.

    >>> peak_memory(Performance((), 8, 12.5, 100))
    12.5
    """
    _demand_model(performance)
    if performance.peak_memory is None:
        raise OutputError("no memory was measured", todo="run again")
    return performance.peak_memory


def parameters(performance: Performance) -> float:
    """How many numbers the model learns, each counted once; buffers are none. Errors as ``latency_p50``.

    >>> parameters(Performance((), 8, None, 100))
    100.0
    """
    _demand_model(performance)
    return float(performance.parameters)


def _times(performance: Performance) -> tuple[float, ...]:
    _demand_model(performance)
    if not performance.milliseconds:
        raise OutputError("no batch was timed", todo="run again")
    return performance.milliseconds


def _demand_model(performance: Performance) -> None:
    """A file of results stands in a model's place and is read in no time: that would pass any bound."""
    if performance.parameters == 0:
        raise OutputError(
            "there is no model whose time and size could be measured",
            expected="a model with parameters",
            found="none: recorded results, or code that learns nothing",
            todo="measure the model itself, or leave this metric out",
        )
