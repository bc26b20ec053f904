"""A model that gives back its input and a shift, and a perceptual network of two small layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Shift(nn.Module):
    """Adds a number."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self, image: Tensor) -> Tensor:
        return image + self.shift


class Perceptual(nn.Module):
    """As LPIPS: at each position of a layer unit vectors, squared differences weighted by channel; their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)
        self.first_weights, self.second_weights = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(5))

    def layers(self, image: Tensor) -> tuple[Tensor, Tensor]:
        first = self.first(image).relu()
        return first, self.second(first).relu()

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        total = torch.zeros(len(one), 1, 1, 1)
        weights = (self.first_weights, self.second_weights)
        for a, b, weight in zip(self.layers(one), self.layers(other), weights, strict=True):
            difference = nn.functional.normalize(a, eps=1e-10) - nn.functional.normalize(b, eps=1e-10)
            weighted = difference.square() * weight.view(1, -1, 1, 1)
            total = total + weighted.sum(1, keepdim=True).mean((2, 3), keepdim=True)
        return total
