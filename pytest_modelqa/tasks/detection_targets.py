"""Reads the ground truth of a batch of images, and packs it into one padded tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ..errors import DatasetError
from ..metrics.coco_masks import Code
from .detection_masks import as_columns, codes_of_annotations
from .detection_outputs import with_codes

TARGET_COLUMNS = (
    "left",
    "top",
    "width",
    "height",
    "category_id",
    "area",
    "crowd",
    "annotation_id",
    "real",
    "image_width",
    "image_height",
)
_OPTIONAL = ("areas", "crowd", "annotation_ids")


def ground_truth(
    batch: Mapping[str, Any], images: str, names: Mapping[int, str] | None, *, masks: bool = False
) -> torch.Tensor:
    """Rows of ``TARGET_COLUMNS``, float64, of shape (images, most ground truths, 11).

    Args:
        batch: ``boxes`` (left, top, width, height in pixels; shape (g, 4) for each image) and ``labels``
            (category ids, (g,)); where they are known ``areas`` (else width · height), ``crowd`` (else 0),
            ``annotation_ids`` (else −1), and ``width`` and ``height`` of the image.
        images: The field of images, whose shape gives a size that no field gives.
        names: The categories by their ids; None: any label is one.
        masks: The batch has ``masks`` too: the segmentations of each image, as COCO files hold them.

    Raises:
        DatasetError: A box has no area or no finite numbers, or a label is no category.
    """
    count = len(batch["boxes"])
    per_image = [_rows(batch, index, names) for index in range(count)]
    most = max((len(rows) for rows in per_image), default=0)
    result = np.zeros((count, max(most, 1), len(TARGET_COLUMNS)))
    for index, rows in enumerate(per_image):
        result[index, : len(rows), :9] = rows
        result[index, :, 9:] = _size(batch, images, index)
    if not masks:
        return torch.from_numpy(result)
    codes = [as_columns(_codes(batch, images, index, len(per_image[index]))) for index in range(count)]
    return with_codes(torch.from_numpy(result), codes)


def _codes(batch: Mapping[str, Any], images: str, index: int, boxes: int) -> list[Code]:
    width, height = _size(batch, images, index)
    segmentations = batch["masks"][index] if "masks" in batch else ()
    if len(segmentations) != boxes or min(width, height) < 0:
        raise DatasetError(
            "the dataset has no mask for each box, and args say masks: true",
            expected="a segmentation in every annotation, and the width and height of every image",
            found=f"{len(segmentations)} segmentations for {boxes} boxes of an image",
            todo="complete the annotations, or leave masks out of args",
        )
    return codes_of_annotations(segmentations, (int(height), int(width)))


def _rows(batch: Mapping[str, Any], index: int, names: Mapping[int, str] | None) -> np.ndarray:
    boxes = np.asarray(batch["boxes"][index], dtype=np.float64).reshape(-1, 4)
    labels = np.asarray(batch["labels"][index], dtype=np.float64).reshape(-1)
    areas, crowd, annotation_ids = (
        np.asarray(batch[field][index], dtype=np.float64).reshape(-1) if field in batch else default
        for field, default in zip(
            _OPTIONAL,
            (boxes[:, 2] * boxes[:, 3], np.zeros(len(boxes)), np.full(len(boxes), -1.0)),
            strict=True,
        )
    )
    if len({len(each) for each in (boxes, labels, areas, crowd, annotation_ids)}) > 1:
        raise DatasetError(
            f"the ground truth of an image has {len(boxes)} boxes and {len(labels)} labels",
            expected="one label for each box",
            todo="correct the annotations, or the loader",
        )
    _demand_boxes(boxes, labels, names)
    if not (areas >= 0).all():
        raise DatasetError(
            "the area of a ground truth is no number of pixels",
            expected="0 or more: it decides in which ranges of area the object counts",
            found=f"{areas[~(areas >= 0)][0]:g}",
            todo="correct the annotations, or leave areas out: those of the boxes count then",
        )
    return np.column_stack([boxes, labels, areas, crowd, annotation_ids, np.ones(len(boxes))])


def _demand_boxes(boxes: np.ndarray, labels: np.ndarray, names: Mapping[int, str] | None) -> None:
    wrong = ~(np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1))
    if wrong.any():
        raise DatasetError(
            f"{int(wrong.sum())} ground truth boxes of an image have no area",
            expected="left, top, width > 0 and height > 0 in pixels",
            found=f"{boxes[wrong][0].tolist()}",
            todo="correct or remove the annotation: no detection can ever match it",
        )
    unknown = [label for label in np.unique(labels).tolist() if names is not None and label not in names]
    if unknown:
        raise DatasetError(
            f"the ground truth has the label {unknown[0]:g}, which is no category",
            expected=f"one of {', '.join(map(str, sorted(names or ())[:10]))}",
            todo="correct the annotations or args: {class_names: […]}",
        )


def _size(batch: Mapping[str, Any], images: str, index: int) -> tuple[float, float]:
    if "width" in batch and "height" in batch:
        return float(batch["width"][index]), float(batch["height"][index])
    sides = list(np.shape(batch[images][index]))[-2:] if images in batch else []
    return (float(sides[1]), float(sides[0])) if len(sides) == 2 else (-1.0, -1.0)
