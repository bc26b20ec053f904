"""What a judgement says: PASS, FAIL, INCONCLUSIVE or ERROR, with its numbers and one sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "ERROR"]


@dataclass(frozen=True)
class Side:
    """One measured value and what is known around it.

    Attributes:
        name: Of the model or evaluation, or of a recorded or trivial baseline.
        value: In the metric's own unit.
        n: Samples that it was measured on; 0 where a recorded baseline does not say.
    """

    name: str
    value: float
    n: int


@dataclass(frozen=True)
class Line:
    """The judgement of one slice, or of the whole set (``slice`` is then empty).

    Attributes:
        margin: How far the value is on the good side of the bound, in the metric's own unit (for bounds in
            percent: in percentage points of the baseline); negative when it is beyond.
        limit: The bound as a value of the metric, resolved with the baseline's number; for ``max_difference``
            the largest difference.
        at_least: Whether the value must be at least the limit (else at most).
        interval: A two-sided 95 % interval of the value (or of the difference), or None where none is known.
    """

    slice: str
    candidate: Side
    baseline: Side | None
    limit: float
    at_least: bool
    margin: float
    passed: bool
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Verdict:
    """The judgement of one check.

    Attributes:
        outcome: Of the four.
        headline: The verdict in one line, value first: ``psnr 26.41 dB < 28.00 dB, short by 1.59 dB``.
        sentence: The check in words with its resolved numbers.
        metric: The metric's name.
        unit: The unit that values are shown in.
        lines: One for each slice, or one for the whole set. Empty for an ERROR.
        worst: The line with the smallest margin: the one that decides.
        notes: What a reader should know besides.
        evidence: Where the numbers came from: keys, digests, device, when.
    """

    outcome: Outcome
    headline: str
    sentence: str
    metric: str
    unit: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def worst(self) -> Line | None:
        """The line that decides."""
        return worst_of(self.lines) if self.lines else None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, for reports and for the run record."""
        worst = self.worst
        return {**dataclasses.asdict(self), "worst": dataclasses.asdict(worst) if worst else None}


def rank(line: Line) -> tuple[bool, float]:
    """Sorts lines from the worst: those that fail before those that pass, then by their margins."""
    return line.passed, line.margin


def worst_of(lines: Sequence[Line]) -> Line:
    """The line that decides."""
    return min(lines, key=rank)
