"""Writes data/digits.npz from scikit-learn's copy of the digits; run once, its result is committed."""

from __future__ import annotations

import numpy as np
from data import FILE
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

TEST_IMAGES = 600
SEED = 0


def main() -> None:
    """Splits by label, so that every digit has about 60 test images, and writes the file."""
    images, labels = load_digits(return_X_y=True)
    _, chosen = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, random_state=SEED, stratify=labels
    )
    test = np.zeros(len(labels), dtype=bool)
    test[chosen] = True
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        FILE, images=images.reshape(-1, 8, 8).astype(np.uint8), labels=labels.astype(np.uint8), test=test
    )
    print(f"{FILE.name}: {np.sum(~test)} train and {np.sum(test)} test images, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
