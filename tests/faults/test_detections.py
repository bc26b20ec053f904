"""Detections and annotations that would score wrongly: NaN boxes, boxes in another form, ids that do not exist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelqa.datasets.coco import from_coco
from pytest_modelqa.errors import DatasetError, OutputError
from pytest_modelqa.evaluation.inference import Subject, predict
from pytest_modelqa.tasks.declarations import DetectionArgs
from pytest_modelqa.tasks.detection import Detection

BOX = [10.0, 20.0, 30.0, 40.0]


class Detector(nn.Module):
    """Gives back the detections that it was made with."""

    def __init__(self, detections: Any) -> None:
        super().__init__()
        self.detections = detections

    def forward(self, image: torch.Tensor) -> Any:
        return self.detections


def detections(boxes: list[list[float]], label: int = 1, score: float = 0.9) -> dict[str, torch.Tensor]:
    return {
        "boxes": torch.tensor(boxes),
        "scores": torch.full((len(boxes),), score),
        "labels": torch.full((len(boxes),), label),
    }


def predicted(returned: Any, ids: tuple[str, ...] = ("1", "2")) -> torch.Tensor:
    task = Detection(DetectionArgs(boxes="xyxy", class_names=("background", "ship")))
    fields = {
        "image": np.zeros((1, 3, 8, 8), np.float32),
        "boxes": [np.zeros((0, 4))],
        "labels": [np.zeros(0)],
    }
    task.prepare(_Samples(ids, fields))
    subject = Subject(task, Detector(returned), _Samples(ids, fields), torch.device("cpu"), (), (), {})
    return predict(subject, {"image": torch.zeros(len(ids), 3, 8, 8)}, ids)


class _Samples:
    def __init__(self, ids: tuple[str, ...], fields: Any) -> None:
        self.ids = ids
        self.scalars: dict[str, np.ndarray] = {}
        self._fields = fields

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, indices: Any) -> Any:
        return self._fields


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Of two boxes [left, top, right, bottom], as it is commonly written."""
    width, height = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    intersection = max(width, 0) * max(height, 0)
    areas = [np.prod(box[2:] - box[:2]) for box in (one, other)]
    return float(np.float64(intersection) / (sum(areas) - intersection))


@pytest.mark.parametrize("where", ["boxes", "scores"])
def test_fault_72_nan_in_boxes_or_scores_is_an_error_and_no_match(where: str) -> None:
    # What coco's matching does: a detection is passed over where its overlap is *below* the threshold. With NaN it
    # never is, and so every box matches: AP 1.0 for a dead detector (pycocotools 2.0.11).
    nothing = np.full(4, np.nan)
    assert not iou(nothing, np.array(BOX)) < 0.5
    bad = detections([BOX])
    bad[where] = torch.full_like(bad[where], float("nan"))
    with pytest.raises(OutputError) as caught:
        predicted([detections([BOX]), bad])
    assert caught.value.what.startswith("NaN or Inf in the outputs for 1 of 2")
    assert "'2'" in str(caught.value.found)


def test_sound_detections_are_let_through() -> None:
    assert predicted([detections([BOX]), detections([])]).shape[0] == 2


def test_fault_74_detections_missing_for_an_image() -> None:
    with pytest.raises(OutputError, match="detections for 1 of 2 images"):
        predicted([detections([BOX])])


def test_fault_75_detections_of_an_image_twice() -> None:
    with pytest.raises(OutputError, match="detections for 3 of 2 images"):
        predicted([detections([BOX])] * 3)


def test_fault_78_boxes_by_their_size_for_boxes_by_their_corners() -> None:
    with pytest.raises(OutputError) as caught:
        predicted([detections([[10.0, 20.0, 5.0, 6.0]]), detections([BOX])])
    assert "negative width or height" in caught.value.what
    assert "boxes: xywh" in str(caught.value.todo)


def test_fault_78_a_label_that_is_no_category() -> None:
    with pytest.raises(OutputError) as caught:
        predicted([detections([BOX], label=7), detections([BOX])])
    assert "7" in str(caught.value)


def annotated(folder: Path, **annotation: Any) -> Path:
    content = {
        "images": [{"id": 1, "file_name": "1.png"}, {"id": 2, "file_name": "2.png"}],
        "categories": [{"id": 1, "name": "ship"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], **annotation}],
    }
    path = folder / "annotations.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        pytest.param({"image_id": 9}, "annotation 5 has the image_id 9", id="fault_77_unknown_image"),
        pytest.param({"image_id": "1"}, "annotation 5 has the image_id '1'", id="fault_77_text_for_number"),
        pytest.param(
            {"category_id": 9}, "annotation 5 has the category_id 9", id="fault_78_unknown_category"
        ),
        pytest.param({"bbox": [9, 9, -4, -4]}, "the box of annotation 5 has no area", id="fault_78_corners"),
    ],
)
def test_annotations_that_belong_to_nothing_are_named(
    tmp_path: Path, annotation: dict[str, Any], said: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        from_coco(annotated(tmp_path, **annotation), "test", images=None)
    assert said in caught.value.what
    assert caught.value.where
    assert caught.value.todo


def test_sound_annotations_are_read(tmp_path: Path) -> None:
    assert list(from_coco(annotated(tmp_path), "test", images=None).ids) == ["1", "2"]
