"""A failed check as text: the verdict first, then what a person needs to act on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import EvaluationError, ModelQAError
from ..judging.verdict import Line, Verdict, rank
from ..judging.wording import ends, known_range, margin, relation
from ..records.manifest import minute
from ..spec.numbers import format_value
from ..spec.resolved import Check

_SLICES_SHOWN = 12


def failure_text(verdict: Verdict, check: Check, where: str) -> str:
    """The whole text of a failure; its last line is where the check stands."""
    return "\n".join(_lines(verdict, check, where))


def _lines(verdict: Verdict, check: Check, where: str) -> Iterator[str]:
    yield verdict.headline
    yield f"  check:     {verdict.sentence}"
    worst = verdict.worst
    if check.confidence is not None and len(verdict.lines) == 1 and verdict.lines[0].outcome == "fail":
        (line,) = verdict.lines
        yield f"  interval:  {known_range(check, line)}; the bound is {relation(check, line)[1]}"
    if worst is not None and not worst.slice:
        yield f"  n:         {worst.candidate.n} samples"
        if worst.baseline is not None:
            yield f"  baseline:  {worst.baseline.name} {format_value(worst.baseline.value, verdict.unit)}"
    for name, side in verdict.evidence.items():
        yield f"  {name + ':':<10} {_origin(side)}"
    # Where and when a reused side was measured stands in its own line.
    said = {
        f"{side['name']}: {_measured(side)}" for side in verdict.evidence.values() if "recorded" not in side
    }
    for note in (each for each in verdict.notes if each not in said):
        yield f"  note:      {note}"
    if len(verdict.lines) > 1:
        yield from _slice_table(verdict, check)
    yield where


def noun_of_lines(evidence: Mapping[str, Any]) -> str:
    """What the lines of a verdict are, by its sides: those of a grid are one for each checkpoint.

    >>> noun_of_lines({"candidate": {}}), noun_of_lines({"candidate (step=1)": {}, "candidate (step=2)": {}})
    ('slice', 'checkpoint')
    """
    return "checkpoint" if sum(name.startswith("candidate") for name in evidence) > 1 else "slice"


def _slice_table(verdict: Verdict, check: Check) -> Iterator[str]:
    ordered = sorted(verdict.lines, key=rank)
    sure = "" if check.confidence is None else f"{check.confidence * 100:g} % sure of each end"
    rows: list[tuple[str, ...]] = [
        (noun_of_lines(verdict.evidence), "value", sure, "bound", "margin", "n", "")
    ]
    rows += [_row(line, check) for line in ordered[:_SLICES_SHOWN]]
    if not sure:
        rows = [(*row[:2], *row[3:]) for row in rows]
    yield from (f"  {row}" for row in aligned(rows))
    if len(ordered) > _SLICES_SHOWN:
        yield f"  … and {len(ordered) - _SLICES_SHOWN} more with larger margins"


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of cells as lines in which each column is as wide as its widest cell.

    >>> list(aligned([("slice", "n"), ("a", "600")]))
    ['slice  n', 'a      600']
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _row(line: Line, check: Check) -> tuple[str, ...]:
    value, bound = relation(check, line)
    interval = " … ".join(end or "?" for end in ends(check, line))
    return (
        line.slice,
        value,
        interval,
        bound,
        margin(check, line),
        str(line.candidate.n),
        line.outcome.upper(),
    )


def _origin(side: Mapping[str, Any]) -> str:
    """``checkpoints/a.safetensors sha256 1f3c…, measured 2026-11-22 13:05 UTC on cpu``."""
    if "recorded" in side:
        return f"{side['name']}, recorded in {side['recorded']}"
    files = side["inputs"].get("checkpoint", [])
    checkpoint = ", ".join(f"{file['path']} sha256 {file['sha256'][:12]}" for file in files) or side["name"]
    again = " (reused)" if side["reused"] else ""
    return f"{checkpoint}, {_measured(side)}{again}"


def _measured(side: Mapping[str, Any]) -> str:
    """``measured 2026-11-22 13:05 UTC on cpu``."""
    return f"measured {minute(side['measured'])} on {side['device']['name']}"


def verdict_json(verdict: Verdict, check: Check) -> dict[str, Any]:
    """The verdict for the run record, with the texts that tables show."""
    worst = verdict.worst
    if worst is None:
        return verdict.to_json()
    value, bound = relation(check, worst)
    shown = {
        "slice": worst.slice,
        "value": value,
        "bound": bound,
        "margin": margin(check, worst),
        "n": str(worst.candidate.n),
    }
    return {**verdict.to_json(), "confidence": check.confidence, "shown": shown}


def error_text(error: ModelQAError, where: str, nodeid: str, first: str) -> str:
    """The text of an error: in full for the first item that met it, after that with the name of that item."""
    if nodeid == first:
        return str(error)
    again = f"for the same reason as {first.partition('::')[2]}, where it is told"
    return str(EvaluationError(error.what, where=where, details=again))


def error_json(error: ModelQAError, sentence: str) -> dict[str, Any]:
    """An ERROR for the run record."""
    return {"outcome": "ERROR", "headline": error.what, "sentence": sentence, "error": error.to_json()}


Findings = Sequence[tuple[str, ModelQAError]]
"""Severity (``error``, ``warning``, ``note``) and what is said, the worst first."""


def findings_text(findings: Findings, where: str) -> str:
    """What the preflight found wrong; its first line is the worst, its last where the item stands."""
    texts = [str(error) if severity == "error" else f"{severity}: {error}" for severity, error in findings]
    return "\n".join([*texts, where])


def findings_json(outcome: str, sentence: str, findings: Findings) -> dict[str, Any]:
    """What the preflight found, for the run record."""
    return {
        "outcome": outcome,
        "headline": findings[0][1].what if findings else "",
        "sentence": sentence,
        "findings": [{"severity": severity, **error.to_json()} for severity, error in findings],
    }
