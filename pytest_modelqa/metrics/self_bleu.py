"""BLEU of each text against all others of its set, without comparing any two of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .ngrams import Grams, counted, grams

_LONGEST = 4
# NLTK's SmoothingFunction().epsilon, which method1 puts in the place of 0 matches.
_EPSILON = 0.1


def self_bleu_scores(texts: Sequence[Sequence[str]], sets: np.ndarray | None = None) -> np.ndarray:
    """BLEU-4 of each text with the other texts of its set as references; float64 of shape (texts,).

    To the last bit what ``nltk.translate.bleu_score.sentence_bleu(others, text,
    smoothing_function=SmoothingFunction().method1)`` gives. Zhu et al., Texygen, SIGIR 2018, introduced the mean of
    these as self-BLEU.

    A match is clipped at the greatest count in any *other* text. With the two greatest counts of each n-gram, that
    is the greatest, or for the one text that has it the second: one look-up in place of n comparisons.

    Args:
        texts: The tokens of each, at least one each.
        sets: Which set each text belongs to, int64 from 0; none: all are one set. At least two texts in each.

    >>> texts = [line.split() for line in ("a b c d e", "a b c d f", "g h i j k")]
    >>> self_bleu_scores(texts).round(3).tolist()
    [0.669, 0.669, 0.0]
    """
    sets = np.zeros(len(texts), dtype=np.int64) if sets is None else sets
    lengths = np.fromiter((len(tokens) for tokens in texts), dtype=np.int64, count=len(texts))
    orders = grams(texts, _LONGEST, sets)
    matches = np.stack([_matches(found, len(texts)) for found in orders], axis=1)
    totals = np.maximum(1, lengths[:, None] - np.arange(_LONGEST))
    penalty = _brevity_penalties(lengths, _closest_lengths(lengths, sets))
    # libm's log and exp, as NLTK calls them: numpy's own may differ in the last bit. Few fractions are different.
    log = {
        pair: _quarter_log(*pair)
        for pair in set(zip(matches.ravel().tolist(), totals.ravel().tolist(), strict=True))
    }
    scores = [
        bp * math.exp(math.fsum(log[pair] for pair in zip(row, total, strict=True))) if row[0] else 0.0
        for row, total, bp in zip(matches.tolist(), totals.tolist(), penalty, strict=True)
    ]
    return np.array(scores, dtype=np.float64)


def _quarter_log(matched: int, total: int) -> float:
    return 0.25 * math.log(matched / total if matched else _EPSILON / total)


def _matches(found: Grams, texts: int) -> np.ndarray:
    """For each text, how many of its n-grams the other texts have, each clipped at its count there."""
    if not found.kinds:
        return np.zeros(texts, dtype=np.int64)
    counts = counted(found, texts)
    greatest = np.maximum.reduceat(counts.count, counts.starts)[counts.of]
    has_greatest = counts.count == greatest
    sharing = np.add.reduceat(has_greatest.astype(np.int64), counts.starts)[counts.of]
    second = np.maximum.reduceat(np.where(has_greatest, 0, counts.count), counts.starts)[counts.of]
    of_others = np.where(has_greatest & (sharing == 1), second, greatest)
    clipped = np.minimum(counts.count, of_others)
    return np.bincount(counts.text, weights=clipped, minlength=texts).astype(np.int64)


def _closest_lengths(lengths: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """For each text, the length of another of its set that is closest to its own; of two, the smaller.

    Sorted by length, it is one of the two neighbours.
    """
    order = np.lexsort((lengths, sets))
    by_length, of = lengths[order], sets[order]
    far = np.iinfo(np.int64).max // 2
    before, after = np.full(len(order), -far), np.full(len(order), far)
    same = of[1:] == of[:-1]
    before[1:][same] = by_length[:-1][same]
    after[:-1][same] = by_length[1:][same]
    closest = np.empty_like(lengths)
    closest[order] = np.where(by_length - before <= after - by_length, before, after)
    return closest


def _brevity_penalties(lengths: np.ndarray, closest: np.ndarray) -> list[float]:
    return [
        1.0 if length > reference else math.exp(1 - reference / length)
        for length, reference in zip(lengths.tolist(), closest.tolist(), strict=True)
    ]
