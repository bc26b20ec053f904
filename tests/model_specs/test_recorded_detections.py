"""Two COCO results files against one annotation file, end to end: for who keeps the detector elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

TRUTHS = Path(__file__).parents[2] / "model_specs" / "small_objects" / "data" / "test.json"
SPEC = """
modelqa: 1
name: recorded
models:
  candidate: {build: "pytest_modelqa.models.coco_results:CocoResults", checkpoint: candidate.json}
  before: {build: "pytest_modelqa.models.coco_results:CocoResults", checkpoint: before.json}
datasets:
  test: {path: test.json, role: test}
evaluations:
  detection:
    task: detection
    model: candidate
    dataset: test
    device: cpu
    checks:
      - {metric: ap, min: 30, unit: percent, args: {reference: true}}
      - {metric: ap_small, baseline: before, max_degradation: 0.005}
      - {metric: ap_medium, baseline: before, max_degradation: 0.005}
      - {metric: ap50, min: 0.5, slices: category}
      - {metric: ap50, min: 0.5, confidence: 0.9}
      - {metric: ap50, baseline: before, max_degradation: 0.3, confidence: 0.9}
      - {metric: ar_100, min: 0.3, slices: site}
"""


def results(keep_small: float) -> list[dict[str, Any]]:
    """Detections near the crowns; of the small ones a share is missing."""
    near, kept = np.random.default_rng(0), np.random.default_rng(1)
    entries = []
    for annotation in json.loads(TRUTHS.read_text())["annotations"]:
        small = annotation["area"] < 1024
        box = np.array(annotation["bbox"]) * near.uniform(0.95, 1.05, 4)
        score = float(near.random())
        if annotation["iscrowd"] or (small and kept.random() > keep_small):
            continue
        entries.append(
            {
                "image_id": annotation["image_id"],
                "category_id": annotation["category_id"],
                "bbox": box.tolist(),
                "score": score,
            }
        )
    return entries


def run(folder: Path, candidate: Any) -> tuple[dict[str, dict[str, Any]], str]:
    folder.mkdir(exist_ok=True)
    (folder / "recorded.modelspec.yaml").write_text(SPEC)
    (folder / "test.json").write_text(TRUTHS.read_text())
    (folder / "before.json").write_text(json.dumps(results(keep_small=1.0)))
    (folder / "candidate.json").write_text(json.dumps(candidate))
    command = [sys.executable, "-m", "pytest", folder.name, "-m", "gpu", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, check=False)
    (record,) = folder.parent.glob(".modelqa/runs/*/run.json")
    content = json.loads(record.read_text())
    return {each["nodeid"].rpartition("::")[2]: each for each in content["results"]}, done.stdout


def test_a_detector_that_misses_small_objects_fails_only_there(tmp_path: Path) -> None:
    results_of, text = run(tmp_path / "spec", results(keep_small=0.5))

    failed = {name for name, result in results_of.items() if result["status"] != "PASS"}
    assert failed == {"ap_small-max-degradation-vs-before"}, text
    assert len(results_of) == 7
    # Of the value itself, and not of the comparison, which is made on the same images.
    assert biased(results_of["ap50-min"])
    assert not biased(results_of["ap50-max-degradation-vs-before"])


def biased(result: dict[str, Any]) -> bool:
    return any("average precision of few images" in note for note in result["verdict"]["notes"])


def test_detections_of_unknown_images_are_an_error_and_no_failure(tmp_path: Path) -> None:
    candidate = results(keep_small=1.0)
    candidate[0]["image_id"] = 4711
    results_of, text = run(tmp_path / "spec", candidate)

    assert {result["status"] for result in results_of.values()} == {"ERROR"}
    assert "candidate.json has detections for 1 images that the dataset does not have" in text
