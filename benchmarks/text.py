"""Metrics of texts beside NLTK's loop, sacrebleu's and plain NumPy: ratios, with the values compared.

``python benchmarks/text.py``: 3 minutes, nearly all of it the loop over 1,000 texts that self-BLEU is compared with.
"""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from pytest_modelqa.metrics.embeddings import semantic_diversity
from pytest_modelqa.metrics.ngrams import grams
from pytest_modelqa.metrics.pass_at_k import chances, pass_at_k
from pytest_modelqa.metrics.self_bleu import self_bleu_scores

TOKENS = 30


def texts(n: int, seed: int = 0) -> list[list[str]]:
    """Words by Zipf's law, about 30 a text."""
    random = np.random.default_rng(seed)
    ranks = random.zipf(1.25, size=(n, TOKENS)) % 20_000
    return [[f"w{rank}" for rank in row[: random.integers(TOKENS - 8, TOKENS + 1)]] for row in ranks.tolist()]


def seconds(run: Callable[[], Any], times: int = 5) -> float:
    """The median processor time, so that a busy neighbour does not enter."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        run()
        taken.append(time.process_time() - started)
    return float(np.median(taken))


def nltk_loop(made: list[list[str]]) -> list[float]:
    smoothing = SmoothingFunction().method1
    return [
        sentence_bleu([*made[:at], *made[at + 1 :]], one, smoothing_function=smoothing)
        for at, one in enumerate(made)
    ]


def self_bleu() -> None:
    for n in (100, 1_000):
        made = texts(n)
        started = time.process_time()
        expected = nltk_loop(made)
        loop = time.process_time() - started
        ours = seconds(lambda made=made: self_bleu_scores(made))
        equal = self_bleu_scores(made).tolist() == expected
        print(
            f"self-BLEU, {n:6,} texts: NLTK {loop:7.2f} s, here {1e3 * ours:7.1f} ms: {loop / ours:6,.0f} times;"
            f" every bit equal: {equal}"
        )
    many = texts(10_000)
    print(f"self-BLEU, 10,000 texts: here {1e3 * seconds(lambda: self_bleu_scores(many), 3):7.1f} ms")


def distinct() -> None:
    made = texts(10_000)

    def with_sets() -> float:
        every = [gram for one in made for gram in itertools.pairwise(one)]
        return len(set(every)) / len(every)

    def here() -> float:
        found = grams(made, 2)[-1]
        return found.kinds / len(found.gram)

    ratio = seconds(with_sets) / seconds(here)
    print(f"distinct-2, 10,000 texts: {ratio:.1f} times a Python set; equal: {with_sets() == here()}")


def passing() -> None:
    passes = np.random.default_rng(0).random((10_000, 200)) < 0.3
    counts = passes.sum(1)

    def product(n: int, c: int, k: int) -> float:
        """As in the code of Chen et al."""
        return 1.0 if n - c < k else float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))

    def loop() -> np.ndarray:
        return np.array([[product(200, int(c), k) for c in counts] for k in (1, 10, 100)])

    def here() -> np.ndarray:
        chances.cache_clear()
        return np.stack([pass_at_k({"passes": passes}, k=k) for k in (1, 10, 100)])

    def from_counts() -> np.ndarray:
        chances.cache_clear()
        return np.stack([chances(200, k)[counts] for k in (1, 10, 100)])

    theirs, ours, bare = seconds(loop, 3), seconds(here), seconds(from_counts)
    error = np.abs(loop() - here()).max()
    print(
        f"pass@1, 10, 100 of 10,000 x 200: loop {1e3 * theirs:.0f} ms, here {1e3 * ours:.2f} ms"
        f" ({theirs / ours:,.0f} times), from counts {1e3 * bare:.2f} ms; largest difference {error:.0e}"
    )
    one = seconds(lambda: pass_at_k({"passes": passes}, k=10), 21)
    print(f"pass@10 of 10,000 x 200: {1e3 * one:.2f} ms")


def embeddings() -> None:
    features = np.random.default_rng(0).normal(size=(4_000, 1, 384)).astype(np.float32)

    def pairwise() -> float:
        unit = features[:, 0].astype(np.float64)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        distances = 1 - unit @ unit.T
        return float(distances[np.triu_indices(len(unit), 1)].mean())

    def memory(run: Callable[[], float]) -> float:
        tracemalloc.start()
        run()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / 2**20

    def here() -> float:
        return semantic_diversity({"features": features})

    print(
        f"semantic diversity, 4,000 x 384: {seconds(pairwise, 3) / seconds(here, 3):.0f} times a matrix of distances,"
        f" {memory(here):.0f} MiB in place of {memory(pairwise):.0f};"
        f" difference {abs(pairwise() - here()):.0e}"
    )


if __name__ == "__main__":
    passing()
    distinct()
    embeddings()
    self_bleu()
