"""The two models of this experiment: one that rebuilds a digit from a short code, one that names it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Autoencoder(nn.Module):
    """Squeezes an 8×8 image into ``codes`` numbers and draws it again: (n, 1, 8, 8) in 0..1 to the same."""

    def __init__(self, codes: int = 24, width: int = 256) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, width),
            nn.GELU(),
            nn.Linear(width, width // 2),
            nn.GELU(),
            nn.Linear(width // 2, codes),
        )
        self.decoder = nn.Sequential(
            nn.Linear(codes, width // 2),
            nn.GELU(),
            nn.Linear(width // 2, width),
            nn.GELU(),
            nn.Linear(width, 64),
        )

    def forward(self, image: Tensor) -> Tensor:
        drawn = self.decoder(self.encoder(image))
        return torch.sigmoid(drawn).reshape(image.shape)


class Classifier(nn.Module):
    """Names the digit of an 8×8 image: (n, 1, 8, 8) in 0..1 to logits (n, 10)."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.2),
        )
        self.head = nn.Linear(2 * channels * 4 * 4, 10)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(image).flatten(1))
        return logits
