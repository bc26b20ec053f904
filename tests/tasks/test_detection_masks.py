"""Masks: all twelve numbers are those of pycocotools, which reads the same annotation file by itself."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pytest_modelqa.datasets.coco import from_coco
from pytest_modelqa.errors import DatasetError, OutputError
from pytest_modelqa.metrics import detection as metrics
from pytest_modelqa.metrics.coco_masks import overlapping_masks
from pytest_modelqa.metrics.side_tables import SideTables
from pytest_modelqa.models.coco_results import BUILD, CocoResults, recorded_answers
from pytest_modelqa.tasks.declarations import DetectionArgs
from pytest_modelqa.tasks.detection import Detection

mask = pytest.importorskip("pycocotools.mask")

HEIGHT, WIDTH, IMAGES = 120, 160, 6
# In the order of COCOeval's stats.
NAMES = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large"),
)


def blob(rng: np.random.Generator, centre: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """A tilted ellipse with a bite, as a mask (height, width)."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    turn = rng.uniform(0, np.pi)
    x, y = columns - centre[0], rows - centre[1]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside = (along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1
    result: np.ndarray = inside & ~((x > 0) & (y > 0) & (x + y < radii.min()))
    return result


def scene(seed: int) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """An annotation file with polygons, codes and crowds, and what a model finds in each image."""
    rng = np.random.default_rng(seed)
    annotations: list[dict[str, Any]] = []
    found: dict[int, dict[str, Any]] = {}
    for image in range(1, IMAGES + 1):
        masks, labels, scores = [], [], []
        for _ in range(int(rng.integers(0, 6))):
            centre, radii = rng.uniform((20, 20), (WIDTH - 20, HEIGHT - 20)), rng.uniform(4, 60, 2)
            category, crowd = int(rng.integers(1, 3)), bool(rng.random() < 0.15)
            truth = blob(rng, centre, radii)
            annotations.append(annotation(len(annotations) + 1, image, category, truth, crowd, rng))
            for _ in range(int(rng.integers(0, 4))):
                masks.append(blob(rng, centre + rng.normal(0, 3, 2), radii * rng.uniform(0.7, 1.3)))
                labels.append(category)
                # Of one digit, so that many are tied.
                scores.append(round(float(rng.random()), 1))
        found[image] = {"masks": masks, "labels": labels, "scores": scores}
    content = {
        "images": [{"id": image, "width": WIDTH, "height": HEIGHT} for image in found],
        "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "nucleus"}],
        "annotations": [each for each in annotations if each["area"] > 0],
    }
    return content, found


def annotation(
    number: int, image: int, category: int, truth: np.ndarray, crowd: bool, rng: np.random.Generator
) -> dict[str, Any]:
    code = mask.encode(np.asfortranarray(truth.astype(np.uint8)))
    left, top, width, height = mask.toBbox(code).tolist()
    compressed = {"size": code["size"], "counts": code["counts"].decode()}
    flat = truth.flatten(order="F").astype(int)
    edges = np.flatnonzero(np.diff(flat, prepend=0))
    runs = np.diff([0, *edges, len(flat)]).tolist()
    corners = [left, top, left + width, top, left + width, top + height, left + 1, top + height]
    segmentation = [
        {"size": code["size"], "counts": runs},
        compressed,
        [corners, [left, top, left + 9.5, top, left + 4.25, top + 7.75]],
    ][0 if crowd else int(rng.integers(1, 3))]
    polygons = isinstance(segmentation, list)
    area = mask.area(mask.merge(mask.frPyObjects(segmentation, HEIGHT, WIDTH)) if polygons else code)
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [left, top, width, height],
        "area": float(area),
        "iscrowd": int(crowd),
        "segmentation": segmentation,
    }


