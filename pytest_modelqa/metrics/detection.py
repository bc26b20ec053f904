"""Average precision and recall of detected boxes as COCO defines them, of a set and of its classes.

They take the side tables ``detections`` and ``ground_truths`` and whole-number weights of shape
(weighings, samples), and give a score for the whole set, ``""``, and for each category that has an object in the
area range. With all weights 1 the numbers are those of pycocotools, to the last bit.

Equal scores of two images rank in the order of the samples, in pycocotools in that of the image ids.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np

from ..errors import OutputError
from .coco_accumulate import Ranking, greatest_recall, precision_at_recall, rank
from .coco_masks import areas, from_text
from .coco_matching import IOU_THRESHOLDS, Boxes, Matches, match
from .side_tables import SetScore, SideTables

AREAS: Mapping[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""COCO's ranges of area in square pixels, both ends included."""


@dataclass(frozen=True, eq=False)
class Scene:
    """The boxes of an evaluation.

    Attributes:
        categories: The categories' names in the order of their ids, which is that of ``Boxes.category``.
    """

    detections: Boxes
    ground_truths: Boxes
    categories: tuple[str, ...]


def average_precision(
    tables: SideTables,
    weights: np.ndarray,
    *,
    area: Sequence[float | None] | None = None,
    iou_thresholds: Sequence[float] | None = None,
    max_detections: int = 100,
    reference: bool = False,
    masks: bool = False,
) -> dict[str, SetScore]:
    """The mean over IoU thresholds, 101 levels of recall and categories of the greatest precision.

    Args:
        area: Least and greatest area of the objects that count, in square pixels; None for no limit.
        iou_thresholds: COCO's ten from .50 to .95 where None.
        max_detections: So many of an image and category count, those of greatest score.
        reference: Computed with pycocotools too; an error where the two differ.
        masks: Overlaps and areas of the masks, in place of those of the boxes.

    Raises:
        OutputError: No ground truth is in the area range, or the boxes are not in pixels.

    >>> box = {"sample": 0, "category_id": 1, "left": 4.0, "top": 4.0, "width": 20.0, "height": 20.0}
    >>> truth = {**box, "area": 400.0, "crowd": 0, "category": "tree"}
    >>> tables = one_image(64, 64, [{**box, "score": 0.9}], [truth])
    >>> average_precision(tables, np.array([[1]]))["tree"].values
    array([1.])
    """
    wanted = _wanted(area, iou_thresholds, max_detections, reference, masks)
    return _scores(tables, weights, precision_at_recall, wanted)


def average_recall(
    tables: SideTables,
    weights: np.ndarray,
    *,
    area: Sequence[float | None] | None = None,
    iou_thresholds: Sequence[float] | None = None,
    max_detections: int = 100,
    reference: bool = False,
    masks: bool = False,
) -> dict[str, SetScore]:
    """The mean over IoU thresholds and categories of the share of objects that are found.

    Arguments and errors are those of ``average_precision``.

    >>> box = {"sample": 0, "category_id": 1, "left": 4.0, "top": 4.0, "width": 20.0, "height": 20.0}
    >>> truth = {**box, "area": 400.0, "crowd": 0, "category": "tree"}
    >>> tables = one_image(64, 64, [{**box, "score": 0.9}], [truth])
    >>> average_recall(tables, np.array([[1]]))["tree"].values
    array([1.])
    """
    wanted = _wanted(area, iou_thresholds, max_detections, reference, masks)
    return _scores(tables, weights, greatest_recall, wanted)


def _fixed(
    function: Callable[..., dict[str, SetScore]], **fixed: object
) -> Callable[..., dict[str, SetScore]]:
    """The function without the arguments that its name already says."""
    result = partial(function, **fixed)
    signature = inspect.signature(function)
    others = [parameter for name, parameter in signature.parameters.items() if name not in fixed]
    result.__doc__ = function.__doc__
    result.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
    return result


ap = average_precision
ap50 = _fixed(average_precision, iou_thresholds=(IOU_THRESHOLDS[0],))
ap75 = _fixed(average_precision, iou_thresholds=(IOU_THRESHOLDS[5],))
ap_small = _fixed(average_precision, area=AREAS["small"])
ap_medium = _fixed(average_precision, area=AREAS["medium"])
ap_large = _fixed(average_precision, area=AREAS["large"])
ar_1 = _fixed(average_recall, max_detections=1)
ar_10 = _fixed(average_recall, max_detections=10)
ar_100 = _fixed(average_recall, max_detections=100)
ar_small = _fixed(average_recall, area=AREAS["small"])
ar_medium = _fixed(average_recall, area=AREAS["medium"])
ar_large = _fixed(average_recall, area=AREAS["large"])


