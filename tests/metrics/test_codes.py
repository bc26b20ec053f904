"""How many codes a model uses, and how evenly."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pytest_modelqa.errors import OutputError
from pytest_modelqa.metrics.codes import codebook_perplexity, codebook_usage


@given(arrays(np.int64, st.tuples(st.integers(1, 20), st.integers(1, 8)), elements=st.integers(0, 30)))
def test_perplexity_is_the_exponential_of_scipys_entropy(codes: np.ndarray) -> None:
    counts = np.bincount(codes.ravel())

    assert codebook_perplexity({"codes": codes}) == pytest.approx(
        np.exp(scipy.stats.entropy(counts)), rel=1e-12
    )


@given(st.integers(1, 50), st.integers(1, 5))
def test_codes_used_equally_often_count_each_as_one(used: int, times: int) -> None:
    codes = np.tile(np.arange(used) + 3, times)

    assert codebook_perplexity({"codes": codes}) == pytest.approx(used)
    assert codebook_usage({"codes": codes}, codebook_size=100) == used / 100


@pytest.mark.parametrize("codes", [np.zeros((0, 4), int), np.array([0.0, 1.0]), np.array([-1, 2])])
def test_what_are_no_codes_is_refused(codes: np.ndarray) -> None:
    with pytest.raises(OutputError, match="there are no codes"):
        codebook_perplexity({"codes": codes})


def test_codes_beyond_the_codebook_are_refused() -> None:
    with pytest.raises(OutputError, match="codes are outside the codebook") as error:
        codebook_usage({"codes": np.array([0, 8])}, codebook_size=8)

    assert error.value.expected == "codes from 0 to 7, as codebook_size says"
    assert error.value.found == "codes from 0 to 8"
