"""How much of a test set early stopping uses, how often it is wrong, and what it costs per sample and check.

Run: python benchmarks/statistics/early_stopping.py [--runs 2000] [--largest 50000] [--only fractions]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from pytest_modelqa.statistics import sequential
from pytest_modelqa.statistics.sequential import Audit, Claim, anytime_interval

BATCH = 32
# Mean share of the test set in %, PASS and FAIL averaged, by distance of threshold and mean in standard
# deviations: what the prototype of this audit needed (2,000 runs per cell). The audit must be within 15 % of
# it.
DISTANCES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
PROTOTYPE = {
    ("accuracy 0.90, alpha 0.05", 500): (91, 79, 53, 27, 12, 6.9),
    ("accuracy 0.90, alpha 0.05", 2000): (82, 51, 26, 9.4, 3.5, 1.8),
    ("accuracy 0.90, alpha 0.05", 10000): (56, 22, 7.5, 2.2, 0.8, 0.4),
    ("accuracy 0.90, alpha 0.05", 50000): (25, 6.0, 1.7, 0.47, 0.15, 0.07),
    ("accuracy 0.90, alpha 0.01", 500): (97, 88, 68, 35, 16, 7.8),
    ("accuracy 0.90, alpha 0.01", 2000): (92, 64, 34, 13, 4.7, 2.1),
    ("accuracy 0.90, alpha 0.01", 10000): (69, 30, 10, 3.0, 1.0, 0.4),
    ("accuracy 0.90, alpha 0.01", 50000): (34, 8.6, 2.4, 0.65, 0.21, 0.09),
    ("paired 0/1, 10 % discordant, alpha 0.05", 500): (92, 82, 55, 30, 11, 6.6),
    ("paired 0/1, 10 % discordant, alpha 0.05", 2000): (84, 53, 26, 10, 2.9, 1.7),
    ("paired 0/1, 10 % discordant, alpha 0.05", 10000): (57, 22, 7.6, 2.4, 0.6, 0.3),
    ("paired 0/1, 10 % discordant, alpha 0.05", 50000): (26, 6.1, 1.7, 0.5, 0.13, 0.07),
    ("PSNR, sd 4 dB in 0..60, alpha 0.05", 500): (95, 81, 57, 33, 15, 8.9),
    ("PSNR, sd 4 dB in 0..60, alpha 0.05", 2000): (82, 50, 24, 10, 4.2, 2.5),
    ("PSNR, sd 4 dB in 0..60, alpha 0.05", 10000): (55, 21, 6.3, 2.3, 0.9, 0.5),
    ("PSNR, sd 4 dB in 0..60, alpha 0.05", 50000): (25, 5.5, 1.4, 0.5, 0.2, 0.1),
}


def accuracy(size: int) -> tuple[np.ndarray, float, float, float | None]:
    return np.repeat([1.0, 0.0], [round(0.9 * size), size - round(0.9 * size)]), 0.0, 1.0, 1.0


def paired(size: int) -> tuple[np.ndarray, float, float, float | None]:
    half = round(0.05 * size)
    return np.repeat([1.0, -1.0, 0.0], [half, half, size - 2 * half]), -1.0, 1.0, 1.0


def psnr(size: int) -> tuple[np.ndarray, float, float, float | None]:
    scores = np.random.default_rng(size).normal(0, 1, size)
    return 29.5 + 4 * (scores - scores.mean()) / scores.std(), 0.0, 60.0, None


POPULATIONS: dict[str, Callable[[int], tuple[np.ndarray, float, float, float | None]]] = {
    "accuracy 0.90": accuracy,
    "paired 0/1, 10 % discordant": paired,
    "PSNR, sd 4 dB in 0..60": psnr,
}


def decide(
    scores: np.ndarray, claim: Claim, alpha: float, runs: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The share of samples used in each run, and whether it passed."""
    used, passed = [], []
    at_once = max(1, min(runs, 2_000_000 // len(scores)))
    for start in range(0, runs, at_once):
        count = min(at_once, runs - start)
        orders = np.stack([rng.permutation(scores) for _ in range(count)], axis=1)
        # Each run is a claim with an order of its own: the audit's share of wrong_fail is taken back.
        claims = [claim] * count
        audit = Audit(claims, alpha, alpha)
        audit._fail_side = sequential._fail_side(claims, alpha)
        for first in range(0, len(scores), BATCH):
            if not audit.undecided.any():
                break
            audit.update(orders[first : first + BATCH])
        for standing in audit.standings:
            used.append(min(len(scores), -(-standing.samples // BATCH) * BATCH) / len(scores))
            passed.append(standing.outcome == "pass")
    return np.array(used), np.array(passed)


def fractions(runs: int, largest: int) -> None:
    print(
        f"mean % of the test set used ({runs} runs per direction, batches of {BATCH}), ratio to the prototype"
    )
    rng = np.random.default_rng(1)
    for (name, size), expected in PROTOTYPE.items():
        if size > largest:
            continue
        population, _, rate = name.rpartition(", alpha ")
        alpha = float(rate)
        scores, low, high, step = POPULATIONS[population](size)
        cells, worst = [], 0.0
        for distance, prototype in zip(DISTANCES, expected, strict=True):
            shares = []
            for direction in (1, -1):
                threshold = float(scores.mean() - direction * distance * scores.std())
                if threshold >= high:
                    continue  # accuracy 0.90 + 0.5 sd: not a claim that could ever pass
                used, passed = decide(scores, Claim(size, threshold, low, high, step), alpha, runs, rng)
                shares.append(100 * used.mean())
                right = scores.mean() >= threshold - 1e-12
                worst = max(worst, float(np.mean(passed != right)))
            share = float(
                np.mean(shares[:1] if population == "accuracy 0.90" and distance >= 0.5 else shares)
            )
            cells.append(f"{share:6.2f} ({share / prototype:4.2f})")
        print(f"{name:41} {size:6}  {'  '.join(cells)}   worst wrong {100 * worst:.2f} %", flush=True)


def boundary(runs: int) -> None:
    print(f"\nwrong verdicts with the threshold next to the true mean ({runs} runs)")
    rng = np.random.default_rng(2)
    for alpha in (0.05, 0.01):
        for size in (500, 2000):
            scores, low, high, step = accuracy(size)
            false_pass = decide(scores, Claim(size, 0.9 + 0.5 / size, low, high, step), alpha, runs, rng)[
                1
            ].mean()
            false_fail = 1 - decide(scores, Claim(size, 0.9, low, high, step), alpha, runs, rng)[1].mean()
            error = 100 * np.sqrt(alpha * (1 - alpha) / runs)
            print(
                f"alpha {alpha}, N {size}: false PASS {100 * false_pass:.2f} %, "
                f"false FAIL {100 * false_fail:.2f} % (standard error {error:.2f})",
                flush=True,
            )


def rare_disasters(runs: int) -> None:
    print(f"\n1 % of samples lose 0.5 of 1, true mean difference −0.005, at least −0.001 asked ({runs} runs)")
    rng = np.random.default_rng(3)
    for size in (500, 2000, 10000):
        scores = rng.normal(0, 0.002, size)
        scores -= scores.mean()
        scores[: size // 100] -= 0.5
        used, passed = decide(scores, Claim(size, -0.001, -1, 1), 0.05, runs, rng)
        print(f"N {size:6}: passed {100 * passed.mean():.2f} %, used {100 * used.mean():.0f} %", flush=True)


def intervals(runs: int) -> None:
    rng = np.random.default_rng(4)
    scores = accuracy(2000)[0]
    covered, naive, bias = [], [], []
    for _ in range(runs):
        order = rng.permutation(scores)
        audit = Audit([Claim(2000, 0.87, 0, 1, 1)], 0.05, 0.05)
        first = 0
        while audit.undecided.any():
            audit.update(order[first : first + BATCH, None])
            first += BATCH
        seen = order[:first]
        interval = anytime_interval(seen, 2000, 0.975, 0, 1)
        covered.append(interval.lower <= 0.9 <= interval.upper)
        half = 1.96 * np.sqrt(seen.mean() * (1 - seen.mean()) / len(seen))
        naive.append(abs(seen.mean() - 0.9) <= half)
        bias.append(seen.mean() - 0.9)
    print(
        f"\nat the stopping time ({runs} runs, nominal 0.95): anytime interval covers {np.mean(covered):.3f}, "
        f"the naive one {np.mean(naive):.3f}, mean of what was seen is off by {100 * np.mean(bias):+.2f} points"
    )


def speed() -> None:
    print("\ncost, against one numpy pass over the same scores (sum and sum of squares)")
    rng = np.random.default_rng(5)
    for checks, batch in ((1, 32), (1, 256), (10, 32), (100, 32), (100, 256)):
        size = 4096
        scores = rng.random((size, checks))
        claims = [Claim(size, 0.5, 0, 1)] * checks
        audit = Audit(claims, 1e-9, 1e-9)
        started = time.perf_counter()
        for first in range(0, size, batch):
            audit.update(scores[first : first + batch])
        gate_s = time.perf_counter() - started
        started = time.perf_counter()
        for _ in range(20):
            _ = scores.sum(axis=0), (scores**2).sum(axis=0)
        numpy_s = (time.perf_counter() - started) / 20
        print(
            f"{checks:4} checks, batches of {batch:3}: {1e6 * gate_s / size / checks:6.3f} µs per sample and check, "
            f"{gate_s / numpy_s:7.0f} passes over the scores"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--largest", type=int, default=50000)
    parser.add_argument("--only", choices=("fractions", "boundary", "disasters", "intervals", "speed"))
    chosen = parser.parse_args()
    parts: dict[str, Callable[[], None]] = {
        "fractions": lambda: fractions(chosen.runs, chosen.largest),
        "boundary": lambda: boundary(10 * chosen.runs),
        "disasters": lambda: rare_disasters(chosen.runs),
        "intervals": lambda: intervals(max(50, chosen.runs // 4)),
        "speed": speed,
    }
    for name, part in parts.items():
        if chosen.only in (None, name):
            part()


if __name__ == "__main__":
    main()
