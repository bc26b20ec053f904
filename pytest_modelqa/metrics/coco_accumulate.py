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

    "Possible" are the detections of which the area is in range: those that can be false positives. "Hits" are
    the true positives, and a curve is one IoU threshold with one category.

    Attributes:
        shape: The numbers of IoU thresholds and of categories.
        possible_image: The image of each possible detection, by category and falling score.
        possible_before: For each hit, the positions among these of where its category begins, and of itself.
        matched_image: The images of possible detections that are matched, for each threshold in the same order.
        matched_before: For each hit, the positions among these of where its curve begins, and of itself.
        hit_image: The image of each hit, by curve and falling score.
        curve: The curve of each hit: threshold · categories + category.
        curve_begins: For each hit, the position among hits of where its curve begins.
        truth_image: The image of each ground truth that counts.
        truth_category: The index of its category.
    """

    shape: tuple[int, int]
    possible_image: np.ndarray
    possible_before: tuple[np.ndarray, np.ndarray]
    matched_image: np.ndarray
    matched_before: tuple[np.ndarray, np.ndarray]
    hit_image: np.ndarray
    curve: np.ndarray
    curve_begins: np.ndarray
    truth_image: np.ndarray
    truth_category: np.ndarray


def rank(
    detections: Boxes,
    ground_truths: Boxes,
    matches: Matches,
    *,
    categories: int,
    area: int,
    max_detections: int,
) -> Ranking:
    """Orders what is needed for one area range and one number of detections an image and category.

    Args:
        categories: How many there are.
        area: Index of the area range in ``matches``.
    """
    category = detections.category
    known = matches.rank < max_detections
    in_order = matches.order[known[matches.order]]
    in_order = in_order[np.argsort(category[in_order].astype(np.min_scalar_type(categories)), kind="stable")]
    place = np.zeros(len(detections), dtype=np.int64)
    place[in_order] = np.arange(len(in_order))
    in_range = matches.in_range[area]
    possible_so_far = _sums(in_range[in_order])
    category_begins = possible_so_far[np.searchsorted(category[in_order], np.arange(categories))]

    some = np.flatnonzero(known[matches.some])
    some = some[np.argsort(place[matches.some[some]])]
    threshold, index = np.nonzero(matches.matched[area][:, some])
    row = matches.some[some[index]]
    matched_so_far = _sums(in_range[row])
    hit = np.flatnonzero(~matches.ignored[area, threshold, some[index]])
    curve_of_match = threshold * categories + category[row]
    curve, hit_row = curve_of_match[hit], row[hit]

    counts = ~matches.ground_truth_ignored[area]
    return Ranking(
        shape=(matches.matched.shape[1], categories),
        possible_image=detections.image[in_order[in_range[in_order]]],
        possible_before=(category_begins[category[hit_row]], possible_so_far[place[hit_row]]),
        matched_image=detections.image[row[in_range[row]]],
        matched_before=(matched_so_far[np.searchsorted(curve_of_match, curve)], matched_so_far[hit]),
        hit_image=detections.image[hit_row],
        curve=curve,
        curve_begins=np.searchsorted(curve, curve),
        truth_image=ground_truths.image[counts],
        truth_category=ground_truths.category[counts],
    )


def greatest_recall(ranking: Ranking, weights: np.ndarray) -> np.ndarray:
    """The share of the ground truths that are found, of shape (thresholds, categories).

    Args:
        weights: A whole number ≥ 0 for each image, shape (images,).

    Returns:
        −1 where a category has no ground truth that counts.
    """
    truths = _truths(ranking, weights)
    hits = np.bincount(ranking.curve, weights[ranking.hit_image], minlength=int(np.prod(ranking.shape)))
    recall = np.full(ranking.shape, -1.0)
    np.divide(hits.reshape(ranking.shape), truths, out=recall, where=truths > 0)
    return recall


def precision_at_recall(ranking: Ranking, weights: np.ndarray) -> np.ndarray:
    """The greatest precision at each of 101 levels of recall or a higher one: (thresholds, 101, categories).

    Args:
        weights: A whole number ≥ 0 for each image, shape (images,).

    Returns:
        −1 where a category has no ground truth that counts.
    """
    truths = _truths(ranking, weights)
    true, false = _counts_at_hits(ranking, weights)
    # np.spacing(1) as in pycocotools, for the same last bit. A hit of weight 0 stands at the level of the hit before,
    # with no greater precision, so it changes nothing.
    precision = true / (false + true + np.spacing(1))
    truths_of_curve = np.tile(np.maximum(truths, 1), ranking.shape[0])
    level = _levels_reached(true, truths_of_curve[ranking.curve])
    table = _greatest_from_level(ranking.curve, level, precision, len(truths_of_curve))
    table = table.reshape(*ranking.shape, len(RECALL_LEVELS)).transpose(0, 2, 1)
    return np.where(truths > 0, table, -1.0)


def _truths(ranking: Ranking, weights: np.ndarray) -> np.ndarray:
    counts = np.bincount(ranking.truth_category, weights[ranking.truth_image], minlength=ranking.shape[1])
    return counts.astype(np.int64)


def _counts_at_hits(ranking: Ranking, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted true and false positives up to each hit, itself included."""
    possible = _sums(weights[ranking.possible_image])
    matched = _sums(weights[ranking.matched_image])
    hits = _sums(weights[ranking.hit_image])
    begin, end = ranking.possible_before
    begin_of_matched, end_of_matched = ranking.matched_before
    # All possible ones that come before, less those that are matched at this threshold.
    false = possible[end] - possible[begin] - (matched[end_of_matched] - matched[begin_of_matched])
    return hits[1:] - hits[ranking.curve_begins], false


def _levels_reached(hits: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """The number of recall levels ≤ hits / truths.

    Division of whole numbers finds the level up to one: 0.07 as computed is a little more than 7 / 100.
    """
    level = 100 * hits // truths
    reached: np.ndarray = level + (RECALL_LEVELS[level] <= hits / truths)
    return reached


def _sums(values: np.ndarray) -> np.ndarray:
    """The sums of the first 0, 1, … all values."""
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
