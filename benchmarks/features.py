"""Metrics of feature sets side by side with torchmetrics, prdc, vendi-score and scikit-learn: prints ratios.

    python benchmarks/features.py [SAMPLES]

Times are processor time with one thread, so that a busy neighbour does not enter them. A package that is not
installed is left out; none of them is a dependency.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import torch
from sklearn.metrics import pairwise_distances, silhouette_score

from pytest_modelqa.metrics.features import (
    frechet_distance,
    pairwise_distance,
    resemblance,
    vendi_score,
)
from pytest_modelqa.metrics.separability import silhouette


def torchmetrics_frechet(features: np.ndarray, reference: np.ndarray) -> float:
    from torchmetrics.image.fid import _compute_fid

    a, b = torch.from_numpy(features), torch.from_numpy(reference)
    return float(_compute_fid(a.mean(0), torch.cov(a.T), b.mean(0), torch.cov(b.T)))


def prdc_density(features: np.ndarray, reference: np.ndarray) -> float:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        return float(compute_prdc(reference, features, nearest_k=5)["density"])


def package_vendi(features: np.ndarray) -> float:
    from vendi_score import vendi

    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return float(vendi.score_dual(unit, normalize=False))


def timed(function: Callable[[], float], repeats: int = 3) -> tuple[float, float]:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        value = function()
        times.append(time.process_time() - start)
    return min(times), value


def main() -> None:
    torch.set_num_threads(1)
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    random = np.random.default_rng(0)
    label = random.integers(0, 10, n)
    print(f"{n} samples beside {n}, float64; processor milliseconds with one thread")
    for dimensions in (64, 384, 2048):
        a = random.normal(size=(n, dimensions)) + np.eye(dimensions)[label]
        b = random.normal(size=(n, dimensions)) * 1.05
        both = {"features": a, "reference_features": b, "label": label}
        rows: list[tuple[str, str, Callable[[], float], Callable[[], float]]] = [
            (
                "frechet_distance",
                "torchmetrics",
                lambda both=both: frechet_distance(both, min_samples=2),
                lambda a=a, b=b: torchmetrics_frechet(a, b),
            ),
            (
                "density and three more",
                "prdc",
                lambda both=both: resemblance(both, 5).density,
                lambda a=a, b=b: prdc_density(a, b),
            ),
            ("vendi_score", "vendi_score", lambda both=both: vendi_score(both), lambda a=a: package_vendi(a)),
            (
                "silhouette",
                "sklearn",
                lambda both=both: silhouette(both),
                lambda a=a: silhouette_score(a, label),
            ),
            (
                "pairwise_distance",
                "sklearn",
                lambda both=both: pairwise_distance(both),
                lambda a=a: float(pairwise_distances(a).sum() / (n * (n - 1))),
            ),
        ]
        for name, peer, ours, theirs in rows:
            if find_spec(peer) is None:
                print(f"  d = {dimensions:4}  {name}: {peer} is not installed")
                continue
            our_time, value = timed(ours)
            their_time, expected = timed(theirs, repeats=1)
            print(
                f"  d = {dimensions:4}  {name:22}  ours {1e3 * our_time:8.1f}  {peer:12} {1e3 * their_time:8.1f}  "
                f"ratio {their_time / our_time:5.1f}  differs {abs(value - expected):.1e}"
            )


if __name__ == "__main__":
    main()