@dataclass(frozen=True)
class Wanted:
    """What is asked for: an area range, IoU thresholds, a number of detections."""

    area: tuple[float, float]
    iou_thresholds: tuple[float, ...]
    max_detections: int
    reference: bool
    masks: bool


def _wanted(
    area: Sequence[float | None] | None,
    iou_thresholds: Sequence[float] | None,
    max_detections: int,
    reference: bool,
    masks: bool,
) -> Wanted:
    least, greatest = area or (None, None)
    bounds = (least or 0.0, AREAS["all"][1] if greatest is None else greatest)
    return Wanted(bounds, tuple(iou_thresholds or IOU_THRESHOLDS), max_detections, reference, masks)


def _scores(
    tables: SideTables,
    weights: np.ndarray,
    compute: Callable[[Ranking, np.ndarray], np.ndarray],
    wanted: Wanted,
) -> dict[str, SetScore]:
    scene = scene_of(tables, masks=wanted.masks)
    ranking, thresholds = _ranking(scene, wanted)
    every = [compute(ranking, each)[thresholds] for each in weights]
    if wanted.reference:
        # Only those who ask for it need the package.
        from .coco_reference import demand_equal

        demand_equal(scene, tables.samples, wanted, compute(ranking, np.ones_like(weights[0]))[thresholds])
    counts = weights[0][ranking.truth_image] > 0
    images = np.unique(np.stack([ranking.truth_category, ranking.truth_image])[:, counts], axis=1)
    values = np.array([_mean(table) for table in every])
    if np.isnan(values[0]):
        raise _undefined(scene, wanted)
    scores = {"": SetScore(values, len(np.unique(images[1])))}
    for index in np.unique(images[0]).tolist():
        of_class = np.array([_mean(table[..., index]) for table in every])
        scores[scene.categories[index]] = SetScore(of_class, int(np.count_nonzero(images[0] == index)))
    return scores


def _mean(table: np.ndarray) -> float:
    """The mean without the −1 of categories that have nothing to find; NaN where all are."""
    defined = table[table > -1]
    # Over one flat array as in pycocotools: another order of summation has another last bit.
    return float(np.mean(defined)) if len(defined) else float("nan")


def _ranking(scene: Scene, wanted: Wanted) -> tuple[Ranking, list[int]]:
    """The ranking in the area range wanted, and the places of the thresholds wanted among those matched."""
    standard = tuple(AREAS.values())
    if wanted.area in standard and set(wanted.iou_thresholds) <= set(IOU_THRESHOLDS):
        areas, thresholds = standard, IOU_THRESHOLDS
    else:
        areas, thresholds = (wanted.area,), wanted.iou_thresholds
    ranking = rank(
        scene.detections,
        scene.ground_truths,
        _matches(scene, areas, thresholds),
        categories=len(scene.categories),
        area=areas.index(wanted.area),
        max_detections=wanted.max_detections,
    )
    return ranking, [thresholds.index(each) for each in wanted.iou_thresholds]


def one_image(
    width: int,
    height: int,
    detections: Sequence[Mapping[str, object]],
    ground_truths: Sequence[Mapping[str, object]],
) -> SideTables:
    """The side tables of one image, for examples and tests: a mapping of column to value for each row."""
    tables = {"detections": detections, "ground_truths": ground_truths}
    columns = {
        name: {key: np.array([row[key] for row in rows]) for key in rows[0]} for name, rows in tables.items()
    }
    return SideTables(1, {"width": np.array([width]), "height": np.array([height])}, columns)


@lru_cache(maxsize=2)
def _matches(scene: Scene, areas: tuple[tuple[float, float], ...], thresholds: tuple[float, ...]) -> Matches:
    return match(scene.detections, scene.ground_truths, areas, thresholds)


