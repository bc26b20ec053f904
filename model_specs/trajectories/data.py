"""Makes clips of a moving digit: 16 frames of 32×32 pixels, four kinds of trajectory, real handwritten digits.

The clips follow from the seed of the split and the digits in data/digits.npz; no digit image is in both splits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

FILE = Path(__file__).parent / "data" / "digits.npz"
KINDS = ("line", "circle", "zigzag", "fall")
FRAMES, SIDE, SPRITE = 16, 32, 14
# The centre of the digit stays so far from the border that the digit is seen whole.
LEAST, GREATEST = 7.0, 24.0
CLIPS = {"train": 4000, "test": 400}
SEEDS = {"train": 1, "test": 2}


def trajectories(
    split: Literal["train", "test"],
    clips: int | None = None,
    seed: int | None = None,
    first: int | None = None,
) -> dict[str, np.ndarray]:
    """One part of the data.

    Args:
        split: Which of the digits move.
        clips: How many, of each kind as many; without it 4,000 of train and 400 of test.
        seed: Another seed gives other trajectories and other choices among the digits of the split.
        first: Draw only so many of them.

    Returns:
        ``id``: (n,) text. ``clip``: (n, 16, 1, 32, 32) float32 in 0..1, where 1 is ink. ``label``: (n,) int64, the
        place of the trajectory's kind in ``KINDS``. ``digit``: (n,) int64 in 0..9.

    Raises:
        ValueError: There is no such part.
    """
    if split not in CLIPS:
        raise ValueError(f"split is {split!r}; the clips are split into 'train' and 'test'")
    random = np.random.default_rng(SEEDS[split] if seed is None else seed)
    count = CLIPS[split] if clips is None else clips
    with np.load(FILE, allow_pickle=False) as arrays:
        chosen = random.choice(np.flatnonzero(arrays["test"] == (split == "test")), count)
        sprites, digit = arrays["images"][chosen].astype(np.float32) / 255, arrays["labels"][chosen]
    label = np.arange(count) % len(KINDS)
    centres = np.stack([_path(KINDS[kind], random) for kind in label])
    return {
        "id": np.array([f"{split}-{index:05d}" for index in range(count)[:first]]),
        "clip": drawn(sprites[:first], centres[:first])[:, :, None],
        "label": label[:first],
        "digit": digit[:first].astype(np.int64),
    }


def drawn(sprites: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Digits (n, 14, 14) at centres (n, T, 2) of row and column, between pixels by interpolation: (n, T, 32, 32)."""
    corner = centres - (SPRITE - 1) / 2
    # Where each row and column of the digit comes to lie: (n, T, 2, 14).
    places = (corner[..., None] + np.arange(SPRITE)).astype(np.float32)
    axis = np.arange(SIDE, dtype=np.float32)[:, None]
    weights = np.clip(1 - np.abs(places[..., None, :] - axis), 0, None)
    rows, columns = weights[:, :, 0], weights[:, :, 1]
    frames: np.ndarray = rows @ sprites[:, None] @ columns.swapaxes(-1, -2)
    return frames


def _path(kind: str, random: np.random.Generator) -> np.ndarray:
    """Row and column of the centre in each frame, (16, 2), within ``LEAST`` and ``GREATEST``."""
    time = np.arange(FRAMES, dtype=np.float64)
    if kind == "circle":
        radius, turn = random.uniform(3.5, 7), random.uniform(0.35, 0.6) * random.choice([-1, 1])
        centre = random.uniform(LEAST + radius, GREATEST - radius, 2)
        angle = random.uniform(0, 2 * np.pi) + turn * time
        return centre + radius * np.stack([np.sin(angle), np.cos(angle)], 1)
    if kind == "fall":
        row = _falling(random)
        return np.stack(
            [row, _reflected(random.uniform(LEAST, GREATEST) + random.uniform(-0.8, 0.8) * time)], 1
        )
    start, direction = random.uniform(LEAST, GREATEST, 2), random.uniform(0, 2 * np.pi)
    along = np.array([np.sin(direction), np.cos(direction)])
    path = start + random.uniform(0.8, 1.6) * time[:, None] * along
    if kind == "zigzag":
        # A triangle wave across the direction, which turns every three frames.
        across = np.array([along[1], -along[0]])
        wave = 2 * np.abs((time / 6 + random.uniform()) % 1 - 0.5) * random.uniform(5, 7)
        path = start + 0.6 * time[:, None] * along + (wave - wave.mean())[:, None] * across
    return _reflected(path)


def _falling(random: np.random.Generator) -> np.ndarray:
    """Thrown up a little, then pulled down, and back up from the floor with most of its speed."""
    row, speed, rows = random.uniform(LEAST, LEAST + 8), random.uniform(-1, 0.5), []
    for _ in range(FRAMES):
        rows.append(row)
        speed += 0.45
        row += speed
        if row > GREATEST:
            row, speed = 2 * GREATEST - row, -0.8 * speed
        row = max(row, LEAST)
    return np.array(rows)


def _reflected(path: np.ndarray) -> np.ndarray:
    """The path with walls that throw it back."""
    span = GREATEST - LEAST
    folded: np.ndarray = LEAST + span - np.abs((path - LEAST) % (2 * span) - span)
    return folded
