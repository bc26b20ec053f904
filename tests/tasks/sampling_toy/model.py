"""A generator and a judge of two classes, bright on the left or on the right, whose every value can be worked out."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Generator(nn.Module):
    """Draws the class that is asked for, with ``spread`` of noise."""

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.tensor(0.1))

    def sample(self, noise: Tensor, label: Tensor) -> Tensor:
        right = label.double().view(-1, 1, 1, 1)
        side = torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
        image = right * side + (1 - right) * (1 - side)
        return (image + self.spread * noise).float()


class Judge(nn.Module):
    """Compares the right half with the left; its features are the halves' means."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def features(self, image: Tensor) -> Tensor:
        return torch.stack([image[..., :2].mean((1, 2, 3)), image[..., 2:].mean((1, 2, 3))], 1)

    def forward(self, image: Tensor) -> Tensor:
        return self.weight * self.features(image)
