"""Precision over recall from matches, with a whole-number weight for each image.

The definition is ``COCOeval.accumulate`` of pycocotools, and with all weights 1 every number is the same as its.
A weight of 0 leaves an image out and one of 2 counts it twice, so that one matching serves all resamples.

Only matched detections are looked at, one by one: precision is greatest where one of them was just counted, so
the others matter as counts only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .coco_matching import Boxes, Matches

RECALL_LEVELS = np.linspace(0.0, 1.0, 101)
"""COCO's: 0, .01, … 1, as pycocotools computes them."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """The detections that count in one area range, by category and falling score, and the ground truths.

    Attributes:
        categories: The ids, ascending: the order of the axis "categories" of all results.
        image: The image of each detection that can be a false positive, in order.
        before: For each true positive how many of those stand before it and in its own category: as a pair
            of positions, shape (2, n).
        matched_image: The image of each match of a detection in range, ordered by threshold, then as above.
        matched_before: The same pair of positions for each true positive, among these.
        hit_image: The image of each true positive, by threshold, category and falling score.
        curve: Its curve: threshold · categories + category.
        truth_image: The image of each ground truth that counts.
        truth_category: The index of its category.
        thresholds: The number of IoU thresholds.
    """

    categories: np.ndarray
    image: np.ndarray
    before: np.ndarray
    matched_image: np.ndarray
    matched_before: np.ndarray
    hit_image: np.ndarray
    curve: np.ndarray
    truth_image: np.ndarray
    truth_category: np.ndarray
    thresholds: int


def rank(
    detections: Boxes,
    ground_truths: Boxes,
    matches: Matches,
    *,
    categories: np.ndarray,
    area: int,
    max_detections: int,
) -> Ranking:
    """Orders what ``accumulate`` needs for one area range and one number of detections an image and category.

    Args:
        categories: Ids, ascending; detections and ground truths of others do not count.
        area: Index of the area range in ``matches``.
    """
    size = len(categories)
    category, known = _index_of(detections.category, categories)
    known &= matches.rank < max_detections
    # Equal scores stay in the order of images, and within an image in that of the detections.
    place = np.empty(len(detections), dtype=np.int64)
    in_order = np.lexsort((matches.rank, detections.image, -detections.score, category))
    place[in_order] = np.arange(len(detections))

    possible = in_order[(known & matches.in_range[area])[in_order]]
    count = np.zeros(len(detections) + 1, dtype=np.int64)
    count[1:] = np.cumsum((known & matches.in_range[area])[in_order])
    begins = np.searchsorted(category[in_order], np.arange(size))

    threshold, some = np.nonzero(matches.matched[area] & known[matches.some])
    row = matches.some[some]
    order = np.lexsort((place[row], threshold))
    threshold, some, row = threshold[order], some[order], row[order]
    in_range = matches.in_range[area][row]
    matched_count = np.concatenate([[0], np.cumsum(in_range)])
    hit = np.flatnonzero(~matches.ignored[area][threshold, some])
    curve = threshold * size + category[row]
    curve_begins = np.searchsorted(curve, curve[hit])

    counts = ~matches.ground_truth_ignored[area]
    truth_category, truth_known = _index_of(ground_truths.category, categories)
    counts &= truth_known
    return Ranking(
        categories=categories,
        image=detections.image[possible],
        before=np.stack([count[place[row[hit]]], count[begins[category[row[hit]]]]]),
        matched_image=detections.image[row[in_range]],
        matched_before=np.stack([matched_count[hit], matched_count[curve_begins]]),
        hit_image=detections.image[row[hit]],
        curve=curve[hit],
        truth_image=ground_truths.image[counts],
        truth_category=truth_category[counts],
        thresholds=matches.matched.shape[1],
    )


def accumulate(ranking: Ranking, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision at 101 levels of recall, and the greatest recall, for one weighing of the images.

    Args:
        weights: A whole number ≥ 0 for each image, shape (images,).

    Returns:
        Precision of shape (thresholds, 101, categories) and recall of shape (thresholds, categories); −1
        where a category has no ground truth that counts.
    """
    shape = ranking.thresholds, len(ranking.categories)
    truths = np.bincount(
        ranking.truth_category, weights=weights[ranking.truth_image], minlength=shape[1]
    ).astype(np.int64)
    hit_weight = weights[ranking.hit_image]
    curves = shape[0] * shape[1]
    hits_of_curve = np.bincount(ranking.curve, weights=hit_weight, minlength=curves)
    with np.errstate(divide="ignore", invalid="ignore"):
        recall = np.where(truths > 0, hits_of_curve.reshape(shape) / truths, -1.0)

    true, false = _counts_at_hits(ranking, weights, hit_weight)
    # np.spacing(1) as in pycocotools, for the same last bit.
    precision = true / (false + true + np.spacing(1))
    truths_of_hit = truths[ranking.curve % shape[1]]
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.searchsorted(RECALL_LEVELS, true / truths_of_hit, side="right")
    # An image left out gives no hit: its place would repeat the precision of the hit before, or be 0 / 0.
    precision = np.where((hit_weight > 0) & (truths_of_hit > 0), precision, 0.0)
    table = _greatest_from_level(ranking.curve, level, precision, curves)
    table = table.reshape(*shape, len(RECALL_LEVELS)).transpose(0, 2, 1)
    return np.where(truths > 0, table, -1.0), recall


def _counts_at_hits(
    ranking: Ranking, weights: np.ndarray, hit_weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted true and false positives up to each true positive, itself included."""
    possible = _sums(weights[ranking.image])
    matched = _sums(weights[ranking.matched_image])
    hits = _sums(hit_weight)
    begins = np.searchsorted(ranking.curve, ranking.curve)
    true = hits[1:] - hits[begins]
    # All that come before, less those that are matched at this threshold.
    false = possible[ranking.before[0]] - possible[ranking.before[1]]
    false -= matched[ranking.matched_before[0]] - matched[ranking.matched_before[1]]
    return true.astype(np.float64), false.astype(np.float64)


def _sums(values: np.ndarray) -> np.ndarray:
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


def _greatest_from_level(
    curve: np.ndarray, level: np.ndarray, precision: np.ndarray, curves: int
) -> np.ndarray:
    """For each curve and recall level the greatest precision at this level or a higher one, or 0."""
    levels = len(RECALL_LEVELS)
    table = np.zeros((curves, levels + 1))
    if len(curve):
        cell = curve * (levels + 1) + level
        begins = np.flatnonzero(np.diff(cell, prepend=-1))
        table.reshape(-1)[cell[begins]] = np.maximum.reduceat(precision, begins)
    # A hit of level k has reached the recall levels 0 … k − 1.
    return np.maximum.accumulate(table[:, ::-1], axis=1)[:, ::-1][:, 1:]


def _index_of(values: np.ndarray, categories: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    index = np.clip(np.searchsorted(categories, values), 0, max(len(categories) - 1, 0))
    known = categories[index] == values if len(categories) else np.zeros(len(values), dtype=bool)
    return np.where(known, index, 0), known
