"""COCO annotation files are read as they are, and refused where something in them cannot be meant."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_modelqa.datasets.files import data_files
from pytest_modelqa.datasets.loading import load_samples
from pytest_modelqa.errors import DatasetError

CONTENT: dict[str, Any] = {
    "images": [
        {"id": 7, "file_name": "b.png", "width": 20, "height": 10, "site": "north"},
        {"id": 3, "file_name": "a.png", "width": 20, "height": 10, "site": "south"},
    ],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 5, "bbox": [1, 2, 3.5, 4], "area": 9.0, "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0, 8, 8], "iscrowd": 1},
    ],
    "categories": [{"id": 2, "name": "dog"}, {"id": 5, "name": "cat"}],
}


@pytest.fixture
def load(make_dataset: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    def run(content: Any = CONTENT, **changes: Any) -> Any:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "annotations.json").write_text(text)
        return load_samples(make_dataset(path="annotations.json", **changes), tmp_path)

    return run


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for value, name in ((0, "a.png"), (255, "b.png")):
        Image.new("RGB", (20, 10), (value, 0, 0)).save(folder / name)
    return folder


def changed(path: tuple[Any, ...], value: Any = None) -> dict[str, Any]:
    """A copy of the content with one thing set, or removed."""
    content = copy.deepcopy(CONTENT)
    place = content
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content


def test_images_come_in_the_order_of_their_ids_with_their_boxes(load: Callable[..., Any]) -> None:
    samples = load()
    batch = samples.batch([0, 1])

    assert samples.ids == ("3", "7")
    assert batch["image_id"] == [3, 7]
    assert [each.shape for each in batch["boxes"]] == [(0, 4), (2, 4)]
    assert batch["boxes"][1].tolist() == [[1.0, 2.0, 3.5, 4.0], [0.0, 0.0, 8.0, 8.0]]
    assert batch["labels"][1].tolist() == [5, 2]
    assert batch["areas"][1].tolist() == [9.0, 64.0]
    assert batch["crowd"][1].tolist() == [0, 1]
    assert batch["annotation_ids"][1].tolist() == [1, 2]
    assert samples.about["categories"] == {2: "dog", 5: "cat"}
    assert samples.scalars["site"].tolist() == ["south", "north"]
    assert samples.scalars["width"].tolist() == [20, 20]


def test_images_are_decoded_from_their_folder(load: Callable[..., Any], images: Path) -> None:
    batch = load(args={"images": "images"}).batch([1, 0])

    assert batch["image"].shape == (2, 3, 10, 20)
    assert batch["image"][:, 0, 0, 0].tolist() == [1.0, 0.0]


def test_a_limit_takes_the_first_images(load: Callable[..., Any]) -> None:
    samples = load(limit=1)

    assert (samples.ids, samples.available) == (("3",), 2)
    assert samples.about["image_ids"] == {3, 7}


def test_the_images_belong_to_the_key(make_dataset: Callable[..., Any], tmp_path: Path, images: Path) -> None:
    (tmp_path / "annotations.json").write_text(json.dumps(CONTENT))
    dataset = make_dataset(path="annotations.json", args={"images": "images"})

    assert [path.name for path in data_files(dataset, tmp_path) or ()] == [
        "annotations.json",
        "a.png",
        "b.png",
    ]


@pytest.mark.parametrize(
    ("content", "what", "found"),
    [
        ("{", "this is no COCO annotation file", "Expecting"),
        ("[]", "this is no COCO annotation file", "a list is what results files are"),
        (
            changed(("categories",)),
            "this is no COCO annotation file",
            "no list 'categories'; the keys are 'images'",
        ),
        (
            changed(("annotations", 1, "bbox")),
            "this is no COCO annotation file",
            r"no 'bbox' in annotations\[1\]",
        ),
        (changed(("images", 0, "id"), "7"), "an id of images in annotations.json is no whole number", "'7'"),
        (changed(("annotations", 1, "id"), 1), "the id 1 stands twice among the annotations", None),
        (changed(("images", 1, "id"), 7), "the id 7 stands twice among the images", None),
        (changed(("annotations", 0, "image_id"), "7"), "annotation 1 has the image_id '7'", None),
        (
            changed(("annotations", 0, "image_id"), 8),
            "annotation 1 has the image_id 8, which is not among",
            None,
        ),
        (
            changed(("annotations", 0, "category_id"), 1),
            "annotation 1 has the category_id 1, which is not",
            None,
        ),
        (changed(("annotations", 1, "bbox"), [1, 1, 0, 5]), "the box of annotation 2 has no area", None),
        (changed(("annotations", 1, "bbox"), [1, 1, 5]), "annotation 2 has no box", None),
        (changed(("annotations", 0, "area"), "9"), "annotation 1 has an area", "area '9', iscrowd 0"),
        (changed(("annotations", 0, "area"), -9), "annotation 1 has an area", "area -9"),
        (changed(("annotations", 0, "area"), float("nan")), "annotation 1 has an area", "area nan"),
        (changed(("annotations", 1, "iscrowd"), 2), "annotation 2 has an area or an iscrowd", "iscrowd 2"),
        (changed(("images",), []), "has 0 samples", None),
    ],
)
def test_what_cannot_be_meant_is_an_error(
    load: Callable[..., Any], content: Any, what: str, found: str | None
) -> None:
    with pytest.raises(DatasetError, match=what) as caught:
        load(content)
    if found is not None:
        assert caught.value.found is not None
        assert re.search(found, caught.value.found)


def test_an_image_of_another_size_than_the_file_says_is_an_error(
    load: Callable[..., Any], images: Path
) -> None:
    samples = load(changed(("images", 1, "height"), 12), args={"images": "images"})

    with pytest.raises(
        DatasetError, match=r"image 3 has another size than the annotations say: a\.png"
    ) as caught:
        samples.batch([0])
    assert (caught.value.expected, caught.value.found) == ("20 × 12 pixels", "20 × 10 pixels")


@pytest.mark.parametrize("name", ["c.png", "../annotations.json"])
def test_an_image_that_is_not_in_the_folder_is_an_error(
    load: Callable[..., Any], images: Path, name: str
) -> None:
    with pytest.raises(DatasetError, match="image 7 is missing: " + name):
        load(changed(("images", 0, "file_name"), name), args={"images": "images"})


def test_a_folder_of_images_that_is_not_there_is_an_error(load: Callable[..., Any]) -> None:
    with pytest.raises(DatasetError, match="the images of dataset 'test' are missing"):
        load(args={"images": "pictures"})


def test_a_split_is_refused(load: Callable[..., Any]) -> None:
    with pytest.raises(DatasetError, match="a COCO file, which has no splits"):
        load(split="test")


def test_images_without_annotations_are_kept(load: Callable[..., Any]) -> None:
    samples = load(changed(("annotations",), []))

    assert len(samples) == 2
    assert all(np.shape(boxes) == (0, 4) for boxes in samples.batch([0, 1])["boxes"])
