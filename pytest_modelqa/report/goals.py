"""What a goal's checks say of it once a run has ended: a goal whose checks did not all pass has not passed either."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import EvaluationError

if TYPE_CHECKING:
    from .conclusion import Planned, Result


def with_goals(planned: Iterable[Planned], results: Iterable[Result]) -> dict[str, Result]:
    """The results by node id, those of goals as their checks decide.

    A goal's own item only finds that there are checks that can decide it, as it may run before them, or on another
    machine. Where one of them did not pass, or did not run, it becomes a warning, as it stops nothing by itself.
    """
    everything = list(planned)
    found = {result.nodeid: result for result in results}
    for goal in everything:
        result = found.get(goal.nodeid)
        if goal.decided_by and result is not None and result.status == "PASS":
            found[goal.nodeid] = _decided(goal, result, everything, found)
    return found


def _decided(goal: Planned, result: Result, planned: Iterable[Planned], results: dict[str, Result]) -> Result:
    checks = [
        item
        for item in planned
        if (item.spec, item.case, item.kind) == (goal.spec, goal.decided_by, "check")
        and item.severity == "error"
    ]
    results_of = [results.get(item.nodeid) for item in checks]
    passed = sum(each is not None and each.status == "PASS" and not each.blocks for each in results_of)
    if checks and passed == len(checks):
        said = f"reached: all {passed} checks of {goal.decided_by} that can stop a release passed"
        return replace(result, verdict={**(result.verdict or {}), "headline": said})
    absent = sum(each is None for each in results_of)
    counts = {"did not pass": len(checks) - passed - absent, "not run": absent}
    what = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none is planned"
    said = f"not shown: of {len(checks)} checks of {goal.decided_by} {what}"
    findings = [{"severity": "warning", **EvaluationError(said).to_json()}]
    verdict = {**(result.verdict or {}), "outcome": "INCONCLUSIVE", "headline": said, "findings": findings}
    return replace(result, status="INCONCLUSIVE", verdict=verdict)
