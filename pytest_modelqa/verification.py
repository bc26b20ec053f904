"""``modelqa verify``: whether a run record proves what its last line says, checked in another process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ModelQAError
from .judging.audits import decided_again
from .judging.verdict import WHENEVER_STOPPED
from .records.digests import file_sha256
from .report.conclusion import Conclusion, Result, conclude
from .report.run_record import ReadSpec, RunRecord, read


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        line: The conclusion drawn again, or why there is none.
        problems: What keeps the record from being a proof; empty when it is one.
        exit_code: 0: GO, proved. 1: the run did not pass, or something does not hold. 2: the run is incomplete
            (or, see ``verify_or_explain``, its record unreadable or edited).
        notes: What was taken as the record has it.
    """

    line: str
    problems: tuple[str, ...]
    exit_code: int
    notes: tuple[str, ...] = ()


def verify(path: Path, covers: Path | None = None) -> Verification:
    """Checks a run record.

    Args:
        path: ``run.json`` or its folder.
        covers: A folder or file of specs that the run must have judged, as they are now.

    Raises:
        RunRecordError: It cannot be read, or was changed after the run.
    """
    record = read(path)
    if not record.complete:
        return Verification("INCOMPLETE: the run did not come to its end", ("complete: false",), 2)
    conclusion = conclude(
        record.planned,
        record.results,
        unreadable_specs=[spec.path for spec in record.specs if spec.problem],
        unread_specs=[spec.path for spec in record.specs if spec.left_out],
        limited=record.options.get("limit") is not None,
        overrides=record.options.get("set", ()),
        proposed=sum(spec.proposed for spec in record.specs),
        gate=bool(record.options.get("gate")),
    )
    problems = [*_contradictions(record, conclusion), *_wrong_passes(record)]
    if covers is not None:
        problems += _uncovered(record, covers)
    if conclusion is None:
        return Verification("INCOMPLETE: no check was selected", tuple(problems), 2)
    if conclusion.word != "GO":
        problems.append(f"the run is no GO: {conclusion.word}")
    exit_code = 0 if not problems else 2 if conclusion.word == "INCOMPLETE" else 1
    # The last line is what people read: it must not say GO where something does not hold.
    refused = problems and conclusion.word == "GO"
    line = f"NOT PROVED: {conclusion.line}" if refused else conclusion.line
    return Verification(line, tuple(problems), exit_code, tuple(_not_recomputed(record)))


def _contradictions(record: RunRecord, conclusion: Conclusion | None) -> Iterator[str]:
    if record.conclusion != conclusion:
        said = record.conclusion.line if record.conclusion else "nothing"
        yield f"the record says {said!r}, its results say {conclusion.line if conclusion else 'nothing'!r}"
    planned = {item.nodeid for item in record.planned}
    for nodeid, count in Counter(result.nodeid for result in record.results).items():
        if nodeid not in planned:
            yield f"{nodeid} was never planned"
        if count > 1:
            yield f"{nodeid} has {count} results"


def _wrong_passes(record: RunRecord) -> Iterator[str]:
    """Passes whose own numbers do not bear them out."""
    kinds = {item.nodeid: item.kind for item in record.planned}
    for result in record.results:
        if result.status == "PASS" and kinds.get(result.nodeid) == "check" and not _passes(result):
            yield f"{result.nodeid}: its numbers do not meet its bound"


def _not_recomputed(record: RunRecord) -> Iterator[str]:
    """Passes that were decided by more scores than the record keeps."""
    lines = {result.nodeid: (result.verdict or {}).get("lines") or () for result in record.results}
    early = [
        result.nodeid
        for result in record.results
        if result.status == "PASS" and any(_is_believed(line) for line in lines[result.nodeid])
    ]
    if early:
        were = "1 check was" if len(early) == 1 else f"{len(early)} checks were"
        yield (
            f"{were} decided on a part of the samples (stop_early), by scores that are not in the record: "
            f"{', '.join(early)}"
        )


def _is_believed(line: Any) -> bool:
    return isinstance(line, Mapping) and line.get("method") == WHENEVER_STOPPED and not _has_scores(line)


