"""The pytest items that belong to a release: ``Check`` and ``Goal``, and what all items of a spec have in common."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import pytest

from .errors import EvaluationError, ModelQAError
from .gate import Gate
from .judging.verdict import Verdict
from .report.conclusion import Kind, Planned, Status
from .report.failure import BoundNotMet, FailureText, properties
from .report.progress import Waiting
from .report.text import error_json, error_text, failure_text, verdict_json
from .spec import resolved
from .spec.resolved import Spec
from .spec.spelling import nearest

GATE = pytest.StashKey[Gate]()
WAITING = pytest.StashKey[Waiting]()

# An item that waits shows what for about this often (seconds); elsewhere than on a terminal a line every 30 s.
SHOW_EVERY = 0.5


class Item(pytest.Item):
    """What checks and goals have in common: a place in the plan, and a result."""

    kind: Kind
    severity: resolved.Severity
    line: int
    sentence: str
    decided_by: str = ""
    error: ModelQAError | None = None
    verdict: Verdict | None = None

    @property
    def blocks(self) -> bool:
        """Whether the verdict stops a release."""
        return False

    @property
    def place(self) -> str:
        """Where it stands in its spec, as ``file:line``."""
        return f"{self.path}:{self.line}"

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
            after_training=self.get_closest_marker("after_training") is not None,
            decided_by=self.decided_by,
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
        self.error = copy.copy(error).with_where(self.place)
        first = self.config.stash[GATE].told_by(error, self.nodeid)
        pytest.fail(error_text(self.error, self.place, self.nodeid, first), pytrace=False)

    def modelqa_failure(self, call: pytest.CallInfo[None]) -> FailureText | None:
        """The text of an error in place of what pytest makes of it, which is not asked of ``repr_failure``."""
        if call.when != "setup" or self.error is None or not call.excinfo:
            return None
        return FailureText(str(call.excinfo.value), self.place)

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


class Check(Item):
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
            return FailureText(failure_text(excinfo.value.verdict, self.check, self.place), self.place)
        return super().repr_failure(excinfo, style)

    def _verdict_json(self, report: pytest.TestReport) -> dict[str, Any] | None:
        return verdict_json(self.verdict, self.check) if self.verdict else super()._verdict_json(report)


class Goal(Item):
    """What the experiment set out to show: it needs an evaluation with a check that can block."""

    kind = "goal"
    severity = "error"

    def __init__(self, *, spec: Spec, goal: resolved.Goal, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.goal = goal
        self.line = goal.position.line
        self.decided_by = goal.evaluation or ""
        self.sentence = (
            f"goal {goal.name} is decided by the checks of evaluation {self.decided_by or '(none named)'}"
        )
        self.add_marker("gpu")
        self.add_marker("cpu")

    def setup(self) -> None:
        """A goal that nothing shows is an *error*: trained, not evaluated."""
        evaluation = self.spec.evaluations.get(self.goal.evaluation or "")
        if evaluation is None:
            close = nearest(self.decided_by, self.spec.evaluations)
            self.stop(
                EvaluationError(
                    f"goal {self.goal.name} has no evaluation: nothing shows that it was reached",
                    expected="the name of one of the evaluations: " + ", ".join(self.spec.evaluations),
                    found=self.goal.evaluation or "nothing",
                    todo=f"did you mean '{close}'?"
                    if close
                    else f"write an evaluation that shows it, and goals: {{{self.goal.name}: NAME}}",
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

    def _verdict_json(self, report: pytest.TestReport) -> dict[str, Any] | None:
        if self.error is not None:
            return super()._verdict_json(report)
        told = f"its checks decide: {self.decided_by}"
        return {"outcome": "PASS", "headline": told, "sentence": self.sentence, "findings": []}
