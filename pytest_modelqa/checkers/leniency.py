"""Checks the checker: what no answer is must not pass."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import EvaluationError
from .checker import Checker

# So many samples, spread evenly over the dataset, are tried: a program a text takes 0.1 s.
_MOST_SAMPLES = 50
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ECHO = "the prompt echoed"


def demand_strict(checker: Checker, samples: Sequence[Mapping[str, Any]], prompts: Sequence[str]) -> None:
    """Gives the checker texts that must fail; run before anything is generated.

    The empty text, the prompt itself, ten random letters, and what the spec names under ``reject:``, for at most 50
    samples. An evaluation had printed a pass rate of 1.0 because its checker accepted any ten characters (issue 8).

    Args:
        prompts: The prompt of each sample.

    Raises:
        EvaluationError: The checker is too lenient; the text and the sample are named.
    """
    count = min(len(samples), _MOST_SAMPLES)
    chosen = [at * len(samples) // count for at in range(count)]
    accepted: dict[str, list[tuple[str, str]]] = {}
    for at in chosen:
        texts = {"the empty text": "", _ECHO: prompts[at], "ten random characters": _random(at)}
        texts |= {f"{text!r}, which reject: names": text for text in checker.args.reject}
        passes = checker.passes(list(texts.values()), samples[at])
        for (name, text), passed in zip(texts.items(), passes, strict=True):
            if passed:
                accepted.setdefault(name, []).append((str(samples[at].get("id", at)), text))
    for name, found in accepted.items():
        tolerated = checker.args.tolerated_echoes if name == _ECHO else 0.0
        if len(found) > tolerated * count:
            raise _too_lenient(checker, name, found, count)


def _too_lenient(
    checker: Checker, name: str, found: Sequence[tuple[str, str]], count: int
) -> EvaluationError:
    sample, text = found[0]
    todo = "make the checker stricter: anchor the pattern, compare with the sample's answer"
    if name == _ECHO:
        todo += "; tolerated_echoes: SHARE if prompts hold their answer by chance"
    return EvaluationError(
        f"the checker {checker.args.kind} is too lenient: it accepts {name}",
        expected="that it fails, because it is no answer",
        found=f"accepted for {len(found)} of {count} samples, such as {sample!r}: {text[:80]!r}",
        todo=todo,
    )


def _random(seed: int) -> str:
    """Ten letters, the same in every run.

    >>> _random(0)
    'rcbyvsheje'
    """
    digest = hashlib.sha256(str(seed).encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])
