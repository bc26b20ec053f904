"""How sure a margin is: which interval belongs to which kind of metric and bound.

Without ``confidence`` a check speaks of this test set, the value decides and the interval is only shown; with it
the check speaks of data like this and the bounds of the margin decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from ..spec.catalogue import MetricDeclaration
from ..spec.resolved import Check
from ..statistics import intervals, jackknife, paired
from ..statistics.decision import Margin
from ..statistics.intervals import Interval
from . import class_shares
from .measured import Value
from .recorded import RecordedMetric

Bounds = Callable[[float], Interval]
"""The interval of a value at a confidence of each bound."""


def threshold_margins(check: Check, metric: MetricDeclaration, value: Value) -> tuple[Margin, ...]:
    """The margins of ``min`` and ``max``; both must hold. Empty: nothing is known of the noise."""
    if _is_without_noise(value):
        return ()
    return margins_within(check, value_bounds(metric, value))


def margins_within(check: Check, of_value: Bounds) -> tuple[Margin, ...]:
    """The margins of a value to its ``min`` and ``max``."""
    margins: list[Margin] = []
    if (least := check.bound.minimum) is not None:
        margins.append(lambda confidence: of_value(confidence).above(least))
    if (most := check.bound.maximum) is not None:
        margins.append(lambda confidence: of_value(confidence).below(most))
    return tuple(margins)


def comparison_margins(
    check: Check, metric: MetricDeclaration, candidate: Value, baseline: Value | RecordedMetric
) -> tuple[Margin, ...]:
    """The margins of a bound against a baseline; percent kinds in percent of the baseline. Empty: nothing is known.

    Paired where both sides hold the same samples: pairing takes the difficulty of the samples out of the noise.
    """
    if any(isinstance(side, Value) and _is_without_noise(side) for side in (candidate, baseline)):
        return ()
    difference = _difference_bounds(check, metric, candidate, baseline)
    if difference is None:
        return ()
    if check.bound.kind.endswith("_percent"):
        return (_percent_margin(check, metric, candidate, baseline),)
    return margins_of_difference(check, metric, difference)


def margins_of_difference(check: Check, metric: MetricDeclaration, difference: Bounds) -> tuple[Margin, ...]:
    """The margins of candidate − baseline to a bound against a baseline in the metric's own unit."""
    if check.bound.kind == "max_difference":
        amount = check.bound.amount or 0.0
        return (
            lambda confidence: difference(confidence).above(-amount),
            lambda confidence: difference(confidence).below(amount),
        )
    demanded = demanded_difference(check, metric)
    if metric.higher_is_better is False:
        return (lambda confidence: difference(confidence).below(demanded),)
    return (lambda confidence: difference(confidence).above(demanded),)


def demanded_difference(check: Check, metric: MetricDeclaration) -> float:
    """The candidate − baseline that is asked for: of percent kinds in percent of the baseline's absolute value."""
    amount = check.bound.amount or 0.0
    better = -1.0 if metric.higher_is_better is False else 1.0
    return better * (amount if check.bound.kind.startswith("min_improvement") else -amount)


def value_bounds(metric: MetricDeclaration, value: Value) -> Bounds:
    """The interval of one value: exact for 0/1 scores and shares, t for other means, else the jackknife."""
    scores = value.scores
    if value.is_number_only:
        return partial(_of_number, metric, value)
    if value.outcomes is not None:
        return partial(class_shares.bounds, metric, value)
    if scores is None:
        left_out = _left_out(value)
        return lambda confidence: jackknife.single(
            value.number,
            left_out,
            confidence,
            value.n,
            sizes=value.group_sizes or None,
            lower_limit=metric.lower,
            upper_limit=metric.upper,
        )
    if metric.scores == "binary" and value.clusters is None:
        return lambda confidence: intervals.binary(scores, confidence)
    within = np.clip(scores, metric.lower, metric.upper)
    return lambda confidence: intervals.mean(
        within,
        confidence,
        clusters=value.clusters,
        lower_limit=metric.lower,
        upper_limit=metric.upper,
    )


def _is_without_noise(value: Value) -> bool:
    return value.is_number_only and value.standard_error is None


def _of_number(metric: MetricDeclaration, value: Value, confidence: float) -> Interval:
    """From its standard error; without one nothing is known of the noise."""
    if value.standard_error is not None:
        found = intervals.from_standard_error(value.number, value.standard_error, confidence, value.n)
        return replace(found, lower=max(found.lower, metric.lower), upper=min(found.upper, metric.upper))
    note = "numbers only, without a standard error: nothing is known of their noise"
    unknown = Interval(value.number, -np.inf, np.inf, confidence, value.n, 0, "none", note, known=False)
    return replace(unknown, lower=metric.lower, upper=metric.upper)


def _difference_bounds(
    check: Check, metric: MetricDeclaration, candidate: Value, baseline: Value | RecordedMetric
) -> Bounds | None:
    """The interval of candidate − baseline, whatever the metric's direction."""
    if isinstance(baseline, RecordedMetric):
        return _from_record(metric, candidate, baseline)
    if not check.paired:
        ours, theirs = value_bounds(metric, candidate), value_bounds(metric, baseline)
        return lambda confidence: paired.independent(ours(confidence), theirs(confidence))
    return paired_bounds(metric, candidate, baseline)


