"""How well a language model predicts texts: perplexity, bits per byte.

They take the columns ``nll`` (−ln of a text's probability), ``tokens`` (how many were predicted) and ``bytes`` (how
many bytes of UTF-8 these tokens stand for), each of shape (texts,).
"""

from __future__ import annotations

import math

from ..errors import OutputError
from .generations import Columns


def perplexity(columns: Columns) -> float:
    """exp of the mean of −ln p over all tokens of all texts, so that each token weighs the same.

    It is per token: models with different tokenizers are not comparable by it; see ``bits_per_byte``.

    Raises:
        OutputError: No token was predicted, or the value is beyond any number.

    >>> import numpy as np
    >>> round(perplexity({"nll": np.array([math.log(4), 0.0]), "tokens": np.array([1, 1])}), 12)
    2.0
    """
    tokens = int(columns["tokens"].sum())
    mean = _total(columns) / tokens if tokens else math.nan
    # e to the 709 is the last that float64 holds.
    if not mean < 700:
        raise OutputError(
            "perplexity has no value",
            expected="at least one predicted token, of a probability that is not 0",
            found=f"{tokens} tokens, −ln p {mean:g} a token",
            todo="look at the texts and at the model",
        )
    return math.exp(mean)


def bits_per_byte(columns: Columns) -> float:
    """−log₂ p of all texts over their bytes: the same for every tokenizer.

    Raises:
        OutputError: There are no bytes.

    >>> import numpy as np
    >>> bits_per_byte({"nll": np.array([math.log(2) * 8]), "bytes": np.array([4])})
    2.0
    """
    size = int(columns["bytes"].sum())
    if not size:
        raise OutputError("bits_per_byte has no value: no byte was predicted", todo="look at the texts")
    return _total(columns) / math.log(2) / size


def _total(columns: Columns) -> float:
    return math.fsum(columns["nll"].tolist())
