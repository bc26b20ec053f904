"""The shipped detectors: the gate passes, and refuses a candidate that cannot see details, for small crowns only."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pytest_modelqa.baselines.reading import read_baseline
from pytest_modelqa.judging.arithmetic import against_baseline
from pytest_modelqa.records.record import read_record
from pytest_modelqa.spec.resolved import Bound, Position, RecordedBaseline
from pytest_modelqa.tasks.registry import catalogue

FOLDER = Path(__file__).parents[2] / "model_specs" / "small_objects"
AP_SMALL = {
    "ap_small-min-improvement-vs-three_scale_detector",
    "ap_small-min-improvement-vs-three_scale_detections",
}
RECALL_SMALL = {"recall-below-40-pixels"}
LARGE = {"ap50-min-by-site", "ap-large"}


class Run:
    """What a run of the gate left behind."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "pytest", "small_objects", "-m", "gpu", "-p", "no:cacheprovider"]
        before = set(folder.glob(".modelqa/runs/*/run.json"))
        done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
        (record,) = set(folder.glob(".modelqa/runs/*/run.json")) - before
        self.folder, self.text, self.exit_code = folder, done.stdout, done.returncode
        self.results = {
            each["nodeid"].rpartition("::")[2]: each for each in json.loads(record.read_text())["results"]
        }

    def having(self, status: str) -> set[str]:
        return {name for name, result in self.results.items() if result["status"] == status}

    def line(self, check: str) -> dict[str, Any]:
        (line,) = self.results[check]["verdict"]["lines"]
        assert isinstance(line, dict)
        return line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("gate")
    shutil.copytree(FOLDER, root / "small_objects", ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture(scope="module")
def good_run(folder: Path) -> Run:
    return Run(folder)


@pytest.fixture(scope="module")
def half_run(folder: Path, good_run: Run) -> Run:
    # After the good run, of which it takes over the records of the baselines.
    return Run(folder, "--modelqa-set=models.candidate.args.half_resolution=true")


def test_the_candidate_passes(good_run: Run) -> None:
    assert good_run.having("PASS") >= AP_SMALL | RECALL_SMALL | LARGE, good_run.text
    assert good_run.exit_code == 0
    assert good_run.text.rstrip().endswith("GO: 6 of 6 release checks in 1 spec passed")


def test_half_the_resolution_fails_for_small_crowns_and_not_for_large_ones(half_run: Run) -> None:
    assert half_run.having("FAIL") == AP_SMALL, half_run.text
    # It is 95 % sure or nothing: 42 photographs cannot show that a lower recall is lower.
    assert half_run.having("INCONCLUSIVE") == RECALL_SMALL | {"find_small_objects"}
    assert half_run.having("PASS") >= LARGE
    assert half_run.exit_code == 1


def test_what_was_written_down_is_as_good_as_the_detector_itself(good_run: Run) -> None:
    live, written = (
        good_run.line(f"ap_small-min-improvement-vs-three_scale_{what}")["baseline"]["value"]
        for what in ("detector", "detections")
    )

    assert written == pytest.approx(live, abs=0.001)


def test_the_baseline_has_the_number_that_pycocotools_has(good_run: Run) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        truths = coco.COCO(str(FOLDER / "data" / "test.json"))
        found = truths.loadRes(str(FOLDER / "baselines" / "three_scale_detections.json"))
        evaluator = cocoeval.COCOeval(truths, found, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()

    line = good_run.line("ap_small-min-improvement-vs-three_scale_detections")
    assert line["baseline"]["value"] == evaluator.stats[3]


def test_every_detection_is_kept_and_pictures_show_the_worst(good_run: Run) -> None:
    folders = [path.parent for path in good_run.folder.glob(".modelqa/store/*/*/*/record.json")]
    records = [read_record(folder) for folder in folders]

    for record in records:
        detections, truths = record.table("detections"), record.table("ground_truths")
        assert record.manifest.samples == 47
        assert len(truths["sample"]) == 605
        assert len(detections["sample"]) == record.column("detections").sum()
        assert (truths["found"][truths["crowd"] == 0] == 0).sum() == record.column("missed").sum()
        names = {path.name for path in record.pictures}
        assert {"missed_1.png", "precision_recall.svg"} <= names
    assert len(records) >= 3


def test_the_story_would_have_been_refused() -> None:
    declared = RecordedBaseline("three_scale", "baselines/three_scale.json", Position(1, 1))
    recorded = read_baseline(declared, FOLDER, catalogue())
    four_scale = {"ap": 0.3223, "ap_small": 0.1275}
    allowed = Bound("max_degradation", amount=0.005)

    for metric, value in four_scale.items():
        judged = against_baseline(value, recorded.metrics[metric].value, allowed, higher_is_better=True)
        assert not judged.passed
        assert judged.margin == pytest.approx({"ap": -0.0129, "ap_small": -0.0403}[metric])


def test_the_checkpoints_are_small() -> None:
    sizes = [file.stat().st_size for file in (FOLDER / "checkpoints").iterdir()]

    assert len(sizes) == 2
    assert sum(sizes) < 5_000_000


def test_the_photographs_are_those_that_the_annotations_name() -> None:
    content = json.loads((FOLDER / "data" / "test.json").read_text())
    names = {image["file_name"] for image in content["images"]}

    assert names == {path.name for path in (FOLDER / "data" / "tiles").iterdir()}
    for image in content["images"]:
        assert Image.open(FOLDER / "data" / "tiles" / image["file_name"]).size == (256, 256)
    assert {image["site"] for image in content["images"]} == {"large", "other"}


def test_no_test_photograph_is_above_the_row_where_training_ends() -> None:
    content = json.loads((FOLDER / "data" / "test.json").read_text())
    tops = [int(image["file_name"].split("_")[1]) for image in content["images"] if image["site"] == "large"]

    assert Image.open(FOLDER / "data" / "train.jpg").height == 1650
    assert min(tops) >= 1650
