"""COCO AP of 5,000 images and 300,000 detections: this package, pycocotools, and 20 leave-one-group-out values.

Prints seconds of CPU time and their ratios, without loading, and the greatest difference from pycocotools over all
entries of precision and recall.

    python benchmarks/detection.py [--images 5000]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pytest_modelqa.metrics.coco_accumulate import greatest_recall, precision_at_recall, rank
from pytest_modelqa.metrics.coco_matching import Boxes, match

AREAS = [(0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10)]
MAX_DETECTIONS = (1, 10, 100)
# What the 12 statistics ask for, as area range and number of detections: precision and recall, or recall only.
PRECISION = ((0, 100), (1, 100), (2, 100), (3, 100))
RECALL = (*PRECISION, (0, 1), (0, 10))
CATEGORIES = 80


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=5000)
    images = parser.parse_args().images
    truths, detections = scene(images)
    print(f"{images} images, {len(truths)} ground truths, {len(detections)} detections")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(_coco(images, truths), _coco(images, detections), "bbox")
        _, theirs = timed(lambda: run_pycocotools(evaluator))
    results, ours = best_of_three(lambda: run(images, truths, detections))
    worst = max(
        float(np.abs(evaluator.eval[name][..., area, MAX_DETECTIONS.index(most)] - values).max())
        for (name, area, most), values in results.items()
    )
    _, left_out = best_of_three(lambda: run(images, truths, detections, groups=20))
    print(f"pycocotools            {theirs:8.2f} s")
    print(f"this package           {ours:8.2f} s   {theirs / ours:6.1f} times as fast, difference {worst}")
    print(f"and without 20 groups  {left_out:8.2f} s   {left_out / ours:6.1f} times one evaluation")


def scene(images: int) -> tuple[Boxes, Boxes]:
    """Images like COCO's: 7.5 objects of few categories each, and 60 detections, most near an object."""
    rng = np.random.default_rng(0)
    number = rng.poisson(7.5, images)
    image = np.repeat(np.arange(images), number)
    few = rng.integers(0, CATEGORIES, (images, 3))
    category = few[image, rng.integers(0, 3, len(image))]
    side = np.exp(rng.normal(4.0, 1.0, (len(image), 1))) * rng.uniform(0.7, 1.4, (len(image), 2))
    xywh = np.concatenate([rng.uniform(0, 500, (len(image), 2)), side], axis=1)
    crowd = rng.random(len(image)) < 0.01
    truths = Boxes(image, category, xywh, xywh[:, 2] * xywh[:, 3] * 0.7, np.zeros(len(image)), crowd)

    chosen = rng.integers(0, len(truths), images * 60)
    near = rng.random((len(chosen), 1)) < 0.6
    boxes = xywh[chosen] + rng.normal(0, 0.15, (len(chosen), 4)) * np.tile(xywh[chosen, 2:], 2)
    stray = np.concatenate([rng.uniform(0, 500, (len(chosen), 2)), xywh[chosen, 2:]], axis=1)
    boxes = np.where(near, boxes, stray)
    order = np.argsort(image[chosen], kind="stable")
    kind = np.where(rng.random(len(chosen)) < 0.8, category[chosen], rng.integers(0, CATEGORIES, len(chosen)))
    # Three decimals, as in results files: scores are tied.
    score = np.round(rng.beta(1, 4, len(chosen)) + 0.3 * near[:, 0], 3)
    found = Boxes(
        image[chosen][order],
        kind[order],
        boxes[order],
        (boxes[:, 2] * boxes[:, 3])[order],
        score[order],
        np.zeros(len(chosen), bool),
    )
    return truths, found


def run(
    images: int, truths: Boxes, detections: Boxes, groups: int = 0
) -> dict[tuple[str, int, int], np.ndarray]:
    """All that the 12 statistics need, and the same without each of the groups: matched once, ranked once."""
    group = np.arange(images) % max(groups, 1)
    weighings = [(group != left_out).astype(np.int64) for left_out in range(-1, groups)]
    matches = match(detections, truths, AREAS)
    results = {}
    for area, most in RECALL:
        ranking = rank(detections, truths, matches, categories=CATEGORIES, area=area, max_detections=most)
        recall = [greatest_recall(ranking, weights) for weights in weighings]
        results["recall", area, most] = recall[0]
        if (area, most) in PRECISION:
            curves = [precision_at_recall(ranking, weights) for weights in weighings]
            results["precision", area, most] = curves[0]
    return results


def run_pycocotools(evaluator: COCOeval) -> None:
    evaluator.evaluate()
    evaluator.accumulate()


def _coco(images: int, boxes: Boxes) -> COCO:
    rows = zip(
        boxes.image.tolist(),
        boxes.category.tolist(),
        boxes.xywh.tolist(),
        boxes.area.tolist(),
        boxes.score.tolist(),
        boxes.crowd.tolist(),
        strict=True,
    )
    coco = COCO()
    coco.dataset = {
        "images": [{"id": index} for index in range(images)],
        "categories": [{"id": category} for category in range(CATEGORIES)],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": category,
                "bbox": xywh,
                "area": area,
                "score": score,
                "iscrowd": int(crowd),
            }
            for number, (image, category, xywh, area, score, crowd) in enumerate(rows, start=1)
        ],
    }
    coco.createIndex()
    return coco


def timed(action: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    result = action()
    return result, time.process_time() - started


def best_of_three(action: Callable[[], Any]) -> tuple[Any, float]:
    runs = [timed(action) for _ in range(3)]
    return runs[0][0], min(seconds for _, seconds in runs)


if __name__ == "__main__":
    main()
