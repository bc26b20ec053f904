"""The models of this experiment: a generator of digits, and a judge that names what it drew."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SIZE = 8


class Generator(nn.Module):
    """Draws a digit out of noise, by flow matching: a network that says in which direction the image lies.

    Lipman et al., Flow matching for generative modeling, ICLR 2023, with the straight paths of section 4.1: a
    point on the way is (1 − t) · noise + t · image, and its velocity image − noise.
    """

    def __init__(self, width: int = 192, steps: int = 12) -> None:
        super().__init__()
        self.steps = steps
        self.of_label = nn.Embedding(10, 32)
        self.network = nn.Sequential(
            nn.Linear(SIZE * SIZE + 32 + 32, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, SIZE * SIZE),
        )

    def velocity(self, point: Tensor, time: Tensor, label: Tensor) -> Tensor:
        """The direction at a point on the way: (n, 64), (n,) in 0..1 and (n,) to (n, 64)."""
        angles = time[:, None] * math.pi * torch.arange(1, 17, device=time.device)
        features = torch.cat([point, angles.sin(), angles.cos(), self.of_label(label)], dim=1)
        direction: Tensor = self.network(features)
        return direction

    def forward(self, noise: Tensor, label: Tensor) -> Tensor:
        """Walks from noise (n, 1, 8, 8) to digits of the labels (n,), in 0..1."""
        point = noise.flatten(1)
        for step in range(self.steps):
            time = torch.full((len(point),), step / self.steps, device=point.device)
            point = point + self.velocity(point, time, label) / self.steps
        # Trained on −1..1.
        return ((point + 1) / 2).clamp(0, 1).reshape(noise.shape)


class Judge(nn.Module):
    """Names the digit of an image: (n, 1, 8, 8) in 0..1 to logits (n, 10)."""

    def __init__(self, channels: int = 32, features: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.2),
            nn.Flatten(),
            nn.Linear(2 * channels * 4 * 4, features),
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(features, 10))

    def features(self, image: Tensor) -> Tensor:
        """What the judge sees in an image: (n, features)."""
        seen: Tensor = self.body(image)
        return seen

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(image))
        return logits
