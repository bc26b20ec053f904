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
    text = f"{check.metric} {_sentence(check, worst)}"
    if worst.slice:
        text += f" for {worst.slice}"
    if not worst.passed:
        word = "short by" if worst.at_least else "over by"
        text += f", {word} {_distance(check, worst)}"
    failed = sum(not line.passed for line in lines)
    if len(lines) > 1:
        text += f" ({failed} of {len(lines)} slices fail)" if failed else f" (worst of {len(lines)} slices)"
    return text


def relation(check: Check, line: Line) -> tuple[str, str]:
    """Value and bound of one line as a table shows them: ``("26.41 dB", "≥ 28 dB")``."""
    value, limit = _texts(check, line)
    return value, f"{'≥' if line.at_least else '≤'} {limit}"


def margin(check: Check, line: Line) -> str:
    """How far the value is on the good side of the bound, with its sign: ``+1.02 dB``, ``-1.59 dB``.

    Also for bounds in percent it is the distance between the value and the bound that stand beside it.
    """
    return f"{'+' if line.passed else '-'}{_distance(check, line)}"


def _sentence(check: Check, line: Line) -> str:
    value, limit = _texts(check, line)
    sign = ("≥" if line.at_least else "≤") if line.passed else ("<" if line.at_least else ">")
    if line.baseline is None:
        return f"{value} {sign} {limit}"
    if check.bound.kind == "max_difference":
        own, other = format_alike(line.candidate.value, line.baseline.value, check.unit)
        return f"differs by {value} {sign} {limit} ({own}, {line.baseline.name} {other})"
    return f"{value} {sign} {limit} ({_origin(check, line)})"


def _compared(check: Check, line: Line) -> float:
    """What is compared with the limit; the limit itself where only rounding separates a pass from it."""
    value = line.candidate.value
    if check.bound.kind == "max_difference" and line.baseline is not None:
        value = abs(value - line.baseline.value)
    beyond = value < line.limit if line.at_least else value > line.limit
    return line.limit if line.passed and beyond else value


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