@lru_cache(maxsize=2)
def scene_of(tables: SideTables, *, masks: bool = False) -> Scene:
    """The boxes of the side tables, once they are known to be in pixels; with their masks where asked for.

    Raises:
        OutputError: They are in percent, normalised, or corners that are taken for sizes; or there are no masks.
    """
    found, truths = tables.tables["detections"], tables.tables["ground_truths"]
    ids = np.unique(np.concatenate([found["category_id"], truths["category_id"]]))
    names = dict(zip(truths["category_id"].tolist(), truths["category"].tolist(), strict=True))
    detections = _boxes(found, ids, area=found["width"] * found["height"], score=found["score"])
    ground_truths = _boxes(truths, ids, area=truths["area"], crowd=truths["crowd"])
    if masks:
        detections, ground_truths = _with_masks(detections, found), _with_masks(ground_truths, truths)
        # As pycocotools: of a detection its mask's own area, of a ground truth what the annotation says.
        detections = replace(detections, area=areas(detections.masks or ()))
    _demand_pixels(detections, ground_truths, tables.columns["width"], tables.columns["height"])
    return Scene(detections, ground_truths, tuple(names.get(each, str(each)) for each in ids.tolist()))


def _boxes(
    table: Mapping[str, np.ndarray],
    ids: np.ndarray,
    *,
    area: np.ndarray,
    score: np.ndarray | None = None,
    crowd: np.ndarray | None = None,
) -> Boxes:
    rows = len(area)
    return Boxes(
        image=np.asarray(table["sample"], dtype=np.int64),
        category=np.searchsorted(ids, table["category_id"]),
        xywh=np.stack([table[name] for name in ("left", "top", "width", "height")], axis=1),
        area=area,
        score=np.zeros(rows) if score is None else score,
        crowd=np.zeros(rows, dtype=bool) if crowd is None else np.asarray(crowd, dtype=bool),
    )


def _with_masks(boxes: Boxes, table: Mapping[str, np.ndarray]) -> Boxes:
    if "mask" not in table:
        raise OutputError(
            "the metric asks for masks, and none were kept",
            expected="args: {masks: true} of the task detection, and a model that gives masks",
            todo="write it, or ask for boxes",
        )
    return replace(boxes, masks=tuple(from_text(text) for text in table["mask"].tolist()))


def _demand_pixels(detections: Boxes, truths: Boxes, width: np.ndarray, height: np.ndarray) -> None:
    """pycocotools takes any numbers for pixels; an AP of 0.00 then looks like a bad model."""
    if not len(detections) or not len(truths):
        return
    farthest = float((detections.xywh[:, :2] + detections.xywh[:, 2:]).max())
    true_farthest = float((truths.xywh[:, :2] + truths.xywh[:, 2:]).max())
    # A single box may lie anywhere; that 20 all lie in the first 100 pixels of larger images is no chance.
    if farthest <= 1.5 and true_farthest > 16:
        raise _wrong_boxes("normalised to 0..1", farthest, true_farthest)
    if farthest <= 100.5 and true_farthest > 201 and len(detections) >= 20:
        raise _wrong_boxes("in percent of the image", farthest, true_farthest)
    sizes = np.stack([width, height], axis=1)[detections.image].astype(np.float64)
    known = (sizes > 0).all(axis=1)
    outside = known & (detections.xywh[:, :2] + detections.xywh[:, 2:] > 1.1 * sizes).any(axis=1)
    if known.sum() >= 20 and outside.sum() > 0.3 * known.sum():
        raise OutputError(
            f"{int(outside.sum())} of {len(detections)} boxes reach far outside of their images",
            expected="left, top, width and height in pixels of the image",
            found=f"boxes that end at {farthest:g}, in images of up to {int(sizes.max())} pixels",
            todo="if the model gives corners, write args: {boxes: xyxy}; else undo the scaling of its input",
        )


def _wrong_boxes(unit: str, farthest: float, true_farthest: float) -> OutputError:
    return OutputError(
        f"the detected boxes seem to be {unit}, and not in pixels",
        expected=f"pixels, as those of the ground truth, which reach to {true_farthest:g}",
        found=f"no box reaches beyond {farthest:g}",
        todo="multiply by the width and height of the image in the model",
    )


def _undefined(scene: Scene, wanted: Wanted) -> OutputError:
    truths = scene.ground_truths
    crowds = int(np.count_nonzero(truths.crowd))
    least, greatest = wanted.area
    every = wanted.area == AREAS["all"]
    return OutputError(
        "the metric is undefined (COCO's −1): nothing to find"
        + ("" if every else f" with an area from {least:g} to {greatest:g} square pixels"),
        expected="at least one ground truth that is no crowd" + ("" if every else " in this area range"),
        found=f"{len(truths)} ground truths, {crowds} of them crowds",
        todo="correct the dataset, or remove the check that asks for it",
    )
