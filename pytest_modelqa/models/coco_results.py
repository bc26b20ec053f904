"""A COCO results file in a model's place: its "answers" are those that another program wrote down.

``models: {mine: {build: pytest_modelqa.models.coco_results:CocoResults, checkpoint: results.json}}``
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import nn

from ..errors import CheckpointError, MissingDependencyError, OutputError
from ..records.digests import file_sha256
from ..spec.resolved import Model
from .files import COCO_RESULTS_BUILD as BUILD
from .files import check_digests

_KEYS = ("image_id", "category_id", "bbox", "score")


class CocoResults(nn.Module):
    """The detections of a results file, by image.

    Args:
        detections: Image id to rows of left, top, width, height, score, category id.
        name: The file's, for messages.
        masks: Image id to the segmentation of each row, where every detection has one.
    """

    def __init__(
        self,
        detections: Mapping[int, list[list[float]]],
        name: str,
        masks: Mapping[int, list[Any]] | None = None,
    ) -> None:
        super().__init__()
        self._masks = masks
        self.place: torch.Tensor
        self._detections = detections
        self._name = name
        # Says which device the answers are wanted on.
        self.register_buffer("place", torch.empty(0), persistent=False)

    def forward(self, images: Any) -> NoReturn:
        """A file cannot look at images.

        Raises:
            OutputError: Always.
        """
        raise OutputError(
            f"{self._name} holds detections, and is no model of this task",
            todo="evaluate it with the task detection, on a dataset of a COCO file",
        )

    def answers(self, image_ids: Sequence[int], known: Iterable[int]) -> list[dict[str, Any]]:
        """``boxes`` (left, top, width, height), ``scores`` and ``labels`` of these images, and ``masks`` if known.

        An image that the file does not name has no detections, and counts.

        Args:
            image_ids: The images asked for.
            known: Every image id of the dataset.

        Raises:
            OutputError: The file has detections for images that the dataset does not have.
        """
        strangers = sorted(self._detections.keys() - set(known))
        if strangers:
            raise OutputError(
                f"{self._name} has detections for {len(strangers)} images that the dataset does not have",
                expected="image ids of the annotation file",
                found=f"first image_id {strangers[0]}",
                todo="evaluate the results on the dataset that they were made for",
            )
        rows = [
            torch.tensor(self._detections.get(each, []), dtype=torch.float64, device=self.place.device)
            for each in image_ids
        ]
        rows = [each.reshape(-1, 6) for each in rows]
        masks = [{} if self._masks is None else {"masks": self._masks.get(each, [])} for each in image_ids]
        return [
            {"boxes": each[:, :4], "scores": each[:, 4], "labels": each[:, 5], **mask}
            for each, mask in zip(rows, masks, strict=True)
        ]


def recorded_answers(
    model: Model, path: Path, hashed: Mapping[Path, str], digest_of: Callable[[Path], str] = file_sha256
) -> CocoResults:
    """The detections of a model whose checkpoint is a results file.

    Raises:
        CheckpointError: The model builds something else, or the file is not what its digest says.
        OutputError: The file is not COCO's, or a detection in it cannot be one.
    """
    if model.build != BUILD:
        raise CheckpointError(
            f"the checkpoint of {model.name!r} is a list in JSON, as COCO results are, and holds no weights",
            where=str(path),
            expected=f"build: {BUILD}",
            found=f"build: {model.build}",
            todo="write this build, or correct checkpoint:",
        )
    check_digests(model, [path], hashed, digest_of)
    detections, masks = _read(path)
    return CocoResults(detections, path.name, masks)


def _read(path: Path) -> tuple[dict[int, list[list[float]]], dict[int, list[Any]] | None]:
    try:
        entries = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise OutputError(
            f"{path.name} is no JSON",
            where=str(path),
            found=str(error),
            todo="correct checkpoint:, or write the results again",
        ) from error
    detections: dict[int, list[list[float]]] = {}
    seen: set[tuple[Any, ...]] = set()
    masks: dict[int, list[Any]] = {}
    masked = all(isinstance(entry, dict) and entry.get("segmentation") for entry in entries)
    for number, entry in enumerate(entries):
        row = _row(_with_box(entry) if masked else entry, number, path)
        identity = (entry["image_id"], *row, str(entry.get("segmentation")))
        if identity in seen:
            raise _wrong(number, path, "stands twice", str(entry)[:120], "each detection once")
        seen.add(identity)
        detections.setdefault(entry["image_id"], []).append(row)
        if masked:
            masks.setdefault(entry["image_id"], []).append(entry["segmentation"])
    return detections, masks if masked else None


def _with_box(entry: dict[str, Any]) -> dict[str, Any]:
    """A detection with the box of its mask, where the file has masks only."""
    counts = entry["segmentation"].get("counts") if isinstance(entry["segmentation"], dict) else None
    if "bbox" in entry or not isinstance(counts, str):
        return entry
    try:
        from pycocotools.mask import toBbox
    except ImportError as error:
        raise MissingDependencyError(
            "masks are read by pycocotools, which is not installed",
            todo="pip install 'pytest-modelqa[coco]'",
        ) from error
    return {**entry, "bbox": toBbox(entry["segmentation"]).tolist()}


def _row(entry: Any, number: int, path: Path) -> list[float]:
    missing = [key for key in _KEYS if not isinstance(entry, dict) or key not in entry]
    if missing:
        raise _wrong(number, path, f"has no {missing[0]}", str(entry)[:120], ", ".join(_KEYS))
    for key in ("image_id", "category_id"):
        if isinstance(entry[key], bool) or not isinstance(entry[key], int):
            raise _wrong(number, path, f"has no whole number as {key}", repr(entry[key]), "1, and not '1'")
    box = entry["bbox"]
    numbers = [*box, entry["score"]] if isinstance(box, list) and len(box) == 4 else []
    if not numbers or not all(_is_number(value) for value in numbers):
        raise _wrong(number, path, "has no finite box and score", str(entry)[:120], "a bbox of 4 numbers")
    return [float(value) for value in (*numbers, entry["category_id"])]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(number: int, path: Path, what: str, found: str, expected: str) -> OutputError:
    return OutputError(
        f"detection {number} of {path.name} {what}",
        where=str(path),
        expected=expected,
        found=found,
        todo="correct what wrote the file",
    )
