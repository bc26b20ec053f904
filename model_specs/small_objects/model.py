"""A small detector of tree crowns: an inverted-residual backbone, a feature pyramid, one head for all scales.

The backbone is laid out as the first eleven blocks of EfficientNet-Lite0, so that its published weights fit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# Blocks of the backbone: kernel, stride, expansion, channels.
BLOCKS = (
    (3, 1, 1, 16),
    *((3, 2, 6, 24), (3, 1, 6, 24)),
    *((5, 2, 6, 40), (5, 1, 6, 40)),
    *((3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80)),
    *((5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112)),
)
# The last block of each stride 4, 8 and 16; stride 32 is made from the last.
TAPS = {2: 24, 4: 40, 10: 112}
STRIDES = (4, 8, 16, 32)
# Mean and standard deviation that the backbone's weights were trained with, of images in 0..1.
MEAN, DEVIATION = 127.0 / 255.0, 128.0 / 255.0


class SameConv(nn.Module):
    """Convolution and normalisation; with stride 2 it is padded more at the end, as in TensorFlow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        total = kernel - stride if stride > 1 else kernel - 1
        self.pad = (total // 2, total - total // 2) * 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(functional.pad(x, self.pad)))


class Block(nn.Module):
    """Expansion, depth-wise convolution, projection; the input is added where shapes allow."""

    def __init__(self, inputs: int, kernel: int, stride: int, expansion: int, outputs: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = SameConv(inputs, wide, 1) if expansion > 1 else None
        self.depthwise = SameConv(wide, wide, kernel, stride, groups=wide)
        self.project = SameConv(wide, outputs, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else functional.relu6(self.expand(x))
        result = self.project(functional.relu6(self.depthwise(wide)))
        return x + result if self.adds else result


class Detector(nn.Module):
    """Finds tree crowns in images (n, 3, height, width) in 0..1; sides are multiples of 32.

    Args:
        scales: 3 for strides 8, 16 and 32; 4 for a finer one of 4 as well.
        half_resolution: Gives the network the image at half its resolution: what small objects are lost by.
    """

    def __init__(
        self, scales: int = 3, channels: int = 48, half_resolution: bool = False, most: int = 100
    ) -> None:
        super().__init__()
        self.strides = STRIDES[-scales:]
        self.half_resolution = half_resolution
        self.most = most
        self.stem = SameConv(3, 32, 3, 2)
        inputs = (32, *(outputs for *_, outputs in BLOCKS[:-1]))
        self.blocks = nn.ModuleList(Block(into, *block) for into, block in zip(inputs, BLOCKS, strict=True))
        taps = [
            width for stride, width in zip(STRIDES, TAPS.values(), strict=False) if stride in self.strides
        ]
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in taps)
        self.coarse = nn.Conv2d(channels, channels, 3, 2, padding=1)
        self.smooth = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels) for _ in self.strides
        )
        self.tower = nn.Sequential(
            *(
                layer
                for _ in range(2)
                for layer in (
                    nn.Conv2d(channels, channels, 3, padding=1),
                    nn.GroupNorm(8, channels),
                    nn.ReLU(),
                )
            )
        )
        self.head = nn.Conv2d(channels, 5, 3, padding=1)
        self.reach = nn.Parameter(torch.ones(len(self.strides)))
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        with torch.no_grad():
            self.head.bias[0] = -4.0

    def forward(self, images: Tensor) -> list[dict[str, Tensor]]:
        """For each image ``boxes`` (k, 4) as corners in pixels, ``scores`` (k,), ``labels`` (k,), all 1."""
        factor = 1
        if self.half_resolution:
            images = functional.avg_pool2d(images, 2)
            factor = 2
        logits, boxes, _ = self.dense(images)
        height, width = images.shape[-2:]
        limits = boxes.new_tensor([width, height, width, height])
        scores = logits.sigmoid()
        boxes = torch.minimum(boxes.clamp(min=0), limits)
        return [self.chosen(b * factor, s) for b, s in zip(boxes, scores, strict=True)]

    def chosen(self, boxes: Tensor, scores: Tensor) -> dict[str, Tensor]:
        """The best boxes of an image, none of which overlaps a better one by half."""
        scores, order = scores.topk(min(500, len(scores)))
        boxes = boxes[order]
        overlap = iou(boxes[:, None], boxes[None])
        kept: list[int] = []
        for index in range(len(boxes)):
            if not bool((overlap[index, kept] > 0.5).any()):
                kept.append(index)
                if len(kept) == self.most:
                    break
        return {
            "boxes": boxes[kept],
            "scores": scores[kept],
            "labels": torch.ones(len(kept), dtype=torch.int64, device=boxes.device),
        }

    def dense(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of all places of all scales: logits (n, p), boxes as corners (n, p, 4), (x, y, stride) (p, 3)."""
        x = functional.relu6(self.stem((images - MEAN) / DEVIATION))
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS:
                taps.append(x)
        taps = taps[-len(self.lateral) :]
        levels = [lateral(tap) for lateral, tap in zip(self.lateral, taps, strict=True)]
        levels.append(self.coarse(levels[-1]))
        for fine in range(len(levels) - 2, -1, -1):
            levels[fine] = levels[fine] + functional.interpolate(
                levels[fine + 1], size=levels[fine].shape[-2:]
            )
        logits, boxes, places = [], [], []
        for index, stride in enumerate(self.strides):
            out = self.head(self.tower(functional.relu(self.smooth[index](levels[index]))))
            height, width = out.shape[-2:]
            down, right = torch.meshgrid(
                torch.arange(height, device=out.device), torch.arange(width, device=out.device), indexing="ij"
            )
            centre = torch.stack([right, down], dim=-1).reshape(-1, 2).to(out) * stride + stride / 2
            out = out.flatten(2).transpose(1, 2)
            reach = functional.softplus(out[..., 1:] * self.reach[index] + 1.0) * stride
            logits.append(out[..., 0])
            boxes.append(torch.cat([centre - reach[..., :2], centre + reach[..., 2:]], dim=-1))
            places.append(torch.cat([centre, centre.new_full((len(centre), 1), stride)], dim=1))
        return torch.cat(logits, 1), torch.cat(boxes, 1), torch.cat(places)


def iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of corners (…, 4)."""
    low = torch.maximum(boxes[..., :2], others[..., :2])
    high = torch.minimum(boxes[..., 2:], others[..., 2:])
    inside = (high - low).clamp(min=0).prod(-1)
    areas = [(each[..., 2:] - each[..., :2]).clamp(min=0).prod(-1) for each in (boxes, others)]
    return inside / (areas[0] + areas[1] - inside).clamp(min=1e-6)
