"""Draws the next token of each text by random numbers that are the text's own.

So what is generated for a sample depends neither on the others of its batch nor on the order of the samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

# splitmix64 of Steele, Lea, Flood, OOPSLA 2014, in signed numbers as torch has them; products wrap around.
_GAMMA = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64
# Probabilities are summed as whole multiples of this: exactly, so in any order and on any device.
_SUMMED_AS = 2**40


class SeededSampler:
    """A ``LogitsProcessor``: leaves of each row of logits the one token that was drawn.

    The draw is Gumbel's: the greatest of logit + −ln(−ln u) is distributed as softmax of the logits. Each u is a
    hash of the row's seed, the step and the token, so nothing has to be drawn in order.

    Args:
        seeds: One for each row, int64 of shape (rows,).
        prompt_length: Tokens of the (padded) prompts.
        temperature: 0: the most probable token.
        top_p: Only the most probable tokens that make up this share.
        top_k: Only so many of the most probable tokens.
    """

    def __init__(
        self, seeds: torch.Tensor, prompt_length: int, temperature: float, top_p: float, top_k: int | None
    ) -> None:
        self._seeds = seeds
        self._prompt_length = prompt_length
        self._temperature = temperature
        self._top_p = top_p
        self._top_k = top_k

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Logits that are 0 at the drawn token and −inf elsewhere."""
        logits = scores.double()
        if self._temperature:
            logits = logits / self._temperature
            if self._top_k is not None and self._top_k < logits.shape[1]:
                least = logits.topk(self._top_k).values[:, -1:]
                logits = logits.masked_fill(logits < least, -torch.inf)
            if self._top_p < 1:
                logits = _nucleus(logits, self._top_p)
            logits = logits + gumbel(self._seeds, input_ids.shape[1] - self._prompt_length, logits.shape[1])
        drawn = logits.argmax(1, keepdim=True)
        return torch.full_like(scores, -torch.inf).scatter(1, drawn, 0.0)


def seeds_of(evaluation_seed: int, names: Sequence[str]) -> torch.Tensor:
    """A seed for each name, int64.

    >>> seeds_of(0, ["a", "b"]).tolist() == seeds_of(0, ["b", "a"]).flip(0).tolist()
    True
    """
    digests = [hashlib.sha256(f"{evaluation_seed} {name}".encode()).digest() for name in names]
    return torch.tensor([int.from_bytes(digest[:8], "big", signed=True) for digest in digests])


def gumbel(seeds: torch.Tensor, step: int, tokens: int) -> torch.Tensor:
    """−ln(−ln u) with u uniform between 0 and 1; float64 of shape (rows, tokens)."""
    rows = _mixed(seeds + torch.tensor(step + 1, device=seeds.device) * _GAMMA)
    token = torch.arange(1, tokens + 1, device=seeds.device) * _GAMMA
    bits = _shifted(_mixed(rows[:, None] + token), 11)
    uniform = (bits.double() + 0.5) * 2.0**-53
    drawn: torch.Tensor = -(-uniform.log()).log()
    return drawn


def _nucleus(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Without the tokens beyond the most probable ones that make up the share; the first that reaches it stays."""
    order = logits.argsort(dim=1, descending=True, stable=True)
    # Floating-point sums on a GPU depend on the order of its threads, and torch refuses them where it must not.
    chances = (logits.softmax(1).gather(1, order) * _SUMMED_AS).long()
    before = chances.cumsum(1) - chances
    beyond = torch.zeros_like(logits, dtype=torch.bool).scatter(1, order, before >= int(top_p * _SUMMED_AS))
    return logits.masked_fill(beyond, -torch.inf)


def _mixed(state: torch.Tensor) -> torch.Tensor:
    state = (state ^ _shifted(state, 30)) * _FIRST
    state = (state ^ _shifted(state, 27)) * _SECOND
    return state ^ _shifted(state, 31)


def _shifted(state: torch.Tensor, bits: int) -> torch.Tensor:
    """To the right, with zeros from the left: torch's own shift repeats the sign."""
    shifted: torch.Tensor = (state >> bits) & (2 ** (64 - bits) - 1)
    return shifted
