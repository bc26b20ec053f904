"""The generations that text metrics look at: the texts of a record, split into tokens, each with its prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import OutputError
from .tokens import Tokens, tokenised

Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Generations:
    """Texts that are not empty.

    Attributes:
        tokens: Of each.
        prompt: The row of the prompt that each was generated for, int64.
        prompts: The number of prompts.
    """

    tokens: list[tuple[str, ...]]
    prompt: np.ndarray
    prompts: int

    def mean_by_prompt(self, scores: np.ndarray) -> np.ndarray:
        """The mean of the scores of each prompt's texts, shape (prompts,)."""
        totals = np.bincount(self.prompt, weights=scores, minlength=self.prompts)
        means: np.ndarray = totals / np.bincount(self.prompt, minlength=self.prompts)
        return means


def generations(
    columns: Columns, tokens: Tokens, lowercase: bool, empty: Literal["error", "skip"], least: int = 1
) -> Generations:
    """The texts of the column ``generations``, shape (prompts, k).

    Args:
        columns: As a metric is given them.
        tokens: See ``tokens.tokenised``.
        lowercase: Whether capitals count as small letters.
        empty: What becomes of a text without a token: an error, or it is left out.
        least: How many texts each prompt must have.

    Raises:
        OutputError: A text is empty, or a prompt has too few.
    """
    texts = columns["generations"]
    prompts, each = texts.shape
    split = tokenised(texts.ravel().tolist(), tokens, lowercase)
    kept = np.flatnonzero([bool(found) for found in split])
    missing = len(split) - len(kept)
    if missing and empty == "error":
        raise OutputError(
            f"{missing} of {len(split)} generations are empty",
            expected="texts with at least one token",
            todo="look at the model; if an empty text may be left out, write args: {empty: skip} in the check",
        )
    prompt = kept // each
    counts = np.bincount(prompt, minlength=prompts)
    short = int(np.count_nonzero(counts < least))
    if short:
        raise OutputError(
            f"{short} of {prompts} prompts have fewer than {least} generations"
            + (" that are not empty" if missing else ""),
            expected=f"at least {least} of each prompt",
            found=f"{int(counts.min())}",
            todo="write args: {generations: …} in the evaluation",
        )
    return Generations([split[index] for index in kept.tolist()], prompt, prompts)
