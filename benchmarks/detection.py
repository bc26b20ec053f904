"""COCO AP of 5,000 images and 300,000 detections: this package, pycocotools, and 20 leave-one-group-out values.

Prints ratios, and the greatest difference from pycocotools over all entries of precision and recall. The machine
may be shared: read the ratios, not the seconds.

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

from pytest_modelqa.metrics.coco_accumulate import accumulate, rank
from pytest_modelqa.metrics.coco_matching import Boxes, match

AREAS = [(0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10)]
MAX_DETECTIONS = (1, 10, 100)
# What the 12 statistics ask for: area range and number of detections.
SETTINGS = ((0, 100), (1, 100), (2, 100), (3, 100), (0, 1), (0, 10))
CATEGORIES = np.arange(1, 81)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=5000)
    images = parser.parse_args().images
    truths, detections = scene(images)
    print(f"{images} images, {len(truths)} ground truths, {len(detections)} detections")
    evaluator, theirs = timed(lambda: run_pycocotools(images, truths, detections))
    (precision, recall), ours = best_of_three(lambda: run(images, truths, detections))
    shape = evaluator.eval["precision"].shape
    worst = 0.0
    for (area, most), values, greatest in zip(SETTINGS, precision, recall, strict=True):
        last = MAX_DETECTIONS.index(most)
        worst = max(worst, float(np.abs(evaluator.eval["precision"][..., area, last] - values).max()))
        worst = max(worst, float(np.abs(evaluator.eval["recall"][..., area, last] - greatest).max()))
    _, left_out = best_of_three(lambda: run_left_out(images, truths, detections))
    print(f"pycocotools            {theirs:8.2f} s (evaluate, accumulate; precision of shape {shape})")
    print(f"this package           {ours:8.2f} s   {theirs / ours:6.1f} times as fast, difference {worst}")
    print(f"and without 20 groups  {left_out:8.2f} s   {left_out / ours:6.1f} times one evaluation")


def scene(images: int) -> tuple[Boxes, Boxes]:
    """Images like COCO's: 7.5 objects of few categories each, and 60 detections, most near an object."""
    rng = np.random.default_rng(0)
    number = rng.poisson(7.5, images)
    image = np.repeat(np.arange(images), number)
    few = rng.choice(CATEGORIES, (images, 3))
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
    kind = np.where(rng.random(len(chosen)) < 0.8, category[chosen], rng.choice(CATEGORIES, len(chosen)))
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


def run(images: int, truths: Boxes, detections: Boxes) -> tuple[list[np.ndarray], list[np.ndarray]]:
    matches = match(detections, truths, AREAS)
    every = np.ones(images, dtype=np.int64)
    results = [
        accumulate(
            rank(detections, truths, matches, categories=CATEGORIES, area=area, max_detections=most), every
        )
        for area, most in SETTINGS
    ]
    return [precision for precision, _ in results], [recall for _, recall in results]


def run_left_out(images: int, truths: Boxes, detections: Boxes) -> None:
    """The same and the values without each of 20 groups: matched once, ranked once."""
    matches = match(detections, truths, AREAS)
    group = np.arange(images) % 20
    for area, most in SETTINGS:
        ranking = rank(detections, truths, matches, categories=CATEGORIES, area=area, max_detections=most)
        for left_out in range(-1, 20):
            accumulate(ranking, (group != left_out).astype(np.int64))


def run_pycocotools(images: int, truths: Boxes, detections: Boxes) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(_coco(images, truths), _coco(images, detections), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


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
        "categories": [{"id": int(category)} for category in CATEGORIES],
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
    started = time.perf_counter()
    result = action()
    return result, time.perf_counter() - started


def best_of_three(action: Callable[[], Any]) -> tuple[Any, float]:
    runs = [timed(action) for _ in range(3)]
    return runs[0][0], min(seconds for _, seconds in runs)


if __name__ == "__main__":
    main()
