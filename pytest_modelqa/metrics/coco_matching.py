"""Matches detections with ground truths as COCO defines it: per image, category, area range and IoU threshold.

The definition is ``COCOeval.evaluateImg`` of pycocotools: detections choose in the order of their scores, each
the free ground truth of greatest IoU; one to be ignored (a crowd, or out of the area range) only where no other
is left. Here the choices of all groups (image, category), area ranges and thresholds are made at once, one
detection of each group at a time, and only between boxes that overlap enough: 1 pair in 20 does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .coco_masks import Code, overlapping_masks

IOU_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""COCO's: .50, .55, … .95, as pycocotools computes them."""

# A match at threshold 1.0 must not be lost to rounding: pycocotools lowers every threshold to this.
_GREATEST_THRESHOLD = 1 - 1e-10
_PAIRS_AT_A_TIME = 2_000_000


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of all images, a row each.

    Attributes:
        image: The image's index, integers, shape (n,).
        category: The category's index, from 0 in the order of the ids, integers, shape (n,).
        xywh: Left, top, width and height in pixels, float64, shape (n, 4).
        area: In square pixels, shape (n,): what area ranges ask for. Of a ground truth it may be less than
            width · height (that of its mask).
        score: Of detections, shape (n,); of ground truths zeros.
        crowd: Of ground truths: stands for many objects, so that any number of detections may match it.
        masks: In place of the boxes these overlap, where both sides have them: a code for each.
    """

    image: np.ndarray
    category: np.ndarray
    xywh: np.ndarray
    area: np.ndarray
    score: np.ndarray
    crowd: np.ndarray
    masks: Sequence[Code] | None = None

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True, eq=False)
class Matches:
    """Which detection found which ground truth.

    Attributes:
        rank: Place of each detection among those of its image and category, from 0, by falling score.
        order: The detections' rows by falling score; of equal scores by image, then rank.
        some: Rows of the detections that overlap a ground truth enough for the least threshold, ascending.
        matched: For these, whether they are matched: shape (areas, thresholds, some).
        ignored: For these, whether they are matched with a ground truth that is to be ignored: same shape.
        found: For these, the row of the matched ground truth, or −1: same shape.
        in_range: Whether a detection's own area is in range: shape (areas, detections). One that is neither
            matched nor in range does not count.
        ground_truth_ignored: Shape (areas, ground truths).
    """

    rank: np.ndarray
    order: np.ndarray
    some: np.ndarray
    matched: np.ndarray
    ignored: np.ndarray
    found: np.ndarray
    in_range: np.ndarray
    ground_truth_ignored: np.ndarray


def match(
    detections: Boxes,
    ground_truths: Boxes,
    areas: Sequence[tuple[float, float]],
    iou_thresholds: Sequence[float] = IOU_THRESHOLDS,
) -> Matches:
    """The matches for every area range (both ends included) and IoU threshold.

    The number of detections that count (``maxDets``) changes no match, since better ones choose first.
    """
    bounds = np.asarray(areas, dtype=np.float64)
    # A number for each (image, category), ascending with the image.
    categories = 1 + max(int(boxes.category.max(initial=0)) for boxes in (detections, ground_truths))
    own, others = (boxes.image * categories + boxes.category for boxes in (detections, ground_truths))
    by_score = np.argsort(-detections.score, kind="stable")
    order = by_score[np.argsort(own[by_score], kind="stable")]
    rank = np.empty(len(own), dtype=np.int64)
    rank[order] = _place_in_run(own[order])
    if detections.masks is not None and ground_truths.masks is not None:
        masks, least = (detections.masks, ground_truths.masks), min(min(iou_thresholds), _GREATEST_THRESHOLD)
        row, truth, iou = overlapping_masks(masks, (own, others), ground_truths.crowd, least)
    else:
        row, truth, iou = _overlapping(detections, ground_truths, order, (own, others), min(iou_thresholds))
    truth_ignored = ground_truths.crowd.astype(bool) | ~_within(ground_truths.area, bounds)
    overlaps = np.zeros(len(detections), dtype=bool)
    overlaps[row] = True
    some = np.flatnonzero(overlaps)
    found = _choose(
        np.searchsorted(some, row),
        truth,
        iou,
        rank=_rank_within(own[some], rank[some]),
        thresholds=np.minimum(iou_thresholds, _GREATEST_THRESHOLD),
        ignored=truth_ignored,
        crowd=ground_truths.crowd.astype(bool),
    )
    matched = found >= 0
    ignored = np.zeros_like(matched)
    for area in range(len(bounds)):
        ignored[area] = matched[area] & truth_ignored[area][found[area]] if len(truth) else False
    by_score = order[np.argsort(-detections.score[order], kind="stable")]
    return Matches(
        rank, by_score, some, matched, ignored, found, _within(detections.area, bounds), truth_ignored
    )


def _place_in_run(values: np.ndarray) -> np.ndarray:
    """For sorted values, the place of each within its run of equals.

    >>> _place_in_run(np.array([4, 4, 7, 7, 7]))
    array([0, 1, 0, 1, 2])
    """
    begins = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
    places: np.ndarray = np.arange(len(values)) - np.repeat(begins, np.diff(begins, append=len(values)))
    return places


def _rank_within(group: np.ndarray, rank: np.ndarray) -> np.ndarray:
    order = np.lexsort((rank, group))
    result = np.empty(len(group), dtype=np.int64)
    result[order] = _place_in_run(group[order])
    return result


def _overlapping(
    detections: Boxes,
    ground_truths: Boxes,
    order: np.ndarray,
    group: tuple[np.ndarray, np.ndarray],
    least: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Detection, ground truth and IoU of every pair of one group whose IoU is at least ``least``."""
    truth_order = np.argsort(group[1], kind="stable")
    sorted_truths, sorted_groups = group[1][truth_order], group[0][order]
    first = np.searchsorted(sorted_truths, sorted_groups, side="left")
    counts = np.searchsorted(sorted_truths, sorted_groups, side="right") - first
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    cuts = np.searchsorted(
        np.cumsum(counts), np.arange(_PAIRS_AT_A_TIME, int(counts.sum()), _PAIRS_AT_A_TIME)
    )
    for start, stop in pairwise([0, *cuts.tolist(), len(order)]):
        number = counts[start:stop]
        row = np.repeat(order[start:stop], number)
        within = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
        truth = truth_order[np.repeat(first[start:stop], number) + within]
        inside = _intersection(detections.xywh[row], ground_truths.xywh[truth])
        meet = inside > 0
        row, truth, inside = row[meet], truth[meet], inside[meet]
        (_, _, width, height), (_, _, truth_width, truth_height) = (
            detections.xywh[row].T,
            ground_truths.xywh[truth].T,
        )
        area = width * height
        # Of a crowd any part may be found: its own area does not count.
        both = area + truth_width * truth_height - inside
        iou = inside / np.where(ground_truths.crowd[truth].astype(bool), area, both)
        close = iou >= min(least, _GREATEST_THRESHOLD)
        kept.append((row[close], truth[close], iou[close]))
    row, truth, iou = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    return row, truth, iou


