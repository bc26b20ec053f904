"""Embeddings of texts by word vectors that were distilled from a sentence encoder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

WORDS = Path(__file__).parent / "data" / "words.txt"
WIDTH = 64


class WordVectors(nn.Module):
    """The mean of the vectors of a text's words; called with texts, gives (texts, 64).

    The last row of the table stands for every word that it does not have.
    """

    def __init__(self) -> None:
        super().__init__()
        words = WORDS.read_text(encoding="utf-8").split()
        self._row = {word: row for row, word in enumerate(words)}
        self.table = nn.EmbeddingBag(len(words) + 1, WIDTH, mode="mean")

    def forward(self, texts: Sequence[str]) -> Tensor:
        unknown = len(self._row)
        rows = [[self._row.get(word, unknown) for word in words_of(text)] or [unknown] for text in texts]
        starts = torch.tensor([0, *map(len, rows)]).cumsum(0)[:-1]
        flat = torch.tensor([row for of_text in rows for row in of_text])
        device = self.table.weight.device
        return self.table(flat.to(device), starts.to(device))


def words_of(text: str) -> list[str]:
    """Runs of letters, small."""
    return re.findall(r"[a-z]+", text.lower())
