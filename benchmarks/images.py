"""PSNR and SSIM side by side with scikit-image on real crops with noise: prints times, ratios and differences.

    python benchmarks/images.py [IMAGES]

Ratios are of the processor time of one thread (so that a busy neighbour does not enter them) and of the wall clock
with the threads that torch takes by itself. Set OMP_WAIT_POLICY=passive where other processes run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import skimage.data
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pytest_modelqa.metrics.image import psnr, ssim

Clock = Callable[[], float]


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


def timed(function: Callable[[], object], clock: Clock, repeats: int = 3) -> tuple[float, np.ndarray]:
    """The least of some times, and the values."""
    times = []
    for _ in range(repeats):
        start = clock()
        values = function()
        times.append(clock() - start)
    return min(times), np.asarray(values)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    noisy, clean = crops(count)
    double = noisy.astype(np.float64), clean.astype(np.float64)
    x, y = torch.from_numpy(noisy), torch.from_numpy(clean)
    threads = torch.get_num_threads()
    print(f"{count} images of 3×256×256 float32; milliseconds an image")
    for clock, used in ((time.process_time, 1), (time.perf_counter, threads)):
        torch.set_num_threads(used)
        print(f"\n{clock.__name__}, {used} thread(s) for torch")
        reading, _ = timed(lambda: [float(x.sum()), float(y.sum())], clock)
        rows: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
            ("psnr", lambda: psnr(x, y, data_range=1.0), lambda: scikit_psnr(*double)),
            ("ssim", lambda: ssim(x, y, data_range=1.0), lambda: scikit_ssim(*double)),
        ]
        print(f"  reading both images  {1e3 * reading / count:7.2f}")
        for name, ours, theirs in rows:
            our_time, values = timed(ours, clock)
            their_time, expected = timed(theirs, clock)
            difference = np.abs(values - expected).max()
            print(
                f"  {name}  ours {1e3 * our_time / count:7.2f}  scikit-image {1e3 * their_time / count:7.2f}  "
                f"ratio {their_time / our_time:5.1f}  of reading {our_time / reading:5.1f}  differs {difference:.1e}"
            )


if __name__ == "__main__":
    main()
