"""The trend rule: false FAIL on flat quality, power on a rise that collapses, power to PASS per n and tolerance.

Scores are 0/1 on the same samples at every checkpoint, correlated 0.5 between checkpoints on the latent
scale.

Run: python benchmarks/statistics/trends.py [--runs 1000]
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
from scipy.special import ndtri

from pytest_modelqa.statistics import paired, seeds, trend
from pytest_modelqa.statistics.intervals import Interval


def checkpoints(rng: np.random.Generator, rates: tuple[float, ...], n: int) -> np.ndarray:
    """Scores of shape (n, checkpoints)."""
    latent = np.sqrt(0.5) * (rng.normal(size=(n, 1)) + rng.normal(size=(n, len(rates))))
    return latent < ndtri(np.array(rates))


def outcomes(
    rates: tuple[float, ...], n: int, shape: trend.Shape, tolerance: float, runs: int
) -> Counter[str]:
    rng = np.random.default_rng(n)
    counts: Counter[str] = Counter()
    for _ in range(runs):
        scores = checkpoints(rng, rates, n)

        def gain(earlier: int, later: int, confidence: float, scores: np.ndarray = scores) -> Interval:
            return paired.binary(scores[:, later], scores[:, earlier], confidence)

        counts[trend.judge(gain, len(rates), shape, tolerance, 0.95).outcome] += 1
    return counts


def seed_outcomes(spread: float, drop: float, count: int, tolerance: float, runs: int) -> Counter[str]:
    """Three steps of ``count`` runs each; the last is worse by ``drop``, runs differ by ``spread``."""
    rng = np.random.default_rng(count)
    counts: Counter[str] = Counter()
    for _ in range(runs):
        values = (
            rng.normal(0.8, 0.02, (count, 1)) + rng.normal(0, spread, (count, 3)) - np.array([0, 0, drop])
        )

        def gain(earlier: int, later: int, confidence: float, values: np.ndarray = values) -> Interval:
            return seeds.paired(values[:, later] - values[:, earlier], confidence)

        counts[trend.judge(gain, 3, "non_decreasing", tolerance, 0.95).outcome] += 1
    return counts


def line(title: str, counts: Counter[str]) -> None:
    total = counts.total()
    shares = ", ".join(
        f"{name} {100 * counts[name] / total:5.1f} %" for name in ("pass", "fail", "inconclusive")
    )
    print(f"{title:58} {shares}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    print("ten flat checkpoints at 0.10, tolerance almost 0 (false FAIL at most 5 %)")
    for n in (63, 160, 500):
        line(f"n {n}", outcomes((0.1,) * 10, n, "non_decreasing", 1e-9, max(10, runs // 5)))
    print("\n7.7 % → 14.3 % → 3.2 %, tolerance almost 0 (FAIL with power 95 % at n = 160)")
    for n in (63, 160, 500):
        line(f"n {n}", outcomes((0.077, 0.143, 0.032), n, "non_decreasing", 1e-9, runs))
    print("\n7.7 % → 14.3 % → 3.2 %, best_is_last, tolerance 2 points")
    for n in (63, 160, 500):
        line(f"n {n}", outcomes((0.077, 0.143, 0.032), n, "best_is_last", 0.02, runs))
    print("\npower to PASS: 50 % → 60 % → 70 %, by tolerance")
    for tolerance in (0.02, 0.05, 0.10):
        for n in (63, 160, 500, 2000):
            title = f"tolerance {tolerance}, n {n}"
            line(title, outcomes((0.5, 0.6, 0.7), n, "non_decreasing", tolerance, max(10, runs // 4)))
    print("\npower to PASS: five equal checkpoints at 70 %, by tolerance")
    for tolerance in (0.02, 0.05, 0.10):
        for n in (160, 500, 2000):
            title = f"tolerance {tolerance}, n {n}"
            line(title, outcomes((0.7,) * 5, n, "non_decreasing", tolerance, max(10, runs // 10)))
    print("\na drop of exactly the tolerance (5 points) must not pass in more than 5 %")
    for n in (160, 500):
        line(f"n {n}", outcomes((0.6, 0.7, 0.65), n, "non_decreasing", 0.05, runs))
    print("\nover seeds, runs differ by 1 point, tolerance 5 points")
    for count in (2, 3, 5):
        for drop in (0.0, 0.05, 0.10):
            line(f"{count} seeds, drop {drop}", seed_outcomes(0.01, drop, count, 0.05, runs))


if __name__ == "__main__":
    main()
