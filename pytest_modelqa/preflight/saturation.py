"""Whether a baseline leaves room for the gain that a check demands, and how many samples could show it."""

from __future__ import annotations

import math

from ..spec.catalogue import MetricDeclaration
from ..spec.numbers import format_value
from ..spec.resolved import Check
from ..statistics.power import highest_provable_improvement, samples_for_improvement


def saturation(check: Check, metric: MetricDeclaration, recorded: float, n: int | None) -> str | None:
    """Why no model can pass an improvement over this baseline, in one sentence; None where one can.

    Args:
        check: With a bound ``min_improvement`` or ``min_improvement_percent``, else there is nothing to say.
        metric: The check's.
        recorded: The baseline's value.
        n: The samples of the evaluation, or None where nobody knows.
    """
    if not check.bound.kind.startswith("min_improvement") or check.slices:
        return None
    amount = check.bound.amount or 0.0
    asked = abs(recorded) * amount / 100 if check.bound.kind.endswith("_percent") else amount
    room = recorded - metric.lower if metric.higher_is_better is False else metric.upper - recorded
    before = (
        f"{check.id} can never pass: {check.baseline} has {format_value(recorded, check.unit)}, which leaves "
    )
    # A hair more than the room is rounding.
    if asked > room + 1e-12:
        return (
            f"{before}{distance_text(max(room, 0.0), check)}, and it asks for {distance_text(asked, check)}"
        )
    if check.confidence is None or n is None or not _is_share(metric):
        return None
    rate = 1 - recorded if metric.higher_is_better is False else recorded
    shown = highest_provable_improvement(rate, n, check.confidence)
    if asked <= shown + 1e-12:
        return None
    needed = samples_for_improvement(rate, asked, check.confidence)
    how_many = (
        "no number of samples could show as much"
        if math.isinf(needed)
        else f"a model without a failure could show it on {needed:,.0f}"
    )
    return (
        f"{before}{distance_text(max(shown, 0.0), check)} to be shown on {n:,} samples, {check.confidence:.0%} sure; "
        f"it asks for {distance_text(asked, check)}, and {how_many}"
    )


def _is_share(metric: MetricDeclaration) -> bool:
    # Of scores between 0 and 1 those at the ends vary most, and a perfect candidate's are all at one end.
    return metric.scores in ("binary", "bounded") and (metric.lower, metric.upper) == (0.0, 1.0)


def distance_text(amount: float, check: Check) -> str:
    """A distance between two values of a check's metric: of shares in points, else in its unit."""
    if check.unit in ("fraction", "percent"):
        return f"{100 * amount:.1f} points"
    return format_value(amount, check.unit)
