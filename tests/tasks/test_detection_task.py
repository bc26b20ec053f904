"""Detection takes what detectors return, refuses what cannot be boxes, and keeps a row for each box."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from pytest_modelqa.errors import DatasetError, OutputError
from pytest_modelqa.tasks.declarations import DetectionArgs
from pytest_modelqa.tasks.detection import Detection
from pytest_modelqa.tasks.protocol import Inspection

NAMES = ("cat", "dog")
BOXES = [[10.0, 10.0, 30.0, 50.0], [60.0, 60.0, 20.0, 20.0]]


class Fixed(torch.nn.Module):
    """Returns what it was made with, whatever it sees."""

    def __init__(self, returned: Any) -> None:
        super().__init__()
        self.returned = returned
        self.seen: Any = None

    def forward(self, images: Any) -> Any:
        self.seen = images
        return self.returned


def found(boxes: Any, scores: Any, labels: Any) -> dict[str, torch.Tensor]:
    return {"boxes": torch.tensor(boxes), "scores": torch.tensor(scores), "labels": torch.tensor(labels)}


NOTHING = found([], [], [])


def task(**args: Any) -> Detection:
    return Detection(DetectionArgs(class_names=NAMES, **args))


def prepared(samples: Any, **args: Any) -> Detection:
    result = task(**args)
    result.prepare(samples)
    return result


class Images:
    """Two images of 100 × 80 pixels: a cat and a dog in the first, a crowd of dogs in the second."""

    def __init__(self, **changes: Any) -> None:
        self.fields: dict[str, list[Any]] = {
            "image": [np.zeros((3, 80, 100), np.float32), np.ones((3, 80, 100), np.float32)],
            "boxes": [np.array(BOXES), np.array([[0.0, 0.0, 50.0, 50.0]])],
            "labels": [np.array([0, 1]), np.array([1])],
            "crowd": [np.array([0, 0]), np.array([1])],
            "annotation_ids": [np.array([11, 12]), np.array([13])],
            **changes,
        }
        self.ids, self.scalars = ("first", "second"), dict[str, Any]()

    def __len__(self) -> int:
        return 2

    def batch(self, indices: Any) -> dict[str, Any]:
        return {name: [values[index] for index in indices] for name, values in self.fields.items()}

    def all(self) -> dict[str, Any]:
        return self.batch([0, 1])


def side_tables(returned: Any, **args: Any) -> tuple[Any, Any]:
    images = Images()
    detection = prepared(images, **args)
    outputs = detection.infer(Fixed(returned), images.all())
    tables = detection.side_tables(outputs, detection.targets(images.all()))
    return tables["detections"], tables["ground_truths"]


CAT = [10.0, 10.0, 40.0, 60.0]


def test_corners_and_sizes_are_the_same_boxes_when_they_are_said_to_be() -> None:
    corners, _ = side_tables([found([CAT], [0.9], [0]), NOTHING], boxes="xyxy")
    sizes, _ = side_tables([found([BOXES[0]], [0.9], [0]), NOTHING], boxes="xywh")

    for name in ("left", "top", "width", "height"):
        np.testing.assert_array_equal(corners[name], sizes[name])
    assert [corners[name][0] for name in ("left", "top", "width", "height")] == BOXES[0]


def test_every_box_is_a_row_with_its_match() -> None:
    dogs = found([[0.0, 0.0, 40.0, 50.0], [70.0, 0.0, 90.0, 20.0]], [0.7, 0.6], [1, 1])
    detections, truths = side_tables([found([CAT, CAT], [0.9, 0.8], [0, 0]), dogs])

    assert detections["sample"].tolist() == [0, 0, 1, 1]
    assert detections["category_id"].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(detections["score"], [0.9, 0.8, 0.7, 0.6], rtol=1e-6)
    assert detections["matched"].tolist() == [1, 0, 1, 0]
    assert detections["ignored"].tolist() == [0, 0, 1, 0]
    assert detections["annotation_id"].tolist() == [11, -1, 13, -1]
    assert truths["sample"].tolist() == [0, 0, 1]
    assert truths["category"].tolist() == ["cat", "dog", "dog"]
    assert truths["found"].tolist() == [1, 0, 1]
    assert truths["area"].tolist() == [1500.0, 400.0, 2500.0]
    assert truths["crowd"].tolist() == [0, 0, 1]


def test_images_are_counted_at_an_overlap_of_one_half() -> None:
    images = Images()
    detection = prepared(images)
    dogs = found([[0.0, 0.0, 40.0, 50.0], [70.0, 0.0, 90.0, 20.0]], [0.7, 0.6], [1, 1])
    outputs = detection.infer(Fixed([found([CAT], [0.9], [0]), dogs]), images.all())

    columns = detection.predictions(outputs, detection.targets(images.all()))

    assert {name: values.tolist() for name, values in columns.items()} == {
        "detections": [1, 2],
        "ground_truths": [2, 0],
        "found": [1, 0],
        "missed": [1, 0],
        "false": [0, 1],
        "width": [100, 100],
        "height": [80, 80],
    }


@pytest.mark.parametrize(("bottom", "matched"), [(35.0, 1), (34.9, 0)])
def test_half_of_a_box_finds_it_and_less_does_not(bottom: float, matched: int) -> None:
    detections, truths = side_tables([found([[10.0, 10.0, 40.0, bottom]], [0.9], [0]), NOTHING])

    assert (detections["matched"].tolist(), truths["found"].tolist()) == ([matched], [matched, 0, 0])


def test_one_mapping_for_the_whole_batch_is_taken_too() -> None:
    whole = {
        "boxes": torch.tensor([[CAT], [CAT]]),
        "scores": torch.tensor([[0.9], [0.8]]),
        "labels": torch.tensor([[0], [1]]),
    }
    detections, _ = side_tables(whole)

    assert detections["sample"].tolist() == [0, 1]
    assert detections["category_id"].tolist() == [0, 1]


def test_no_detections_are_no_error() -> None:
    detections, truths = side_tables([NOTHING, NOTHING])

    assert len(detections["score"]) == 0
    assert truths["found"].tolist() == [0, 0, 0]


def test_images_of_one_size_are_given_as_a_tensor_and_others_as_a_list(
    samples_of: Callable[..., Any],
) -> None:
    model = Fixed([NOTHING, NOTHING])
    images = Images()
    prepared(images).infer(model, images.all())
    assert [each.shape for each in model.seen] == [(3, 80, 100)] * 2

    prepared(images).infer(model, {**images.all(), "image": torch.zeros(2, 3, 80, 100, dtype=torch.uint8)})
    assert model.seen.shape == (2, 3, 80, 100)
    assert model.seen.dtype == torch.float32


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (torch.zeros(2, 4), "the model does not return detections"),
        ([NOTHING], "the model gave detections for 1 of 2 images"),
        ([{"boxes": torch.zeros(0, 4)}, NOTHING], "image 0 of a batch has no scores and no labels"),
        ([NOTHING, found([CAT], [0.9, 0.8], [0, 0])], "image 1 of a batch do not fit together"),
        ([found([CAT], [0.9], [2]), NOTHING], "the model gives the label 2, which is no category"),
        ([found([CAT], [0.9], [0.5]), NOTHING], "the model gives the label 0.5, which is no category"),
        (
            [found([[40.0, 60.0, 10.0, 10.0]], [0.9], [0]), NOTHING],
            "1 of 1 boxes of a batch have a negative width",
        ),
    ],
)
def test_what_cannot_be_detections_is_an_error(returned: Any, message: str) -> None:
    images = Images()
    detection = prepared(images)

    with pytest.raises(OutputError, match=message):
        detection.infer(Fixed(returned), images.all())


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_reaches_the_caller_who_knows_the_images(bad: float) -> None:
    images = Images()
    for returned in (
        [found([[bad, 0.0, 1.0, 1.0]], [0.9], [0]), NOTHING],
        [NOTHING, found([CAT], [bad], [0])],
    ):
        outputs = prepared(images).infer(Fixed(returned), images.all())
        assert not torch.isfinite(outputs).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"boxes": [np.array([[1.0, 1.0, 0.0, 5.0]]), np.zeros((0, 4))], "labels": [[0], []]},
            "have no area",
        ),
        (
            {"boxes": [np.array([[np.nan, 1.0, 1.0, 5.0]]), np.zeros((0, 4))], "labels": [[0], []]},
            "have no area",
        ),
        ({"labels": [np.array([0]), np.array([1])]}, "2 boxes and 1 labels"),
        ({"areas": [np.array([1.0, np.nan]), np.array([1.0])]}, "the area of a ground truth"),
        ({"areas": [np.array([1.0, -1.0]), np.array([1.0])]}, "the area of a ground truth"),
        ({"labels": [np.array([0, 7]), np.array([1])]}, "the label 7, which is no category"),
    ],
)
def test_ground_truth_that_nothing_can_match_is_an_error(changes: dict[str, Any], message: str) -> None:
    images = Images(**changes)
    batch = {name: values for name, values in images.all().items() if name not in ("crowd", "annotation_ids")}

    with pytest.raises(DatasetError, match=message):
        prepared(images).targets(batch)


@pytest.mark.parametrize("field", ["boxes", "labels"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    images = Images()
    del images.fields[field]

    with pytest.raises(DatasetError, match=f"no field {field}"):
        task().prepare(images)


def pictures_of(images: Images) -> Any:
    detection = prepared(images)
    outputs = detection.infer(Fixed([found([CAT], [0.9], [0]), NOTHING]), images.all())
    targets = detection.targets(images.all())
    return detection.pictures(
        Inspection(
            ids=images.ids,
            columns=detection.predictions(outputs, targets),
            rerun=lambda rows: (images.batch(rows), outputs[list(rows)]),
            tables=detection.side_tables(outputs, targets),
        )
    )


def test_photographs_are_jpeg_and_their_boxes_keep_their_colours() -> None:
    photograph = load_sample_image("china.jpg").transpose(2, 0, 1).copy()
    pictures = pictures_of(Images(image=[photograph, photograph]))
    assert set(pictures) == {"missed_1.jpg", "precision_recall.svg"}
    assert len(pictures["missed_1.jpg"]) < 120_000
    drawn = np.asarray(Image.open(io.BytesIO(pictures["missed_1.jpg"]))).astype(int)
    # The side of the dog that was missed, at three quarters of its size.
    assert np.abs(drawn[16 + 45, 53:55] - (213, 94, 0)).max(axis=1).min() < 40


@pytest.mark.parametrize("size", [(80, 100), (427, 640)], ids=["small", "flat"])
def test_small_images_and_flat_ones_stay_pixel_exact(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    image = (
        random.integers(0, 255, (3, *size))
        if size == (80, 100)
        else np.tile(np.arange(size[1]) > 300, (3, size[0], 1))
    )
    assert "missed_1.png" in pictures_of(Images(image=[image.astype(np.uint8)] * 2))


def test_the_pictures_are_of_the_images_with_most_missed() -> None:
    images = Images()
    detection = prepared(images)
    outputs = detection.infer(Fixed([found([CAT], [0.9], [0]), NOTHING]), images.all())
    targets = detection.targets(images.all())
    inspection = Inspection(
        ids=images.ids,
        columns=detection.predictions(outputs, targets),
        rerun=lambda rows: (images.batch(rows), outputs[list(rows)]),
        tables=detection.side_tables(outputs, targets),
    )

    pictures = detection.pictures(inspection)

    assert set(pictures) == {"missed_1.png", "precision_recall.svg"}
    drawn = np.asarray(Image.open(io.BytesIO(pictures["missed_1.png"])))
    colours = {tuple(colour) for colour in drawn.reshape(-1, 3).tolist()}
    green, red = (0, 158, 115), (213, 94, 0)
    assert {green, red} <= colours
    # The dog that was missed, at four times its size below the caption.
    assert tuple(drawn[16 + 4 * 60, 4 * 70].tolist()) == red
    assert pictures["precision_recall.svg"].startswith(b"<svg")
