"""How often a bound is wrong, and how often an interval covers: every family of metrics, by simulation.

``above`` and ``below`` are the shares of data sets whose lower (upper) bound lies beyond the true value: the
rates of false PASS and false FAIL with the threshold at the true value. ``covers`` is of the interval of
both bounds at 97.5 % each, nominal 0.95; ``silent`` the share of data sets in which no bound was set by
unseen failures.

Run: python benchmarks/statistics/error_rates.py [--runs 4000]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from pytest_modelqa.statistics import intervals, jackknife, paired
from pytest_modelqa.statistics.intervals import Interval

Draw = Callable[[np.random.Generator, float], Interval]
"""Draws a data set and gives its interval at a confidence of each bound."""


def measure(draw: Draw, truth: float, runs: int, seed: int) -> tuple[float, float, float, float, float]:
    """Rates of ``above``, ``below``, ``covers``, coverage where the guard was silent, and ``silent``."""
    above = below = covers = silent_covers = silent = 0
    for run in range(runs):
        one = draw(np.random.default_rng([seed, run]), 0.95)
        both = draw(np.random.default_rng([seed, run]), 0.975)
        tiny = 1e-12 * max(1.0, abs(truth))
        above += one.lower > truth + tiny
        below += one.upper < truth - tiny
        covered = both.lower <= truth + tiny and truth - tiny <= both.upper
        covers += covered
        if not (both.unseen_below or both.unseen_above):
            silent += 1
            silent_covers += covered
    return above / runs, below / runs, covers / runs, silent_covers / max(silent, 1), silent / runs


def report(title: str, families: dict[str, tuple[Draw, float]], runs: int) -> None:
    error = np.sqrt(0.05 * 0.95 / runs)
    print(f"\n{title} ({runs} data sets; 0.05 is measured within {3 * error:.3f})")
    print(f"{'':52}{'above':>8}{'below':>8}{'covers':>9}{'silent':>9}{'covers there':>14}")
    for name, (draw, truth) in families.items():
        above, below, covers, silent_covers, silent = measure(draw, truth, runs, seed=len(name))
        beyond = " <- above 0.05" if above > 0.05 + 3 * error else ""
        there = f"{silent_covers:14.3f}" if silent > 0.02 else f"{'-':>14}"
        print(f"{name:52}{above:8.3f}{below:8.3f}{covers:9.3f}{silent:9.2f}{there}{beyond}", flush=True)


def binary_rate(rate: float, n: int) -> tuple[Draw, float]:
    return lambda rng, c: intervals.binary(rng.random(n) < rate, c), rate


def paired_binary(wins: float, losses: float, n: int) -> tuple[Draw, float]:
    def draw(rng: np.random.Generator, confidence: float) -> Interval:
        u = rng.random(n)
        return paired.binary(
            u < 0.5 + wins, (u < 0.5) | ((u >= 0.5 + wins) & (u < 0.5 + wins + losses)), confidence
        )

    return draw, wins - losses


def bounded(
    sample: Callable[[np.random.Generator, int], np.ndarray], truth: float, n: int
) -> tuple[Draw, float]:
    return lambda rng, c: intervals.mean(sample(rng, n), c, lower_limit=0.0, upper_limit=1.0), truth


def unbounded(
    sample: Callable[[np.random.Generator, int], np.ndarray], truth: float, n: int
) -> tuple[Draw, float]:
    return lambda rng, c: intervals.mean(sample(rng, n), c), truth


def failures(share: float, level: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, n: np.clip(np.where(rng.random(n) < share, level, 0.9) + rng.normal(0, 0.01, n), 0, 1)


def clustered(clusters: int, correlation: float, uneven: bool) -> tuple[Draw, float]:
    def draw(rng: np.random.Generator, confidence: float) -> Interval:
        sizes = 1 + rng.poisson(3, clusters) if uneven else np.full(clusters, 4)
        names = np.repeat(np.arange(clusters), sizes)
        shared = rng.normal(0, np.sqrt(correlation), clusters)[names]
        scores = shared + rng.normal(0, np.sqrt(1 - correlation), len(names))
        return intervals.mean(scores, confidence, clusters=names)

    return draw, 0.0


def tied_differences(n: int) -> tuple[Draw, float]:
    """Rubric scores of 0 … 4 fifths: most differences are ties."""

    def draw(rng: np.random.Generator, confidence: float) -> Interval:
        baseline = rng.integers(0, 5, n) / 5
        change = rng.choice([-0.2, 0.0, 0.2], n, p=[0.1, 0.75, 0.15])
        candidate = np.clip(baseline + change, 0, 0.8)
        return paired.mean(candidate, baseline, confidence, lower_limit=0.0, upper_limit=0.8)

    return draw, 0.15 * 0.2 * 0.8 - 0.1 * 0.2 * 0.8


def word_error_rate(n: int) -> tuple[Draw, float]:
    def draw(rng: np.random.Generator, confidence: float) -> Interval:
        words = 1 + rng.poisson(9, n)
        return paired.ratio(rng.binomial(words, 0.12), words, confidence, threshold=0.12)

    return draw, 0.12


def relative_gain(n: int) -> tuple[Draw, float]:
    def draw(rng: np.random.Generator, confidence: float) -> Interval:
        baseline = rng.beta(8, 12, n)
        candidate = np.clip(baseline * 1.12 + rng.normal(0, 0.05, n), -1, 2)
        return paired.relative(candidate, baseline, confidence, threshold=0.12)

    return draw, 0.12


def different_samples(rate: float, other: float, n: int) -> tuple[Draw, float]:
    def draw(rng: np.random.Generator, confidence: float) -> Interval:
        a, b = rng.random(n) < rate, rng.random(n) < other
        return paired.independent(intervals.binary(a, confidence), intervals.binary(b, confidence))

    return draw, rate - other


def groups_of(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 20, n)  # as a hash of the sample's id gives them


def average_precision(scores: np.ndarray, true: np.ndarray, positives: int) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(true[order])
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float(precision[true[order]].sum() / max(positives, 1))


def detections(rng: np.random.Generator, images: int, quality: float) -> tuple[np.ndarray, ...]:
    """Per detection its image, score and whether it is right; per image how many objects it has."""
    objects = 1 + rng.poisson(2, images)
    skill = rng.normal(quality, 0.7, images)
    found = rng.binomial(objects, 1 / (1 + np.exp(-skill - 0.5)))
    wrong = rng.poisson(1.5, images)
    image = np.concatenate([np.repeat(np.arange(images), found), np.repeat(np.arange(images), wrong)])
    true = np.concatenate([np.ones(found.sum(), bool), np.zeros(wrong.sum(), bool)])
    return image, rng.normal(np.where(true, 1.0, 0.0) + 0.5 * skill[image], 1.0), true, objects


def ap_of(data: tuple[np.ndarray, ...], kept: np.ndarray) -> float:
    image, score, true, objects = data
    mask = kept[image]
    return average_precision(score[mask], true[mask], int(objects[kept].sum()))


def left_out(value: Callable[[np.ndarray], float], group: np.ndarray) -> tuple[float, list[float]]:
    return value(np.ones(len(group), bool)), [value(group != g) for g in range(20)]


def single_ap(images: int) -> tuple[Draw, float]:
    def draw(rng: np.random.Generator, confidence: float) -> Interval:
        data, group = detections(rng, images, 0.5), groups_of(rng, images)
        whole, without = left_out(lambda kept: ap_of(data, kept), group)
        return jackknife.single(whole, without, confidence, images, lower_limit=0, upper_limit=1)

    # Of sets of this size: AP of few images is biased upwards, which no resampling of them can see.
    rng = np.random.default_rng(0)
    everything = np.ones(images, bool)
    return draw, float(np.mean([ap_of(detections(rng, images, 0.5), everything) for _ in range(4000)]))


def paired_ap(images: int) -> tuple[Draw, float]:
    """Two detectors of the same quality on the same images."""

    def draw(rng: np.random.Generator, confidence: float) -> Interval:
        first = detections(rng, images, 0.5)
        noise, group = rng.normal(0, 0.5, len(first[1])), groups_of(rng, images)
        second = (first[0], first[1] + noise, first[2], first[3])
        third = (first[0], first[1] + rng.normal(0, 0.5, len(first[1])), first[2], first[3])
        theirs = left_out(lambda kept: ap_of(second, kept), group)
        ours = left_out(lambda kept: ap_of(third, kept), group)
        return jackknife.difference(*theirs, *ours, confidence, images, lower_limit=0, upper_limit=1)

    return draw, 0.0


def distinct_n(prompts: int, gain: bool) -> tuple[Draw, float]:
    """Distinct 2-grams over all, of texts from a Zipf vocabulary; each prompt contributes 3 texts of 12 words."""
    chance = 1 / np.arange(1, 401) ** 1.1
    chance /= chance.sum()

    def texts(rng: np.random.Generator) -> np.ndarray:
        words = rng.choice(400, size=(prompts, 3, 12), p=chance)
        return (words[..., :-1] * 400 + words[..., 1:]).reshape(prompts, -1)

    def value(grams: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda kept: len(np.unique(grams[kept])) / grams[kept].size

    def draw(rng: np.random.Generator, confidence: float) -> Interval:
        grams, other, group = texts(rng), texts(rng), groups_of(rng, prompts)
        whole, without = left_out(value(grams), group)
        if not gain:
            sizes = np.bincount(group, minlength=20)
            return jackknife.single(
                whole, without, confidence, prompts, sizes=sizes, lower_limit=0, upper_limit=1
            )
        return jackknife.relative(whole, without, *left_out(value(other), group), confidence, prompts)

    if gain:
        return draw, 0.0
    rng = np.random.default_rng(0)
    everything = np.ones(prompts, bool)
    return draw, float(np.mean([value(texts(rng))(everything) for _ in range(2000)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4000)
    runs = parser.parse_args().runs
    report(
        "0/1 means (Clopper-Pearson) and paired 0/1 (exact McNemar with margins): never above",
        {f"rate {rate}, n {n}": binary_rate(rate, n) for rate in (0.5, 0.9, 0.99) for n in (50, 160, 2000)}
        | {
            f"wins {w}, losses {x}, n {n}": paired_binary(w, x, n)
            for w, x in ((0.05, 0.05), (0.02, 0.07), (0.001, 0.021))
            for n in (50, 160, 1000)
        },
        runs,
    )
    report(
        "bounded means (t with the guard): rare failures, skew",
        {
            f"{share:.1%} of failures at {level}, n {n}": bounded(
                failures(share, level), 0.9 - share * (0.9 - level), n
            )
            for share, level in ((0.01, 0.3), (0.01, 0.05), (0.003, 0.3), (0.05, 0.3))
            for n in (50, 160, 500, 2000)
        }
        | {
            f"beta(20, 1), n {n}": bounded(lambda rng, n: rng.beta(20, 1, n), 20 / 21, n)
            for n in (50, 160, 500, 2000)
        }
        | {f"uniform, n {n}": bounded(lambda rng, n: rng.random(n), 0.5, n) for n in (50, 160, 500)},
        runs,
    )
    report(
        "unbounded means, clusters, ties, ratios, different samples",
        {f"normal, n {n}": unbounded(lambda rng, n: rng.normal(28, 4, n), 28, n) for n in (50, 500)}
        | {
            f"exponential, n {n}": unbounded(lambda rng, n: rng.exponential(1, n), 1, n)
            for n in (50, 160, 500)
        }
        | {
            f"−exponential, n {n}": unbounded(lambda rng, n: -rng.exponential(1, n), -1, n)
            for n in (50, 160, 500)
        }
        | {
            f"{clusters} {'uneven' if uneven else 'even'} clusters, correlation {rho}": clustered(
                clusters, rho, uneven
            )
            for clusters in (15, 50, 200)
            for rho in (0.0, 0.5)
            for uneven in (False, True)
        }
        | {f"tied paired differences, n {n}": tied_differences(n) for n in (50, 160, 1000)}
        | {f"word error rate, n {n}": word_error_rate(n) for n in (50, 160, 1000)}
        | {f"relative gain of 12 %, n {n}": relative_gain(n) for n in (50, 160, 1000)}
        | {
            f"different samples, rates {a} and {b}, n {n}": different_samples(a, b, n)
            for a, b in ((0.9, 0.9), (0.98, 0.95))
            for n in (50, 160)
        },
        runs,
    )
    report(
        "set-level values (jackknife of 20 groups)",
        {f"AP, {n} images": single_ap(n) for n in (50, 150, 600)}
        | {f"paired AP, {n} images": paired_ap(n) for n in (50, 150, 600)}
        | {f"distinct-2, {n} prompts": distinct_n(n, gain=False) for n in (50, 160)}
        | {f"relative gain of distinct-2, {n} prompts": distinct_n(n, gain=True) for n in (50, 160)},
        max(200, runs // 2),
    )


if __name__ == "__main__":
    main()
