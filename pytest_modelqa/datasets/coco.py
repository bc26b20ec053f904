"""Reads COCO annotation files: images with their boxes, categories by their ids, each image decoded when needed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError
from .image_folder import decoded
from .loaded import LoadedSamples, as_ids, check_not_empty, stack

_KEYS = {
    "images": ("id",),
    "annotations": ("id", "image_id", "category_id", "bbox"),
    "categories": ("id", "name"),
}


def from_coco(path: Path, name: str, *, images: Path | None, limit: int | None = None) -> LoadedSamples:
    """Samples of a COCO annotation file, in the order of the image ids, which are the sample ids.

    ``boxes`` (left, top, width, height), ``labels`` (category ids), ``areas``, ``crowd`` and ``annotation_ids``
    are lists with an array for each image, ``image_id`` its id; the images' own attributes are scalars.
    ``masks``, where every annotation has one, are the segmentations of each image as the file holds them.
    ``image``, where ``images`` says where they are: float32 in 0..1, of shape (3, height, width).

    Args:
        path: The annotation file.
        name: The dataset's, for messages.
        images: The folder that ``file_name`` starts from; None to read annotations only.
        limit: Only the first so many images.

    Raises:
        DatasetError: The file is not COCO, an id is unknown or doubled, a box has no area, or an image is
            missing or of another size than the file says.
    """
    content = _parse(path)
    categories = {entry["id"]: str(entry["name"]) for entry in content["categories"]}
    entries = sorted(content["images"], key=lambda entry: _id(entry["id"], "images", path))
    check_not_empty(len(entries), name)
    ids = as_ids([entry["id"] for entry in entries], name)
    boxes = _by_image(content["annotations"], [entry["id"] for entry in entries], categories, path)
    about = {"categories": categories, "image_ids": frozenset(boxes)}
    available, entries, ids = len(entries), entries[:limit], ids[:limit]
    scalars = _attributes(entries)
    masked = all(row.get("segmentation") for rows in boxes.values() for row in rows)
    if images is not None:
        _demand_images(entries, images, path)

    def read(indices: Sequence[int]) -> Mapping[str, Any]:
        chosen = [boxes[entries[index]["id"]] for index in indices]
        fields: dict[str, Any] = {
            "boxes": [_array(rows, "bbox", (0, 4)) for rows in chosen],
            "labels": [_array(rows, "category_id", (0,)) for rows in chosen],
            "areas": [np.array([_area(row) for row in rows], dtype=np.float64) for rows in chosen],
            "crowd": [np.array([row.get("iscrowd", 0) for row in rows], dtype=np.int8) for rows in chosen],
            "annotation_ids": [_array(rows, "id", (0,)) for rows in chosen],
            "image_id": [entries[index]["id"] for index in indices],
            **{key: values[np.asarray(indices, dtype=np.intp)] for key, values in scalars.items()},
        }
        if masked:
            fields["masks"] = [[row["segmentation"] for row in rows] for rows in chosen]
        if images is not None:
            fields["image"] = stack([_decode(entries[index], images, name) for index in indices])
        return fields

    return LoadedSamples(ids, scalars, available, read, about=about)


def _parse(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _not_coco(path, str(error)) from error
    if not isinstance(content, dict):
        hint = " (a list is what results files are)" if isinstance(content, list) else ""
        raise _not_coco(path, f"a {type(content).__name__}{hint}")
    for key, needed in _KEYS.items():
        if not isinstance(content.get(key), list):
            raise _not_coco(path, f"no list {key!r}; the keys are {', '.join(map(repr, content)) or 'none'}")
        for index, entry in enumerate(content[key]):
            missing = [each for each in needed if not isinstance(entry, dict) or each not in entry]
            if missing:
                raise _not_coco(path, f"no {missing[0]!r} in {key}[{index}]")
        _demand_unique(content[key], key, path)
    return content


def _not_coco(path: Path, found: str) -> DatasetError:
    return DatasetError(
        f"this is no COCO annotation file: {path.name}",
        where=str(path),
        expected="an object with the lists images, annotations and categories",
        found=found,
        todo="correct the file, or read other formats with `load: module:function`",
    )


def _demand_unique(entries: Sequence[Mapping[str, Any]], key: str, path: Path) -> None:
    seen: set[int] = set()
    for entry in entries:
        if _id(entry["id"], key, path) in seen:
            raise DatasetError(
                f"the id {entry['id']} stands twice among the {key} of {path.name}",
                where=str(path),
                expected="an id for each",
                todo="remove what is doubled",
            )
        seen.add(entry["id"])


def _id(value: Any, key: str, path: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise DatasetError(
            f"an id of {key} in {path.name} is no whole number",
            where=str(path),
            expected="a whole number such as 1",
            found=repr(value),
            todo="correct the annotation file",
        )
    return value


def _by_image(
    annotations: Sequence[dict[str, Any]],
    image_ids: Sequence[int],
    categories: Mapping[int, str],
    path: Path,
) -> dict[int, list[dict[str, Any]]]:
    """The annotations of each image, once they are known to be of images and categories of the file."""
    by_image: dict[int, list[dict[str, Any]]] = {image_id: [] for image_id in image_ids}
    for annotation in annotations:
        of_image = by_image.get(annotation["image_id"])
        if of_image is None or isinstance(annotation["image_id"], bool):
            raise _wrong_annotation(annotation, path, f"the image_id {annotation['image_id']!r}", "images")
        if annotation["category_id"] not in categories:
            raise _wrong_annotation(
                annotation, path, f"the category_id {annotation['category_id']!r}", "categories"
            )
        _demand_box(annotation, path)
        of_image.append(annotation)
    return by_image


def _wrong_annotation(annotation: Mapping[str, Any], path: Path, what: str, among: str) -> DatasetError:
    return DatasetError(
        f"annotation {annotation['id']} has {what}, which is not among the {among}",
        where=str(path),
        expected=f"an id of {among}; 1 and '1' are different",
        todo="correct the annotation",
    )


def _demand_box(annotation: Mapping[str, Any], path: Path) -> None:
    box = annotation["bbox"]
    numbers = isinstance(box, list) and len(box) == 4 and all(_is_number(value) for value in box)
    if not numbers or min(box[2:]) <= 0:
        raise DatasetError(
            f"the box of annotation {annotation['id']} has no area"
            if numbers
            else f"annotation {annotation['id']} has no box",
            where=str(path),
            expected="[left, top, width, height] in pixels, width and height above 0",
            found=str(box)[:80],
            todo="correct or remove the annotation: no detection can ever match it",
        )
    area, crowd = annotation.get("area", 0), annotation.get("iscrowd", 0)
    if not _is_number(area) or area < 0 or crowd not in (0, 1):
        raise DatasetError(
            f"annotation {annotation['id']} has an area or an iscrowd that is none",
            where=str(path),
            expected="area: a number of pixels, 0 or more; iscrowd: 0 or 1; or neither",
            found=f"area {area!r}, iscrowd {crowd!r}",
            todo="correct the annotation, or remove area: that of the box counts then",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _attributes(entries: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """What every image entry says of itself in one number or text: what can be sliced by."""
    scalars = {}
    for key in entries[0]:
        values = [entry.get(key) for entry in entries]
        for kind in (str, (int, float)):
            if key != "id" and all(isinstance(v, kind) and not isinstance(v, bool) for v in values):
                scalars[key] = np.array(values)
    return scalars


def _demand_images(entries: Sequence[Mapping[str, Any]], folder: Path, path: Path) -> None:
    """Before anything is inferred: images outside of the folder would not be in the evaluation's key."""
    for entry in entries:
        if not isinstance(entry.get("file_name"), str):
            raise _not_coco(path, f"no 'file_name' of image {entry['id']}")
        file = folder / entry["file_name"]
        if not file.is_file() or not file.resolve().is_relative_to(folder.resolve()):
            raise DatasetError(
                f"image {entry['id']} is missing: {entry['file_name']}",
                where=str(path),
                expected=f"a file at {file}, in this folder",
                todo="correct file_name, or args: {images: FOLDER}",
            )


def _decode(entry: Mapping[str, Any], folder: Path, name: str) -> np.ndarray:
    image = decoded(folder / entry["file_name"], str(entry["id"]), name, "RGB")
    height, width = image.shape[-2:]
    if (entry.get("width", width), entry.get("height", height)) != (width, height):
        raise DatasetError(
            f"image {entry['id']} has another size than the annotations say: {entry['file_name']}",
            expected=f"{entry.get('width')} × {entry.get('height')} pixels",
            found=f"{width} × {height} pixels",
            todo="the boxes are of another version of this image: restore it, or annotate it anew",
        )
    return image


def _array(rows: Sequence[Mapping[str, Any]], key: str, empty: tuple[int, ...]) -> np.ndarray:
    return np.array([row[key] for row in rows], dtype=np.float64) if rows else np.zeros(empty)


def _area(row: Mapping[str, Any]) -> float:
    # Of a mask it is less than that of its box; where the file does not say, the box is all there is.
    return float(row["area"]) if "area" in row else float(row["bbox"][2] * row["bbox"][3])
