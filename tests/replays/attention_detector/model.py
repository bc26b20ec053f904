"""A small detector: a convolutional stem, attention over its feature map, a box and a class for each place."""

from __future__ import annotations

from torch import Tensor, nn


class AttentionDetector(nn.Module):
    def __init__(self, width: int, heads: int, layers: int, classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 8, stride=8)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.0, batch_first=True)
            for _ in range(layers)
        )
        self.classes = nn.Linear(width, classes + 1)
        self.boxes = nn.Linear(width, 4)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        places = self.stem(images).flatten(2).transpose(1, 2)
        for layer in self.layers:
            places = layer(places)
        return {"logits": self.classes(places), "boxes": self.boxes(places).sigmoid()}
