"""Datasets that break, and the same images in another order."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

IMAGES = Path(__file__).parent / "data" / "test.npz"


class Killed(Dataset[Any]):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


def through_a_killed_worker() -> list[dict[str, Any]]:
    return [{"image": image} for image in DataLoader(Killed(), num_workers=1)]


def shuffled() -> dict[str, np.ndarray]:
    with np.load(IMAGES) as arrays:
        order = np.random.default_rng(0).permutation(len(arrays["id"]))
        return {name: values[order] for name, values in arrays.items()}
