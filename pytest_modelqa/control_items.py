"""The pytest items under ``controls``: a known-bad model each, which must fail checks."""

from __future__ import annotations

from typing import Any

import pytest

from .controls import Judged, checks_asked, noticed, sentence, with_control
from .errors import EvaluationError, ModelQAError
from .items import GATE, SHOW_EVERY, WAITING, Item
from .report.conclusion import Status
from .report.failure import FailureText, NotReady
from .report.text import findings_json, findings_text
from .spec.resolved import Control, Spec


class KnownBad(Item):
    """A known-bad model: where no check fails it, the checks show nothing. It belongs to no release."""

    kind = "control"
    severity = "error"

    def __init__(self, *, spec: Spec, control: Control, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.control = control
        self.line = control.position.line
        self.sentence = sentence(control, spec)
        self.judged: dict[str, Judged] | None = None
        self.add_marker("control")

    @property
    def blocks(self) -> bool:
        """Whether the checks passed what they must fail."""
        return self.judged is not None and not noticed(self.control, self.judged)

    def start_evaluations(self) -> None:
        """Queues what the checks need; what cannot be put in place says so itself."""
        gate = self.config.stash[GATE]
        try:
            spec = with_control(self.spec, self.control)
        except EvaluationError:
            return
        for check in checks_asked(spec, self.control):
            gate.start(spec, spec.evaluations[self.control.evaluation], check)

    def setup(self) -> None:
        """Judges the checks on the known-bad model."""
        if self.config.option.setupplan:
            return
        try:
            self.judged = self._judge()
        except ModelQAError as error:
            self.error = error
        finally:
            self.config.stash[WAITING].done()
        if self.error is not None:
            self.stop(self.error)

    def runtest(self) -> None:
        """Fails where no check noticed."""
        if self.blocks:
            raise NotReady(self.sentence)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What passed in place of a traceback."""
        if isinstance(excinfo.value, NotReady):
            return FailureText(findings_text(self._findings(), f"{self.path}:{self.line}"))
        return super().repr_failure(excinfo, style)

    def _judge(self) -> dict[str, Judged]:
        gate, waiting = self.config.stash[GATE], self.config.stash[WAITING]
        spec = with_control(self.spec, self.control)
        evaluation = spec.evaluations[self.control.evaluation]
        judged = {}
        for check in checks_asked(spec, self.control):
            verdict = gate.judge(spec, evaluation, check, waiting.show, SHOW_EVERY)
            judged[check.id] = Judged(verdict.outcome, verdict.headline)
        return judged

    def _status(self, report: pytest.TestReport) -> Status | None:
        found = super()._status(report)
        if found != "PASS":
            return "FAIL" if found == "ERROR" and report.when == "call" and self.blocks else found
        if self.judged is None:
            return "ERROR"
        return "FAIL" if self.blocks else "PASS"

    def _verdict_json(self, report: pytest.TestReport) -> dict[str, Any] | None:
        if self.error is not None or self.judged is None:
            return super()._verdict_json(report)
        return findings_json(str(self._status(report)), self.sentence, self._findings())

    def _findings(self) -> list[tuple[str, ModelQAError]]:
        """What passed as errors, where that is wrong; what failed as it must as notes."""
        judged = self.judged or {}
        failed = [
            ("note", EvaluationError(f"{name} failed it, as it must: {each.headline}"))
            for name, each in judged.items()
            if each.outcome == "FAIL"
        ]
        if not self.blocks:
            return list(failed)
        passed = [name for name, each in judged.items() if each.outcome != "FAIL"]
        error = EvaluationError(
            f"{self.sentence}, and it does not: {', '.join(passed) or 'no check'} "
            f"{'was' if len(passed) < 2 else 'were'} not failed",
            expected="a check that tells a bad model from a good one",
            found="\n".join(f"{name}: {judged[name].outcome} {judged[name].headline}" for name in passed)
            or None,
            todo="tighten the bounds, or measure something in which the two differ",
        )
        return [("error", error), *failed]


def controls_are_asked(config: pytest.Config) -> bool:
    """Whether the command names the controls."""
    option = config.option
    named = any("::controls" in argument for argument in config.args)
    return "control" in option.markexpr or "control" in option.keyword or named
