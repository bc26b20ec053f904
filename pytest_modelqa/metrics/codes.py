"""Scores of the discrete codes that a model uses: how many of its codebook, and how evenly.

They take the column ``codes``, integers of shape (n,) or (n, codes a sample).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import OutputError

Columns = Mapping[str, np.ndarray]


def codebook_perplexity(columns: Columns) -> float:
    """The effective number of codes used: exp of the entropy of their frequencies, from 1 to the codebook's size.

    As reported for VQ-VAE: van den Oord, Vinyals, Kavukcuoglu, Neural discrete representation learning, NIPS 2017.

    Raises:
        OutputError: There are no codes, or they are no integers ≥ 0.

    >>> codebook_perplexity({"codes": np.array([[0, 1], [2, 3]])}), codebook_perplexity({"codes": np.array([7, 7])})
    (4.0, 1.0)
    """
    _, counts = np.unique(_codes(columns), return_counts=True)
    share = counts / counts.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def codebook_usage(columns: Columns, *, codebook_size: int) -> float:
    """The share of the codebook's codes that are used at least once, from 1 / size to 1.

    Raises:
        OutputError: There are no codes, or they are no integers from 0 to ``codebook_size`` − 1.

    >>> codebook_usage({"codes": np.array([[0, 1], [1, 0]])}, codebook_size=8)
    0.25
    """
    codes = _codes(columns)
    if codes.max() >= codebook_size:
        raise OutputError(
            "codes are outside the codebook",
            expected=f"codes from 0 to {codebook_size - 1}, as codebook_size says",
            found=f"codes from {codes.min()} to {codes.max()}",
            todo="correct args: {codebook_size: …}, or the model",
        )
    return len(np.unique(codes)) / codebook_size


def _codes(columns: Columns) -> np.ndarray:
    codes = columns["codes"]
    if codes.size == 0 or codes.dtype.kind not in "iu" or codes.min() < 0:
        raise OutputError(
            "there are no codes",
            expected="integers ≥ 0, at least one",
            found=f"{codes.dtype} of shape {codes.shape}" + (f", least {codes.min()}" if codes.size else ""),
            todo="let the model give its codes as integers",
        )
    return codes
