"""The numbers of a drafted spec: what was measured, less the noise of that measurement."""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

from ..evaluation.engine import Progress
from ..gate import Gate
from ..judging.measured import Measured, Value, values
from ..judging.uncertainty import paired_bounds, value_bounds
from ..spec.catalogue import MetricDeclaration
from ..spec.resolved import Check, Evaluation, Spec
from .draft import DraftCheck, Proposal

# How often the same model may fail on other data like these.
FALSE_ALARM = 0.01
# Of the value, where nothing is known of its noise.
_UNKNOWN_NOISE = 0.05


def propose(
    gate: Gate, spec: Spec, evaluation: Evaluation, check: Check, draft: DraftCheck
) -> Proposal | None:
    """The bound of one check; None where the noise is larger than what there is to show.

    Raises:
        ModelQAError: It could not be measured, or has no value on these data.
    """
    declaration = gate.catalogue.metrics[check.metric].limited(check.args)
    member = gate.members(spec, evaluation, check, _silent, 1.0)[0]
    found = values(member.candidate, check, declaration)
    if draft.kind == "min_improvement":
        assert isinstance(member.baseline, Measured)
        theirs = values(member.baseline, check, declaration)
        return _improvement(declaration, found[""], theirs[""])
    return _threshold(declaration, draft.kind == "min", list(found.values()))


def _threshold(declaration: MetricDeclaration, at_least: bool, found: list[Value]) -> Proposal | None:
    """The slice that is worst once its noise is taken off decides; the false alarm is shared among the slices."""
    confidence = 1 - FALSE_ALARM / len(found)
    ends = []
    for value in found:
        interval = value_bounds(declaration, value)(confidence)
        end = interval.lower if at_least else interval.upper
        # A limit of the metric is what is said where nothing is known.
        known = math.isfinite(end) and declaration.lower < end < declaration.upper
        ends.append((_or_unknown(value.number, end if known else math.inf, at_least=at_least), value, known))
    end, value, known = min(ends, key=lambda one: one[0]) if at_least else max(ends, key=lambda one: one[0])
    bound = rounded(end, abs(value.number - end), down=at_least)
    if not (declaration.lower < bound < declaration.upper):
        return None
    alarm = _false_alarm(value.number, end, bound, confidence) * len(found) if known else None
    return Proposal(bound, value.number, value.n, alarm)


def _improvement(declaration: MetricDeclaration, ours: Value, theirs: Value) -> Proposal | None:
    sign = 1.0 if declaration.higher_is_better else -1.0
    gained = sign * (ours.number - theirs.number)
    interval = paired_bounds(declaration, ours, theirs)(1 - FALSE_ALARM)
    end = interval.lower if sign > 0 else -interval.upper
    known = math.isfinite(end)
    end = _or_unknown(gained, end, at_least=True)
    bound = rounded(end, abs(gained - end), down=True)
    if bound <= 0:
        return None
    alarm = _false_alarm(gained, end, bound, 1 - FALSE_ALARM) if known else None
    return Proposal(bound, gained, ours.n, alarm)


def _or_unknown(value: float, end: float, *, at_least: bool) -> float:
    if math.isfinite(end):
        return end
    noise = _UNKNOWN_NOISE * abs(value)
    return value - noise if at_least else value + noise


def rounded(end: float, noise: float, *, down: bool) -> float:
    """The end of an interval with as many digits as the noise leaves, away from the value.

    >>> rounded(0.98268, 0.0123, down=True), rounded(0.03121, 0.004, down=False)
    (0.982, 0.0313)
    """
    if noise <= 0:
        return end
    digits = -math.floor(math.log10(noise / 5))
    step = 10.0**-digits
    return round((math.floor if down else math.ceil)(round(end / step, 6)) * step, max(digits, 0))


def _false_alarm(value: float, end: float, bound: float, confidence: float) -> float:
    """Φ(−distance / error), with the error read off the interval."""
    error = abs(value - end) / float(ndtri(confidence))
    return float(ndtr(-abs(value - bound) / error)) if error else 0.0


def _silent(name: str, progress: Progress) -> None:
    """Drafting says what it does evaluation by evaluation."""
