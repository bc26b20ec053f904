"""The pytest nodes: ``SpecFile`` → ``Case`` (an evaluation, or the goals) → ``Check`` and ``Goal``."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .errors import EvaluationError, ModelQAError, UsageError
from .gate import Gate
from .judging.verdict import Verdict
from .report.conclusion import Kind, Planned, Status
from .report.failure import BoundNotMet, FailureText, properties
from .report.progress import Waiting
from .report.text import error_json, error_text, failure_text, verdict_json
from .spec import SpecError, resolved
from .spec.resolved import Spec

GATE = pytest.StashKey[Gate]()
WAITING = pytest.StashKey[Waiting]()

# An item that waits shows what for about this often (seconds); elsewhere than on a terminal a line every 30 s.
SHOW_EVERY = 0.5


class SpecFile(pytest.File):
    """One ``*.modelspec.yaml``."""

    def collect(self) -> Iterator[Case]:
        """One case for each evaluation, and one for the goals.

        The whole plan is made here, whatever is selected later: a run of a part must know that it is one.
        """
        gate = self.config.stash[GATE]
        try:
            _demand_supported_distribution(self.config)
            spec = gate.read(self.path)
            self._warn(spec)
        except (ModelQAError, pytest.PytestWarning) as problem:
            gate.cannot_read(self.path, str(problem))
            raise self.CollectError(str(problem)) from None
        cases = [_evaluation_case(self, spec, evaluation) for evaluation in spec.evaluations.values()]
        if spec.goals:
            cases.append(_goals_case(self, spec))
        for case in cases:
            for item in case.collect():
                gate.plan(item.planned(spec))
            yield case

    def _warn(self, spec: Spec) -> None:
        """Says what is legal in the spec and probably not meant.

        Raises:
            SpecError: A mark that pytest does not know, under ``--strict-markers``.
            PytestWarning: A warning, under ``-W error``.
        """
        for text in spec.warnings:
            self.warn(SpecWarning(text))
        for evaluation in spec.evaluations.values():
            for check in evaluation.checks:
                for mark in check.marks:
                    if not _is_known(mark):
                        self._unknown_mark(mark, f"{self.path}:{check.position.line}")

    def _unknown_mark(self, mark: str, where: str) -> None:
        error = SpecError(
            f"pytest does not know the mark {mark!r}",
            where=where,
            expected="one of those that pytest --markers lists",
            todo=f"correct marks:, or declare it in pytest's configuration: markers = {mark}: WHAT IT IS FOR",
        )
        if self.config.getoption("strict_markers") or self.config.getini("strict_markers"):
            raise error
        self.warn(SpecWarning(f"{where}: {error.what}; {error.todo}"))


class SpecWarning(pytest.PytestWarning):
    """Something in a spec that is legal and probably not meant."""


def _is_known(mark: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error", pytest.PytestUnknownMarkWarning)
        try:
            getattr(pytest.mark, mark)
        except (pytest.PytestUnknownMarkWarning, pytest.fail.Exception):
            return False
    return True


class Case(pytest.Collector):
    """What one evaluation is checked for. It holds no state: records belong to the session."""

    def __init__(self, *, items: list[tuple[str, dict[str, Any]]], kind: type[_Item], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._items = items
        self._kind = kind

    def collect(self) -> Iterator[_Item]:
        """The items, in the order of the file."""
        for name, fields in self._items:
            yield self._kind.from_parent(self, name=name, **fields)


def specs_below(paths: Iterable[Path], pattern: str) -> list[Path]:
    """The spec files among these files and folders, two levels deep, as specs lie in a folder of their own.

    Hidden folders and virtual environments hold none.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir() and (path.name.startswith((".", "__")) or (path / "pyvenv.cfg").exists()):
            continue
        candidates = [path, *path.glob("*"), *path.glob("*/*")] if path.is_dir() else [path]
        found |= {file for file in candidates if file.match(pattern) and file.is_file()}
    return sorted(found)