def results_of(found: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """As a results file of masks, which has no boxes."""
    results = []
    for image, each in found.items():
        for one, label, score in zip(each["masks"], each["labels"], each["scores"], strict=True):
            code = mask.encode(np.asfortranarray(one.astype(np.uint8)))
            segmentation = {"size": code["size"], "counts": code["counts"].decode()}
            results.append(
                {"image_id": image, "category_id": label, "score": score, "segmentation": segmentation}
            )
    return results


def by_pycocotools(folder: Path, results: list[dict[str, Any]]) -> np.ndarray:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truths = COCO(str(folder / "truths.json"))
        evaluator = COCOeval(truths, truths.loadRes(copy.deepcopy(results)), "segm")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    stats: np.ndarray = evaluator.stats
    return stats


class Fixed(torch.nn.Module):
    """Gives masks as detectors do: probabilities of the image's size."""

    def __init__(self, found: dict[int, dict[str, Any]]) -> None:
        super().__init__()
        self.found = found

    def forward(self, images: Any) -> Any:
        return [
            {
                "boxes": torch.from_numpy(boxes(each["masks"])),
                "scores": torch.tensor(each["scores"], dtype=torch.float64),
                "labels": torch.tensor(each["labels"]),
                "masks": torch.from_numpy(
                    np.array(each["masks"], np.float32).reshape(-1, 1, HEIGHT, WIDTH) * 0.9 + 0.05
                ),
            }
            for each in self.found.values()
        ]


def boxes(masks: list[np.ndarray]) -> np.ndarray:
    codes = [mask.encode(np.asfortranarray(each.astype(np.uint8))) for each in masks]
    xywh = np.array([mask.toBbox(code) for code in codes]).reshape(-1, 4)
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def tables_of(folder: Path, model: torch.nn.Module, **args: Any) -> SideTables:
    samples = from_coco(folder / "truths.json", "test", images=None)
    task = Detection(DetectionArgs(masks=True, **args))
    task.prepare(samples)
    batch = dict(samples.batch(list(range(IMAGES))))
    if not isinstance(model, CocoResults):
        batch["image"] = np.zeros((IMAGES, 3, HEIGHT, WIDTH), np.float32)
    outputs, targets = task.infer(model, batch), task.targets(batch)
    columns = {side: np.full(IMAGES, size) for side, size in (("width", WIDTH), ("height", HEIGHT))}
    return SideTables(IMAGES, columns, task.side_tables(outputs, targets))


def recorded(folder: Path, results: list[dict[str, Any]], model: Any) -> CocoResults:
    (folder / "results.json").write_text(json.dumps(results))
    return recorded_answers(model, folder / "results.json", {})


@pytest.fixture
def model_of_results() -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(build=BUILD, name="recorded", sha256=None, trust=None)


@pytest.mark.parametrize("seed", range(4))
def test_all_twelve_numbers_are_those_of_pycocotools(
    seed: int, tmp_path: Path, model_of_results: Any
) -> None:
    content, found = scene(seed)
    (tmp_path / "truths.json").write_text(json.dumps(content))
    results = results_of(found)
    theirs = by_pycocotools(tmp_path, results)
    assert 0 < theirs[0] < 1
    weights = np.ones((1, IMAGES), dtype=np.int64)
    for model in (Fixed(found), recorded(tmp_path, results, model_of_results)):
        tables = tables_of(tmp_path, model)
        for name, value in zip(NAMES, theirs, strict=True):
            if value == -1:
                with pytest.raises(OutputError, match="undefined"):
                    getattr(metrics, name)(tables, weights, masks=True)
            else:
                own = getattr(metrics, name)(tables, weights, masks=True, reference=True)[""].values[0]
                assert own == value, name


def test_boxes_of_the_same_objects_give_other_numbers(tmp_path: Path) -> None:
    content, found = scene(0)
    (tmp_path / "truths.json").write_text(json.dumps(content))
    tables, weights = tables_of(tmp_path, Fixed(found)), np.ones((1, IMAGES), dtype=np.int64)
    plain = metrics.ap(tables, weights, reference=True)[""].values[0]
    assert plain != metrics.ap(tables, weights, masks=True)[""].values[0]


def test_masks_that_overlap_by_just_the_threshold_are_a_pair() -> None:
    whole, half = (np.asfortranarray(np.array(rows, np.uint8)) for rows in ([[1, 1]], [[1, 0]]))
    codes, one = ([mask.encode(half)], [mask.encode(whole)]), np.zeros(1, np.int64)

    _, _, iou = overlapping_masks(codes, (one, one), np.array([False]), 0.5)

    assert iou.tolist() == [0.5]


def test_a_model_without_masks_is_told(tmp_path: Path) -> None:
    content, found = scene(0)
    (tmp_path / "truths.json").write_text(json.dumps(content))

    class Boxes(Fixed):
        def forward(self, images: Any) -> Any:
            return [
                {name: each[name] for name in ("boxes", "scores", "labels")}
                for each in super().forward(images)
            ]

    with pytest.raises(OutputError, match="image 0 of a batch has no masks"):
        tables_of(tmp_path, Boxes(found))


def test_annotations_without_masks_are_told(tmp_path: Path) -> None:
    content, found = scene(0)
    del content["annotations"][0]["segmentation"]
    (tmp_path / "truths.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="the dataset has no mask for each box"):
        tables_of(tmp_path, Fixed(found))


@pytest.mark.parametrize(
    "segmentation", [[[1, 2]], {"counts": "x"}, "mask", {"size": [3, 3], "counts": "11"}, [[]]]
)
def test_a_segmentation_that_is_none_is_told(tmp_path: Path, segmentation: Any) -> None:
    content, found = scene(0)
    content["annotations"][0]["segmentation"] = segmentation
    (tmp_path / "truths.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="is no mask"):
        tables_of(tmp_path, Fixed(found))


def test_masks_that_nobody_kept_are_asked_for_in_vain(tmp_path: Path) -> None:
    content, found = scene(0)
    (tmp_path / "truths.json").write_text(json.dumps(content))
    tables = tables_of(tmp_path, Fixed(found))
    without = {
        name: {key: values for key, values in table.items() if key != "mask"}
        for name, table in tables.tables.items()
    }
    with pytest.raises(OutputError, match="the metric asks for masks, and none were kept"):
        metrics.ap(SideTables(IMAGES, tables.columns, without), np.ones((1, IMAGES), np.int64), masks=True)
