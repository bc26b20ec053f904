"""A small network whose arithmetic does depend a little on the batch, and one that gives only NaN."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """Convolution, batch normalisation and a linear layer; batch statistics would show at once."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 16, 2, padding=1)
        self.normalisation = nn.BatchNorm2d(16)
        self.dropout = nn.Dropout(0.5)
        self.linear = nn.Linear(16 * 9, 4)

    def forward(self, image: Tensor) -> Tensor:
        hidden = torch.relu(self.normalisation(self.convolution(image)))
        logits: Tensor = self.linear(self.dropout(hidden.flatten(1)))
        return logits


class Nan(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return torch.full((len(image), 4), float("nan"))
