"""A failed check as pytest takes it: an exception, a text with one line for the summary, properties for JUnit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..judging.verdict import Verdict


class BoundNotMet(Exception):  # noqa: N818 - it is what happened, not what went wrong
    """A bound was not met: pytest's *failed*."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.headline)
        self.verdict = verdict


class NotReady(Exception):  # noqa: N818 - it is what was found, not what went wrong
    """A question of the preflight was answered with no: pytest's *failed*."""


@dataclass(frozen=True)
class CrashLine:
    """A failure in one line, as pytest's short summary (``message``) and ``--tb=line`` (all of it) show it."""

    message: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class FailureText:
    """A failure as pytest wants it: text whose first line says what happened.

    With ``CI`` set pytest puts the whole text of a plain string into its summary; ``reprcrash`` keeps it to one
    line.

    Args:
        where: The item's place, as ``file:line``.
    """

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.reprcrash = CrashLine(text.splitlines()[0], where)

    def __str__(self) -> str:
        return self.text

    def toterminal(self, tw: Any) -> None:
        """Writes it under the item's heading."""
        for number, line in enumerate(self.text.splitlines()):
            tw.line(line, red=number == 0, bold=number == 0)


def properties(verdict: Verdict) -> list[tuple[str, object]]:
    """For JUnit and other reports; only builtins travel under xdist (a np.float64 breaks execnet)."""
    worst = verdict.worst
    if worst is None:
        return []
    return [
        ("modelqa.outcome", verdict.outcome),
        ("modelqa.value", float(worst.candidate.value)),
        ("modelqa.bound", float(worst.limit)),
        ("modelqa.margin", float(worst.margin)),
        # Of the numbers beside it, which are fractions also where the spec writes percent.
        ("modelqa.unit", "fraction" if verdict.unit == "percent" else verdict.unit),
        ("modelqa.n", int(worst.candidate.n)),
    ]