def _intersection(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The area that lies in both, pair by pair, or 0."""
    (x, y, width, height), (other_x, other_y, other_width, other_height) = boxes.T, others.T
    across = np.minimum(width + x, other_width + other_x) - np.maximum(x, other_x)
    down = np.minimum(height + y, other_height + other_y) - np.maximum(y, other_y)
    area: np.ndarray = np.maximum(across, 0) * np.maximum(down, 0)
    return area


def _choose(
    detection: np.ndarray,
    truth: np.ndarray,
    iou: np.ndarray,
    *,
    rank: np.ndarray,
    thresholds: np.ndarray,
    ignored: np.ndarray,
    crowd: np.ndarray,
) -> np.ndarray:
    """The ground truth that each detection takes, or −1: shape (areas, thresholds, detections).

    Pairs are walked in the order: all detections of rank 0, then those of rank 1, …; of a rank first every
    detection's best ground truth, then its second best, …; of equal IoU the later ground truth is the better.
    """
    order = np.lexsort((-truth, -iou, detection))
    detection, truth, iou = detection[order], truth[order], iou[order]
    best = _place_in_run(detection)
    width = int(best.max(initial=0)) + 1
    step = rank[detection] * width + best
    walk = np.argsort(step, kind="stable")
    steps, begins = np.unique(step[walk], return_index=True)
    parts = dict(zip(steps.tolist(), np.split(walk, begins[1:]), strict=bool(len(walk))))
    # The last axes together hold 40 numbers, that are read and written in one go.
    found = np.full((len(rank), len(ignored), len(thresholds)), -1, dtype=np.int32)
    taken = np.zeros((ignored.shape[1], *found.shape[1:]), dtype=bool)
    for turn in range(int(rank.max(initial=-1)) + 1):
        places = [parts[key] for key in range(turn * width, (turn + 1) * width) if key in parts]
        # First those that count, then those to be ignored.
        for wanted in (~ignored.T, ignored.T):
            for pairs in places:
                row, box = detection[pairs], truth[pairs]
                takes = (found[row] < 0) & ~taken[box] & wanted[box, :, np.newaxis]
                takes &= (iou[pairs, np.newaxis] >= thresholds)[:, np.newaxis]
                found[row] = np.where(takes, box[:, np.newaxis, np.newaxis], found[row])
                taken[box] |= takes & ~crowd[box, np.newaxis, np.newaxis]
    return np.ascontiguousarray(found.transpose(1, 2, 0))


def _within(area: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    within: np.ndarray = (area >= bounds[:, :1]) & (area <= bounds[:, 1:])
    return within
