"""A verdict in words: the headline that a summary line shows, value first."""

from __future__ import annotations

from collections.abc import Sequence

from ..spec.numbers import format_alike, format_difference, format_pair, format_value
from ..spec.resolved import Check
from ..spec.sentences import amount_text
from .verdict import Line, worst_of


def headline(check: Check, lines: Sequence[Line]) -> str:
    """The verdict in one line: ``psnr 26.41 dB < 28 dB, short by 1.59 dB``.

    With slices it speaks of the worst one, because that one decides.
    """
    worst = worst_of(lines)
    # Of a log or of another tool: without it nobody knows which number is meant.
    which = [check.args[name] for name in ("name", "series") if isinstance(check.args.get(name), str)]
    text = " ".join([check.metric, *which, _sentence(check, worst)])
    if check.bound.kind == "trend":
        undecided = f", undecided: {known_range(check, worst)}" if worst.outcome == "inconclusive" else ""
        return text + undecided + _count(check, lines)
    if worst.slice:
        text += f" for {worst.slice}"
    if worst.outcome == "inconclusive":
        text += f", undecided: {known_range(check, worst)}"
    elif worst.outcome == "fail":
        word = "short by" if worst.at_least else "over by"
        text += f", {word} {_distance(check, worst)}"
    return text + _count(check, lines)


def _count(check: Check, lines: Sequence[Line]) -> str:
    """How many slices, or checkpoints, there are and fail."""
    if len(lines) == 1:
        return ""
    what = f"{len(lines)} checkpoints" if check.bound.kind == "trend" else f"{len(lines)} slices"
    failed = sum(line.outcome == "fail" for line in lines)
    undecided = sum(line.outcome == "inconclusive" for line in lines)
    if failed:
        return f" ({failed} of {what} fail)"
    return f" ({undecided} of {what} undecided)" if undecided else f" (worst of {what})"


def known_range(check: Check, line: Line) -> str:
    """``at least 27.91 dB and at most 28.70 dB, 95 % sure of each``: the value, with the noise of the margin.

    Of a trend it is the change that is known: the earlier value is as uncertain as the later one.
    """
    if line.margin_interval is None:
        return "without a standard error nothing is known of the noise"
    if check.bound.kind == "trend":
        known = _known_change(check, line.margin_interval)
    else:
        low, high = ends(check, line)
        known = [f"at least {low}"] * bool(low) + [f"at most {high}"] * bool(high)
    return f"{' and '.join(known) or 'no bound is known'}, {line.confidence * 100:g} % sure of each"


def _known_change(check: Check, margins: tuple[float | None, float | None]) -> list[str]:
    """``["worse by at most 0.1486", "better by at most 0.0739"]``."""
    gains = [None if margin is None else margin - (check.tolerance or 0.0) for margin in margins]
    return [
        f"{'better' if (gain > 0) else 'worse'} by at {'least' if (gain > 0) == is_low else 'most'} "
        + format_difference(abs(gain), check.unit)
        for gain, is_low in zip(gains, (True, False), strict=True)
        if gain is not None
    ]


def ends(check: Check, line: Line) -> tuple[str, str]:
    """Between which values the truth lies, each end with the line's confidence; empty where nothing is known."""
    low, high = (_at_margin(check, line, bound) for bound in line.margin_interval or (None, None))
    return (low, high) if line.at_least else (high, low)


def _at_margin(check: Check, line: Line, margin: float | None) -> str:
    """The value at which the margin would be this; empty where it is unknown."""
    if margin is None:
        return ""
    if check.bound.kind.endswith("_percent") and line.baseline is not None:
        margin *= abs(line.baseline.value) / 100
    return format_value(line.limit + (margin if line.at_least else -margin), check.unit)


def relation(check: Check, line: Line) -> tuple[str, str]:
    """Value and bound of one line as a table shows them: ``("26.41 dB", "≥ 28 dB")``."""
    value, limit = _texts(check, line)
    return value, f"{'≥' if line.at_least else '≤'} {limit}"


def margin(check: Check, line: Line) -> str:
    """How far the value is on the good side of the bound, with its sign: ``+1.02 dB``, ``-1.59 dB``.

    Also for bounds in percent it is the distance between the value and the bound that stand beside it.
    """
    return f"{'+' if _meets(check, line) else '-'}{_distance(check, line)}"


def _sentence(check: Check, line: Line) -> str:
    value, limit = _texts(check, line)
    if check.bound.kind == "trend":
        return _change(check, line)
    floor, ceiling = ("≥", "≤") if _meets(check, line) else ("<", ">")
    sign = floor if line.at_least else ceiling
    if line.baseline is None:
        return f"{value} {sign} {limit}"
    if check.bound.kind == "max_difference":
        own, other = format_alike(line.candidate.value, line.baseline.value, check.unit)
        return f"differs by {value} {sign} {limit} ({own}, {line.baseline.name} {other})"
    return f"{value} {sign} {limit} ({_origin(check, line)})"


def _change(check: Check, line: Line) -> str:
    """``14.3 % at step=6000, then 3.2 % at step=10000: worse by 11.1 points, tolerance 5 points``."""
    assert line.baseline is not None
    before, after = format_alike(line.baseline.value, line.candidate.value, check.unit)
    change = line.candidate.value - line.baseline.value
    text = f"{before} at {line.baseline.name}, then {after} at {line.slice}: "
    if change:
        word = "better" if (change > 0) == line.at_least else "worse"
        text += f"{word} by {format_difference(abs(change), check.unit)}"
    else:
        text += "no change"
    return (
        text if not check.tolerance else f"{text}, tolerance {format_difference(check.tolerance, check.unit)}"
    )


def _compared(check: Check, line: Line) -> float:
    """What is compared with the limit; the limit itself where only rounding separates a pass from it."""
    value = line.candidate.value
    if check.bound.kind == "max_difference" and line.baseline is not None:
        value = abs(value - line.baseline.value)
    beyond = value < line.limit if line.at_least else value > line.limit
    return line.limit if line.passed and beyond else value


def _meets(check: Check, line: Line) -> bool:
    """Whether the value by itself meets the bound; with ``confidence`` it may, and still be undecided."""
    value = _compared(check, line)
    return value >= line.limit if line.at_least else value <= line.limit


def _texts(check: Check, line: Line) -> tuple[str, str]:
    """What is compared and the limit, never written alike when they differ."""
    value = _compared(check, line)
    if line.baseline is None or check.bound.kind == "max_difference":
        return format_pair(value, line.limit, check.unit)
    return format_alike(value, line.limit, check.unit)


def _distance(check: Check, line: Line) -> str:
    return format_difference(abs(_compared(check, line) - line.limit), check.unit)


def _origin(check: Check, line: Line) -> str:
    """Where a limit comes from: ``constant 14.20 dB + 6 dB``."""
    assert line.baseline is not None
    baseline = f"{line.baseline.name} {format_value(line.baseline.value, check.unit)}"
    if not check.bound.amount:
        return baseline
    upwards = check.bound.kind.startswith("min_improvement") == line.at_least
    return f"{baseline} {'+' if upwards else '−'} {amount_text(check.bound, check.unit)}"
