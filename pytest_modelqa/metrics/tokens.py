"""Splits texts into tokens, in the ways that a metric's ``tokens`` argument names."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Literal

from ..errors import MissingDependencyError
from . import nltk_data

Tokens = Literal["words", "whitespace", "characters", "13a", "nltk"]
_WORDS = re.compile(r"\w+|[^\w\s]")


def tokenised(texts: Sequence[str], tokens: Tokens, lowercase: bool = False) -> list[tuple[str, ...]]:
    """The tokens of each text.

    Args:
        texts: Any.
        tokens: ``words``: runs of letters and digits, and single other signs. ``whitespace``: what white space parts.
            ``characters``: each, white space too. ``13a``: as sacrebleu does by default (mteval-v13a). ``nltk``:
            ``nltk.word_tokenize`` (English Punkt and Treebank).
        lowercase: Whether capitals count as small letters.

    Raises:
        MissingDependencyError: The package is not installed, or its data were not fetched.

    >>> tokenised(["Don't panic!"], "words"), tokenised(["Don't panic!"], "whitespace", lowercase=True)
    ([('Don', "'", 't', 'panic', '!')], [("don't", 'panic!')])
    """
    return [_split(text.lower() if lowercase else text, tokens) for text in texts]


# A set-level metric sees each text 21 times, once for each group of samples that is left out.
@functools.lru_cache(maxsize=2**16)
def _split(text: str, tokens: Tokens) -> tuple[str, ...]:
    return tuple(_splitter(tokens)(text))


@functools.cache
def _splitter(tokens: Tokens) -> Callable[[str], list[str]]:
    return _SPLIT[tokens]()


def _thirteen_a() -> Callable[[str], list[str]]:
    try:
        from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "tokens: 13a needs the package sacrebleu, which is not installed",
            todo="pip install 'pytest-modelqa[text]', or write tokens: words",
        ) from error
    tokenizer = Tokenizer13a()  # type: ignore[no-untyped-call]
    return lambda text: str(tokenizer(text)).split()


def _nltk() -> Callable[[str], list[str]]:
    # Before anything is imported: nltk's own message is 20 lines of folders, after 2 s of imports.
    nltk_data.demand("punkt_tab")
    try:
        from nltk.tokenize import word_tokenize
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "tokens: nltk needs the package nltk, which is not installed",
            todo="pip install 'pytest-modelqa[text]', or write tokens: words",
        ) from error
    return lambda text: list(word_tokenize(text))


_SPLIT: dict[Tokens, Callable[[], Callable[[str], list[str]]]] = {
    "words": lambda: _WORDS.findall,
    "whitespace": lambda: str.split,
    "characters": lambda: list,
    "13a": _thirteen_a,
    "nltk": _nltk,
}
