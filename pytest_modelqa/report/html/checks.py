"""A check of the run record as the page shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ...judging.verdict import WHENEVER_STOPPED
from ...records.manifest import minute
from ..conclusion import Planned, Result
from ..terminal import shown_status
from ..text import noun_of_lines
from .budget import Budget
from .interval import interval_plot
from .readings import Reading, reading_of

# The order of the page: what stops a release first, then what is missing, then what passed.
ORDER = ("FAIL", "ERROR", "INCONCLUSIVE", "NOT RUN", "SKIPPED", "XFAILED", "RERUN", "WARN", "PASS")
_CLASSES = {"PASS": "pass", "FAIL": "fail", "ERROR": "error", "INCONCLUSIVE": "warn", "WARN": "warn"}
_SLICES_LISTED = 100
_OF_A_PASS = ("within noise", "numbers only", "shows nothing")
_SLICE_BYTES = 250
# How a binary comparison counts its samples.
_PAIRS = re.compile(r"(?:^|: )\d+ wins?, ")


@dataclass(frozen=True)
class SideView:
    """A model as it was measured: who it is and where that is written."""

    label: str
    name: str
    files: tuple[tuple[str, str], ...]
    more_files: int
    measured: str
    how: str
    record: str
    recorded: str


@dataclass(frozen=True)
class CheckView:
    """One item of a spec.

    Attributes:
        status: As people see it: PASS, FAIL, ERROR, WARN, …
        plot: Value, interval and bound of the line that decides.
        readings: Every slice or checkpoint; one for the whole set.
        warnings: Notes that a reader should see at once; the other ``notes`` stand with the details.
        error: What could not be done, where, what was expected and found, what to do.
        findings: What a question of the preflight found, the worst first.
        blocks: It stops a release.
    """

    anchor: str
    name: str
    case: str
    spec: str
    place: str
    sentence: str
    headline: str
    status: str
    status_class: str
    severity: str
    blocks: bool
    reading: Reading | None
    plot: Markup | None
    readings: tuple[Reading, ...]
    readings_noun: str
    more_readings: int
    samples: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    error: Mapping[str, str | None] | None
    findings: tuple[Mapping[str, str | None], ...]
    sides: tuple[SideView, ...]

    @property
    def told_below(self) -> bool:
        """Whether the error or a finding says the headline again."""
        told = [*self.findings, *([self.error] if self.error else [])]
        return any(each["what"] == self.headline for each in told)


def check_view(item: Planned, result: Result | None, number: int, budget: Budget) -> CheckView:
    """The view of an item, whether it ran or not; its slices as far as the budget allows."""
    verdict: Mapping[str, Any] = (result.verdict if result else None) or {}
    notes = verdict.get("notes", ())
    # Of a model, not of the verdict: where it ran and when.
    names = tuple(f"{side['name']}: " for side in verdict.get("evidence", {}).values())
    passed = result is not None and result.status == "PASS"

    def at_once(note: str) -> bool:
        """What bears on a pass, and what a reader of another verdict can act on."""
        return note.startswith(_OF_A_PASS) if passed else not (note.startswith(names) or _PAIRS.search(note))

    status = shown_status(result) if item.selected or result else "NOT RUN"
    worst = reading_of(verdict["worst"], verdict) if verdict.get("worst") else None
    lines = verdict.get("lines", ()) if worst else ()
    readings = [reading_of(line, verdict) for line in lines]
    readings.sort(key=lambda reading: ("fail", "inconclusive", "pass").index(reading.outcome))
    listed = min(len(readings), _SLICES_LISTED)
    if listed > 1 and not budget.takes(listed * _SLICE_BYTES):
        listed = 1
    return CheckView(
        anchor=f"check-{number}",
        name=item.nodeid.rpartition("::")[2],
        case=item.case,
        spec=item.spec,
        place=f"{item.spec}:{item.line}",
        sentence=verdict.get("sentence") or item.sentence,
        headline=verdict.get("headline") or "",
        status=status,
        status_class=_CLASSES.get(status, "idle"),
        severity=item.severity,
        blocks=bool(result and result.blocks),
        reading=worst,
        plot=interval_plot(worst) if worst else None,
        readings=tuple(readings[:listed]),
        readings_noun=noun_of_lines(verdict.get("evidence", {})),
        more_readings=max(len(readings) - listed, 0),
        samples=_samples(verdict, worst),
        warnings=tuple(note for note in notes if at_once(note)),
        notes=tuple(note for note in notes if not at_once(note)),
        error=verdict.get("error"),
        findings=tuple(verdict.get("findings", ())),
        sides=tuple(side_view(label, side) for label, side in verdict.get("evidence", {}).items()),
    )


def ordered(checks: Sequence[CheckView]) -> list[CheckView]:
    """What failed first; otherwise as in the spec."""
    return sorted(checks, key=lambda check: (not check.blocks, ORDER.index(check.status)))


def side_view(label: str, side: Mapping[str, Any]) -> SideView:
    """One side of the evidence: the checkpoint in full, of the data the first file and how many more."""
    if "recorded" in side:
        return SideView(label, side["name"], (), 0, "", "", "", str(side["recorded"]))
    inputs = side.get("inputs", {})
    first = [
        (f"{kind}: {file['path']}", file["sha256"]) for kind, files in inputs.items() for file in files[:1]
    ]
    more = sum(max(len(files) - 1, 0) for files in inputs.values())
    again = ", reused" if side.get("reused") else ""
    return SideView(
        label=label,
        name=side["name"],
        files=tuple(first),
        more_files=more,
        measured=f"{minute(side['measured'])} on {side['device']['name']}{again}",
        how=_how(side),
        record=f"{side['key'][:12]}…/{side['record']}",
        recorded="",
    )


def _how(side: Mapping[str, Any]) -> str:
    how = side.get("how", {})
    parts = [f"{side['samples']:,} samples"]
    for key, words in (("precision", "{}"), ("batch_size", "batches of {}"), ("seconds", "{} s")):
        if how.get(key) is not None:
            parts.append(words.format(how[key]))
    return ", ".join(parts)


def _samples(verdict: Mapping[str, Any], worst: Reading | None) -> str:
    """How many samples decided: all, or so many of them where the evaluation stopped early."""
    if worst is None:
        return ""
    sides = [side for name, side in verdict.get("evidence", {}).items() if name.startswith("candidate")]
    total = next((side.get("how", {}).get("early", {}).get("total") for side in sides), None)
    if worst.method == WHENEVER_STOPPED and total:
        return f"stopped early: {worst.n:,} of {total:,} samples decided"
    return f"{worst.n:,} samples"
