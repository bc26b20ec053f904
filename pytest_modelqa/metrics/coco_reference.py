"""The same numbers by pycocotools, for whoever asks for them with ``args: {reference: true}``."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MissingDependencyError, OutputError
from .coco_matching import Boxes

if TYPE_CHECKING:
    from .detection import Scene, Wanted


def demand_equal(scene: Scene, images: int, wanted: Wanted, own: np.ndarray) -> None:
    """Compares precision (thresholds, 101, categories) or recall (thresholds, categories) entry by entry.

    Raises:
        OutputError: They differ.
        MissingDependencyError: pycocotools is not installed.
    """
    kind = "precision" if own.ndim == 3 else "recall"
    theirs = evaluate(scene, images, wanted)[kind][..., 0, 0]
    if not np.array_equal(own, theirs):
        raise OutputError(
            f"{kind} differs from pycocotools'",
            expected="the same numbers",
            found=f"a difference of up to {float(np.abs(own - theirs).max()):g}",
            todo="report this as a bug of pytest-modelqa, with the records",
        )


def evaluate(scene: Scene, images: int, wanted: Wanted) -> dict[str, Any]:
    """What ``COCOeval.accumulate`` leaves behind for one area range and one number of detections."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise MissingDependencyError(
            "reference: true compares with pycocotools, which is not installed",
            todo="pip install 'pytest-modelqa[coco]'",
        ) from error
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(
            _coco(COCO(), scene.ground_truths, images, len(scene.categories)),
            _coco(COCO(), scene.detections, images, len(scene.categories)),
            "bbox" if scene.ground_truths.masks is None else "segm",
        )
        evaluator.params.areaRng = [list(wanted.area)]
        evaluator.params.areaRngLbl = ["all"]
        evaluator.params.iouThrs = np.array(wanted.iou_thresholds)
        evaluator.params.maxDets = [wanted.max_detections]
        evaluator.evaluate()
        evaluator.accumulate()
    result: dict[str, Any] = evaluator.eval
    return result


def _coco(coco: Any, boxes: Boxes, images: int, categories: int) -> Any:
    columns = (boxes.image, boxes.category, boxes.xywh, boxes.area, boxes.score, boxes.crowd)
    names = ("image_id", "category_id", "bbox", "area", "score", "iscrowd")
    rows = zip(*(column.tolist() for column in columns), strict=True)
    masks = [{}] * len(boxes) if boxes.masks is None else [{"segmentation": code} for code in boxes.masks]
    coco.dataset = {
        # It asks for a size before it sees that masks have theirs.
        "images": [{"id": image, "width": 0, "height": 0} for image in range(images)],
        "categories": [{"id": category} for category in range(categories)],
        # An id of 0 would count as "not matched".
        "annotations": [
            {"id": number, **dict(zip(names, row, strict=True)), **masks[number - 1]}
            for number, row in enumerate(rows, start=1)
        ],
    }
    coco.createIndex()
    return coco
