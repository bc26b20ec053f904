"""``modelqa verify``: what a run record proves, and what it does not."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.records.digests import file_sha256
from pytest_modelqa.report.conclusion import Planned, Result, conclude
from pytest_modelqa.report.run_record import ReadSpec, RunRecord, write
from pytest_modelqa.verification import verify, verify_or_explain

SPEC = "specs/a/a.modelspec.yaml"


def line(**fields: Any) -> dict[str, Any]:
    given = {
        "slice": "",
        "candidate": {"name": "candidate", "value": 28.5, "n": 600},
        "baseline": None,
        "limit": 28.0,
        "at_least": True,
        "margin": 0.5,
        "outcome": "pass",
    }
    return given | fields


def side(value: float) -> dict[str, Any]:
    return {"name": "m", "value": value, "n": 600}


def passing(name: str, *lines: Mapping[str, Any], bound: str = "min", **fields: Any) -> Result:
    verdict = {"outcome": "PASS", "bound": bound, "lines": list(lines or (line(),))}
    return Result(f"{SPEC}::e::{name}", "PASS", blocks=False, measured_a_model=True, verdict=verdict | fields)


def item(name: str, **fields: Any) -> Planned:
    given = {"kind": "check", "severity": "error", "release": True, "selected": True}
    return Planned(nodeid=f"{SPEC}::e::{name}", spec=SPEC, case="e", sentence="", line=4, **(given | fields))


def record(*results: Result, planned: list[Planned] | None = None, **fields: Any) -> RunRecord:
    """The record of a run that ended, with the conclusion that its results have."""
    results = results or (passing("a"), passing("b"))
    planned = planned if planned is not None else [item("a"), item("b")]
    specs = fields.pop("specs", (ReadSpec(SPEC, "0" * 64, (), None),))
    options = fields.pop("options", {"limit": None})
    said = conclude(
        planned,
        results,
        unreadable_specs=[spec.path for spec in specs if spec.problem],
        unread_specs=[spec.path for spec in specs if spec.left_out],
        limited=options["limit"] is not None,
    )
    given = {
        "id": "20260131-120000-abcdef",
        "started": "2026-01-31T12:00:00+00:00",
        "command": ("pytest",),
        "environment": {},
        "options": options,
        "specs": specs,
        "planned": tuple(planned),
        "results": results,
        "conclusion": said,
        "finished": "2026-01-31T12:05:00+00:00",
        "complete": True,
    }
    return RunRecord(**(given | fields))


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """A folder with one spec."""
    path = tmp_path / SPEC
    path.parent.mkdir(parents=True)
    path.write_text("modelqa: 1\n", encoding="utf-8")
    return tmp_path / "specs"


def judged(*paths: Path, overrides: tuple[str, ...] = ()) -> tuple[ReadSpec, ...]:
    return tuple(ReadSpec(path.name, file_sha256(path), overrides, None) for path in paths)


# --- exit codes ------------------------------------------------------------------------------------------------


def test_a_run_that_passed_is_proved(tmp_path: Path) -> None:
    found = verify(write(record(), tmp_path))
    assert found.line == "GO: 2 of 2 release checks in 1 spec passed"
    assert (found.problems, found.exit_code) == ((), 0)


def failed(name: str) -> Result:
    below = line(candidate=side(27.0), margin=-1.0, outcome="fail")
    verdict = {"outcome": "FAIL", "bound": "min", "lines": [below]}
    return Result(f"{SPEC}::e::{name}", "FAIL", blocks=True, measured_a_model=False, verdict=verdict)


OTHERS = {
    "NO-GO": (record(passing("a"), failed("b")), 1),
    "INCOMPLETE": (record(passing("a")), 2),
    "INCOMPLETE: 1 spec": (record(specs=(ReadSpec(SPEC, None, (), "it is wrong"),)), 2),
    "PARTIAL": (record(passing("a"), planned=[item("a"), item("b", selected=False)]), 1),
    "PARTIAL: 2 of 2 checks passed on a limited": (record(options={"limit": 8}), 1),
    "PARTIAL: 2 of 2 checks passed, 1 spec left out": (
        record(specs=(ReadSpec(SPEC, "0" * 64, (), None), ReadSpec("b", None, (), None))),
        1,
    ),
    "PREFLIGHT OK": (record(passing("a"), planned=[item("a", kind="preflight", release=False)]), 1),
}


@pytest.mark.parametrize("said", OTHERS)
def test_whatever_is_no_go_proves_nothing(tmp_path: Path, said: str) -> None:
    made, exit_code = OTHERS[said]
    found = verify(write(made, tmp_path))
    assert found.line.startswith(said)
    assert found.problems == (f"the run is no GO: {said.partition(':')[0]}",)
    assert found.exit_code == exit_code


def test_a_run_that_never_ended_is_incomplete_whatever_its_results(tmp_path: Path) -> None:
    found = verify(write(record(complete=False), tmp_path))
    assert found.line == "INCOMPLETE: the run did not come to its end"
    assert found.exit_code == 2


def test_a_run_that_selected_nothing_is_incomplete(tmp_path: Path) -> None:
    found = verify(write(record(planned=[item("a", selected=False)]), tmp_path))
    assert (found.line, found.exit_code) == ("INCOMPLETE: no check was selected", 2)


def test_a_record_that_cannot_be_read_is_explained_and_exit_2(tmp_path: Path) -> None:
    text, exit_code = verify_or_explain(tmp_path, None)
    assert text.startswith("there is no run record\n  where:     ")
    assert exit_code == 2
    path = write(record(), tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("28.5", "29.5"), encoding="utf-8")
    text, exit_code = verify_or_explain(path, None)
    assert text.startswith("the run record was changed after the run")
    assert exit_code == 2


def test_what_is_not_proved_is_said_before_the_last_line(tmp_path: Path) -> None:
    text, exit_code = verify_or_explain(write(record(passing("a"), failed("b")), tmp_path), None)
    assert text.splitlines() == [
        "not proved: the run is no GO: NO-GO",
        "NO-GO: 1 of 2 release checks in 1 spec failed: e::b",
    ]
    assert exit_code == 1


def test_the_command_says_it_in_another_process(tmp_path: Path) -> None:
    path = write(record(passing("a"), failed("b")), tmp_path)
    command = [sys.executable, "-m", "pytest_modelqa.cli", "verify", str(path.parent)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert answer.stdout.splitlines()[-1] == "NO-GO: 1 of 2 release checks in 1 spec failed: e::b"
    assert answer.stderr == ""


# --- a record that contradicts itself --------------------------------------------------------------------------


def test_a_conclusion_that_the_results_do_not_have(tmp_path: Path) -> None:
    go = record().conclusion
    made = dataclasses.replace(record(passing("a"), failed("b")), conclusion=go)
    found = verify(write(made, tmp_path))
    assert found.line.startswith("NO-GO")
    assert "the record says 'GO: 2 of 2" in found.problems[0]
    assert found.exit_code == 1
    without = verify(write(dataclasses.replace(record(), conclusion=None), tmp_path))
    assert "the record says 'nothing'" in without.problems[0]
    assert without.exit_code == 1


def test_a_result_that_was_never_planned(tmp_path: Path) -> None:
    found = verify(write(record(passing("a"), passing("b"), passing("c")), tmp_path))
    assert found.problems == (f"{SPEC}::e::c was never planned",)
    assert found.exit_code == 1


def test_two_results_of_one_item(tmp_path: Path) -> None:
    found = verify(write(record(failed("a"), passing("a"), passing("b")), tmp_path))
    assert found.problems == (f"{SPEC}::e::a has 2 results",)
    assert found.exit_code == 1


def test_a_result_of_a_status_that_nobody_knows(tmp_path: Path) -> None:
    odd: Any = dataclasses.replace(passing("b"), status="FINE")
    found = verify(write(record(passing("a"), odd), tmp_path))
    assert found.line == "INCOMPLETE: of 2 release checks in 1 spec 1 fine: e::b"
    assert found.exit_code == 2


BELOW = line(candidate=side(27.0))


@pytest.mark.parametrize(
    ("lines", "bound"),
    [
        ([BELOW], "min"),
        ([line(), BELOW], "min"),
        ([line(outcome="fail")], "min"),
        ([line(outcome="inconclusive")], "min"),
        ([line(candidate=side(27.9999), margin=0.1)], "min"),
        ([line(at_least=False)], "max"),
        ([line(baseline=side(27.0), limit=1.0, at_least=False)], "max_difference"),
        ([line(baseline=side(30.0), limit=1.0, at_least=False)], "max_difference"),
        ([line(baseline=None, limit=1.0, at_least=False)], "max_difference"),
        ([line(candidate={"name": "m"})], "min"),
        ([line(candidate=side(None))], "min"),  # type: ignore[arg-type]
        ([line(limit="28")], "min"),
        ([{}], "min"),
        ([3], "min"),
    ],
)
def test_a_pass_that_its_own_numbers_do_not_bear_out(tmp_path: Path, lines: list[Any], bound: str) -> None:
    found = verify(write(record(passing("a"), passing("b", *lines, bound=bound)), tmp_path))
    assert found.problems == (f"{SPEC}::e::b: its numbers do not meet its bound",)
    assert found.exit_code == 1


@pytest.mark.parametrize(
    ("interval", "exit_code"),
    [((0.1, 0.9), 0), ((0.0, None), 0), ((-0.1, 1.1), 1), ((None, 1.1), 1), (None, 1)],
)
def test_with_confidence_the_interval_must_meet_the_bound(
    tmp_path: Path, interval: Any, exit_code: int
) -> None:
    sure = passing("b", line(margin_interval=interval), confidence=0.95)
    assert verify(write(record(passing("a"), sure), tmp_path)).exit_code == exit_code
    shown_only = passing("b", line(margin_interval=interval), confidence=None)
    assert verify(write(record(passing("a"), shown_only), tmp_path)).exit_code == 0


CERTAIN = {
    "size": 10,
    "threshold": 0.5,
    "lower_limit": 0.0,
    "upper_limit": 1.0,
    "step": 1.0,
    "wrong_pass": 0.0,
    "wrong_fail": 0.0,
    "scores": "1.0 1.0 1.0 0.0 1.0 1.0",
}


def stopped(*audited: Mapping[str, Any]) -> dict[str, Any]:
    """The mean of a part may lie beyond a bound that the test of the scores showed to be met."""
    return line(candidate=side(27.9), method="whenever stopped", audited=list(audited))


def test_a_decision_on_a_part_of_the_samples_is_made_again(tmp_path: Path) -> None:
    found = verify(write(record(passing("a"), passing("b", stopped(CERTAIN))), tmp_path))
    assert (found.exit_code, found.problems, found.notes) == (0, (), ())


@pytest.mark.parametrize(
    "change",
    [
        {"scores": "1.0 1.0 1.0 0.0 1.0"},
        {"scores": "0.0 0.0 0.0 0.0 0.0 0.0"},
        {"scores": "1.0 1.0 1.0 0.0 1.0 9.0"},
        {"scores": "nothing"},
        {"scores": 5},
        {"size": None},
        {"size": 10**400},
        {"wrong_pass": 2},
    ],
)
def test_scores_that_do_not_decide_it_prove_no_pass(tmp_path: Path, change: Mapping[str, Any]) -> None:
    # Of a claim that the record keeps no scores of, nothing is known; of the others all is.
    claims = (CERTAIN, CERTAIN | {"scores": None}, CERTAIN | change)
    found = verify(write(record(passing("a"), passing("b", stopped(*claims))), tmp_path))
    assert found.problems == (f"{SPEC}::e::b: its numbers do not meet its bound",)
    assert found.exit_code == 1


@pytest.mark.parametrize("claims", [[], [CERTAIN | {"scores": None}]])
def test_what_is_not_recomputed_is_named(tmp_path: Path, claims: list[Mapping[str, Any]]) -> None:
    early = passing("b", stopped(*claims))
    text, exit_code = verify_or_explain(write(record(passing("a"), early), tmp_path), None)
    assert exit_code == 0
    assert text.splitlines() == [
        "not recomputed: 1 check was decided on a part of the samples (stop_early), by scores that are not in the"
        f" record: {SPEC}::e::b",
        "GO: 2 of 2 release checks in 1 spec passed",
    ]


@pytest.mark.parametrize("verdict", [None, {}, {"lines": []}, {"lines": None}])
def test_a_pass_without_numbers_is_none(tmp_path: Path, verdict: Any) -> None:
    bare = dataclasses.replace(passing("b"), verdict=verdict)
    found = verify(write(record(passing("a"), bare), tmp_path))
    assert found.problems == (f"{SPEC}::e::b: its numbers do not meet its bound",)


@pytest.mark.parametrize(
    ("good", "bound"),
    [
        (line(candidate=side(28.0)), "min"),
        # Passed within rounding, as judging allows.
        (line(candidate=side(28.0 - 1e-12)), "min"),
        (line(candidate=side(1e-13), limit=2e-13, at_least=False), "max"),
        (line(baseline=side(29.0), limit=1.0, at_least=False), "max_difference"),
        (line(baseline=side(29.0), limit=28.5), "max_degradation"),
    ],
)
def test_a_pass_that_its_numbers_bear_out(tmp_path: Path, good: Mapping[str, Any], bound: str) -> None:
    assert verify(write(record(passing("a"), passing("b", good, bound=bound)), tmp_path)).exit_code == 0


def test_a_goal_needs_no_numbers(tmp_path: Path) -> None:
    goal = dataclasses.replace(passing("b"), verdict=None, measured_a_model=False)
    found = verify(write(record(passing("a"), goal, planned=[item("a"), item("b", kind="goal")]), tmp_path))
    assert found.exit_code == 0


# --- covers ----------------------------------------------------------------------------------------------------


def test_a_run_covers_the_specs_that_it_judged(tmp_path: Path, specs: Path) -> None:
    path = write(record(specs=judged(tmp_path / SPEC)), tmp_path)
    assert verify(path, specs).exit_code == 0
    assert verify(path, tmp_path / SPEC).exit_code == 0


def test_a_spec_that_changed_since_is_not_covered(tmp_path: Path, specs: Path) -> None:
    path = write(record(specs=judged(tmp_path / SPEC)), tmp_path)
    (tmp_path / SPEC).write_text("modelqa: 1\n# a comment is a change too\n", encoding="utf-8")
    found = verify(path, specs)
    assert found.problems == (f"{tmp_path / SPEC} was not judged in this run, or changed since",)
    assert found.line.startswith("NOT PROVED: GO: ")
    assert found.exit_code == 1


@pytest.mark.parametrize("name", ["b.modelspec.yaml", "b.modelspec.yml"])
def test_a_spec_that_the_run_never_saw_is_not_covered(tmp_path: Path, specs: Path, name: str) -> None:
    path = write(record(specs=judged(tmp_path / SPEC)), tmp_path)
    other = specs / "b" / name
    other.parent.mkdir()
    other.write_text("modelqa: 1\nname: b\n", encoding="utf-8")
    found = verify(path, specs)
    assert found.problems == (f"{other} was not judged in this run, or changed since",)


def test_a_copy_of_a_judged_spec_is_not_covered_by_it(tmp_path: Path, specs: Path) -> None:
    copy = specs / "b" / "b.modelspec.yaml"
    copy.parent.mkdir()
    copy.write_bytes((tmp_path / SPEC).read_bytes())
    once = write(record(specs=judged(tmp_path / SPEC)), tmp_path)
    assert len(verify(once, specs).problems) == 1
    twice = write(record(specs=judged(tmp_path / SPEC, copy)), tmp_path)
    assert verify(twice, specs).problems == ()


def test_the_folder_of_a_copy_alone_is_not_covered_either(tmp_path: Path, specs: Path) -> None:
    copy = specs / "b" / "b.modelspec.yaml"
    copy.parent.mkdir()
    copy.write_bytes((tmp_path / SPEC).read_bytes())
    path = write(record(specs=judged(tmp_path / SPEC)), tmp_path)
    assert verify(path, copy.parent).problems == (f"{copy} was not judged in this run, or changed since",)


def test_a_spec_that_was_judged_with_overrides_is_not_covered_as_it_is(tmp_path: Path, specs: Path) -> None:
    path = write(record(specs=judged(tmp_path / SPEC, overrides=("models.a.checkpoint=b",))), tmp_path)
    found = verify(path, specs)
    assert found.problems == (f"{tmp_path / SPEC} was judged with --modelqa-set, not as it is",)
    assert found.exit_code == 1


def test_where_there_are_no_specs_nothing_is_covered(tmp_path: Path) -> None:
    path = write(record(), tmp_path)
    (tmp_path / "empty").mkdir()
    assert verify(path, tmp_path / "empty").problems == (f"there is no spec under {tmp_path / 'empty'}",)
    found = verify(path, tmp_path / "nowhere")
    assert found.problems[0] == f"there is nothing at {tmp_path / 'nowhere'}"
    assert found.exit_code == 1
