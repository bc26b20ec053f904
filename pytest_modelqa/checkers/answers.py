"""Checkers that look at a text alone: a pattern, a number, a function of the user's."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import DatasetError, EvaluationError
from .checker import PASSED, Outcome, field_of
from .declarations import FunctionArgs, NumericArgs, RegexArgs
from .written_numbers import Number, numbers_of

Decide = Callable[[Sequence[str], Mapping[str, Any]], list[Outcome]]


def regex(args: RegexArgs) -> Decide:
    """Passes a text in which the pattern is found, or whose group is the sample's answer."""
    pattern = re.compile(args.pattern, re.IGNORECASE if args.ignore_case else 0)

    def one(text: str, answer: str | None) -> Outcome:
        if answer is None:
            return PASSED if pattern.search(text) else Outcome(False, "the pattern is not found")
        groups = [match[1] or "" for match in pattern.finditer(text)]
        if not groups:
            return Outcome(False, "the pattern is not found")
        given = groups[0 if args.occurrence == "first" else -1].strip()
        same = given.casefold() == answer.casefold() if args.ignore_case else given == answer
        return PASSED if same else Outcome(False, f"{given[:40]!r} is not {answer[:40]!r}")

    def decide(texts: Sequence[str], sample: Mapping[str, Any]) -> list[Outcome]:
        answer = None if args.answer is None else str(field_of(sample, args.answer)).strip()
        return [one(text, answer) for text in texts]

    return decide


def numeric(args: NumericArgs) -> Decide:
    """Passes a text whose number is the sample's answer, to within the tolerance; compared exactly, as fractions."""

    tolerance = Fraction(repr(args.tolerance))

    def one(text: str, answer: Number) -> Outcome:
        found = numbers_of(_after(text, args.after))
        if not found:
            return Outcome(False, "no number in it")
        if args.occurrence == "only" and len(found) > 1:
            return Outcome(False, f"{len(found)} numbers in it")
        given = found[0 if args.occurrence == "first" else -1]
        near = abs(given.value - answer.value) <= tolerance
        return PASSED if near else Outcome(False, f"{given.written[:40]} is not {answer.written[:40]}")

    def decide(texts: Sequence[str], sample: Mapping[str, Any]) -> list[Outcome]:
        answer = _answer(sample, args)
        return [one(text, answer) for text in texts]

    return decide


def function(args: FunctionArgs) -> Decide:
    """Passes what a function of the user's passes.

    Raises:
        EvaluationError: There is no such function.
    """
    module, _, name = args.function.partition(":")
    try:
        check = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise _no_function(args, f"no module {error.name}") from error
    except AttributeError as error:
        raise _no_function(args, f"a module without {name}") from error

    def one(text: str, sample: Mapping[str, Any]) -> Outcome:
        passed = check(text, sample)
        if not isinstance(passed, bool | np.bool_):
            raise EvaluationError(
                f"the checker {args.function} gave neither true nor false",
                expected="a bool",
                found=f"{type(passed).__name__} {repr(passed)[:80]} for {text[:80]!r}",
                todo="let the function return a bool: a text that is not empty would count as true",
            )
        return PASSED if passed else Outcome(False, f"{args.function} says no")

    return lambda texts, sample: [one(text, sample) for text in texts]


def _no_function(args: FunctionArgs, found: str) -> EvaluationError:
    return EvaluationError(
        f"the checker {args.function} does not exist",
        expected="module:function of a module beside the spec, or of an installed one",
        found=found,
        todo="correct function: in the checker's arguments",
    )


def _answer(sample: Mapping[str, Any], args: NumericArgs) -> Number:
    value = field_of(sample, args.answer)
    whole = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    text = repr(value.item() if isinstance(value, np.generic) else value) if whole else str(value)
    found = numbers_of(_after(text, args.after) if args.after and args.after in text else text)
    if not found or isinstance(value, bool):
        raise DatasetError(
            f"the answer of the sample {sample.get('id', '')!r} is no number",
            expected=f"a number in the field {args.answer!r}",
            found=repr(value)[:120],
            todo="name the field of the answer: checker: {kind: numeric, answer: FIELD}",
        )
    if len({each.value for each in found}) > 1:
        raise DatasetError(
            f"the answer of the sample {sample.get('id', '')!r} holds {len(found)} numbers",
            expected=f"one number in the field {args.answer!r}"
            + (f" after {args.after!r}" if args.after else ""),
            found=repr(value)[:120],
            todo="name a field that holds the answer alone, or the text before it: {kind: numeric, after: TEXT}",
        )
    return found[0]


def _after(text: str, marker: str | None) -> str:
    """What follows the last marker; nothing where there is none."""
    return text if marker is None else text.rpartition(marker)[2] if marker in text else ""
