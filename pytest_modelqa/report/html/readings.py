"""A line of a verdict as it is shown: value, bound and interval on one axis, with their texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...spec.numbers import format_alike, format_difference, format_pair, format_value


@dataclass(frozen=True)
class Reading:
    """One slice, or the whole set.

    Attributes:
        label: Of the slice or checkpoint; empty for the whole set.
        value: What is compared with the limit, in the metric's own unit; of ``max_difference`` the difference.
        low: Of the interval around the value; None where nothing is known of that side.
        baseline: Its value on the same axis, or None.
        outcome: ``pass``, ``fail`` or ``inconclusive``.
    """

    label: str
    value: float
    limit: float
    at_least: bool
    low: float | None
    high: float | None
    baseline: float | None
    baseline_name: str
    baseline_n: int
    n: int
    outcome: str
    unit: str
    confidence: float
    method: str

    @property
    def value_text(self) -> str:
        """``25.02 dB``."""
        return self._texts[0]

    @property
    def limit_text(self) -> str:
        """``≥ 24 dB``."""
        return f"{'≥' if self.at_least else '≤'} {self._texts[1]}"

    @property
    def margin_text(self) -> str:
        """How far the value is on the good side of the limit: ``+1.02 dB``."""
        margin = self.value - self.limit if self.at_least else self.limit - self.value
        return f"{'−' if margin < 0 else '+'}{format_difference(abs(margin), self.unit)}"

    @property
    def interval_text(self) -> str:
        """``24.86 … 25.18 dB``, or empty where nothing is known."""
        if self.low is None and self.high is None:
            return ""
        if self.low is None or self.high is None:
            word, end = ("at most", self.high) if self.low is None else ("at least", self.low)
            return f"{word} {format_value(end or 0.0, self.unit)}"
        return f"{format_value(self.low, self.unit)} … {format_value(self.high, self.unit)}"

    @property
    def sure_text(self) -> str:
        """How sure the interval is: each end by itself with ``confidence``."""
        return f"{self.confidence * 100:g} % sure of each end" + (f", {self.method}" if self.method else "")

    @property
    def baseline_text(self) -> str:
        """``three_scale 0.0486``."""
        if self.baseline is None:
            return self.baseline_name
        return f"{self.baseline_name} {format_value(self.baseline, self.unit)}"

    @property
    def spoken(self) -> str:
        """All of it in words, for those who cannot see the drawing."""
        parts = [f"{self.label}: " * bool(self.label) + self.value_text, f"bound {self.limit_text}"]
        if self.interval_text:
            parts.append(f"interval {self.interval_text}")
        if self.baseline_name:
            parts.append(f"baseline {self.baseline_text}")
        return "; ".join(parts)

    @property
    def _texts(self) -> tuple[str, str]:
        alike = bool(self.baseline_name) and self.baseline is not None
        return (format_alike if alike else format_pair)(self.value, self.limit, self.unit)


def reading_of(line: Mapping[str, Any], verdict: Mapping[str, Any]) -> Reading:
    """A line of the run record's verdict as it is shown."""
    value, limit, baseline = line["candidate"]["value"], line["limit"], line["baseline"]
    factor = 1.0
    if verdict["bound"] == "max_difference" and baseline:
        value = abs(value - baseline["value"])
    elif verdict["bound"].endswith("_percent") and baseline:
        # Margins of these bounds are in percentage points of the baseline.
        factor = abs(baseline["value"]) / 100
    at_least = line["at_least"]
    if line["outcome"] == "pass" and (value < limit if at_least else value > limit):
        # Only rounding separates a pass from its limit; the terminal shows it so too.
        value = limit
    worse, better = (
        None if end is None else limit + (end if line["at_least"] else -end) * factor
        for end in line["margin_interval"] or (None, None)
    )
    low, high = (worse, better) if line["at_least"] else (better, worse)
    on_axis = baseline is not None and verdict["bound"] != "max_difference"
    return Reading(
        label=line["slice"],
        value=value,
        limit=limit,
        at_least=line["at_least"],
        low=low,
        high=high,
        baseline=baseline["value"] if on_axis else None,
        baseline_name=baseline["name"] if baseline else "",
        baseline_n=baseline["n"] if baseline else 0,
        n=line["candidate"]["n"],
        outcome=line["outcome"],
        unit=verdict["unit"],
        confidence=line["confidence"],
        method=line["method"],
    )
