"""Takes boxes, scores and labels out of what a detector returns, and packs them into one padded tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch

from ..errors import OutputError
from .detection_masks import as_columns, codes_of_model

OUTPUT_COLUMNS = ("left", "top", "width", "height", "score", "category_id", "real")
_KEYS = ("boxes", "scores", "labels")
BoxFormat = Literal["xyxy", "xywh"]


def packed(
    returned: Any,
    images: int,
    box_format: BoxFormat,
    names: Mapping[int, str] | None,
    *,
    masks: bool = False,
) -> torch.Tensor:
    """Rows of ``OUTPUT_COLUMNS``, float64, of shape (images, most detections, 7).

    Args:
        returned: A list with a mapping for each image, of ``boxes`` (k, 4), ``scores`` (k,) and ``labels``
            (k,); or one mapping of them with the images as the first axis.
        names: The categories by their ids; None: any label is one.
        masks: Each image has ``masks`` too; their codes stand behind the other columns, padded with 0.

    Raises:
        OutputError: It is not of that form, or boxes have negative sizes or labels that are no category.
    """
    given = _by_image(returned, images)
    per_image = [_detections(each, index) for index, each in enumerate(given)]
    most = max((len(scores) for _, scores, _ in per_image), default=0)
    device = next((boxes.device for boxes, _, _ in per_image), None)
    # At least one row, so that "every number of an image" is never of nothing.
    result = torch.zeros(images, max(most, 1), len(OUTPUT_COLUMNS), dtype=torch.float64, device=device)
    for index, (boxes, scores, labels) in enumerate(per_image):
        rows = result[index, : len(scores)]
        rows[:, :4], rows[:, 4], rows[:, 5], rows[:, 6] = boxes, scores, labels, 1
    if box_format == "xyxy":
        result[:, :, 2:4] -= result[:, :, :2]
    # NaN is for the caller to report, who knows the images.
    if bool(result.isfinite().all()):
        _demand_sizes(result, box_format)
        _demand_categories(result, names)
    if not masks:
        return result
    codes = [
        as_columns(codes_of_model(_masks(each, index), len(scores), index))
        for index, (each, (_, scores, _)) in enumerate(zip(given, per_image, strict=True))
    ]
    return with_codes(result, codes)


def with_codes(rows: torch.Tensor, codes: Sequence[np.ndarray]) -> torch.Tensor:
    """Rows of shape (n, most, columns) with the codes of their masks behind: (n, most, columns + longest)."""
    behind = torch.zeros(*rows.shape[:2], max(each.shape[1] for each in codes), dtype=torch.float64)
    for index, each in enumerate(codes):
        behind[index, : each.shape[0], : each.shape[1]] = torch.from_numpy(each)
    return torch.cat([rows, behind.to(rows.device)], dim=2)


def _masks(given: Mapping[str, Any], index: int) -> Any:
    if "masks" not in given:
        raise OutputError(
            f"image {index} of a batch has no masks",
            expected="masks (k, height, width) beside boxes, scores and labels, as args: {masks: true} says",
            found="the keys " + (", ".join(map(str, given)) or "(none)"),
            todo="let the model return masks, or leave masks out of args",
        )
    return given["masks"]


def _by_image(returned: Any, images: int) -> Sequence[Any]:
    if isinstance(returned, Mapping):
        _demand_keys(returned, "the model's output")
        lengths = {len(returned[key]) for key in _KEYS}
        if lengths != {images}:
            raise OutputError(
                f"the model gave boxes, scores and labels for {sorted(lengths)} images, asked for {images}",
                expected=f"{images} of each",
                todo="let the model return an entry for every image",
            )
        keys = [*_KEYS, *(["masks"] if "masks" in returned else [])]
        return [{key: returned[key][index] for key in keys} for index in range(images)]
    if isinstance(returned, (list, tuple)) and all(isinstance(each, Mapping) for each in returned):
        if len(returned) != images:
            raise OutputError(
                f"the model gave detections for {len(returned)} of {images} images",
                expected="one mapping for each image, in order; empty tensors where nothing was found",
                todo="let the model return an entry for every image",
            )
        return returned
    raise OutputError(
        "the model does not return detections",
        expected="a list with {boxes, scores, labels} for each image",
        found=f"a {type(returned).__name__}"
        + (f" of {type(returned[0]).__name__}" if isinstance(returned, (list, tuple)) and returned else ""),
        todo="wrap the model in a module beside the spec that decodes its output",
    )


def _detections(given: Mapping[str, Any], index: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    _demand_keys(given, f"image {index} of a batch")
    boxes, scores, labels = (torch.as_tensor(given[key]).double() for key in _KEYS)
    if not boxes.numel() and not scores.numel() and not labels.numel():
        return boxes.reshape(0, 4), scores.reshape(0), labels.reshape(0)
    count = len(scores) if scores.ndim else 0
    if boxes.shape != (count, 4) or scores.shape != (count,) or labels.shape != (count,):
        raise OutputError(
            f"boxes, scores and labels of image {index} of a batch do not fit together",
            expected="shapes (k, 4), (k,) and (k,)",
            found=f"shapes {tuple(boxes.shape)}, {tuple(scores.shape)} and {tuple(labels.shape)}",
            todo="let the model return a score and a label for each box",
        )
    return boxes, scores, labels


def _demand_keys(given: Mapping[str, Any], what: str) -> None:
    missing = [key for key in _KEYS if key not in given]
    if missing:
        raise OutputError(
            f"{what} has no {' and no '.join(missing)}",
            expected="boxes, scores and labels",
            found="the keys " + (", ".join(map(str, given)) or "(none)"),
            todo="rename the entries in a module beside the spec that wraps the model",
        )


def _demand_sizes(rows: torch.Tensor, box_format: BoxFormat) -> None:
    negative = (rows[:, :, 2:4] < 0).any(dim=2)
    if bool(negative.any()):
        image, row = (int(index) for index in negative.nonzero()[0])
        left, top, width, height = rows[image, row, :4].tolist()
        raise OutputError(
            f"{int(negative.sum())} of {int(rows[:, :, 6].sum())} boxes of a batch have a negative width or height",
            expected="boxes of args: {boxes: " + box_format + "}",
            found=f"a width of {width:g} and a height of {height:g} at {left:g}, {top:g}",
            todo="if the model gives left, top, width, height, write boxes: xywh; "
            "else drop such boxes in the model",
        )


def _demand_categories(rows: torch.Tensor, names: Mapping[int, str] | None) -> None:
    labels = rows[:, :, 5][rows[:, :, 6] > 0]
    given = sorted(set(labels.tolist()))
    wrong = [label for label in given if label != int(label) or (names is not None and label not in names)]
    if wrong:
        known = sorted(names) if names else []
        raise OutputError(
            f"the model gives the label {wrong[0]:g}, which is no category of the dataset",
            expected="category ids of the dataset"
            + (f": {', '.join(map(str, known[:10]))}{', …' if len(known) > 10 else ''}" if known else ""),
            found="labels " + ", ".join(f"{label:g}" for label in given[:10]),
            todo="translate the model's classes to category ids (COCO's 80 classes have ids from 1 to 90)",
        )
