"""Makes ``data/`` from the photographs of deepforest 2.1.0, in a fixed way; needed only to make them anew.

pip download --no-deps deepforest==2.1.0 && unzip deepforest-*.whl
python make_data.py deepforest/data
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

DATA = Path(__file__).parent / "data"
TILE = 256
LARGE, OTHER = "2019_YELL_2_528000_4978000_image_crop2", "2019_YELL_2_541000_4977000_image_crop"
# Above this row the large photograph is for training.
TEST_FROM = 1650


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    (DATA / "tiles").mkdir(parents=True, exist_ok=True)
    large, large_boxes = photograph(folder, LARGE)
    other, other_boxes = photograph(folder, OTHER)
    train = Part("train", DATA)
    train.add(large[:TEST_FROM], large_boxes, "train.jpg", "large", 0, 0)
    train.save()
    test = Part("test", DATA / "tiles")
    for site, pixels, boxes, first in (
        ("large", large, large_boxes, TEST_FROM),
        ("other", other, other_boxes, 0),
    ):
        for top in starts(first, len(pixels)):
            for left in starts(0, pixels.shape[1]):
                name = f"{site}_{top:04}_{left:04}.jpg"
                test.add(pixels[top : top + TILE, left : left + TILE], boxes, name, site, left, top)
    test.save()


class Part:
    """A COCO annotation file in the making."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.images: list[dict[str, object]] = []
        self.annotations: list[dict[str, object]] = []

    def add(self, pixels: np.ndarray, boxes: np.ndarray, name: str, site: str, left: int, top: int) -> None:
        """Adds an image that begins at (left, top) of its photograph.

        A crown belongs to the image that its centre lies in. What reaches over from elsewhere is marked as a
        crowd: nobody loses by finding it or by not finding it.
        """
        height, width = pixels.shape[:2]
        Image.fromarray(pixels).save(self.folder / name, quality=90)
        image = len(self.images) + 1
        self.images.append({"id": image, "file_name": name, "width": width, "height": height, "site": site})
        x0, y0, x1, y1 = (boxes - [left, top, left, top]).T
        inside = np.clip(x0, 0, width), np.clip(y0, 0, height), np.clip(x1, 0, width), np.clip(y1, 0, height)
        for box, own in zip(
            np.stack(inside, axis=1), _within(x0, x1, width) & _within(y0, y1, height), strict=True
        ):
            w, h = float(box[2] - box[0]), float(box[3] - box[1])
            if w >= 2 and h >= 2:
                self.annotations.append(
                    {
                        "id": len(self.annotations) + 1,
                        "image_id": image,
                        "category_id": 1,
                        "bbox": [float(box[0]), float(box[1]), w, h],
                        "area": w * h,
                        "iscrowd": 0 if own else 1,
                    }
                )

    def save(self) -> None:
        content = {
            "info": {"description": "Tree crowns, after deepforest 2.1.0 (MIT) and NEON airborne imagery"},
            "images": self.images,
            "annotations": self.annotations,
            "categories": [{"id": 1, "name": "tree"}],
        }
        (DATA / f"{self.name}.json").write_text(json.dumps(content) + "\n")


def _within(low: np.ndarray, high: np.ndarray, length: int) -> np.ndarray:
    centre = (low + high) / 2
    return (centre >= 0) & (centre < length)


def starts(first: int, end: int) -> list[int]:
    """Where tiles begin so that they cover all, overlapping by as little as they can; what is left over is cut."""
    count = (end - first) // TILE if (end - first) % TILE < 64 else -(-(end - first) // TILE)
    return [first + min(at * TILE, end - first - TILE) for at in range(count)]


def photograph(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (height, width, 3), and boxes as corners (n, 4)."""
    pixels = np.asarray(Image.open(folder / f"{name}.png").convert("RGB"))
    root = ElementTree.parse(folder / f"{name}.xml").getroot()
    keys = ("xmin", "ymin", "xmax", "ymax")
    boxes = [
        [float(entry.findtext(f"bndbox/{key}") or "nan") for key in keys] for entry in root.iter("object")
    ]
    return pixels, np.array(boxes)


if __name__ == "__main__":
    main()
