"""What the items under ``preflight`` and ``controls`` have in common: they ask, and end with findings."""

from __future__ import annotations

from typing import Any

import pytest

from .errors import ModelQAError
from .items import WAITING, Item
from .report.conclusion import Status
from .report.failure import FailureText, NotReady
from .report.text import Findings, findings_json, findings_text


class FindingItem(Item):
    """A question that findings answer. It belongs to no release."""

    severity = "error"

    def ask(self) -> None:
        """Finds the answer, for ``findings``.

        Raises:
            ModelQAError: There is none.
        """
        raise NotImplementedError

    @property
    def findings(self) -> Findings | None:
        """What was found, the worst first; None where nothing was asked yet."""
        raise NotImplementedError

    @property
    def blocks(self) -> bool:
        """Whether something is wrong; what is only a warning stops nothing."""
        return any(severity == "error" for severity, _ in self.findings or ())

    def setup(self) -> None:
        """Asks."""
        if self.config.option.setupplan:
            return
        try:
            self.ask()
        except ModelQAError as error:
            self.error = error
        finally:
            self.config.stash[WAITING].done()
        if self.error is not None:
            self.stop(self.error)

    def runtest(self) -> None:
        """Fails where something is wrong."""
        if self.blocks:
            raise NotReady(self.sentence)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings in place of a traceback."""
        if isinstance(excinfo.value, NotReady):
            return FailureText(findings_text(self.findings or (), self.place), self.place)
        return super().repr_failure(excinfo, style)

    def _status(self, report: pytest.TestReport) -> Status | None:
        status = super()._status(report)
        if status != "PASS":
            return "FAIL" if status == "ERROR" and report.when == "call" and self.blocks else status
        if self.findings is None:
            return "ERROR"
        if self.blocks:
            return "FAIL"
        # Neither a pass nor a failure: it is counted as a warning.
        return "INCONCLUSIVE" if any(severity == "warning" for severity, _ in self.findings) else "PASS"

    def _verdict_json(self, report: pytest.TestReport) -> dict[str, Any] | None:
        if self.error is not None or self.findings is None:
            return super()._verdict_json(report)
        return findings_json(str(self._status(report)), self.sentence, self.findings)
