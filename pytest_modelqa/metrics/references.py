"""Scores of generated texts against references: exact match, and BLEU and chrF as sacrebleu computes them.

They take the columns ``generations``, texts of shape (prompts, k), and ``reference``, of shape (prompts,) or
(prompts, references).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MissingDependencyError
from .generations import Columns

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric


def exact_match(columns: Columns, *, strip: bool = True, lowercase: bool = False) -> np.ndarray:
    """The share of each prompt's generations that equal a reference, shape (prompts,).

    Args:
        columns: See above.
        strip: Whether white space at both ends is left out.
        lowercase: Whether capitals count as small letters.

    >>> columns = {"generations": np.array([["42 ", "41"]]), "reference": np.array(["42"])}
    >>> exact_match(columns).tolist()
    [0.5]
    """

    def plain(text: str) -> str:
        text = text.strip() if strip else text
        return text.lower() if lowercase else text

    rows = zip(columns["generations"].tolist(), _references(columns).tolist(), strict=True)
    shares = []
    for texts, references in rows:
        accepted = {plain(reference) for reference in references}
        shares.append(sum(plain(text) in accepted for text in texts) / len(texts))
    return np.array(shares, dtype=np.float64)


def bleu(columns: Columns, *, tokenize: str = "13a", lowercase: bool = False) -> float:
    """BLEU-4 of all generations together, 0 to 1: a hundredth of what sacrebleu prints.

    Papineni et al., ACL 2002; Post, WMT 2018. Smoothing as sacrebleu's default (exponential).

    Raises:
        MissingDependencyError: sacrebleu is not installed.

    >>> texts = {"generations": np.array([["a b c d e"]]), "reference": np.array(["a b c d f"])}
    >>> round(bleu(texts), 3)
    0.669
    """
    return _corpus_score(columns, "BLEU", (("tokenize", tokenize), ("lowercase", lowercase)))


def chrf(columns: Columns, *, word_order: int = 0, lowercase: bool = False) -> float:
    """chrF of all generations together, 0 to 1: a hundredth of what sacrebleu prints. ``word_order: 2``: chrF++.

    Popović, WMT 2015 and 2017.

    Raises:
        MissingDependencyError: sacrebleu is not installed.

    >>> chrf({"generations": np.array([["same text"]]), "reference": np.array(["same text"])})
    1.0
    """
    return _corpus_score(columns, "CHRF", (("word_order", word_order), ("lowercase", lowercase)))


def _references(columns: Columns) -> np.ndarray:
    references = columns["reference"]
    return references[:, np.newaxis] if references.ndim == 1 else references


def _corpus_score(columns: Columns, name: str, settings: tuple[tuple[str, Any], ...]) -> float:
    references = _references(columns)
    statistics = [
        _of_segment(name, settings, text, tuple(of_prompt))
        for texts, of_prompt in zip(columns["generations"].tolist(), references.tolist(), strict=True)
        for text in texts
    ]
    return float(_metric(name, settings)._aggregate_and_compute(statistics).score) / 100


# A set-level metric sees each text 21 times, once for each group of samples that is left out. sacrebleu adds up
# counts of segments, and its bootstrap does so through these two methods.
@functools.lru_cache(maxsize=2**17)
def _of_segment(
    name: str, settings: tuple[tuple[str, Any], ...], text: str, references: tuple[str, ...]
) -> list[float]:
    found: list[float] = _metric(name, settings)._extract_corpus_statistics(
        [text], [[each] for each in references]
    )[0]
    return found


@functools.cache
def _metric(name: str, settings: tuple[tuple[str, Any], ...]) -> Metric:
    try:
        from sacrebleu import metrics
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{name.lower()} needs the package sacrebleu, which is not installed",
            todo="pip install 'pytest-modelqa[text]'",
        ) from error
    metric: Metric = getattr(metrics, name)(**dict(settings))
    return metric
