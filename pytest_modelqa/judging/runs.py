"""Margins of the mean over several training runs (``over: seed``): one value for each run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..spec.catalogue import MetricDeclaration
from ..spec.resolved import Check
from ..statistics import seeds
from ..statistics.decision import Margin
from ..statistics.intervals import Interval
from .uncertainty import demanded_difference, margins_of_difference, margins_within, scaled


def threshold_over_runs(check: Check, values: Sequence[float]) -> tuple[Margin, ...]:
    """The margins of ``min`` and ``max``."""
    return margins_within(check, lambda confidence: seeds.paired(values, confidence))


def comparison_over_runs(
    check: Check, metric: MetricDeclaration, ours: Sequence[float], theirs: Sequence[float]
) -> tuple[Margin, ...]:
    """The margins of a bound against a baseline; percent kinds in percent of the baseline.

    The same seed number in two trainings is no pairing, so two sets of runs are compared as independent ones.
    """

    def difference(confidence: float, factor: float = 1.0) -> Interval:
        against = [factor * value for value in theirs]
        if max(theirs) == min(theirs):
            # One baseline for all runs: only the candidate's runs vary.
            return seeds.paired([a - b for a, b in zip(ours, against, strict=True)], confidence)
        return seeds.independent(ours, against, confidence)

    if not check.bound.kind.endswith("_percent"):
        return margins_of_difference(check, metric, difference)
    their_mean = math.fsum(theirs) / len(theirs)
    factor = 1.0 + demanded_difference(check, metric) / 100 * (1.0 if their_mean >= 0 else -1.0)
    unit = (-100 if metric.higher_is_better is False else 100) / abs(their_mean)
    return (lambda confidence: scaled(difference(confidence, factor), unit),)
