"""The pytest items under ``preflight``: one for each question and asset of a spec."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from .finding_items import FindingItem
from .items import GATE, SHOW_EVERY, WAITING
from .preflight.findings import Finding
from .preflight.questions import Question
from .readiness import Readiness
from .report.text import Findings
from .spec.resolved import Spec

_READINESS = pytest.StashKey[Readiness]()


class Preflight(FindingItem):
    """A question that is asked before the expensive run."""

    kind = "preflight"

    def __init__(self, *, spec: Spec, question: Question, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.question = question
        self.line = question.line
        self.sentence = question.sentence
        self.found: tuple[Finding, ...] | None = None
        self.add_marker("preflight")
        if question.after_training:
            self.add_marker("after_training")

    def want(self) -> None:
        """Says that this question will be asked."""
        _readiness(self.config).want(self.spec, self.question)

    def ask(self) -> None:
        """Asks, and shows what the process that answers does."""
        waiting = self.config.stash[WAITING]
        self.found = _readiness(self.config).findings(self.spec, self.question, waiting.show, SHOW_EVERY)

    @property
    def findings(self) -> Findings | None:
        """The answers."""
        if self.found is None:
            return None
        order = ("error", "warning", "note")
        worst_first = sorted(self.found, key=lambda finding: order.index(finding.severity))
        return [(finding.severity, finding.as_error()) for finding in worst_first]


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
        any(mark in option.markexpr for mark in ("preflight", "after_training"))
        or "preflight" in option.keyword
        or any("::preflight" in argument for argument in config.args)
    )
