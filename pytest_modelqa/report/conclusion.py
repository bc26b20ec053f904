"""The last line of a run: GO, NO-GO, INCOMPLETE, PARTIAL, PREFLIGHT OK or FAILED, from what was planned and happened.

A pure function of the run record, so that ``modelqa verify`` draws the same conclusion in another process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..spec.spelling import listed

Kind = Literal["check", "goal", "preflight", "control"]
Status = Literal["PASS", "FAIL", "INCONCLUSIVE", "ERROR", "SKIPPED", "XFAILED", "RERUN", "NOT RUN"]
Word = Literal[
    "GO",
    "NO-GO",
    "INCOMPLETE",
    "PARTIAL",
    "PREFLIGHT OK",
    "PREFLIGHT FAILED",
    "CONTROLS OK",
    "CONTROLS FAILED",
]

# How a last line begins that is good, and one that is bad; any other is no verdict.
GOOD: tuple[Word, ...] = ("GO", "PREFLIGHT OK", "CONTROLS OK")
BAD: tuple[Word, ...] = ("NO-GO", "PREFLIGHT FAILED", "CONTROLS FAILED")
_PREFLIGHT: tuple[Word, Word] = ("PREFLIGHT OK", "PREFLIGHT FAILED")
_CONTROLS: tuple[Word, Word] = ("CONTROLS OK", "CONTROLS FAILED")

# Everything else was not judged, and is never a pass.
_JUDGED: tuple[Status, ...] = ("PASS", "FAIL", "INCONCLUSIVE")
_NAMES_SHOWN = 3


@dataclass(frozen=True)
class Planned:
    """One item of a spec, whether it was selected or not.

    Attributes:
        release: It belongs to the release run (it bears the mark ``gpu``).
        severity: A ``warn`` that fails its bound does not block.
        after_training: An item of the preflight that needs what training produces.
        decided_by: Of a goal: the evaluation whose checks decide it.
    """

    nodeid: str
    spec: str
    case: str
    kind: Kind
    severity: Literal["error", "warn"]
    release: bool
    selected: bool
    sentence: str
    line: int
    after_training: bool = False
    decided_by: str = ""


@dataclass(frozen=True)
class Result:
    """What became of one item.

    Attributes:
        blocks: The outcome stops a release. A failed check of severity ``warn`` does not, an error always does.
        measured_a_model: It passed on a model measured on validation or test data.
        verdict: The verdict as JSON, or None where there is none.
    """

    nodeid: str
    status: Status
    blocks: bool
    measured_a_model: bool
    verdict: Mapping[str, Any] | None


@dataclass(frozen=True)
class Conclusion:
    """The last line and the exit code that goes with it."""

    word: Word
    line: str
    exit_code: int


def conclude(
    planned: Sequence[Planned],
    results: Iterable[Result],
    *,
    unreadable_specs: Sequence[str] = (),
    unread_specs: Sequence[str] = (),
    limited: bool = False,
    overrides: Sequence[str] = (),
    proposed: int = 0,
    gate: bool = False,
) -> Conclusion | None:
    """The conclusion of a run, or None when no item of any spec was selected, and nobody asked for a release.

    Args:
        unreadable_specs: Spec files that could not be read.
        unread_specs: Spec files that pytest left out, so that nobody knows their checks.
        limited: ``--modelqa-limit`` was given, so no dataset was measured whole.
        overrides: The ``--modelqa-set`` assignments: what was judged is not the specs as they are.
        proposed: Bounds that were taken from what the model itself reached, and that nobody agreed with.
        gate: ``--modelqa-gate`` was given: a part of the checks, as ``-k`` in ``PYTEST_ADDOPTS`` leaves, is none.
    """
    found = _conclude(planned, results, unreadable_specs, unread_specs, limited=limited)
    if gate and (found is None or (found.exit_code == 0 and found.word != "GO")):
        what = found.line if found else "no check was selected"
        return Conclusion(
            "INCOMPLETE", f"INCOMPLETE: --modelqa-gate asks for every check of the specs; {what}", 1
        )
    judged = any(item.release and item.selected for item in planned)
    if found is not None and proposed and judged and found.word in ("GO", "PARTIAL"):
        were = "bound was" if proposed == 1 else "bounds were"
        why = "proposed from what the model itself reached: no evidence yet"
        found = replace(found, line=f"{found.line}; {proposed} {were} {why}")
    if found is None or not overrides:
        return found
    return replace(found, line=f"{found.line}; with --modelqa-set {_some(overrides)}")


def _conclude(
    planned: Sequence[Planned],
    results: Iterable[Result],
    unreadable_specs: Sequence[str],
    unread_specs: Sequence[str],
    *,
    limited: bool,
) -> Conclusion | None:
    by_id = {result.nodeid: result for result in results}
    if unreadable_specs:
        count = len(unreadable_specs)
        names = _some(unreadable_specs)
        return Conclusion("INCOMPLETE", f"INCOMPLETE: {_n(count, 'spec')} could not be read: {names}", 1)
    selected = [item for item in planned if item.selected]
    if not selected:
        return None
    release = [item for item in planned if item.release]
    chosen = [item for item in release if item.selected]
    ready = _preflight([item for item in planned if not item.release], by_id, unread_specs, limited=limited)
    if not chosen:
        return ready
    outcome = _outcome(chosen, by_id)
    if len(chosen) < len(release) or unread_specs or limited:
        found = _partial(chosen, release, outcome, unread_specs, limited=limited)
    else:
        found = _release(planned, chosen, outcome)
    return found if ready is None else _together(found, ready)


def _together(release: Conclusion, ready: Conclusion) -> Conclusion:
    """The release checks and the preflight of one run: neither can make good what the other found."""
    if ready.exit_code and not release.exit_code:
        if ready.word == "INCOMPLETE":
            return Conclusion("INCOMPLETE", f"{ready.line}; without it {release.line}", 1)
        return Conclusion("NO-GO", f"NO-GO: {ready.line}; without it {release.line}", 1)
    return replace(release, line=f"{release.line}; {ready.line}")


def last_line(conclusion: Conclusion, exit_code: int, *, recorded: bool, interrupted: bool) -> str:
    """The conclusion as the session ends with it: never GO alone where its exit code says otherwise.

    Args:
        exit_code: Of the whole session, in which other tests may have failed.
        recorded: The run record was written.
        interrupted: The session did not come to its end.

    >>> last_line(Conclusion("GO", "GO: 1 of 1 passed", 0), 1, recorded=True, interrupted=False)
    'GO: 1 of 1 passed; exit code 1, because something else in this run failed'
    """
    if conclusion.exit_code != 0 or exit_code == 0:
        return conclusion.line
    if not recorded:
        return f"INCOMPLETE: the run record could not be written; without it {conclusion.line}"
    if interrupted:
        return f"INCOMPLETE: the run did not come to its end; until then {conclusion.line}"
    return f"{conclusion.line}; exit code {exit_code}, because something else in this run failed"


def shown_as(conclusion: Conclusion | None, line: str) -> Conclusion | None:
    """The conclusion for people, who read the line that the session ended with.

    >>> shown_as(Conclusion("GO", "GO: 1 of 1 passed", 0), "INCOMPLETE: the run did not come to its end").word
    'INCOMPLETE'
    """
    if conclusion is None or line.startswith(conclusion.word):
        return conclusion and replace(conclusion, line=line)
    return Conclusion("INCOMPLETE", line, 1)


def _outcome(items: Sequence[Planned], by_id: Mapping[str, Result]) -> _Outcome:
    return _Outcome([_outcome_of(item, by_id.get(item.nodeid)) for item in items])


class _Outcome:
    """The results of some selected items, counted."""

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results
        self.blocking = [result for result in results if result.blocks]
        self.unjudged = [r for r in results if not r.blocks and r.status not in _JUDGED]
        self.warned = [r for r in results if r.status in ("FAIL", "INCONCLUSIVE") and not r.blocks]

    def passed(self, items: Sequence[Planned]) -> int:
        """A check of severity ``warn`` that failed its bound does not block, but it did not pass either."""
        names = {item.nodeid for item in items}
        return sum(result.nodeid in names for result in self.results if result.status == "PASS")

    def blocked(self, of: str) -> str:
        """``2 of 41 release checks in 5 specs failed: a::b, c::d``."""
        failed = sum(result.status == "FAIL" for result in self.blocking)
        undecided = sum(result.status == "INCONCLUSIVE" for result in self.blocking)
        errors = len(self.blocking) - failed - undecided
        counts = {"failed": failed, "undecided": undecided, "could not be judged": errors}
        kinds = [word for word, count in counts.items() if count]
        if len(kinds) == 1:
            what = kinds[0]
        else:
            what = f"did not pass ({', '.join(f'{counts[word]} {word}' for word in kinds)})"
        rest = f"; {self.not_judged()}" if self.unjudged else ""
        names = _some([_name(result.nodeid) for result in self.blocking])
        return f"{len(self.blocking)} of {of} {what}: {names}{rest}"

    def not_judged(self) -> str:
        counts = Counter(result.status.lower() for result in self.unjudged)
        return ", ".join(f"{count} {status}" for status, count in counts.items())

    def warnings(self) -> str:
        return f"; {_n(len(self.warned), 'warning')}" if self.warned else ""


def _release(planned: Sequence[Planned], chosen: Sequence[Planned], outcome: _Outcome) -> Conclusion:
    specs = {item.spec for item in planned}
    of = f"{len(chosen)} release checks in {_n(len(specs), 'spec')}"
    if outcome.blocking:
        return Conclusion("NO-GO", f"NO-GO: {outcome.blocked(of)}", 1)
    if outcome.unjudged:
        missing = _some([_name(result.nodeid) for result in outcome.unjudged])
        return Conclusion("INCOMPLETE", f"INCOMPLETE: of {of} {outcome.not_judged()}: {missing}", 1)
    untested = _trained_not_evaluated(chosen, outcome)
    if untested:
        line = (
            "NO-GO: trained, not evaluated: no passing check measured a model on validation or test data in "
        )
        return Conclusion("NO-GO", line + _some(untested), 1)
    passed = outcome.passed(chosen)
    line = f"GO: {passed} of {of} passed{outcome.warnings()}"
    return Conclusion("GO", line, 0)


def _partial(
    chosen: Sequence[Planned],
    release: Sequence[Planned],
    outcome: _Outcome,
    unread_specs: Sequence[str],
    *,
    limited: bool,
) -> Conclusion:
    if outcome.blocking:
        of = f"{len(chosen)} selected checks ({len(release)} in the specs)"
        return Conclusion("NO-GO", f"NO-GO: {outcome.blocked(of)}", 1)
    if outcome.unjudged:
        return Conclusion(
            "INCOMPLETE", f"INCOMPLETE: of {len(chosen)} selected checks {outcome.not_judged()}", 1
        )
    passed = f"{outcome.passed(chosen)} of {len(release)} checks passed"
    if all(item.kind == "goal" for item in chosen) and not outcome.passed(chosen):
        passed = f"none of {len(release)} checks was run"
    line = f"PARTIAL: {passed}{_left_out(unread_specs, limited)}; not a release verdict{outcome.warnings()}"
    return Conclusion("PARTIAL", line, 0)


def _left_out(unread_specs: Sequence[str], limited: bool) -> str:
    why = " on a limited number of samples" if limited else ""
    return f"{why}, {_n(len(unread_specs), 'spec')} left out" if unread_specs else why


def _preflight(
    planned: Sequence[Planned], by_id: Mapping[str, Result], unread_specs: Sequence[str], *, limited: bool
) -> Conclusion | None:
    """Of what is no release check: preflight items and controls, each counted where one of them was selected."""
    items = [item for item in planned if item.selected]
    if not items:
        return None
    outcome = _outcome(items, by_id)
    kinds = {item.kind for item in items}
    whole = [item for item in planned if item.kind in kinds]
    noun = f"{min(kinds)} item" if len(kinds) == 1 else "preflight and control item"
    of = _n(len(items), noun)
    good, bad = _CONTROLS if kinds == {"control"} else _PREFLIGHT
    if outcome.blocking:
        return Conclusion(bad, f"{bad}: {outcome.blocked(of)}", 1)
    if outcome.unjudged:
        return Conclusion("INCOMPLETE", f"INCOMPLETE: of {of} {outcome.not_judged()}", 1)
    missing = [item for item in whole if not item.selected]
    # The preflight before training is one of its own: none of what training produces is there yet.
    before = not any(item.after_training for item in items) and all(item.after_training for item in missing)
    if (missing and not before) or unread_specs or limited:
        passed = f"{outcome.passed(items)} of {_n(len(whole), noun)} passed"
        rest = "not all of the controls" if kinds == {"control"} else "not the whole preflight"
        line = f"PARTIAL: {passed}{_left_out(unread_specs, limited)}; {rest}{outcome.warnings()}"
        return Conclusion("PARTIAL", line, 0)
    passed = f"{outcome.passed(items)} of {of}" if outcome.warned else of
    later = f"; {len(missing)} after_training not asked" if missing else ""
    return Conclusion(good, f"{good}: {passed} passed{outcome.warnings()}{later}", 0)


def _trained_not_evaluated(chosen: Sequence[Planned], outcome: _Outcome) -> list[str]:
    spec_of = {item.nodeid: item.spec for item in chosen}
    passed = [result for result in outcome.results if result.status == "PASS" and result.nodeid in spec_of]
    measured = {spec_of[result.nodeid] for result in passed if result.measured_a_model}
    return sorted({item.spec for item in chosen} - measured)


def _outcome_of(item: Planned, result: Result | None) -> Result:
    """The result of an item, which blocks where its status alone says so, whatever else it says."""
    if result is None:
        return Result(item.nodeid, "NOT RUN", blocks=False, measured_a_model=False, verdict=None)
    blocks = result.status == "ERROR" or (result.status == "FAIL" and item.severity == "error")
    return replace(result, blocks=result.blocks or blocks)


def _name(nodeid: str) -> str:
    return nodeid.split("::", 1)[-1]


def _some(names: Sequence[str]) -> str:
    return listed(names, _NAMES_SHOWN)


def _n(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
