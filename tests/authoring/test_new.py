"""``modelqa new``: the spec passes on the model that it was made from, and refuses one that learnt nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pytest_modelqa.authoring.new import new
from pytest_modelqa.errors import UsageError

SHIPPED = Path(__file__).parents[2] / "model_specs"
Run = Callable[..., Any]
WARNED = "proposed from what the model itself reached: no evidence yet"


def spec_of(project: Path) -> str:
    return (project / "model_specs" / "drafted" / "drafted.modelspec.yaml").read_text()


def results(project: Path) -> dict[str, str]:
    """Of the last run: evaluation and metric to status."""
    record = max((project / ".modelqa" / "runs").iterdir()) / "run.json"
    return {
        one["nodeid"].split("::", 1)[1]: one["status"] for one in json.loads(record.read_text())["results"]
    }


def reinitialise(path: Path) -> None:
    """Random weights of the size that they have before training."""
    random = np.random.default_rng(0)
    weights = load_file(path)
    fresh = {
        name: (random.normal(size=value.shape) * 0.05).astype(value.dtype) if value.ndim > 1 else value
        for name, value in weights.items()
    }
    save_file(fresh, path)


def test_an_autoencoder_and_a_classifier(digits: Path, modelqa_new: Run, gate: Run) -> None:
    made = modelqa_new(digits, "runs/digits")
    assert made.returncode == 0, made.stderr
    text = spec_of(digits)
    assert text.startswith("# yaml-language-server: $schema=../modelspec.schema.json\nmodelqa: 1\n")
    assert (digits / "model_specs" / "modelspec.schema.json").exists()
    # The worse checkpoints of the same classes are not taken.
    assert "undertrained" not in text
    assert "test: {load: data:digits, files: [data/digits.npz], args: {split: test}, role: test" in text
    assert text.count("# proposed from runs/digits: ") == text.count("metric: ") == 7

    passed = gate(digits)
    assert passed.returncode == 0, passed.stdout
    assert passed.stdout.rstrip().endswith(
        f"GO: 7 of 7 release checks in 1 spec passed; 7 bounds were {WARNED}"
    )

    checkpoints = digits / "model_specs" / "drafted" / "checkpoints"
    for name in ("autoencoder", "classifier"):
        reinitialise(checkpoints / f"{name}.safetensors")
    refused = gate(digits)
    assert refused.returncode == 1
    assert set(results(digits).values()) == {"FAIL"}, refused.stdout


@pytest.fixture
def detections(tmp_path: Path) -> Path:
    experiment = tmp_path / "runs" / "crowns"
    experiment.mkdir(parents=True)
    shutil.copy(SHIPPED / "small_objects" / "data" / "test.json", experiment / "instances_test.json")
    results = SHIPPED / "small_objects" / "baselines" / "three_scale_detections.json"
    shutil.copy(results, experiment / "bbox_results.json")
    return tmp_path


def test_detections_that_another_tool_wrote_down(detections: Path, modelqa_new: Run, gate: Run) -> None:
    made = modelqa_new(detections, "runs/crowns")
    assert made.returncode == 0, made.stderr
    assert "role: test" in spec_of(detections)
    # Hardly a crown is large in COCO's sense; whatever cannot be shown is left out aloud.
    assert "note: left out" in made.stdout or spec_of(detections).count("metric: ") == 6
    again = modelqa_new(detections, "runs/crowns")
    assert again.returncode == 1
    assert "there is such a spec already" in again.stderr
    passed = gate(detections)
    assert passed.returncode == 0, passed.stdout
    assert WARNED in passed.stdout.splitlines()[-1]

    # A bound that somebody agreed with is no longer warned of.
    spec = detections / "model_specs" / "drafted" / "drafted.modelspec.yaml"
    spec.write_text(
        "\n".join(line.partition("   # proposed")[0] for line in spec_of(detections).splitlines())
    )
    path = detections / "model_specs" / "drafted" / "bbox_results.json"
    random = np.random.default_rng(0)
    entries = json.loads(path.read_text())
    for entry in entries:
        entry["bbox"] = [*random.uniform(0, 200, 2).round(2), *entry["bbox"][2:]]
    path.write_text(json.dumps(entries))
    refused = gate(detections)
    assert refused.returncode == 1
    assert "proposed" not in refused.stdout.splitlines()[-1]
    assert set(results(detections).values()) == {"FAIL"}


def test_an_experiment_that_left_nothing_of_use_is_told_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="nothing was found that can be evaluated") as caught:
        new("drafted", tmp_path / "runs", tmp_path, print)
    assert caught.value.found == "1 table"
    assert not (tmp_path / "model_specs").exists()


@pytest.mark.parametrize(("name", "origin"), [("../drafted", "."), ("drafted", "nowhere")])
def test_names_and_folders_that_are_none(tmp_path: Path, name: str, origin: str) -> None:
    with pytest.raises(UsageError):
        new(name, tmp_path / origin, tmp_path, print)
