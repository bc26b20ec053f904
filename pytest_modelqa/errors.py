"""One family of errors, and one way of saying them: where, what was expected, what was found, what to do."""

from __future__ import annotations

from typing import ClassVar, Self


class ModelQAError(Exception):
    """An error written for the person who has to act.

    Attributes:
        what: One sentence, without a full stop: what went wrong. It stands first, because pytest's summary
            line is cut at the width of the terminal.
        where: ``file:line`` or ``file:line:column``, or the name of what was being done.
        expected: What would have been right.
        found: What was there instead.
        todo: What the reader can do about it.
        details: Longer material (the tail of a worker's log, a list of names), shown last.
    """

    # Names the class on the wire between a worker and pytest; subclasses register themselves under it.
    _by_name: ClassVar[dict[str, type[ModelQAError]]] = {}

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        todo: str | None = None,
        details: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.found = found
        self.todo = todo
        self.details = details

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        ModelQAError._by_name[cls.__name__] = cls

    def __str__(self) -> str:
        """The whole message.

        >>> print(CheckpointError("checkpoint is missing", where="a.modelspec.yaml:4:17",
        ...                       expected="a file at /m/a.safetensors", todo="train it, or correct the path"))
        checkpoint is missing
          where:     a.modelspec.yaml:4:17
          expected:  a file at /m/a.safetensors
          to do:     train it, or correct the path
        """
        parts = (
            ("where:", self.where),
            ("expected:", self.expected),
            ("found:", self.found),
            ("to do:", self.todo),
        )
        lines = [self.what, *(f"  {label:<10} {_indented(text)}" for label, text in parts if text)]
        if self.details:
            lines += ["", self.details]
        return "\n".join(lines)

    def to_json(self) -> dict[str, str | None]:
        """As a JSON object, for the wire and for the run record."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
            "todo": self.todo,
            "details": self.details,
        }

    @classmethod
    def from_json(cls, fields: dict[str, str | None]) -> ModelQAError:
        """The error that ``to_json`` described; one of an unknown name becomes a plain ``EvaluationError``."""
        rest = dict(fields)
        kind = cls._by_name.get(rest.pop("error") or "", EvaluationError)
        what = rest.pop("what") or "an error without a message"
        return kind(what, **rest)

    def with_where(self, where: str) -> Self:
        """The same error, told where it happened if it did not know."""
        if self.where is None:
            self.where = where
        return self


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 13)


class UsageError(ModelQAError):
    """A command line or configuration that makes no sense: exit code 4."""


class EvaluationError(ModelQAError):
    """An evaluation could not be made: the check is an ERROR, never a FAIL."""


class InfrastructureError(EvaluationError):
    """A machine failed (a crash, a deadline, no memory), not the model. Only these may be retried."""


class CheckpointError(EvaluationError):
    """A checkpoint is missing, is not what its name says, or does not fit the model."""


class DatasetError(EvaluationError):
    """A dataset is missing, empty, or not of the shape that was said."""


class OutputError(EvaluationError):
    """A model's outputs cannot be scored: NaN, Inf, wrong shape, samples missing or doubled."""


class DeviceError(EvaluationError):
    """The device asked for is not there."""


class MissingDependencyError(EvaluationError):
    """An optional package is needed; the message names the extra to install."""


class BaselineError(EvaluationError):
    """There is no comparable baseline."""


class StoreError(ModelQAError):
    """The store of records cannot be read or written."""


class RunRecordError(ModelQAError):
    """A run record is missing, damaged or of another version."""
