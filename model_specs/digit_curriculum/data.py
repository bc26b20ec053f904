"""Reads the digits: 1,797 real 8×8 images, split once and for all by what they are used for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

FILE = Path(__file__).parent / "data" / "digits.npz"
PARTS = ("generator", "judge", "test")


def digits(part: Literal["generator", "judge", "test"]) -> dict[str, np.ndarray]:
    """One part of the data; no image stands in two.

    Args:
        part: ``generator`` and ``judge`` are what these two were trained on; neither saw ``test``.

    Returns:
        ``id``: (n,) text, the image's number in scikit-learn's order. ``image``: (n, 1, 8, 8) float32 in
        0..1, where 1 is ink. ``label``: (n,) int64 in 0..9.

    Raises:
        ValueError: There is no such part.
    """
    if part not in PARTS:
        raise ValueError(f"part is {part!r}; the parts are {', '.join(PARTS)}")
    with np.load(FILE, allow_pickle=False) as arrays:
        chosen = np.flatnonzero(arrays["part"] == PARTS.index(part))
        return {
            "id": np.array([f"digit-{index:04d}" for index in chosen]),
            "image": arrays["images"][chosen, None].astype(np.float32) / 16,  # ink is counted 0..16
            "label": arrays["labels"][chosen].astype(np.int64),
        }
