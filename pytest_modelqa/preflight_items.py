"""The pytest items under ``preflight``: one for each question and asset of a spec."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from .errors import ModelQAError
from .items import GATE, SHOW_EVERY, WAITING, Item
from .preflight.findings import Finding
from .preflight.questions import Question
from .readiness import Readiness
from .report.conclusion import Status
from .report.failure import FailureText, NotReady
from .report.text import findings_json, findings_text
from .spec.resolved import Spec

_READINESS = pytest.StashKey[Readiness]()


class Preflight(Item):
    """A question that is asked before the expensive run. It belongs to no release."""

    kind = "preflight"
    severity = "error"

    def __init__(self, *, spec: Spec, question: Question, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.question = question
        self.line = question.line
        self.sentence = question.sentence
        self.findings: tuple[Finding, ...] | None = None
        self.add_marker("preflight")
        if question.after_training:
            self.add_marker("after_training")

    @property
    def blocks(self) -> bool:
        """Whether something is wrong; what is only a warning stops nothing."""
        return any(finding.severity == "error" for finding in self.findings or ())

    def want(self) -> None:
        """Says that this question will be asked."""
        _readiness(self.config).want(self.spec, self.question)

    def setup(self) -> None:
        """Asks."""
        if self.config.option.setupplan:
            return
        waiting = self.config.stash[WAITING]
        try:
            answers = _readiness(self.config)
            self.findings = answers.findings(self.spec, self.question, waiting.show, SHOW_EVERY)
        except ModelQAError as error:
            self.error = error
        finally:
            waiting.done()
        if self.error is not None:
            self.stop(self.error)

    def runtest(self) -> None:
        """Fails where something is wrong."""
        if self.blocks:
            raise NotReady(self.sentence)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings in place of a traceback."""
        if isinstance(excinfo.value, NotReady):
            return FailureText(findings_text(self._ordered(), f"{self.path}:{self.line}"))
        return super().repr_failure(excinfo, style)

    def _status(self, report: pytest.TestReport) -> Status | None:
        found = super()._status(report)
        if found != "PASS":
            return "FAIL" if found == "ERROR" and report.when == "call" and self.blocks else found
        if self.findings is None:
            return "ERROR"
        if self.blocks:
            return "FAIL"
        # Neither a pass nor a failure: it is counted as a warning.
        return "INCONCLUSIVE" if any(each.severity == "warning" for each in self.findings) else "PASS"

    def _verdict_json(self, report: pytest.TestReport) -> dict[str, Any] | None:
        if self.error is not None or self.findings is None:
            return super()._verdict_json(report)
        return findings_json(str(self._status(report)), self.sentence, self._ordered())

    def _ordered(self) -> list[tuple[str, ModelQAError]]:
        """The worst first."""
        order = ("error", "warning", "note")
        found = sorted(self.findings or (), key=lambda finding: order.index(finding.severity))
        return [(finding.severity, finding.as_error()) for finding in found]


def _readiness(config: pytest.Config) -> Readiness:
    if _READINESS not in config.stash:
        config.stash[_READINESS] = Readiness(config.stash[GATE])
    return config.stash[_READINESS]


def prepare_preflight(config: pytest.Config, items: Iterable[pytest.Item], *, start: bool) -> None:
    """Gathers the questions that will be asked, so that what needs a process is found once for all of them."""
    questions = [item for item in items if isinstance(item, Preflight)]
    for item in questions:
        item.want()
    if questions and start:
        _readiness(config).start()


def end_preflight(config: pytest.Config) -> None:
    """Ends what still looks for answers."""
    if _READINESS in config.stash:
        config.stash[_READINESS].close()


def preflight_is_asked(config: pytest.Config) -> bool:
    """Whether the command names the preflight; any other run asks its static questions, each where it matters."""
    option = config.option
    return (
        "preflight" in option.markexpr
        or "preflight" in option.keyword
        or any("::preflight" in argument for argument in config.args)
    )
