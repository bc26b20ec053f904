"""The twelve metrics of detection: pycocotools' numbers, values without a group, classes, and what is no value."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.errors import OutputError
from pytest_modelqa.metrics import detection
from pytest_modelqa.metrics.coco_reference import _coco
from pytest_modelqa.metrics.registry import load, metrics
from pytest_modelqa.metrics.side_tables import SideTables

SIZES = ("small", "medium", "large")
TWELVE = (
    *("ap", "ap50", "ap75", *(f"ap_{size}" for size in SIZES)),
    *("ar_1", "ar_10", "ar_100", *(f"ar_{size}" for size in SIZES)),
)
IMAGES, EACH = 12, 40


def side_tables(seed: int = 0, images: int = IMAGES, scale: float = 1.0) -> SideTables:
    """Objects of all sizes and three classes, and detections of most of them."""
    rng = np.random.default_rng(seed)
    n = images * EACH
    sample = np.repeat(np.arange(images), EACH)
    side = rng.choice([16.0, 60.0, 150.0], (n, 1)) * rng.uniform(0.8, 1.2, (n, 2))
    corner = rng.uniform(0, 400, (n, 2))
    category = rng.choice([3, 5, 8], n)
    truth = np.concatenate([corner, side], axis=1)
    found = np.concatenate([truth + rng.normal(0, 4, truth.shape), truth[: n // 2]])
    found[n:, :2] = rng.uniform(0, 400, (n // 2, 2))
    which = np.concatenate([np.arange(n), np.arange(n // 2)])
    return tables_of(
        images,
        {
            "sample": sample[which],
            "category_id": category[which],
            "xywh": found * scale,
            "score": rng.random(len(found)),
        },
        {"sample": sample, "category_id": category, "xywh": truth, "crowd": np.arange(n) % 17 == 0},
    )


def tables_of(images: int, found: dict[str, Any], truth: dict[str, Any], size: int = 500) -> SideTables:
    names = {3: "cat", 5: "dog", 8: "bird"}
    tables = {"detections": dict(found), "ground_truths": dict(truth)}
    for table in tables.values():
        box = np.asarray(table.pop("xywh"), dtype=np.float64).reshape(-1, 4)
        table |= {name: box[:, at] for at, name in enumerate(("left", "top", "width", "height"))}
        table["sample"], table["category_id"] = (
            np.asarray(table[k], np.int64) for k in ("sample", "category_id")
        )
    true = tables["ground_truths"]
    true["area"] = true["width"] * true["height"]
    true.setdefault("crowd", np.zeros(len(true["area"]), dtype=bool))
    true["category"] = np.array([names[each] for each in true["category_id"].tolist()], dtype=np.str_)
    sides = np.full(images, size)
    return SideTables(images, {"width": sides, "height": sides}, tables)


def every(tables: SideTables) -> np.ndarray:
    return np.ones((1, tables.samples), dtype=np.int64)


def test_all_twelve_are_the_numbers_that_pycocotools_summarises() -> None:
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    tables = side_tables()
    scene = detection.scene_of(tables)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = cocoeval.COCOeval(
            _coco(coco.COCO(), scene.ground_truths, IMAGES, 3),
            _coco(coco.COCO(), scene.detections, IMAGES, 3),
            "bbox",
        )
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()

    values = [load(metrics()[name])(tables, every(tables))[""].values[0] for name in TWELVE]

    assert values == evaluator.stats.tolist()
    assert len(set(values)) == 12
    assert min(values) > 0


@pytest.mark.parametrize(
    "args",
    [
        {"area": [0, 576]},
        {"area": [400, None], "max_detections": 2},
        {"iou_thresholds": [0.3, 0.62]},
        {"iou_thresholds": [0.95, 0.5]},
        {},
    ],
)
def test_other_areas_thresholds_and_numbers_are_pycocotools_too(args: dict[str, Any]) -> None:
    pytest.importorskip("pycocotools")
    tables = side_tables(1)

    for compute in (detection.average_precision, detection.average_recall):
        score = compute(tables, every(tables), reference=True, **args)[""]
        assert 0 < score.values[0] < 1


def test_a_reference_that_differs_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pycocotools")
    monkeypatch.setattr(detection, "precision_at_recall", lambda ranking, weights: np.zeros((10, 101, 3)))

    with pytest.raises(OutputError, match="precision differs from pycocotools'"):
        detection.average_precision(side_tables(), every(side_tables()), reference=True)


@pytest.mark.parametrize("metric", ["ap", "ap_small", "ar_10"])
def test_a_value_without_a_group_is_that_of_the_other_images(metric: str) -> None:
    tables = side_tables()
    group = np.arange(IMAGES) % 4
    weights = np.concatenate([every(tables), group != np.arange(4)[:, np.newaxis]]).astype(np.int64)
    compute = load(metrics()[metric])

    scores = compute(tables, weights)[""].values

    for left_out in range(4):
        kept = group != left_out
        rest = {
            name: {key: values[kept[table["sample"]]] for key, values in table.items()}
            for name, table in tables.tables.items()
        }
        alone = SideTables(IMAGES, tables.columns, rest)
        assert scores[1 + left_out] == compute(alone, every(alone))[""].values[0]
    assert len(set(scores.tolist())) == 5


def test_a_class_has_the_value_that_it_has_alone() -> None:
    tables = side_tables()
    scores = detection.average_precision(tables, every(tables))

    for number, name in ((3, "cat"), (5, "dog"), (8, "bird")):
        only = {
            table: {key: values[columns["category_id"] == number] for key, values in columns.items()}
            for table, columns in tables.tables.items()
        }
        alone = SideTables(IMAGES, tables.columns, only)
        assert scores[name].values[0] == detection.average_precision(alone, every(alone))[""].values[0]
        true = only["ground_truths"]
        assert scores[name].n == len(np.unique(true["sample"][~true["crowd"]]))
    assert set(scores) == {"", "cat", "dog", "bird"}


def test_ap_small_counts_the_images_that_have_small_objects() -> None:
    small, big = [10, 10, 20, 20], [10, 10, 200, 200]
    truth = {"sample": [0, 1, 2, 2], "category_id": [3, 3, 3, 3], "xywh": [small, big, small, small]}
    tables = tables_of(
        5, {"sample": [0], "category_id": [3], "xywh": [small], "score": np.array([0.5])}, truth
    )

    assert detection.ap_small(tables, every(tables))[""].n == 2
    assert detection.ap(tables, every(tables))[""].n == 3
    # Of a slice, those in it.
    assert detection.ap(tables, np.array([[1, 0, 1, 1, 1]]))[""].n == 2


def test_images_without_detections_lower_the_value() -> None:
    box = [10, 10, 50, 50]
    found = {"sample": [0], "category_id": [3], "xywh": [box], "score": np.array([0.9])}
    truth = {"sample": [0, 1, 2, 3], "category_id": [3] * 4, "xywh": [box] * 4}
    tables = tables_of(4, found, truth)

    assert detection.ar_100(tables, every(tables))[""].values[0] == 0.25


def test_no_detections_at_all_are_a_value_of_zero() -> None:
    nothing = {"sample": [], "category_id": [], "xywh": [], "score": np.zeros(0)}
    tables = tables_of(1, nothing, {"sample": [0], "category_id": [3], "xywh": [[1, 1, 9, 9]]})

    assert detection.ap(tables, every(tables))[""].values[0] == 0.0


def test_nothing_to_find_is_an_error_and_not_minus_one() -> None:
    found = {"sample": [0], "category_id": [3], "xywh": [[10, 10, 50, 50]], "score": np.array([0.9])}
    truth = {"sample": [0], "category_id": [3], "xywh": [[10, 10, 50, 50]]}

    usual = tables_of(1, found, truth)
    crowded = tables_of(1, found, {**truth, "crowd": np.array([True])})

    with pytest.raises(OutputError, match="nothing to find with an area from 0 to 1024"):
        detection.ap_small(usual, every(usual))
    with pytest.raises(OutputError, match="undefined") as caught:
        detection.ap(crowded, every(crowded))
    assert caught.value.found == "1 ground truths, 1 of them crowds"


def test_a_group_that_holds_all_objects_leaves_no_value() -> None:
    box = [10, 10, 50, 50]
    found = {"sample": [0], "category_id": [3], "xywh": [box], "score": np.array([0.9])}
    tables = tables_of(2, found, {"sample": [0], "category_id": [3], "xywh": [box]})

    scores = detection.ap(tables, np.array([[1, 1], [0, 1], [1, 0]]))[""].values

    np.testing.assert_allclose(scores, [1.0, np.nan, 1.0], rtol=1e-15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda box: box / 500, "seem to be normalised to 0..1"),
        (lambda box: box / 5, "seem to be in percent"),
        (
            lambda box: np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1),
            "reach far outside of their images",
        ),
    ],
)
def test_boxes_that_are_not_in_pixels_are_an_error(change: Any, message: str) -> None:
    rng = np.random.default_rng(0)
    box = np.concatenate([rng.uniform(0, 380, (60, 2)), rng.uniform(50, 110, (60, 2))], axis=1)
    sample, category = np.arange(60) % 6, np.full(60, 3)

    def tables(found: np.ndarray) -> SideTables:
        detections = {"sample": sample, "category_id": category, "xywh": found, "score": rng.random(60)}
        return tables_of(6, detections, {"sample": sample, "category_id": category, "xywh": box})

    right = tables(box)
    assert detection.ap(right, every(right))[""].values[0] == pytest.approx(1.0)
    wrong = tables(change(box))
    with pytest.raises(OutputError, match=message):
        detection.ap(wrong, every(wrong))
