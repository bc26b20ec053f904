"""Drawing tokens: by the right probabilities, and by nothing but the text's own seed."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from pytest_modelqa.tasks.sampler import SeededSampler, _nucleus, gumbel, seeds_of

LOGITS = torch.tensor([2.0, 1.0, 0.5, 0.4, -1.0, -torch.inf])
ROWS = 20_000


def drawn(rows: int = ROWS, step: int = 0, **settings: float | int | None) -> torch.Tensor:
    options = {"temperature": 1.0, "top_p": 1.0, "top_k": None, **settings}
    sampler = SeededSampler(seeds_of(0, [str(row) for row in range(rows)]), 3, **options)
    left = sampler(torch.zeros(rows, 3 + step, dtype=torch.int64), LOGITS.expand(rows, -1))
    assert (left == 0).sum(1).eq(1).all()
    return left.argmax(1)


@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.8}, {"temperature": 2.0, "top_k": 4, "top_p": 0.7}],
)
def test_tokens_are_drawn_as_often_as_transformers_draws_them(settings: dict[str, float]) -> None:
    warpers = LogitsProcessorList()
    if "temperature" in settings:
        warpers.append(TemperatureLogitsWarper(settings["temperature"]))
    if "top_k" in settings:
        warpers.append(TopKLogitsWarper(int(settings["top_k"])))
    if "top_p" in settings:
        warpers.append(TopPLogitsWarper(settings["top_p"]))
    chances = warpers(torch.zeros(1, 1, dtype=torch.int64), LOGITS[None]).softmax(1)[0]
    counts = torch.bincount(drawn(**settings), minlength=len(LOGITS))
    assert not counts[chances == 0].any()
    possible = chances > 0
    expected = chances[possible].double() / chances[possible].double().sum() * ROWS
    assert stats.chisquare(counts[possible].numpy(), expected.numpy()).pvalue > 1e-3


def test_the_most_probable_tokens_that_reach_the_share_stay() -> None:
    # 0.55, 0.20, 0.12, 0.11: the second is the first to reach 0.6.
    assert set(drawn(2000, top_p=0.6).tolist()) == {0, 1}
    assert set(drawn(2000, top_p=0.5).tolist()) == {0}
    # The first of two alike has the share already.
    assert _nucleus(torch.zeros(1, 2, dtype=torch.float64), 0.5).tolist() == [[0.0, -torch.inf]]
    assert set(drawn(2000, top_p=1e-9).tolist()) == {0}


def test_without_temperature_the_most_probable_token_is_taken() -> None:
    assert drawn(10, temperature=0.0).tolist() == [0] * 10


def test_steps_rows_and_tokens_are_independent() -> None:
    first, second = drawn(step=0), drawn(step=1)
    table = torch.zeros(5, 5).index_put((first, second), torch.ones(ROWS), accumulate=True)
    assert stats.chi2_contingency(table.numpy()).pvalue > 1e-3
    noise = gumbel(seeds_of(3, ["a"]), 0, 50_000)[0]
    assert stats.kstest(noise.numpy(), "gumbel_r").pvalue > 1e-3
    assert abs(torch.corrcoef(torch.stack([noise[1:], noise[:-1]]))[0, 1]) < 0.02


def test_a_row_draws_the_same_in_any_company() -> None:
    seeds = seeds_of(7, ["x", "y", "z"])
    assert torch.equal(gumbel(seeds, 5, 9)[1], gumbel(seeds_of(7, ["y"]), 5, 9)[0])
    assert not torch.equal(gumbel(seeds, 5, 9)[1], gumbel(seeds_of(8, ["y"]), 5, 9)[0])
