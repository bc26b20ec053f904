"""Draws the worst, median and best samples: target, output and error side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from ..metrics.registry import metrics
from .protocol import Inspection
from .strips import strip

_STRIPS_OF_A_KIND = 3


def strips_of_examples(
    inspection: Inspection,
    targets: Callable[[Mapping[str, Any]], torch.Tensor],
    lowest: float,
    data_range: float,
) -> Mapping[str, bytes]:
    """PNGs by name, ``worst_1.png`` and so on; none where no score tells good samples from bad ones."""
    score = _ranking_score(inspection.columns)
    if score is None:
        return {}
    column, goodness = score
    pictures = {}
    for kind, index in _chosen(goodness):
        batch, outputs = inspection.rerun([index])
        value = inspection.columns[column][index]
        caption = f"{inspection.ids[index]}  {column.split('.')[0]} {value:.4g}"
        target = targets(batch)[0].double().numpy()
        pictures[f"{kind}.png"] = strip(target, outputs[0].double().numpy(), lowest, data_range, caption)
    return pictures


def _ranking_score(columns: Mapping[str, np.ndarray]) -> tuple[str, np.ndarray] | None:
    """The column to rank samples by, psnr where there is one, and its values with the sign that makes more better."""
    known = metrics()
    # A field of the dataset may be called img.valid: only what a metric's name begins is a score.
    scores = {
        name: known.get(name.partition(".v")[0]) for name in columns if "/" not in name and ".v" in name
    }
    candidates = [name for name, metric in scores.items() if metric is not None and metric.level == "sample"]
    if not candidates:
        return None
    column = min(candidates, key=lambda name: not name.startswith("psnr."))
    sign = -1.0 if known[column.partition(".v")[0]].higher_is_better is False else 1.0
    return column, sign * columns[column]


def _chosen(goodness: np.ndarray) -> list[tuple[str, int]]:
    """Which samples to draw: up to three each of the worst, the median and the best, none of them twice.

    >>> _chosen(np.array([3.0, 1.0, 2.0]))
    [('worst_1', 1), ('best_1', 0), ('median_1', 2)]
    """
    order = np.argsort(goodness, kind="stable")
    each = min(_STRIPS_OF_A_KIND, max(1, len(order) // 3))
    middle = len(order) // 2 - each // 2
    kinds = {
        "worst": order[:each],
        "best": order[::-1][:each],
        "median": order[middle : middle + each],
    }
    chosen: dict[int, str] = {}
    for kind, indices in kinds.items():
        for place, index in enumerate(indices, start=1):
            chosen.setdefault(int(index), f"{kind}_{place}")
    return [(name, index) for index, name in chosen.items()]
