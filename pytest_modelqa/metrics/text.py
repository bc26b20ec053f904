"""Scores of generated texts by their tokens: diversity, repetition, length.

They take the column ``generations``, texts of shape (prompts, k). ``tokens``, ``lowercase`` and ``empty`` are those
of ``generations.generations``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from ..errors import OutputError
from .generations import Columns, generations
from .ngrams import grams
from .self_bleu import self_bleu_scores
from .tokens import Tokens, tokenised

Empty = Literal["error", "skip"]


def distinct(
    columns: Columns, n: int, *, tokens: Tokens = "words", lowercase: bool = False, empty: Empty = "error"
) -> float:
    """Distinct-n of all generations together: different n-grams over all n-grams.

    Li et al., A diversity-promoting objective function for neural conversation models, NAACL 2016. It falls as there
    are more texts, so only sets of one size compare.

    Raises:
        OutputError: A text is empty, or none has n tokens.

    >>> columns = {"generations": np.array([["a b a b", "a b"], ["c d", "c d"]])}
    >>> distinct(columns, n=2)            # ab, ba, cd in all
    0.5
    """
    found = grams(generations(columns, tokens, lowercase, empty).tokens, n)[-1]
    if not len(found.gram):
        raise _no_grams(n, 1, len(columns["generations"]))
    return found.kinds / len(found.gram)


def distinct_per_prompt(
    columns: Columns, n: int, *, tokens: Tokens = "words", lowercase: bool = False, empty: Empty = "error"
) -> np.ndarray:
    """Distinct-n within the generations of each prompt, shape (prompts,).

    Raises:
        OutputError: A text is empty, or no text of a prompt has n tokens.

    >>> columns = {"generations": np.array([["a b a b", "a b"], ["c d", "c d"]])}
    >>> distinct_per_prompt(columns, n=2).tolist()
    [0.5, 0.5]
    """
    texts = generations(columns, tokens, lowercase, empty)
    found = grams(texts.tokens, n, texts.prompt)[-1]
    prompt = texts.prompt[found.text]
    total = np.bincount(prompt, minlength=texts.prompts)
    if not total.all():
        raise _no_grams(n, int(np.count_nonzero(total == 0)), texts.prompts)
    owner = np.empty(found.kinds, dtype=np.int64)
    owner[found.gram] = prompt
    different: np.ndarray = np.bincount(owner, minlength=texts.prompts) / total
    return different


def self_bleu(
    columns: Columns, *, tokens: Tokens = "words", lowercase: bool = False, empty: Empty = "error"
) -> float:
    """The mean BLEU-4 of each generation against all others, of all prompts; see ``self_bleu.self_bleu_scores``.

    Raises:
        OutputError: A text is empty, or there is only one.

    >>> self_bleu({"generations": np.array([["a b c d", "a b c d"], ["a b c d", "a b c d"]])})
    1.0
    """
    texts = generations(columns, tokens, lowercase, empty)
    if len(texts.tokens) < 2:
        raise OutputError(
            "self_bleu compares texts, and there is only one",
            todo="generate for more prompts, or more for each: args: {generations: …}",
        )
    scores = self_bleu_scores(texts.tokens)
    return math.fsum(scores.tolist()) / len(scores)


def self_bleu_per_prompt(
    columns: Columns, *, tokens: Tokens = "words", lowercase: bool = False, empty: Empty = "error"
) -> np.ndarray:
    """The mean BLEU-4 of each generation against the others of its prompt, shape (prompts,).

    Raises:
        OutputError: A text is empty, or a prompt has only one.

    >>> self_bleu_per_prompt({"generations": np.array([["a b c d", "a b c d"], ["e f g h", "i j k l"]])}).tolist()
    [1.0, 0.0]
    """
    texts = generations(columns, tokens, lowercase, empty, least=2)
    return texts.mean_by_prompt(self_bleu_scores(texts.tokens, texts.prompt))


def repetition(
    columns: Columns, *, n: int = 4, tokens: Tokens = "words", lowercase: bool = False, empty: Empty = "error"
) -> np.ndarray:
    """The share of a text's n-grams that stood in it before, the mean over each prompt's texts, shape (prompts,).

    seq-rep-n of Welleck et al., Neural text generation with unlikelihood training, ICLR 2020. A text of fewer than n
    tokens repeats nothing: 0.

    Raises:
        OutputError: A text is empty.

    >>> columns = {"generations": np.array([["no no no no"], ["yes"]])}
    >>> repetition(columns, n=2).round(3).tolist()
    [0.667, 0.0]
    """
    texts = generations(columns, tokens, lowercase, empty)
    found = grams(texts.tokens, n, np.arange(len(texts.tokens)))[-1]
    total = np.bincount(found.text, minlength=len(texts.tokens))
    owner = np.empty(found.kinds, dtype=np.int64)
    owner[found.gram] = found.text
    different = np.bincount(owner, minlength=len(texts.tokens))
    return texts.mean_by_prompt(1 - np.where(total, different, 1) / np.maximum(total, 1))


def length(columns: Columns, *, tokens: Tokens = "words") -> np.ndarray:
    """The mean number of tokens of each prompt's texts, shape (prompts,); an empty text has 0.

    >>> length({"generations": np.array([["one two", ""]])}).tolist()
    [1.0]
    """
    texts = columns["generations"]
    counts = [len(found) for found in tokenised(texts.ravel().tolist(), tokens)]
    mean: np.ndarray = np.array(counts, dtype=np.float64).reshape(texts.shape).mean(axis=1)
    return mean


def _of_all(n: int, value: float) -> Callable[..., float]:
    def metric(
        columns: Columns, *, tokens: Tokens = "words", lowercase: bool = False, empty: Empty = "error"
    ) -> float:
        return distinct(columns, n, tokens=tokens, lowercase=lowercase, empty=empty)

    metric.__doc__ = f"""Distinct-{n} of all generations together; see ``distinct``.

    >>> distinct_{n}({{"generations": np.array([["a b a b", "a b"], ["c d", "c d"]])}})
    {value}
    """
    return metric


def _of_each(n: int, values: list[float]) -> Callable[..., np.ndarray]:
    def metric(
        columns: Columns, *, tokens: Tokens = "words", lowercase: bool = False, empty: Empty = "error"
    ) -> np.ndarray:
        return distinct_per_prompt(columns, n, tokens=tokens, lowercase=lowercase, empty=empty)

    metric.__doc__ = f"""Distinct-{n} within the generations of each prompt; see ``distinct_per_prompt``.

    >>> distinct_{n}_per_prompt({{"generations": np.array([["a b c d"] * 2, ["c d e f", "f e d c"]])}}).tolist()
    {values}
    """
    return metric


distinct_1, distinct_2 = _of_all(1, 0.4), _of_all(2, 0.5)
distinct_3, distinct_4 = _of_all(3, 1.0), _of_all(4, 1.0)
distinct_1_per_prompt, distinct_2_per_prompt = _of_each(1, [0.5, 0.5]), _of_each(2, [0.5, 1.0])
distinct_3_per_prompt, distinct_4_per_prompt = _of_each(3, [0.5, 1.0]), _of_each(4, [0.5, 1.0])


def _no_grams(n: int, without: int, prompts: int) -> OutputError:
    return OutputError(
        f"{without} of {prompts} prompts have no generation of {n} tokens"
        if without < prompts
        else f"no generation has {n} tokens",
        expected=f"texts of at least {n} tokens, as distinct_{n} counts runs of {n}",
        todo="let the model generate more, or take a smaller n",
    )
