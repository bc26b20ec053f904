"""Masks as COCO's run-length codes, and their overlaps; the codes are made and compared by pycocotools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import MissingDependencyError

Code = dict[str, Any]
"""What pycocotools calls RLE: ``size`` (height, width) and ``counts``, bytes."""


def mask_functions() -> Any:
    """The module ``pycocotools.mask``.

    Raises:
        MissingDependencyError: pycocotools is not installed.
    """
    try:
        from pycocotools import mask
    except ImportError as error:
        raise MissingDependencyError(
            "masks are compared by pycocotools, which is not installed",
            todo="pip install 'pytest-modelqa[coco]'",
        ) from error
    return mask


def to_text(code: Code) -> str:
    """A code as a cell of a table.

    >>> to_text({"size": [2, 3], "counts": b"132"})
    '2 3 132'
    """
    height, width = code["size"]
    return f"{height} {width} {code['counts'].decode('ascii')}"


def from_text(text: str) -> Code:
    """The inverse of ``to_text``.

    >>> from_text("2 3 132")
    {'size': [2, 3], 'counts': b'132'}
    """
    height, width, counts = text.split(" ", 2)
    return {"size": [int(height), int(width)], "counts": counts.encode("ascii")}


def areas(codes: Sequence[Code]) -> np.ndarray:
    """The number of pixels of each mask, float64, shape (n,)."""
    return np.asarray(mask_functions().area(list(codes)), dtype=np.float64).reshape(len(codes))


def overlapping_masks(
    masks: tuple[Sequence[Code], Sequence[Code]],
    groups: tuple[np.ndarray, np.ndarray],
    crowd: np.ndarray,
    least: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Detection, ground truth and IoU of every pair of one group whose masks overlap by at least ``least``.

    Args:
        masks: Those of the detections and of the ground truths.
        groups: For each, a number for its image and category: only pairs of one group are compared.
        crowd: Which ground truths are crowds: of them any part may be found, so their own area does not count.
    """
    functions = mask_functions()
    rows, truths = (_by_group(group) for group in groups)
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = [_NONE]
    for group in sorted(rows.keys() & truths.keys()):
        row, truth = rows[group], truths[group]
        iou = functions.iou(
            [masks[0][each] for each in row],
            [masks[1][each] for each in truth],
            crowd[truth].astype(np.uint8).tolist(),
        )
        close = np.nonzero(iou >= least)
        kept.append((row[close[0]], truth[close[1]], iou[close]))
    row, truth, values = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    return row, truth, values


_NONE = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def _by_group(groups: np.ndarray) -> dict[int, np.ndarray]:
    order = np.argsort(groups, kind="stable")
    values, begins = np.unique(groups[order], return_index=True)
    return dict(zip(values.tolist(), np.split(order, begins[1:]), strict=bool(len(values))))