def paired_bounds(metric: MetricDeclaration, candidate: Value, baseline: Value) -> Bounds:
    """The interval of candidate − baseline on the same samples."""
    ours, theirs = candidate.scores, baseline.scores
    if candidate.is_number_only or baseline.is_number_only:
        # Nothing to pair: as if they were different samples, which is wider where both do well on the same ones.
        of_candidate, of_baseline = value_bounds(metric, candidate), value_bounds(metric, baseline)
        return lambda confidence: paired.independent(of_candidate(confidence), of_baseline(confidence))
    if ours is None or theirs is None:
        return lambda confidence: jackknife.difference(
            candidate.number,
            _left_out(candidate),
            baseline.number,
            _left_out(baseline),
            confidence,
            min(candidate.n, baseline.n),
            lower_limit=metric.lower,
            upper_limit=metric.upper,
        )
    if metric.scores == "binary" and candidate.clusters is None:
        return lambda confidence: paired.binary(ours, theirs, confidence)
    return lambda confidence: paired.mean(
        np.clip(ours, metric.lower, metric.upper),
        np.clip(theirs, metric.lower, metric.upper),
        confidence,
        clusters=candidate.clusters,
        lower_limit=metric.lower,
        upper_limit=metric.upper,
    )


def _percent_margin(
    check: Check, metric: MetricDeclaration, candidate: Value, baseline: Value | RecordedMetric
) -> Margin:
    """The margin in percent of the baseline's absolute value: a ratio, so it is exact only at its threshold."""
    threshold = demanded_difference(check, metric) / 100

    def relative(confidence: float) -> Interval:
        if isinstance(baseline, Value) and (candidate.is_number_only or baseline.is_number_only):
            return _relative_of_independent(metric, candidate, baseline, confidence, threshold)
        if isinstance(baseline, Value) and check.paired and candidate.scores is not None:
            assert baseline.scores is not None
            return paired.relative(
                np.clip(candidate.scores, metric.lower, metric.upper),
                np.clip(baseline.scores, metric.lower, metric.upper),
                confidence,
                threshold,
                clusters=candidate.clusters,
                lower_limit=metric.lower,
                upper_limit=metric.upper,
            )
        if isinstance(baseline, Value) and check.paired:
            return jackknife.relative(
                candidate.number,
                _left_out(candidate),
                baseline.number,
                _left_out(baseline),
                confidence,
                min(candidate.n, baseline.n),
            )
        return _relative_of_independent(metric, candidate, baseline, confidence, threshold)

    def margin(confidence: float) -> Interval:
        interval = relative(confidence)
        lower_is_better = metric.higher_is_better is False
        return scaled(interval.below(threshold) if lower_is_better else interval.above(threshold), 100.0)

    return margin


def _relative_of_independent(
    metric: MetricDeclaration,
    candidate: Value,
    baseline: Value | RecordedMetric,
    confidence: float,
    threshold: float,
) -> Interval:
    """(c − b)/|b| of different samples clears f exactly when c − (b + f·|b|) clears 0."""
    theirs = (
        value_bounds(metric, baseline)(confidence)
        if isinstance(baseline, Value)
        else intervals.from_standard_error(
            baseline.value, baseline.standard_error or np.nan, confidence, candidate.n
        )
    )
    size = abs(theirs.estimate)
    factor = 1.0 + threshold * (1.0 if theirs.estimate >= 0 else -1.0)
    ours = value_bounds(metric, candidate)(confidence)
    return scaled(paired.independent(ours, scaled(theirs, factor)), 1 / size).above(-threshold)


def _from_record(metric: MetricDeclaration, candidate: Value, baseline: RecordedMetric) -> Bounds | None:
    """None where the record tells no standard error: then only the numbers can be compared."""
    error = baseline.standard_error
    if error is None:
        return None
    ours = value_bounds(metric, candidate)
    return lambda confidence: paired.independent(
        ours(confidence), intervals.from_standard_error(baseline.value, error, confidence, candidate.n)
    )


def scaled(interval: Interval, factor: float) -> Interval:
    """The interval of ``factor`` times what the interval is of.

    >>> scaled(intervals.from_standard_error(1.0, 0.1, 0.95, 100), -2.0).upper < -1.6
    True
    """
    # Nothing is left of an unknown bound either: 0 · ∞ would be NaN.
    ends = sorted(end * factor if factor else 0.0 for end in (interval.lower, interval.upper))
    turned = factor < 0
    return replace(
        interval,
        estimate=interval.estimate * factor,
        lower=ends[0],
        upper=ends[1],
        unseen_below=interval.unseen_above if turned else interval.unseen_below,
        unseen_above=interval.unseen_below if turned else interval.unseen_above,
    )


def _left_out(value: Value) -> np.ndarray:
    """The leave-one-group-out values; NaN where the metric does not exist without the group."""
    return np.array([np.nan if one is None else one for one in value.left_out], dtype=np.float64)
