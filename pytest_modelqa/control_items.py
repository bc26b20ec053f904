"""The pytest items under ``controls``: a known-bad model each, which must fail checks."""

from __future__ import annotations

from typing import Any

import pytest

from .controls import Judged, checks_asked, noticed, sentence, with_control
from .errors import EvaluationError
from .finding_items import FindingItem
from .items import GATE, SHOW_EVERY, WAITING
from .report.text import Findings
from .spec.resolved import Control, Spec


class KnownBad(FindingItem):
    """A known-bad model: where no check fails it, the checks show nothing."""

    kind = "control"

    def __init__(self, *, spec: Spec, control: Control, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.control = control
        self.line = control.position.line
        self.sentence = sentence(control, spec)
        self.judged: dict[str, Judged] | None = None
        self.add_marker("control")

    def start_evaluations(self) -> None:
        """Queues what the checks need; what cannot be put in place says so itself."""
        gate = self.config.stash[GATE]
        try:
            spec = with_control(self.spec, self.control)
        except EvaluationError:
            return
        for check in checks_asked(spec, self.control):
            gate.start(spec, spec.evaluations[self.control.evaluation], check)

    def ask(self) -> None:
        """Judges the checks on the known-bad model."""
        gate, waiting = self.config.stash[GATE], self.config.stash[WAITING]
        spec = with_control(self.spec, self.control)
        evaluation = spec.evaluations[self.control.evaluation]
        judged = {}
        for check in checks_asked(spec, self.control):
            verdict = gate.judge(spec, evaluation, check, waiting.show, SHOW_EVERY)
            judged[check.id] = Judged(verdict.outcome, verdict.headline)
        self.judged = judged

    @property
    def findings(self) -> Findings | None:
        """What passed as an error, where that is wrong; what failed as it must as notes."""
        if self.judged is None:
            return None
        judged = self.judged
        failed = [
            ("note", EvaluationError(f"{name} failed it, as it must: {each.headline}"))
            for name, each in judged.items()
            if each.outcome == "FAIL"
        ]
        if noticed(self.control, judged):
            return failed
        passed = [name for name, each in judged.items() if each.outcome != "FAIL"]
        if not judged:
            nothing = EvaluationError(
                f"{self.sentence}, and there is none that can be judged on it",
                expected="a check of severity: error that speaks of one checkpoint and compares with another model",
                found=", ".join(check.id for check in self.spec.evaluations[self.control.evaluation].checks),
                todo="add such a check, or name checks under fails:",
            )
            return [("error", nothing)]
        error = EvaluationError(
            f"{self.sentence}, and it does not: {', '.join(passed)} "
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
