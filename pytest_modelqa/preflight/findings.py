"""What a question of the preflight found: of which asset, how bad, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..errors import ModelQAError

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One answer that somebody should read.

    Attributes:
        question: The question's name, as in its item's id: ``checkpoint``, ``config``, ``data`` …
        asset: What was asked about: the name of a model, a dataset, an evaluation; empty for the spec as a whole.
        severity: An ``error`` would be one in the expensive run too, so that run is not started; a ``warning`` is
            legal and probably not meant; a ``note`` is worth knowing, or says what could not be known.
        what: One sentence, without a full stop.
        where: ``file:line``, or a path.
        expected: What would have been right.
        found: What is there instead.
        todo: What the reader can do about it.
        details: Longer material.
        kind: The class of errors.py that an error is raised as.
    """

    question: str
    asset: str
    severity: Severity
    what: str
    where: str | None = None
    expected: str | None = None
    found: str | None = None
    todo: str | None = None
    details: str | None = None
    kind: str = "EvaluationError"

    @staticmethod
    def of_error(question: str, asset: str, error: ModelQAError, severity: Severity = "error") -> Finding:
        """What an error says, as a finding."""
        fields: dict[str, Any] = error.to_json()
        return Finding(question, asset, severity, kind=fields.pop("error"), **fields)

    def as_error(self) -> ModelQAError:
        """The finding as an error, of the class that the expensive run would have ended with.

        >>> finding = Finding("checkpoint", "candidate", "error", "checkpoint is missing", kind="CheckpointError")
        >>> finding.as_error()
        CheckpointError('checkpoint is missing')
        """
        fields = asdict(self)
        for name in ("question", "asset", "severity"):
            del fields[name]
        return ModelQAError.from_json({"error": fields.pop("kind"), **fields})

    def to_json(self) -> dict[str, str | None]:
        """For the wire and the run record."""
        return asdict(self)

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Finding:
        """The inverse of ``to_json``."""
        return Finding(**fields)


def demand_no_errors(findings: Iterable[Finding]) -> None:
    """Raises what the findings say is wrong.

    Raises:
        ModelQAError: Some are errors; the first is raised, and its details name the others.
    """
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return
    first, *others = [finding.as_error() for finding in errors]
    if others:
        rest = "\n\n".join(str(other) for other in others)
        first.details = f"{first.details}\n\n{rest}" if first.details else rest
    raise first
