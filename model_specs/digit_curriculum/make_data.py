"""Writes data/digits.npz from scikit-learn's copy of the digits; run once, its result is committed."""

from __future__ import annotations

import numpy as np
from data import FILE, PARTS
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

TEST_IMAGES = 600
JUDGE_IMAGES = 497
SEED = 0


def main() -> None:
    """Splits by label into the images of the generator, of the judge and of the test, and writes the file."""
    images, labels = load_digits(return_X_y=True)
    rest, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, random_state=SEED, stratify=labels
    )
    _, judge = train_test_split(rest, test_size=JUDGE_IMAGES, random_state=SEED, stratify=labels[rest])
    part = np.zeros(len(labels), dtype=np.uint8)
    part[judge], part[test] = PARTS.index("judge"), PARTS.index("test")
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        FILE, images=images.reshape(-1, 8, 8).astype(np.uint8), labels=labels.astype(np.uint8), part=part
    )
    counts = ", ".join(f"{np.sum(part == index)} {name}" for index, name in enumerate(PARTS))
    print(f"{FILE.name}: {counts} images, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