def _demand_supported_distribution(config: pytest.Config) -> None:
    """Refuses xdist's modes under which a run would never end.

    In released xdist (3.8.0) a worker that dies hangs the run for ever under loadscope, loadfile and loadgroup
    (xdist#784, #1323, #1327, #1378); ``each`` would judge everything several times.

    Raises:
        UsageError: Another mode than load or worksteal was asked for.
    """
    mode = getattr(config, "workerinput", {}).get("modelqa", {}).get("dist", "load")
    if mode not in ("load", "worksteal"):
        why = "judges every check several times" if mode == "each" else "hangs when a worker dies"
        raise UsageError(
            f"--dist {mode} is not supported with model specs",
            expected="--dist load (the default of -n) or --dist worksteal",
            found=f"--dist {mode}, under which pytest-xdist {why}",
            todo="use -n N without --dist; an evaluation is made once whichever process asks for it",
        )


def _evaluation_case(parent: SpecFile, spec: Spec, evaluation: resolved.Evaluation) -> Case:
    items = [
        (check.id, {"spec": spec, "evaluation": evaluation, "check": check}) for check in evaluation.checks
    ]
    case: Case = Case.from_parent(parent, name=evaluation.name, items=items, kind=Check)
    return case


def _goals_case(parent: SpecFile, spec: Spec) -> Case:
    items = [(goal.name, {"spec": spec, "goal": goal}) for goal in spec.goals.values()]
    case: Case = Case.from_parent(parent, name="goals", items=items, kind=Goal)
    return case


class _Item(pytest.Item):
    """What checks and goals have in common: a place in the plan, and a result."""

    kind: Kind
    severity: resolved.Severity
    line: int
    sentence: str
    error: ModelQAError | None = None
    verdict: Verdict | None = None

    @property
    def blocks(self) -> bool:
        """Whether the verdict stops a release."""
        return False

    def planned(self, spec: Spec) -> Planned:
        """This item's line in the plan."""
        gate = self.config.stash[GATE]
        assert self.parent is not None
        return Planned(
            nodeid=self.nodeid,
            spec=gate.specs[spec.path].path,
            case=self.parent.name,
            kind=self.kind,
            severity=self.severity,
            release=self.get_closest_marker("gpu") is not None,
            selected=False,
            sentence=self.sentence,
            line=self.line,
        )

    def reportinfo(self) -> tuple[Path, int, str]:
        """The place of the item in its file; pytest counts lines from 0 and needs a number (pytest#6508)."""
        assert self.parent is not None
        return self.path, self.line - 1, f"model spec: {self.parent.name}::{self.name}"

    def stop(self, error: ModelQAError) -> None:
        """Ends the item as pytest's *error*: only a failure in ``setup`` is one, and ``repr_failure`` is not
        asked there.
        """
        # A copy: checks that need the same evaluation share its error, and each stands on a line of its own.
        self.error = copy.copy(error).with_where(f"{self.path}:{self.line}")
        first = self.config.stash[GATE].told_by(error, self.nodeid)
        pytest.fail(error_text(self.error, f"{self.path}:{self.line}", self.nodeid, first), pytrace=False)

    def modelqa_result(self, report: pytest.TestReport) -> dict[str, Any] | None:
        """What this report says of the item, for the run record; None when it says nothing yet."""
        status = self._status(report)
        if status is None:
            return None
        return {
            "status": status,
            # Not what the report says: another plugin may have called a failure passed.
            "blocks": status == "ERROR" or (status in ("FAIL", "INCONCLUSIVE") and self.blocks),
            "measured_a_model": status == "PASS" and self._measured_a_model(),
            "verdict": self._verdict_json(report),
        }

    def _verdict_json(self, report: pytest.TestReport) -> dict[str, Any] | None:
        return error_json(self.error, self.sentence) if self.error else None

    def _status(self, report: pytest.TestReport) -> Status | None:
        if hasattr(report, "wasxfail"):
            return "XFAILED"
        # pytest-rerunfailures' own outcome.
        if str(report.outcome) == "rerun":
            return "RERUN"
        if report.skipped:
            return "SKIPPED"
        # A failure in the call that is not the verdict's: a strict xfail that passed, another plugin's doing.
        if report.failed and (report.when != "call" or not self.blocks):
            return "ERROR"
        if report.when != "call":
            return None
        if self.verdict is not None:
            return self.verdict.outcome
        # A hook of somebody's conftest.py may have swallowed the error of the setup: nothing was judged.
        return "PASS" if self.kind != "check" and self.error is None else "ERROR"

    def _measured_a_model(self) -> bool:
        sides = self.verdict.evidence.items() if self.verdict else ()
        return any(side.get("measures_a_model") for name, side in sides if name.startswith("candidate"))


