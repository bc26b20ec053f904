"""Margins of the mean over several training runs (``over: seed``): one value for each run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..spec.catalogue import MetricDeclaration
from ..spec.resolved import Check
from ..statistics import seeds
from ..statistics.decision import Margin
from ..statistics.intervals import Interval
from .uncertainty import scaled


def threshold_over_runs(check: Check, values: Sequence[float]) -> tuple[Margin, ...]:
    """The margins of ``min`` and ``max``."""
    margins: list[Margin] = []
    if (least := check.bound.minimum) is not None:
        margins.append(lambda confidence: seeds.paired(values, confidence).above(least))
    if (most := check.bound.maximum) is not None:
        margins.append(lambda confidence: seeds.paired(values, confidence).below(most))
    return tuple(margins)


def comparison_over_runs(
    check: Check, declaration: MetricDeclaration, ours: Sequence[float], theirs: Sequence[float]
) -> tuple[Margin, ...]:
    """The margins of a bound against a baseline; percent kinds in percent of the baseline.

    The same seed number in two trainings is no pairing, so two sets of runs are compared as independent ones.
    """
    amount = check.bound.amount or 0.0
    sign = -1.0 if declaration.higher_is_better is False else 1.0
    their_mean = math.fsum(theirs) / len(theirs)

    def difference(confidence: float, factor: float = 1.0) -> Interval:
        against = [factor * value for value in theirs]
        if max(theirs) == min(theirs):
            # One baseline for all runs: only the candidate's runs vary.
            return seeds.paired([a - b for a, b in zip(ours, against, strict=True)], confidence)
        return seeds.independent(ours, against, confidence)

    if check.bound.kind == "max_difference":
        return (
            lambda confidence: difference(confidence).above(-amount),
            lambda confidence: difference(confidence).below(amount),
        )
    demanded = sign * (amount if check.bound.kind.startswith("min_improvement") else -amount)
    if check.bound.kind.endswith("_percent"):
        factor = 1.0 + demanded / 100 * (1.0 if their_mean >= 0 else -1.0)
        unit = sign * 100 / abs(their_mean)
        return (lambda confidence: scaled(difference(confidence, factor), unit),)
    if sign > 0:
        return (lambda confidence: difference(confidence).above(demanded),)
    return (lambda confidence: difference(confidence).below(demanded),)
