"""A verdict in words: the headline that a summary line shows, value first."""

from __future__ import annotations

from collections.abc import Sequence

from ..spec.numbers import format_bound, format_pair, format_value
from ..spec.resolved import Check
from .verdict import Line


def headline(check: Check, lines: Sequence[Line]) -> str:
    """The verdict in one line: ``psnr 26.41 dB < 28 dB, short by 1.59 dB``.

    With slices it speaks of the worst one, because that one decides.
    """
    worst = min(lines, key=lambda line: line.margin)
    text = f"{check.metric} {_relation(check, worst)}"
    if worst.slice:
        text += f" for {worst.slice}"
    if not worst.passed:
        text += f", {_missed_by(check, worst)}"
    failed = sum(not line.passed for line in lines)
    if len(lines) > 1:
        text += f" ({failed} of {len(lines)} slices fail)" if failed else f" (worst of {len(lines)} slices)"
    return text


def relation(check: Check, line: Line) -> tuple[str, str]:
    """Value and bound of one line as a table shows them: ``("26.41 dB", "≥ 28 dB")``."""
    value, limit = _texts(check, line)
    return value, f"{'≥' if line.at_least else '≤'} {limit}"


def margin(check: Check, line: Line) -> str:
    """The margin with its sign and unit; bounds in percent of the baseline are in percent."""
    if check.bound.kind.endswith("_percent"):
        return f"{line.margin:+.2f} %"
    text = format_value(abs(line.margin), check.unit)
    return f"{'+' if line.passed else '-'}{text}"


def _relation(check: Check, line: Line) -> str:
    value, limit = _texts(check, line)
    sign = ("≥" if line.at_least else "≤") if line.passed else ("<" if line.at_least else ">")
    if line.baseline is None:
        return f"{value} {sign} {limit}"
    if check.bound.kind == "max_difference":
        other = format_value(line.baseline.value, check.unit)
        own = format_value(line.candidate.value, check.unit)
        return f"differs by {value} {sign} {limit} ({own}, {line.baseline.name} {other})"
    return f"{value} {sign} {limit} ({_derived(check, line)})"


def _texts(check: Check, line: Line) -> tuple[str, str]:
    """Value and limit, never written alike when they differ."""
    amount = check.bound.amount
    if check.bound.kind == "max_difference" and line.baseline is not None and amount is not None:
        difference = abs(line.candidate.value - line.baseline.value)
        return format_pair(difference, amount, check.unit)
    value = line.candidate.value
    if line.baseline is None:
        return format_pair(value, line.limit, check.unit)
    texts = format_value(value, check.unit), format_value(line.limit, check.unit)
    return (
        texts if texts[0] != texts[1] or value == line.limit else format_pair(value, line.limit, check.unit)
    )


def _derived(check: Check, line: Line) -> str:
    """Where a limit comes from: ``constant 14.20 dB + 6 dB``."""
    assert line.baseline is not None
    assert check.bound.amount is not None
    baseline = f"{line.baseline.name} {format_value(line.baseline.value, check.unit)}"
    if check.bound.amount == 0:
        return baseline
    upwards = check.bound.kind.startswith("min_improvement") == line.at_least
    if check.bound.kind.endswith("_percent"):
        amount = f"{check.bound.amount:g} %"
    else:
        amount = format_bound(check.bound.amount, check.unit)
    return f"{baseline} {'+' if upwards else '−'} {amount}"


def _missed_by(check: Check, line: Line) -> str:
    word = "short by" if line.at_least else "over by"
    return f"{word} {margin(check, line).lstrip('+-')}"
