"""Diversity of generated texts by what they mean: cosines of their embeddings, in memory that grows with n·d.

They take the array ``features``, one vector of each generation, shape (prompts, k, d).
"""

from __future__ import annotations

import numpy as np

from ..errors import OutputError
from .generations import Columns

_AT_ONCE = 1024


def semantic_diversity(columns: Columns) -> float:
    """The mean cosine distance of all pairs of generations, 0 (all alike) to 2.

    The sum of all cosines is the squared length of the sum of the unit vectors, so no two of them are compared:
    memory and time grow with n·d, never with n². Tevet, Berant, EACL 2021, find embeddings to follow content best.

    Raises:
        OutputError: There are fewer than two generations, or a vector is zero or not finite.

    >>> semantic_diversity({"features": np.array([[[1.0, 0], [0, 1]], [[1, 0], [1, 0]]])})      # 3 of 6 pairs
    0.5
    """
    features = columns["features"]
    n = features.shape[0] * features.shape[1]
    if n < 2:
        raise OutputError("semantic_diversity compares texts, and there is only one", todo="generate more")
    total = np.zeros(features.shape[2])
    for start in range(0, len(features), _AT_ONCE):
        total += _unit(features[start : start + _AT_ONCE]).sum(axis=(0, 1))
    return float(_mean_distance(total @ total, n))


def semantic_diversity_per_prompt(columns: Columns) -> np.ndarray:
    """The mean cosine distance of the pairs of generations of each prompt, shape (prompts,).

    Raises:
        OutputError: There are fewer than two generations a prompt, or a vector is zero or not finite.

    >>> semantic_diversity_per_prompt({"features": np.array([[[1.0, 0], [0, 1]], [[1, 0], [2, 0]]])}).tolist()
    [1.0, 0.0]
    """
    features = _of_several(columns, "semantic_diversity_per_prompt")
    found = [
        np.square(_unit(features[start : start + _AT_ONCE]).sum(axis=1)).sum(axis=1)
        for start in range(0, len(features), _AT_ONCE)
    ]
    return _mean_distance(np.concatenate(found), features.shape[1])


def vendi_score_per_prompt(columns: Columns) -> np.ndarray:
    """The effective number of different generations of each prompt, 1 to k; shape (prompts,).

    exp of the entropy of the eigenvalues of the cosines / k. Friedman, Dieng: The Vendi score, TMLR 2023.

    Raises:
        OutputError: There are fewer than two generations a prompt, or a vector is zero or not finite.

    >>> vendi_score_per_prompt({"features": np.array([[[1.0, 0], [0, 1]], [[1, 0], [2, 0]]])}).round(9).tolist()
    [2.0, 1.0]
    """
    features = _of_several(columns, "vendi_score_per_prompt")
    found = []
    for start in range(0, len(features), _AT_ONCE):
        unit = _unit(features[start : start + _AT_ONCE])
        other = unit.transpose(0, 2, 1)
        gram = unit @ other if unit.shape[1] <= unit.shape[2] else other @ unit
        shares = np.clip(np.linalg.eigvalsh(gram / features.shape[1]), 0, None)
        entropy = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=1)
        found.append(np.exp(np.clip(entropy, 0, None)))
    return np.concatenate(found)


def _of_several(columns: Columns, metric: str) -> np.ndarray:
    features = columns["features"]
    if features.shape[1] < 2:
        raise OutputError(
            f"{metric} compares the generations of a prompt, and there is only one",
            todo="write args: {generations: …} in the evaluation",
        )
    return features


def _mean_distance(squared_sum: np.ndarray, n: int) -> np.ndarray:
    # Of identical texts the rounding of n·1² leaves −1e-16, and 1 − 1 a zero with a sign.
    distance: np.ndarray = np.maximum(1 - (squared_sum - n) / (n * (n - 1)), 0.0)
    return distance


def _unit(features: np.ndarray) -> np.ndarray:
    vectors = features.astype(np.float64)
    norms = np.linalg.norm(vectors, axis=2, keepdims=True)
    unusable = int(np.count_nonzero(~(norms > 0) | ~np.isfinite(norms)))
    if unusable:
        raise OutputError(
            f"{unusable} of {norms.size} texts have no embedding",
            expected="finite vectors with a direction, as they are compared by cosine",
            found="vectors of zeros, NaN or Inf",
            todo="look at the embedding model; a text of unknown words only needs a vector too",
        )
    unit: np.ndarray = vectors / norms
    return unit
