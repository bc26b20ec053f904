"""The last line: when it is GO, and what else it says."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelqa.report.conclusion import Planned, Result, Status, conclude

STATUSES: tuple[Status, ...] = get_args(Status)
NEVER_PASSED = ("SKIPPED", "XFAILED", "RERUN", "NOT RUN")


def item(name: str, **fields: Any) -> Planned:
    given = {
        "nodeid": f"a.modelspec.yaml::{name}",
        "spec": "a.modelspec.yaml",
        "case": name.partition("::")[0],
        "kind": "check",
        "severity": "error",
        "release": True,
        "selected": True,
        "sentence": "",
        "line": 1,
    }
    return Planned(**(given | fields))


def result(of: Planned, status: Status = "PASS", **fields: Any) -> Result:
    blocks = status == "ERROR" or (status in ("FAIL", "INCONCLUSIVE") and of.severity == "error")
    given = {"blocks": blocks, "measured_a_model": status == "PASS" and of.kind == "check", "verdict": None}
    return Result(of.nodeid, status, **(given | fields))


def line(planned: list[Planned], results: list[Result], **options: Any) -> str:
    conclusion = conclude(planned, results, **options)
    assert conclusion is not None
    assert conclusion.line.startswith(f"{conclusion.word}: ")
    assert conclusion.exit_code == (0 if conclusion.word in ("GO", "PARTIAL", "PREFLIGHT OK") else 1)
    return conclusion.line


A, B = item("e::a"), item("e::b")
WARN = item("e::w", severity="warn")


# --- the property ----------------------------------------------------------------------------------------------

PLANNED = st.builds(
    lambda number, spec, kind, severity, release, selected: item(
        f"{spec}::{number}",
        nodeid=f"{spec}::e::{number}",
        spec=spec,
        kind=kind,
        severity=severity,
        release=release,
        selected=selected,
    ),
    st.integers(0, 10_000),
    st.sampled_from(["x.modelspec.yaml", "y.modelspec.yaml"]),
    st.sampled_from(["check", "check", "goal", "preflight"]),
    st.sampled_from(["error", "error", "warn"]),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([True] * 7 + [False]),
)


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[Planned], list[Result]]:
    planned = draw(st.lists(PLANNED, max_size=6, unique_by=lambda each: each.nodeid))
    likely = st.sampled_from(["PASS"] * 12 + ["FAIL"] * 3 + list(STATUSES))
    results = []
    for each in planned:
        status = draw(likely)
        blocks = status != "PASS" and draw(st.booleans())
        if draw(st.sampled_from([True] * 9 + [False])):
            results.append(Result(each.nodeid, status, blocks, draw(st.booleans()), None))
    return planned, results


def is_fine(of: Planned, found: Result | None) -> bool:
    if found is None or found.blocks:
        return False
    return found.status in ("PASS", "INCONCLUSIVE") or (found.status == "FAIL" and of.severity == "warn")


@given(
    runs(),
    st.booleans(),
    st.sampled_from([(), (), ("bad.modelspec.yaml",)]),
    st.sampled_from([(), (), ("z",)]),
)
def test_go_exactly_when_every_release_item_was_selected_and_passed_and_each_spec_measured_a_model(
    run: tuple[list[Planned], list[Result]],
    limited: bool,
    unreadable: tuple[str, ...],
    unread: tuple[str, ...],
) -> None:
    planned, results = run
    by_id = {each.nodeid: each for each in results}
    release = [each for each in planned if each.release]
    specs = {each.spec for each in release}
    measured = {
        each.spec
        for each in release
        if each.nodeid in by_id
        and by_id[each.nodeid].status == "PASS"
        and by_id[each.nodeid].measured_a_model
    }
    deserved = (
        bool(release)
        and not (limited or unreadable or unread)
        and all(each.selected for each in release)
        and all(is_fine(each, by_id.get(each.nodeid)) for each in planned if each.selected)
        and measured == specs
    )
    conclusion = conclude(planned, results, unreadable_specs=unreadable, unread_specs=unread, limited=limited)
    assert (conclusion is not None and conclusion.word == "GO") == deserved
    if conclusion is not None and conclusion.exit_code == 0:
        assert all(is_fine(each, by_id.get(each.nodeid)) for each in planned if each.selected)


@given(runs(), st.randoms(use_true_random=False))
def test_the_order_of_results_and_results_of_other_items_change_nothing(
    run: tuple[list[Planned], list[Result]], random: Any
) -> None:
    planned, results = run
    stray = Result("another.modelspec.yaml::e::x", "ERROR", True, False, None)
    shuffled = random.sample([*results, stray], len(results) + 1)
    assert conclude(planned, shuffled) == conclude(planned, results)


# --- the table -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "severity"), list(itertools.product(STATUSES, ["error", "warn"])))
def test_one_other_outcome_among_passes(status: Status, severity: Any) -> None:
    other = item("e::b", severity=severity)
    said = line([A, other], [result(A), result(other, status)])
    of = "of 2 release checks in 1 spec"
    if status == "PASS":
        assert said == f"GO: 2 {of} passed"
    elif status == "ERROR":
        # An error of a check that only warns is an error all the same: nobody knows what it would have said.
        assert said == f"NO-GO: 1 {of} could not be judged: e::b"
    elif status in NEVER_PASSED:
        assert said == f"INCOMPLETE: {of} 1 {status.lower()}: e::b"
    elif severity == "warn":
        assert said == f"GO: 1 {of} passed; 1 warning"
    else:
        what = "failed" if status == "FAIL" else "undecided"
        assert said == f"NO-GO: 1 {of} {what}: e::b"


@pytest.mark.parametrize("status", STATUSES)
def test_one_other_outcome_in_a_selection(status: Status) -> None:
    rest = item("e::c", selected=False)
    said = line([A, B, rest], [result(A), result(B, status)])
    if status == "PASS":
        assert said == "PARTIAL: 2 of 3 checks passed; not a release verdict"
    elif status in NEVER_PASSED:
        assert said == f"INCOMPLETE: of 2 selected checks 1 {status.lower()}"
    else:
        assert said.startswith("NO-GO: 1 of 2 selected checks (3 in the specs) ")


@pytest.mark.parametrize("status", STATUSES)
def test_one_other_outcome_in_a_preflight(status: Status) -> None:
    ready = item("preflight::a", kind="preflight", release=False)
    other = item("preflight::b", kind="preflight", release=False)
    rest = item("e::c", selected=False)
    said = line([ready, other, rest], [result(ready), result(other, status)])
    if status == "PASS":
        assert said == "PREFLIGHT OK: 2 preflight items passed"
    elif status in NEVER_PASSED:
        assert said == f"INCOMPLETE: of 2 preflight items 1 {status.lower()}"
    else:
        assert said.startswith("PREFLIGHT FAILED: 1 of 2 preflight items ")


@pytest.mark.parametrize("severity", ["error", "warn"])
def test_what_does_not_say_that_it_blocks_blocks_all_the_same(severity: Any) -> None:
    other = item("e::b", severity=severity)
    error = result(other, "ERROR", blocks=False)
    assert line([A, other], [result(A), error]).startswith("NO-GO")
    failure = result(other, "FAIL", blocks=False)
    assert line([A, other], [result(A), failure]).startswith("NO-GO" if severity == "error" else "GO")


def test_an_undecided_check_blocks_unless_its_spec_calls_it_a_warning() -> None:
    undecided = result(B, "INCONCLUSIVE")
    assert line([A, B], [result(A), undecided]) == "NO-GO: 1 of 2 release checks in 1 spec undecided: e::b"
    warning = result(B, "INCONCLUSIVE", blocks=False)
    assert line([A, B], [result(A), warning]) == "GO: 1 of 2 release checks in 1 spec passed; 1 warning"


def test_failures_and_errors_are_counted_apart_and_three_are_named() -> None:
    planned = [item(f"e::{name}") for name in "abcde"]
    statuses: tuple[Status, ...] = ("FAIL", "ERROR", "FAIL", "INCONCLUSIVE", "NOT RUN")
    results = [result(each, status) for each, status in zip(planned, statuses, strict=True)]
    assert line(planned, results) == (
        "NO-GO: 4 of 5 release checks in 1 spec did not pass (2 failed, 1 undecided, 1 could not be judged): "
        "e::a, e::b, e::c and 1 more; 1 not run"
    )


def test_what_never_ran_is_found_missing() -> None:
    assert line([A, B], [result(A)]) == "INCOMPLETE: of 2 release checks in 1 spec 1 not run: e::b"


def test_several_specs_are_counted() -> None:
    other = item("e::a", nodeid="b.modelspec.yaml::e::a", spec="b.modelspec.yaml")
    assert line([A, other], [result(A), result(other)]) == "GO: 2 of 2 release checks in 2 specs passed"


def test_a_goal_that_nothing_shows_is_no_go() -> None:
    goal = item("goals::g", kind="goal")
    assert line([A, goal], [result(A), result(goal)]) == "GO: 2 of 2 release checks in 1 spec passed"
    assert (
        line([A, goal], [result(A), result(goal, "ERROR")])
        == "NO-GO: 1 of 2 release checks in 1 spec could not be judged: goals::g"
    )


def test_trained_but_not_evaluated_is_never_go() -> None:
    other = item("e::a", nodeid="b.modelspec.yaml::e::a", spec="b.modelspec.yaml")
    said = line([A, other], [result(A), result(other, measured_a_model=False)])
    assert said == (
        "NO-GO: trained, not evaluated: no passing check measured a model on validation or test data in "
        "b.modelspec.yaml"
    )


def test_a_model_that_was_measured_and_failed_is_not_evidence() -> None:
    failed = result(WARN, "FAIL", measured_a_model=True)
    assert line([A, WARN], [result(A, measured_a_model=False), failed]).startswith("NO-GO: trained, not")


def test_specs_that_could_not_be_read_leave_everything_incomplete() -> None:
    said = line([A], [result(A)], unreadable_specs=["b.modelspec.yaml"])
    assert said == "INCOMPLETE: 1 spec could not be read: b.modelspec.yaml"
    assert line([], [], unreadable_specs=["b", "c", "d", "e"]).endswith(
        "4 specs could not be read: b, c, d and 1 more"
    )


def test_a_limited_run_is_never_a_release_verdict() -> None:
    said = line([A, B], [result(A), result(B)], limited=True)
    assert said == "PARTIAL: 2 of 2 checks passed on a limited number of samples; not a release verdict"


def test_a_spec_that_pytest_left_out_makes_the_run_partial() -> None:
    said = line([A], [result(A)], unread_specs=["b.modelspec.yaml"])
    assert said == "PARTIAL: 1 of 1 checks passed, 1 spec left out; not a release verdict"


@pytest.mark.parametrize("planned", [[], [item("e::a", selected=False)]])
def test_without_a_selected_item_there_is_no_conclusion(planned: list[Planned]) -> None:
    assert conclude(planned, []) is None


def test_warnings_are_counted_wherever_a_run_may_end_well() -> None:
    warned = [result(A), result(WARN, "FAIL")]
    assert line([A, WARN], warned) == "GO: 1 of 2 release checks in 1 spec passed; 1 warning"
    rest = item("e::c", selected=False)
    assert line([A, WARN, rest], warned) == "PARTIAL: 1 of 3 checks passed; not a release verdict; 1 warning"


def test_only_items_of_the_preflight_are_no_release_verdict() -> None:
    ready = item("preflight::a", kind="preflight", release=False)
    assert line([ready], [result(ready)]) == "PREFLIGHT OK: 1 preflight item passed"
    # Beside the release items it must pass too, and never counts as one of them.
    part = "PARTIAL: 1 of 2 preflight items passed; not the whole preflight"
    other = item("preflight::b", kind="preflight", release=False, selected=False)
    assert line([A, ready, other], [result(A), result(ready)]) == (
        f"GO: 1 of 1 release checks in 1 spec passed; {part}"
    )
    both = "GO: 1 of 1 release checks in 1 spec passed; PREFLIGHT OK: 1 preflight item passed"
    assert line([A, ready], [result(A), result(ready)]) == both
    failed = "PREFLIGHT FAILED: 1 of 1 preflight item failed: preflight::a"
    assert line([A, ready], [result(A), result(ready, "FAIL")]) == (
        f"NO-GO: {failed}; without it GO: 1 of 1 release checks in 1 spec passed"
    )
    rest = item("e::c", selected=False)
    assert line([A, rest, ready], [result(A), result(ready, "SKIPPED")]).startswith(
        "INCOMPLETE: of 1 preflight item"
    )
    assert line([A, ready], [result(A, "FAIL"), result(ready)]).startswith("NO-GO: 1 of 1 release checks")


def test_bounds_that_nobody_agreed_with_are_said_wherever_a_run_ends_well() -> None:
    warned = "proposed from what the model itself reached: no evidence yet"
    assert line([A], [result(A)], proposed=1).endswith(f"passed; 1 bound was {warned}")
    assert line([A, B], [result(A), result(B)], proposed=2).endswith(f"; 2 bounds were {warned}")
    assert warned in line([A, item("e::c", selected=False)], [result(A)], proposed=2)
    assert warned not in line([A], [result(A, "FAIL")], proposed=1)


def question(name: str, **fields: Any) -> Planned:
    return item(f"preflight::{name}", kind="preflight", release=False, **fields)


def control(name: str, **fields: Any) -> Planned:
    return item(f"controls::{name}", kind="control", release=False, **fields)


def test_a_part_of_the_preflight_is_not_the_preflight() -> None:
    ready = question("a")
    later, rest = question("b", after_training=True, selected=False), question("c", selected=False)
    part = "preflight items passed; not the whole preflight"
    assert line([ready, later, rest], [result(ready)]) == f"PARTIAL: 1 of 3 {part}"
    assert line([ready, rest], [result(ready)]) == f"PARTIAL: 1 of 2 {part}"
    asked = question("b", after_training=True)
    assert line([ready, asked, rest], [result(ready), result(asked)]) == f"PARTIAL: 2 of 3 {part}"
    # Of those that need what training produces, some but not all.
    assert line([ready, asked, later], [result(ready), result(asked)]) == f"PARTIAL: 2 of 3 {part}"
    assert line([ready, rest], [result(ready, "INCONCLUSIVE", blocks=False)]) == (
        f"PARTIAL: 0 of 2 {part}; 1 warning"
    )
    assert line([ready, rest], [result(ready, "FAIL")]).startswith("PREFLIGHT FAILED: 1 of 1 preflight item")
    assert "proposed" not in line([ready, rest], [result(ready)], proposed=1)


def test_the_preflight_before_training_leaves_out_what_training_produces() -> None:
    ready, later = question("a"), question("b", after_training=True, selected=False)
    said = "PREFLIGHT OK: 1 preflight item passed; 1 after_training not asked"
    assert line([ready, later], [result(ready)]) == said


def test_a_preflight_without_some_specs_or_samples_is_a_part_of_it() -> None:
    ready = question("a")
    left_out = line([ready], [result(ready)], unread_specs=["b.modelspec.yaml"])
    assert left_out == "PARTIAL: 1 of 1 preflight item passed, 1 spec left out; not the whole preflight"
    limited = line([ready], [result(ready)], limited=True)
    assert limited.startswith("PARTIAL: 1 of 1 preflight item passed on a limited number of samples; not")


def test_a_part_of_the_controls_is_not_all_of_them() -> None:
    bad, rest = control("a"), control("b", selected=False)
    assert line([bad, rest], [result(bad)]) == (
        "PARTIAL: 1 of 2 control items passed; not all of the controls"
    )
    # Controls that nobody asked for are missing from no preflight.
    ready = question("a")
    assert line([ready, rest], [result(ready)]) == "PREFLIGHT OK: 1 preflight item passed"
    assert line([ready, bad, rest], [result(ready), result(bad)]) == (
        "PARTIAL: 2 of 3 preflight and control items passed; not the whole preflight"
    )
