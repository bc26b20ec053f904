"""Masks of a batch as numbers beside its boxes: COCO's run-length codes, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..errors import DatasetError, OutputError
from ..metrics.coco_masks import Code, mask_functions, to_text

# Height and width of the mask come before the bytes of its code, which are never 0.
_SIZE_COLUMNS = 2
_THRESHOLD = 0.5


def codes_of_model(given: Any, count: int, index: int) -> list[Code]:
    """The codes of an image's masks as a model gives them.

    Args:
        given: A tensor (k, height, width) or (k, 1, height, width), booleans, or numbers of which 0.5 and more
            belong to the object; or a list of k codes as COCO results files hold them.
        count: How many detections there are.
        index: The image's, for messages.

    Raises:
        OutputError: They are none of these, or not as many as boxes.
    """
    if isinstance(given, (list, tuple)):
        codes = [_as_code(each, index) for each in given]
    else:
        codes = _encoded(torch.as_tensor(given), index)
    if len(codes) != count:
        raise OutputError(
            f"image {index} of a batch has {count} boxes and {len(codes)} masks",
            expected="a mask for each box",
            todo="let the model return as many masks as boxes",
        )
    return codes


def codes_of_annotations(segmentations: Sequence[Any], size: tuple[int, int]) -> list[Code]:
    """The codes of an image's annotated masks: polygons, or codes with or without compression.

    Args:
        segmentations: As they stand in a COCO file.
        size: Height and width of the image.

    Raises:
        DatasetError: One is no mask.
    """
    height, width = size
    functions = mask_functions()
    codes: list[Code] = []
    for segmentation in segmentations:
        try:
            if isinstance(segmentation, dict) and isinstance(segmentation["counts"], str):
                counts = segmentation["counts"].encode("ascii")
                code = {"size": segmentation["size"], "counts": counts}
            else:
                coded = functions.frPyObjects(segmentation, height, width)
                code = functions.merge(coded) if isinstance(coded, list) else coded
        except Exception as error:
            raise _no_mask(segmentation) from error
        if list(code["size"]) != [height, width]:
            raise _no_mask(segmentation, f"a mask of {code['size']} in an image of {[height, width]}")
        codes.append(code)
    return codes


def as_columns(codes: Sequence[Code]) -> np.ndarray:
    """Height, width and the bytes of each code, padded with 0: float64, shape (k, 2 + longest)."""
    longest = max((len(code["counts"]) for code in codes), default=0)
    columns = np.zeros((len(codes), _SIZE_COLUMNS + longest))
    for row, code in zip(columns, codes, strict=True):
        row[:_SIZE_COLUMNS] = code["size"]
        row[_SIZE_COLUMNS : _SIZE_COLUMNS + len(code["counts"])] = np.frombuffer(code["counts"], np.uint8)
    return columns


def texts_of(columns: np.ndarray) -> np.ndarray:
    """The codes in ``as_columns`` as cells of a side table."""
    sizes = columns[:, :_SIZE_COLUMNS].astype(np.int64).tolist()
    texts = [
        to_text({"size": size, "counts": row.astype(np.uint8).tobytes().rstrip(b"\0")})
        for size, row in zip(sizes, columns[:, _SIZE_COLUMNS:], strict=True)
    ]
    return np.array(texts, dtype=np.str_)


def _encoded(masks: torch.Tensor, index: int) -> list[Code]:
    if masks.ndim == 4 and masks.shape[1] == 1:
        masks = masks[:, 0]
    if masks.ndim != 3:
        raise OutputError(
            f"the masks of image {index} of a batch are no masks",
            expected="shape (k, height, width)",
            found=f"shape {tuple(masks.shape)}",
            todo="let the model return a mask of the image's size for each box",
        )
    inside = masks if masks.dtype == torch.bool else masks >= _THRESHOLD
    plain = inside.permute(1, 2, 0).to(torch.uint8).cpu().numpy()
    codes: list[Code] = mask_functions().encode(np.asfortranarray(plain))
    return codes


def _as_code(given: Any, index: int) -> Code:
    counts = given.get("counts") if isinstance(given, dict) else None
    if isinstance(counts, list):
        code: Code = mask_functions().frPyObjects(given, *given["size"])
        return code
    if not isinstance(counts, (str, bytes)) or len(given.get("size", ())) != 2:
        raise OutputError(
            f"a mask of image {index} of a batch is no run-length code",
            expected="{size: [height, width], counts: …}, as pycocotools.mask.encode gives it",
            found=str(given)[:80],
            todo="let the model return masks (k, height, width), or such codes",
        )
    return {
        "size": list(given["size"]),
        "counts": counts.encode("ascii") if isinstance(counts, str) else counts,
    }


def _no_mask(segmentation: Any, found: str | None = None) -> DatasetError:
    return DatasetError(
        "the segmentation of an annotation is no mask",
        expected="polygons, or {size, counts}",
        found=found or str(segmentation)[:80],
        todo="correct the annotation, or leave masks out of the task's args",
    )
