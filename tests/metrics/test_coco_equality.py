"""Precision and recall against pycocotools, the definition of COCO's numbers: always equal, to the last bit."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_modelqa.metrics.coco_accumulate import greatest_recall, precision_at_recall, rank
from pytest_modelqa.metrics.coco_matching import IOU_THRESHOLDS, Boxes, match

pytest.importorskip("pycocotools")

AREAS = [(0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10)]
MAX_DETECTIONS = (1, 10, 100)
IMAGES, CATEGORIES = 5, 3


def boxes_of(rows: list[tuple[Any, ...]]) -> Boxes:
    """Rows of image, category, left, top, width, height, score, crowd, share of the box that is area."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 9)
    # Annotations stand by image, as in files.
    table = table[np.argsort(table[:, 0], kind="stable")]
    return Boxes(
        image=table[:, 0].astype(np.int64),
        category=table[:, 1].astype(np.int64),
        xywh=table[:, 2:6],
        area=table[:, 4] * table[:, 5] * table[:, 8],
        score=table[:, 6],
        crowd=table[:, 7] > 0,
    )


def by_pycocotools(detections: Boxes, truths: Boxes, images: int = IMAGES) -> Any:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def coco(boxes: Boxes) -> Any:
        result = COCO()
        result.dataset = {
            "images": [{"id": image} for image in range(images)],
            "categories": [{"id": category} for category in range(CATEGORIES)],
            "annotations": [
                {
                    "id": row + 1,
                    "image_id": int(boxes.image[row]),
                    "category_id": int(boxes.category[row]),
                    "bbox": boxes.xywh[row].tolist(),
                    "area": float(boxes.area[row]),
                    "score": float(boxes.score[row]),
                    "iscrowd": int(boxes.crowd[row]),
                }
                for row in range(len(boxes))
            ],
        }
        result.createIndex()
        return result

    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(coco(truths), coco(detections), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator


def ours(
    detections: Boxes, truths: Boxes, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall of pycocotools' shapes."""
    weights = np.ones(IMAGES, dtype=np.int64) if weights is None else weights
    matches = match(detections, truths, AREAS)
    precision = np.zeros((10, 101, CATEGORIES, len(AREAS), len(MAX_DETECTIONS)))
    recall = np.zeros((10, CATEGORIES, len(AREAS), len(MAX_DETECTIONS)))
    for area in range(len(AREAS)):
        for index, most in enumerate(MAX_DETECTIONS):
            ranking = rank(detections, truths, matches, categories=CATEGORIES, area=area, max_detections=most)
            precision[..., area, index] = precision_at_recall(ranking, weights)
            recall[..., area, index] = greatest_recall(ranking, weights)
    return precision, recall


# Few places, sides and scores, so that boxes coincide, overlaps are equal and scores are tied.
_place = st.sampled_from([0, 10, 16, 100])
_side = st.sampled_from([0, 20, 30, 32, 40, 96, 100])
_score = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
_detection = st.tuples(
    st.integers(0, IMAGES - 1),
    st.integers(0, CATEGORIES - 1),
    *(_place, _place, _side, _side, _score),
    st.just(0),
    st.just(1),
)
_truth = st.tuples(
    st.integers(0, IMAGES - 1),
    st.integers(0, CATEGORIES - 1),
    *(_place, _place, _side, _side),
    st.just(0),
    st.integers(0, 1),
    st.sampled_from([0.5, 1.0]),
)


@given(st.lists(_detection, max_size=30), st.lists(_truth, max_size=15))
@settings(max_examples=150)
def test_every_entry_of_precision_and_recall_is_that_of_pycocotools(
    detections: list[tuple[Any, ...]], truths: list[tuple[Any, ...]]
) -> None:
    found, true = boxes_of(detections), boxes_of(truths)

    theirs = by_pycocotools(found, true).eval
    precision, recall = ours(found, true)

    np.testing.assert_array_equal(precision, theirs["precision"])
    np.testing.assert_array_equal(recall, theirs["recall"])


def crowded_scene(seed: int, per_image: int) -> tuple[Boxes, Boxes]:
    """Many objects and detections near them, with scores that are all different."""
    rng = np.random.default_rng(seed)
    n = IMAGES * per_image
    image = np.repeat(np.arange(IMAGES), per_image)
    sides = np.exp(rng.normal(3.7, 0.8, (n, 2)))
    xywh = np.concatenate([rng.uniform(0, 300, (n, 2)), sides], axis=1)
    category = rng.integers(0, CATEGORIES, n)
    truths = Boxes(image, category, xywh, xywh[:, 2] * xywh[:, 3], np.zeros(n), rng.random(n) < 0.1)
    found = np.repeat(xywh, 4, axis=0) + rng.normal(0, 4, (4 * n, 4))
    found[:, 2:] = np.abs(found[:, 2:])
    detections = Boxes(
        np.repeat(image, 4),
        np.repeat(category, 4),
        found,
        found[:, 2] * found[:, 3],
        rng.random(4 * n),
        np.zeros(4 * n, dtype=bool),
    )
    return detections, truths


def test_more_than_100_detections_of_an_image_are_cut_as_in_pycocotools() -> None:
    detections, truths = crowded_scene(0, per_image=120)

    theirs = by_pycocotools(detections, truths).eval
    precision, recall = ours(detections, truths)

    np.testing.assert_array_equal(precision, theirs["precision"])
    np.testing.assert_array_equal(recall, theirs["recall"])
    assert 0 < recall[..., 0, 2].mean() < 1


def only(boxes: Boxes, rows: np.ndarray, image: np.ndarray) -> Boxes:
    return Boxes(
        image[rows],
        boxes.category[rows],
        boxes.xywh[rows],
        boxes.area[rows],
        boxes.score[rows],
        boxes.crowd[rows],
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_weight_of_zero_is_an_image_that_is_not_there(seed: int) -> None:
    detections, truths = crowded_scene(seed, per_image=10)
    weights = np.array([1, 0, 1, 0, 1])

    left = [only(boxes, weights[boxes.image] > 0, boxes.image) for boxes in (detections, truths)]
    theirs = by_pycocotools(*left).eval
    precision, recall = ours(detections, truths, weights)

    np.testing.assert_array_equal(precision, theirs["precision"])
    np.testing.assert_array_equal(recall, theirs["recall"])


@pytest.mark.parametrize("seed", range(3))
def test_a_weight_of_two_is_an_image_that_is_there_twice(seed: int) -> None:
    detections, truths = crowded_scene(seed, per_image=10)
    weights = np.array([1, 2, 1, 0, 3])
    # The copies of image i are images of their own.
    copies = np.repeat(np.arange(IMAGES), weights)
    twice = []
    for boxes in (detections, truths):
        rows = [np.flatnonzero(boxes.image == image) for image in copies]
        image = np.repeat(np.arange(len(copies)), [len(each) for each in rows])
        twice.append(replace(only(boxes, np.concatenate(rows), boxes.image), image=image))

    theirs = by_pycocotools(*twice, images=len(copies)).eval
    precision, recall = ours(detections, truths, weights)

    np.testing.assert_array_equal(precision, theirs["precision"])
    np.testing.assert_array_equal(recall, theirs["recall"])


def test_the_thresholds_are_the_numbers_that_pycocotools_has() -> None:
    evaluator = by_pycocotools(*crowded_scene(0, per_image=2))

    assert tuple(evaluator.params.iouThrs.tolist()) == IOU_THRESHOLDS


def test_of_two_objects_that_overlap_equally_the_later_is_taken() -> None:
    # The first detection overlaps both objects by 0.6; it leaves the second detection nothing only if it takes
    # the later one.
    truths = boxes_of([(0, 0, 0, 0, 20, 20, 0, 0, 1), (0, 0, 10, 0, 20, 20, 0, 0, 1)])
    detections = boxes_of([(0, 0, 5, 0, 20, 20, 0.9, 0, 1), (0, 0, 12, 0, 20, 20, 0.8, 0, 1)])

    _, recall = ours(detections, truths)

    np.testing.assert_array_equal(recall, by_pycocotools(detections, truths).eval["recall"])
    assert recall[0, 0, 0, 2] == 0.5
