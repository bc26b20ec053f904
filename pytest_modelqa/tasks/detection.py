"""The task ``detection``: the model gives boxes with scores and labels for each image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import DatasetError, EvaluationError
from ..metrics.coco_matching import Boxes, match
from ..models.coco_results import CocoResults
from .declarations import DetectionArgs
from .detection_masks import texts_of
from .detection_outputs import OUTPUT_COLUMNS, packed
from .detection_pictures import detection_pictures
from .detection_targets import TARGET_COLUMNS, ground_truth
from .forward import precision_of, unusable_field
from .protocol import Inspection

if TYPE_CHECKING:
    from ..datasets.samples import Samples

# What the side table's matches are for: people, and pictures. Metrics match for their own area ranges.
_EVERY_AREA = ((0.0, 1e10),)
_IOU_THRESHOLD = 0.5


class Detection:
    """Keeps the boxes of each image as rows of side tables.

    Between model and tables they are rows of padded float64 tensors: outputs of shape (n, most detections,
    ``OUTPUT_COLUMNS``), targets of shape (n, most ground truths, ``TARGET_COLUMNS``). Rows that only fill up
    have 0 as ``real``.
    """

    def __init__(self, args: DetectionArgs) -> None:
        self._args = args
        self._names: Mapping[int, str] | None = None
        self._image_ids: frozenset[int] = frozenset()

    def prepare(self, samples: Samples) -> None:
        """Looks at the first image, and for the categories' names.

        Raises:
            DatasetError: A field is missing, or the dataset has no category.
        """
        if not len(samples):
            raise DatasetError(
                "the dataset is empty",
                expected="at least one image",
                todo="look at the file, the split, and what the loader filters out",
            )
        first = samples.batch([0])
        for field in ("boxes", "labels"):
            if field not in first:
                raise unusable_field(first, field, None)
        about: Mapping[str, Any] = getattr(samples, "about", {})
        self._image_ids = about.get("image_ids", frozenset())
        names = self._args.class_names
        self._names = about.get("categories") if names is None else dict(enumerate(names))

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """The boxes that the model finds, as rows of ``OUTPUT_COLUMNS``.

        Raises:
            OutputError: They are not what ``args`` say, or their labels are no categories of the dataset.
        """
        if isinstance(model, CocoResults):
            return self._recorded(model, batch)
        if self._args.input not in batch:
            raise unusable_field(batch, self._args.input, "input")
        images = batch[self._args.input]
        return packed(
            model(_as_given(images, model)),
            len(images),
            self._args.boxes,
            self._names,
            masks=self._args.masks,
        )

    def _recorded(self, model: CocoResults, batch: Mapping[str, Any]) -> torch.Tensor:
        if "image_id" not in batch:
            raise unusable_field(batch, "image_id", None)
        image_ids = [int(each) for each in batch["image_id"]]
        answers = model.answers(image_ids, self._image_ids)
        return packed(answers, len(image_ids), "xywh", self._names, masks=self._args.masks)

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The ground truth of these images, as rows of ``TARGET_COLUMNS``.

        Raises:
            DatasetError: A box has no area or no finite numbers, or a label is no category.
        """
        return ground_truth(batch, self._args.input, self._names, masks=self._args.masks)

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """There is none: no constant boxes are a baseline worth beating."""
        raise EvaluationError(f"detection has no baseline {name}")

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """Counts for each image, at an IoU of 0.5, and its size in pixels (−1 where it is not known).

        ``found`` and ``missed`` are ground truths that are no crowds, ``false`` detections that match none.
        """
        detections, truths = _tables(outputs, targets, self._names)
        n = len(targets)
        real = truths["crowd"] == 0
        found = truths["found"] > 0

        def count(table: Mapping[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
            return np.bincount(table["sample"][rows], minlength=n)

        sizes = targets[:, 0].cpu().numpy()[:, [TARGET_COLUMNS.index(f"image_{side}") for side in _SIDES]]
        return {
            "detections": np.bincount(detections["sample"], minlength=n),
            "ground_truths": count(truths, real),
            "found": count(truths, real & found),
            "missed": count(truths, real & ~found),
            "false": count(detections, detections["matched"] == 0),
            **{side: sizes[:, index].astype(np.int64) for index, side in enumerate(_SIDES)},
        }

    def side_tables(
        self, outputs: torch.Tensor, targets: torch.Tensor
    ) -> Mapping[str, Mapping[str, np.ndarray]]:
        """``detections`` and ``ground_truths``, with their matches at an IoU of 0.5.

        A detection is ``matched`` with the ground truth ``annotation_id`` (−1 where there is none or the dataset
        gives no ids), and ``ignored`` if that is a crowd; a ground truth was ``found`` or not. With
        ``args: {masks: true}`` both have a ``mask``, as text: height, width and COCO's run-length code.
        """
        detections, truths = _tables(outputs, targets, self._names)
        return {"detections": detections, "ground_truths": truths}

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """The images with most objects missed, and precision over recall."""
        return detection_pictures(inspection, self._args.input)


_SIDES = ("width", "height")
_BOX = ("left", "top", "width", "height")


def _as_given(images: Any, model: torch.nn.Module) -> Any:
    """Images in the model's precision and on its device: a tensor, or a list where they are of many sizes."""
    precision = precision_of(model)
    if isinstance(images, torch.Tensor):
        return images.to(precision)
    device = next((tensor.device for tensor in (*model.parameters(), *model.buffers())), None)
    return [torch.as_tensor(np.asarray(image)).to(device, precision) for image in images]


def _tables(
    outputs: torch.Tensor, targets: torch.Tensor, names: Mapping[int, str] | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The rows of detections and of ground truths, with their matches."""
    found, truths = _rows(outputs, OUTPUT_COLUMNS), _rows(targets, TARGET_COLUMNS)
    ids = np.unique(np.concatenate([found["category_id"], truths["category_id"]]))
    boxes = _boxes(found, ids, found["width"] * found["height"])
    true_boxes = _boxes(truths, ids, truths["area"])
    matches = match(boxes, true_boxes, _EVERY_AREA, (_IOU_THRESHOLD,))
    matched = np.full(len(boxes), -1, dtype=np.int64)
    matched[matches.some] = matches.found[0, 0]
    found_rows = np.zeros(len(true_boxes), dtype=np.int8)
    found_rows[matched[matched >= 0]] = 1
    crowd = np.append(truths["crowd"], 0)
    annotation_ids = np.append(truths["annotation_id"], -1)
    whole = {"sample": np.int64, "category_id": np.int64, "annotation_id": np.int64}
    detections = {
        **{name: found[name] for name in ("sample", "category_id", "score", *_BOX)},
        "matched": (matched >= 0).astype(np.int8),
        "ignored": crowd[matched].astype(np.int8),
        "annotation_id": annotation_ids[matched],
    }
    ground_truths = {
        **{name: truths[name] for name in ("sample", "category_id", *_BOX, "area", "annotation_id")},
        "crowd": truths["crowd"].astype(np.int8),
        "category": _category_names(truths["category_id"], names),
        "found": found_rows,
    }
    for table, rows in ((detections, found), (ground_truths, truths)):
        table |= {name: table[name].astype(dtype) for name, dtype in whole.items()}
        table |= {"mask": rows["mask"]} if "mask" in rows else {}
    return detections, ground_truths


def _category_names(ids: np.ndarray, names: Mapping[int, str] | None) -> np.ndarray:
    texts = [names[each] if names else str(each) for each in ids.astype(np.int64).tolist()]
    return np.array(texts, dtype=np.str_)


def _rows(packed_rows: torch.Tensor, columns: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The rows that are real, column by column, with the index of their sample."""
    values = packed_rows.cpu().numpy()
    sample, row = np.nonzero(values[:, :, columns.index("real")] > 0)
    table = {name: values[sample, row, index] for index, name in enumerate(columns) if name != "real"}
    codes = values[sample, row, len(columns) :]
    masks = {"mask": texts_of(codes)} if codes.shape[1] else {}
    return {"sample": sample, **table, **masks}


def _boxes(table: Mapping[str, np.ndarray], ids: np.ndarray, area: np.ndarray) -> Boxes:
    rows = len(area)
    return Boxes(
        image=table["sample"],
        category=np.searchsorted(ids, table["category_id"]),
        xywh=np.stack([table[name] for name in _BOX], axis=1),
        area=area,
        score=table.get("score", np.zeros(rows)),
        crowd=table.get("crowd", np.zeros(rows)) > 0,
    )
