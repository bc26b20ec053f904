"""Texts as numbers: which n-gram stands where, and how often each text has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Grams:
    """Every n-gram of some texts, in order.

    Attributes:
        text: Which text it stands in, int64.
        gram: Which n-gram it is: 0 to ``kinds`` − 1, int64. N-grams of different sets differ.
        kinds: How many different n-grams there are.
    """

    text: np.ndarray
    gram: np.ndarray
    kinds: int


@dataclass(frozen=True)
class Counted:
    """How often each text has each of its n-grams; sorted by n-gram, then by text.

    Attributes:
        text: int64.
        count: At least 1, int64.
        starts: Where each n-gram begins, int64 of shape (kinds,).
        of: Which n-gram each row is of, int64.
    """

    text: np.ndarray
    count: np.ndarray
    starts: np.ndarray
    of: np.ndarray


def grams(texts: Sequence[Sequence[str]], longest: int, sets: np.ndarray | None = None) -> list[Grams]:
    """The 1-grams to ``longest``-grams of texts that are split into tokens.

    Args:
        texts: The tokens of each.
        longest: At least 1.
        sets: Which set each text belongs to, shape (texts,): the same n-gram in two sets counts as two.

    >>> [(found.gram.tolist(), found.kinds) for found in grams(["a b a b".split(), ["b"]], 2)]
    [([0, 1, 0, 1, 1], 2), ([0, 1, 0], 2)]
    """
    lengths = np.fromiter((len(tokens) for tokens in texts), dtype=np.int64, count=len(texts))
    number: dict[str, int] = {}
    first = np.fromiter(
        (number.setdefault(token, len(number)) for tokens in texts for token in tokens),
        dtype=np.int64,
        count=int(lengths.sum()),
    )
    text = np.repeat(np.arange(len(texts)), lengths)
    kinds = len(number)
    if sets is not None:
        first, kinds = _numbered(sets[text] * kinds + first)
    found = [Grams(text, first, kinds)]
    ends = np.cumsum(lengths)[text]
    at = np.arange(len(text))
    for n in range(2, longest + 1):
        shorter = found[-1]
        whole = at + n <= ends[at]
        gram, number_of_kinds = _numbered(shorter.gram[whole] * kinds + first[at[whole] + n - 1])
        at = at[whole]
        found.append(Grams(text[at], gram, number_of_kinds))
    return found


def counted(found: Grams, texts: int) -> Counted:
    """Counts the n-grams of each text.

    >>> counted(grams([["a", "b", "a"], ["b"]], 1)[0], 2).count.tolist()       # a: 2 in text 0; b: 1 and 1
    [2, 1, 1]
    """
    pairs, count = np.unique(found.gram * texts + found.text, return_counts=True)
    of, text = np.divmod(pairs, max(texts, 1))
    starts = np.searchsorted(of, np.arange(found.kinds))
    return Counted(text, count.astype(np.int64), starts, of)


def _numbered(codes: np.ndarray) -> tuple[np.ndarray, int]:
    kinds, numbers = np.unique(codes, return_inverse=True)
    return numbers.astype(np.int64), len(kinds)
