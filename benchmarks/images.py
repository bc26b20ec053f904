"""PSNR and SSIM side by side with scikit-image and torchmetrics on real crops with noise: times, ratios, differences.

    python benchmarks/images.py [IMAGES]

Ratios are of the processor time of one thread (so that a busy neighbour does not enter them) and of the wall clock
with the threads that torch takes by itself. Set OMP_WAIT_POLICY=passive where other processes run. The turns of a
row take turns, so that a slower moment of the machine meets all of them. Values are compared with scikit-image's.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec

import numpy as np
import skimage.data
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pytest_modelqa.metrics.image import psnr, ssim

Clock = Callable[[], float]
Turn = Callable[[], object]


def crops(count: int, size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Crops (n, 3, size, size) of photographs in 0..1 as float32, and the same with noise."""
    random = np.random.default_rng(0)
    photographs = [
        skimage.data.astronaut(),
        skimage.data.coffee(),
        skimage.data.chelsea(),
        skimage.data.rocket(),
    ]
    clean = np.empty((count, 3, size, size), dtype=np.float32)
    for index in range(count):
        photograph = photographs[index % len(photographs)]
        top, left = (random.integers(0, side - size + 1) for side in photograph.shape[:2])
        clean[index] = photograph[top : top + size, left : left + size].transpose(2, 0, 1) / 255
    noisy = np.clip(clean + random.normal(0, 12 / 255, clean.shape), 0, 1).astype(np.float32)
    return noisy, clean


def scikit_psnr(noisy: np.ndarray, clean: np.ndarray) -> list[float]:
    return [peak_signal_noise_ratio(y, x, data_range=1.0) for x, y in zip(noisy, clean, strict=True)]


def scikit_ssim(noisy: np.ndarray, clean: np.ndarray) -> list[float]:
    window = {"gaussian_weights": True, "use_sample_covariance": False, "data_range": 1.0}
    return [structural_similarity(y, x, channel_axis=0, **window) for x, y in zip(noisy, clean, strict=True)]


def torchmetrics_psnr(noisy: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    from torchmetrics.functional.image import peak_signal_noise_ratio as peer

    values: torch.Tensor = peer(noisy, clean, data_range=1.0, reduction="none", dim=(1, 2, 3))
    return values


def torchmetrics_ssim(noisy: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    from torchmetrics.functional.image import structural_similarity_index_measure as peer

    parts = [
        peer(x, y, data_range=1.0, reduction="none")
        for x, y in zip(noisy.split(8), clean.split(8), strict=True)
    ]
    return torch.cat(parts)


def timed(
    turns: Mapping[str, Turn], clock: Clock, repeats: int = 3
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """The least of some times of each, and the values."""
    times = dict.fromkeys(turns, math.inf)
    values = {}
    for _ in range(repeats):
        for name, turn in turns.items():
            start = clock()
            found = turn()
            times[name] = min(times[name], clock() - start)
            values[name] = np.asarray(found)
    return times, values


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    noisy, clean = crops(count)
    double = noisy.astype(np.float64), clean.astype(np.float64)
    x, y = torch.from_numpy(noisy), torch.from_numpy(clean)
    rows: dict[str, dict[str, Turn]] = {
        "psnr": {
            "ours": lambda: psnr(x, y, data_range=1.0, cap=100.0),
            "scikit-image": lambda: scikit_psnr(*double),
            "torchmetrics": lambda: torchmetrics_psnr(x, y),
        },
        "ssim": {
            "ours": lambda: ssim(x, y, data_range=1.0),
            "scikit-image": lambda: scikit_ssim(*double),
            "torchmetrics": lambda: torchmetrics_ssim(x, y),
        },
    }
    if find_spec("torchmetrics") is None:
        print("torchmetrics is not installed")
        for row in rows.values():
            del row["torchmetrics"]
    threads = torch.get_num_threads()
    print(f"{count} images of 3×256×256 float32; milliseconds an image")
    for clock, used in ((time.process_time, 1), (time.perf_counter, threads)):
        torch.set_num_threads(used)
        print(f"\n{clock.__name__}, {used} thread(s) for torch")
        for name, turns in rows.items():
            times, values = timed({"reading": lambda: [float(x.sum()), float(y.sum())], **turns}, clock)
            print(f"  {name}: {times['ours'] / times['reading']:.1f} times reading the bytes")
            for turn in turns:
                difference = np.abs(values[turn] - values["scikit-image"]).max()
                ratio = times[turn] / times["ours"]
                print(
                    f"    {turn:12} {1e3 * times[turn] / count:7.2f}  ratio {ratio:5.1f}  differs {difference:.1e}"
                )


if __name__ == "__main__":
    main()
