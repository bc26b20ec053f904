"""What a judgement says: PASS, FAIL, INCONCLUSIVE or ERROR, with its numbers and one sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .audits import Audited

Outcome = Literal["PASS", "FAIL", "INCONCLUSIVE", "ERROR"]
WHENEVER_STOPPED = "whenever stopped"
"""The method of a line that was decided on a part of the samples (``stop_early``)."""
LineOutcome = Literal["fail", "inconclusive", "pass"]


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
        outcome: Of this line; all must pass.
        margin_interval: Bounds of the margin, each by itself with ``confidence``; None for a bound of which nothing
            can be said, and in place of both where nothing is known of the noise.
        confidence: Of each bound.
        method: How the bounds were made.
        note: What a reader must know of the bounds.
        samples_needed: Of an inconclusive line, how many samples would decide it if the values stay what they are;
            None: no number would.
        needed_unit: What ``samples_needed`` counts: samples, or training runs.
        audited: Of a line that was decided on a part of the samples: what decided it.
    """

    slice: str
    candidate: Side
    baseline: Side | None
    limit: float
    at_least: bool
    margin: float
    outcome: LineOutcome
    margin_interval: tuple[float | None, float | None] | None = None
    confidence: float = 0.975
    method: str = ""
    note: str = ""
    samples_needed: float | None = None
    needed_unit: Literal["samples", "runs"] = "samples"
    audited: tuple[Audited, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether this line passes."""
        return self.outcome == "pass"

    @property
    def within_noise(self) -> bool:
        """Whether the bound lies inside the interval: other data like this may decide otherwise."""
        low, high = self.margin_interval or (None, None)
        if low is None and high is None:
            # Nothing is known of the noise, so nothing is said of it.
            return False
        return (low is None or low < 0) and (high is None or high > 0)


@dataclass(frozen=True)
class Verdict:
    """The judgement of one check.

    Attributes:
        outcome: Of the four.
        headline: The verdict in one line, value first: ``psnr 26.41 dB < 28.00 dB, short by 1.59 dB``.
        sentence: The check in words with its resolved numbers.
        metric: The metric's name.
        bound: The kind of its bound: ``min``, ``max_degradation``, …
        unit: The unit that values are shown in.
        lines: One for each slice, or one for the whole set. Empty for an ERROR.
        notes: What a reader should know besides.
        evidence: Where the numbers came from: keys, digests, device, when.
        column: What the metric is called in the records (see ``records.columns``).
        higher_is_better: The metric's direction; None where it has none.
    """

    outcome: Outcome
    headline: str
    sentence: str
    metric: str
    bound: str
    unit: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    column: str = ""
    higher_is_better: bool | None = None

    @property
    def worst(self) -> Line | None:
        """The line that decides: see ``rank``; None where there are no lines."""
        return worst_of(self.lines) if self.lines else None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, for reports and for the run record."""
        # What decided a line stands once, with its line.
        worst = dataclasses.replace(self.worst, audited=()) if self.worst else None
        return {**dataclasses.asdict(self), "worst": dataclasses.asdict(worst) if worst else None}


def rank(line: Line) -> tuple[int, float]:
    """Sorts lines from the worst: those that fail, those that are undecided, those that pass; then by margin."""
    return ("fail", "inconclusive", "pass").index(line.outcome), line.margin


def worst_of(lines: Sequence[Line]) -> Line:
    """The line that decides."""
    return min(lines, key=rank)
