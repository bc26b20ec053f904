"""What a checker is, and how one is made from what stands in a spec."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DatasetError
from .declarations import CHECKERS, CheckerArgs


@dataclass(frozen=True)
class Outcome:
    """What a checker found of one text.

    Attributes:
        passed: The verdict.
        reason: Why it did not pass, in a few words; empty where it did.
    """

    passed: bool
    reason: str = ""


PASSED = Outcome(True)


@dataclass(frozen=True)
class Checker:
    """Decides which of the texts that were generated for one sample pass.

    Attributes:
        args: As the spec has them.
        decide: One outcome for each text.
    """

    args: CheckerArgs
    decide: Callable[[Sequence[str], Mapping[str, Any]], list[Outcome]]

    def outcomes(self, texts: Sequence[str], sample: Mapping[str, Any]) -> list[Outcome]:
        """Whether each text passes, and why not.

        Args:
            sample: The fields of the sample that the texts were generated for.

        Raises:
            DatasetError: The sample lacks a field, or the field does not hold what the checker needs.
            EvaluationError: The texts cannot be checked on this machine.
        """
        found = self.decide(texts, sample)
        assert len(found) == len(texts), self.args.kind
        return found

    def passes(self, texts: Sequence[str], sample: Mapping[str, Any]) -> list[bool]:
        """Whether each text passes; see ``outcomes``."""
        return [outcome.passed for outcome in self.outcomes(texts, sample)]


def make(args: CheckerArgs) -> Checker:
    """The checker of these arguments; in the process that generates, with the spec's folder on the module path.

    Raises:
        MissingDependencyError: The checker needs a package that is not installed.
        EvaluationError: The arguments name code that does not exist, or a sandbox that cannot be made here.

    >>> from .declarations import NumericArgs
    >>> checker = make(NumericArgs(kind="numeric"))
    >>> checker.passes(["so 6 × 7 = 42.", "41"], {"answer": 42})
    [True, False]
    """
    module, _, name = CHECKERS[args.kind].partition(":")
    decide = getattr(importlib.import_module(module), name)(args)
    return Checker(args, decide)


def field_of(sample: Mapping[str, Any], name: str) -> Any:
    """A field of a sample.

    Raises:
        DatasetError: There is none of this name.
    """
    if name not in sample:
        raise DatasetError(
            f"the sample {sample.get('id', '')!r} has no field {name!r}, which the checker needs",
            found="fields " + (", ".join(sorted(map(str, sample))) or "none"),
            todo="name the field in the checker's arguments, or let the dataset give it",
        )
    return sample[name]