def _has_scores(line: Mapping[str, Any]) -> bool:
    claims = line.get("audited") or ()
    return bool(claims) and all(
        isinstance(claim, Mapping) and claim.get("scores") is not None for claim in claims
    )


def _passes(result: Result) -> bool:
    verdict = result.verdict or {}
    lines = verdict.get("lines") or ()
    return bool(lines) and all(_line_passes(line, verdict) for line in lines)


def _line_passes(line: Mapping[str, Any], verdict: Mapping[str, Any]) -> bool:
    """From the value, the interval and the limit themselves, not from what the record says of them."""
    bound = verdict.get("bound")
    try:
        value, limit = line["candidate"]["value"], line["limit"]
        if bound == "max_difference":
            value = abs(value - line["baseline"]["value"])
        beyond = limit - value if line["at_least"] else value - limit
        if line.get("method") == WHENEVER_STOPPED:
            # Decided by an audit of a part of the samples, not by the mean of that part.
            kept = [claim for claim in line.get("audited", ()) if claim["scores"] is not None]
            return bool(line["outcome"] == "pass" and all(decided_again(claim) == "pass" for claim in kept))
        # Of a rising trend the neighbours are shown to rise; that others do follows, and has no interval to show it.
        if verdict.get("confidence") is not None and bound != "trend" and not line["margin_interval"][0] >= 0:
            return False
        return bool(line["outcome"] == "pass" and beyond <= 1e-9 * max(abs(value), abs(limit)))
    # What is not of this form proves nothing.
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return False


def _uncovered(record: RunRecord, covers: Path) -> Iterator[str]:
    """Specs that the run did not judge, or that changed since."""
    if not covers.exists():
        yield f"there is nothing at {covers}"
        return
    files = [covers] if covers.is_file() else sorted(covers.rglob("*.modelspec.y*ml"))
    if not files:
        yield f"there is no spec under {covers}"
    unclaimed = list(record.specs)
    for file in files:
        sha256 = file_sha256(file)
        judged = next((spec for spec in unclaimed if spec.sha256 == sha256 and _is_at(spec, file)), None)
        if judged is None:
            yield f"{file} was not judged in this run, or changed since"
            continue
        unclaimed.remove(judged)
        if judged.overrides:
            yield f"{file} was judged with --modelqa-set, not as it is"
        yield from _changed_inputs(record, judged, file.parent)


def _changed_inputs(record: RunRecord, spec: ReadSpec, folder: Path) -> Iterator[str]:
    """Checkpoints, data and code beside the spec that are not what was judged; what is not there is not compared."""
    of_spec = {item.nodeid for item in record.planned if item.spec == spec.path}
    seen: dict[str, str] = {}
    for result in record.results:
        sides = (result.verdict or {}).get("evidence", {}) if result.nodeid in of_spec else {}
        for side in sides.values():
            files = [file for group in side.get("inputs", {}).values() for file in group]
            seen |= {file["path"]: file["sha256"] for file in (*files, *side.get("code", ()))}
    for path, sha256 in sorted(seen.items()):
        if (folder / path).is_file() and file_sha256(folder / path) != sha256:
            yield f"{folder / path} is not what was judged"


def _is_at(spec: ReadSpec, file: Path) -> bool:
    """Whether a file lies where the spec lay: a copy of it in another folder has other checkpoints beside it.

    The checkout may lie elsewhere by now, so of a path outside pytest's root folder only the end is compared.
    """
    parts = Path(spec.path).parts
    end = parts[-2:] if Path(spec.path).is_absolute() else parts
    return end in (path.parts[-len(end) :] for path in (file.absolute(), file.resolve()))


def report(verification: Verification) -> str:
    """The verification as text, the conclusion last."""
    lines = [f"not proved: {problem}" for problem in verification.problems]
    lines += [f"not recomputed: {note}" for note in verification.notes]
    return "\n".join([*lines, verification.line])


def verify_or_explain(path: Path, covers: Path | None) -> tuple[str, int]:
    """Text and exit code; a record that cannot be read proves nothing."""
    try:
        verification = verify(path, covers)
    except ModelQAError as error:
        return str(error), 2
    return report(verification), verification.exit_code