class Check(_Item):
    """A metric and one bound."""

    kind = "check"

    def __init__(
        self, *, spec: Spec, evaluation: resolved.Evaluation, check: resolved.Check, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.evaluation = evaluation
        self.check = check
        self.severity = check.severity
        self.line = check.position.line
        self.sentence = check.sentence
        gate = self.config.stash[GATE]
        self.add_marker("gpu")
        if evaluation.device == "cpu" or not gate.catalogue.tasks[evaluation.task].accelerator:
            self.add_marker("cpu")
        with warnings.catch_warnings():
            # Said once and with its place by the SpecFile.
            warnings.simplefilter("ignore", pytest.PytestUnknownMarkWarning)
            for mark in check.marks:
                self.add_marker(mark)

    @property
    def blocks(self) -> bool:
        """Whether the verdict stops a release: undecided does too, unless the spec says otherwise."""
        outcome = self.verdict.outcome if self.verdict else None
        refused = outcome == "FAIL" or (outcome == "INCONCLUSIVE" and self.check.on_inconclusive == "fail")
        return refused and self.severity == "error"

    def start_evaluations(self) -> None:
        """Queues the evaluations that this check needs."""
        self.config.stash[GATE].start(self.spec, self.evaluation, self.check)

    def setup(self) -> None:
        """Waits for the evaluations and judges, so that what cannot be judged is an *error* and not a failure."""
        if self.config.option.setupplan:
            return
        gate = self.config.stash[GATE]
        waiting = self.config.stash[WAITING]
        try:
            self.verdict = gate.judge(self.spec, self.evaluation, self.check, waiting.show, SHOW_EVERY)
        except ModelQAError as error:
            self.error = error
        finally:
            waiting.done()
        # Not inside the handler: pytest would print the same error a second time as its own cause.
        if self.error is not None:
            self.stop(self.error)

    def runtest(self) -> None:
        """Fails when the bound is not met."""
        assert self.verdict is not None
        self.user_properties += properties(self.verdict)
        if self.blocks:
            raise BoundNotMet(self.verdict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The verdict in place of a traceback."""
        if isinstance(excinfo.value, BoundNotMet):
            return FailureText(failure_text(excinfo.value.verdict, self.check, f"{self.path}:{self.line}"))
        return super().repr_failure(excinfo, style)

    def _verdict_json(self, report: pytest.TestReport) -> dict[str, Any] | None:
        return verdict_json(self.verdict, self.check) if self.verdict else super()._verdict_json(report)


class Goal(_Item):
    """What the experiment set out to show: it needs an evaluation with a check that can block."""

    kind = "goal"
    severity = "error"

    def __init__(self, *, spec: Spec, goal: resolved.Goal, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.goal = goal
        self.line = goal.position.line
        self.sentence = f"goal {goal.name} is shown by evaluation {goal.evaluation or '(none named)'}"
        self.add_marker("gpu")
        self.add_marker("cpu")

    def setup(self) -> None:
        """A goal that nothing shows is an *error*: trained, not evaluated."""
        evaluation = self.spec.evaluations.get(self.goal.evaluation or "")
        if evaluation is None:
            self.stop(
                EvaluationError(
                    f"goal {self.goal.name} has no evaluation: nothing shows that it was reached",
                    expected="the name of one of the evaluations: " + ", ".join(self.spec.evaluations),
                    found=self.goal.evaluation or "nothing",
                    todo=f"write an evaluation that shows it, and goals: {{{self.goal.name}: NAME}}",
                )
            )
        elif not any(check.severity == "error" for check in evaluation.checks):
            self.stop(
                EvaluationError(
                    f"goal {self.goal.name} has no check that can fail a release",
                    expected=f"a check of severity: error under evaluation {evaluation.name}",
                    found=f"{len(evaluation.checks)} checks, all of severity: warn",
                    todo="give one of them severity: error",
                )
            )

    def runtest(self) -> None:
        """Nothing is left to do: the checks themselves say whether the goal was reached."""
