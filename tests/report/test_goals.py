"""A goal has passed where all of its checks that can stop a release did, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_modelqa.report.conclusion import Planned, Result, Status
from pytest_modelqa.report.goals import with_goals

SPEC = "a.modelspec.yaml"


def item(name: str, **fields: Any) -> Planned:
    given = {
        "kind": "check",
        "severity": "error",
        "release": True,
        "selected": True,
        "sentence": "",
        "line": 1,
    }
    given |= {"nodeid": f"{SPEC}::{name}", "spec": SPEC, "case": name.partition("::")[0]}
    return Planned(**(given | fields))


GOAL = item("goals::g", kind="goal", decided_by="e")
A, B = item("e::a"), item("e::b")
PLANNED = [GOAL, A, B, item("e::w", severity="warn"), item("other::a")]


def decided(*statuses: tuple[str, Status], planned: list[Planned] = PLANNED) -> Result:
    passed = Result(GOAL.nodeid, "PASS", False, False, None)
    others = [Result(f"{SPEC}::{name}", status, status == "FAIL", False, None) for name, status in statuses]
    return with_goals(planned, [passed, *others])[GOAL.nodeid]


def test_a_goal_whose_checks_passed_has_passed_whatever_others_say() -> None:
    found = decided(("e::a", "PASS"), ("e::b", "PASS"), ("e::w", "FAIL"), ("other::a", "FAIL"))
    assert found.status == "PASS"
    assert found.verdict is not None
    assert found.verdict["headline"] == "reached: all 2 checks of e that can stop a release passed"


@pytest.mark.parametrize("status", ["FAIL", "ERROR", "INCONCLUSIVE", "SKIPPED", "XFAILED", "RERUN"])
def test_a_goal_of_which_one_check_did_not_pass_has_not_passed(status: Status) -> None:
    found = decided(("e::a", "PASS"), ("e::b", status))
    assert (found.status, found.blocks) == ("INCONCLUSIVE", False)
    assert found.verdict is not None
    assert found.verdict["headline"] == "not shown: of 2 checks of e 1 did not pass"


def test_a_goal_of_which_a_check_was_not_run_has_not_passed() -> None:
    found = decided(("e::a", "PASS"))
    assert found.status == "INCONCLUSIVE"
    assert found.verdict is not None
    assert found.verdict["headline"] == "not shown: of 2 checks of e 1 not run"
    assert decided(planned=[GOAL]).status == "INCONCLUSIVE"


def test_an_error_of_the_goal_itself_stays_one() -> None:
    error = Result(GOAL.nodeid, "ERROR", True, False, None)
    assert with_goals(PLANNED, [error])[GOAL.nodeid] is error


def test_of_records_that_do_not_say_what_decides_a_goal_nothing_changes() -> None:
    old = item("goals::g", kind="goal")
    passed = Result(old.nodeid, "PASS", False, False, None)
    assert with_goals([old, A], [passed]) == {old.nodeid: passed}
