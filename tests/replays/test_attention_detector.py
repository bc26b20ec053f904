"""Replay: the key that ended every validation after 100,000 steps is found before the first one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pytest_modelqa.preflight.config import config_findings
from pytest_modelqa.preflight.config_recording import recorded_config_findings
from pytest_modelqa.preflight.findings import Finding
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

PROJECT = Path(__file__).parent / "attention_detector"
SPEC = "attention_detector.modelspec.yaml"
Ask = Callable[..., tuple[Finding, ...]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def findings(project: Path, ask: Ask, *settings: str) -> tuple[Finding, ...]:
    spec = read_spec(project / SPEC, catalogue(), settings)
    return ask(spec.models["candidate"], project)


def test_the_script_dies_as_it_did(project: Path) -> None:
    died = subprocess.run(
        [sys.executable, "validation.py"], cwd=project, capture_output=True, text=True, check=False
    )
    assert died.returncode == 1
    assert "Key 'train' is not in struct" in died.stderr
    assert "full_key: batch_size.train" in died.stderr


def test_the_source_alone_shows_it_before_there_is_a_checkpoint(project: Path) -> None:
    assert not (project / "checkpoints").exists()
    (finding,) = findings(project, config_findings)
    assert finding.severity == "error"
    assert str(finding.as_error()).splitlines() == [
        "the config has no batch_size.train, which validation.py:25 reads",
        f"  where:     {project}/validation.py:25",
        "  expected:  a value of batch_size.train, which is read by: train_batch=cfg.batch_size.train,",
        "  found:     Key 'train' is not in struct, full_key: batch_size.train (there are: per_gpu, validation)",
        "             nearest existing key: batch_size.validation",
        "  to do:     write it into configs/attention.yaml, or into overrides: [+batch_size.train=…]",
    ]


def test_so_does_building_the_model_with_a_config_that_notes_what_is_read(project: Path) -> None:
    static = findings(project, config_findings)
    assert findings(project, recorded_config_findings) == static


@pytest.mark.parametrize(
    "setting",
    [
        "models.candidate.config.file=configs/attention_with_struct.yaml",
        'models.candidate.config.overrides=["+batch_size.train=32"]',
    ],
)
def test_a_config_with_the_struct_passes_both(project: Path, setting: str) -> None:
    if "file=" in setting:
        name = setting.partition("=")[2]
        shutil.copy(project / name, project / "configs" / "attention.yaml")
        assert findings(project, config_findings) == ()
        assert findings(project, recorded_config_findings) == ()
    else:
        assert findings(project, config_findings, setting) == ()


def test_a_value_that_the_checkpoint_contradicts_is_named(project: Path) -> None:
    """The config was edited after the training: another number of classes."""
    shutil.copy(project / "configs" / "attention_with_struct.yaml", project / "configs" / "attention.yaml")
    code = "import json; from validation import load_detector; print(json.dumps({name: list(each.shape) "
    code += "for name, each in load_detector().state_dict().items()}))"
    shapes = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    (project / "checkpoints").mkdir()
    tensors = {name: np.zeros(shape, np.float32) for name, shape in json.loads(shapes.stdout).items()}
    save_file(tensors, project / "checkpoints" / "step_100000.safetensors")
    assert findings(project, recorded_config_findings) == ()

    for key, value, wrong in (("classes", 3, 80), ("layers", 2, 3)):
        config = project / "configs" / "attention.yaml"
        text = config.read_text()
        config.write_text(text.replace(f"{key}: {value}", f"{key}: {wrong}"))
        found = findings(project, recorded_config_findings)
        config.write_text(text)
        assert [finding.severity for finding in found] == ["error"]
        section = "data" if key == "classes" else "model"
        assert found[0].what == (
            f"{section}.{key} of the config is {wrong}, and the checkpoint was made with {value}"
        )


def test_preflight_is_red_before_training_and_says_so(project: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-m", "preflight and not after_training"),
            f"{SPEC}::preflight::config-of-candidate",
        ],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert "the config has no batch_size.train, which validation.py:25 reads" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("PREFLIGHT FAILED: ")


def test_the_map_of_the_training_loop_is_no_result_of_a_validation(project: Path) -> None:
    annotations = {
        "images": [{"id": 1, "width": 64, "height": 64, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 4, 20, 20], "area": 400, "iscrowd": 0}
        ],
    }
    results = [{"image_id": 1, "category_id": 1, "bbox": [4, 4, 20, 20], "score": 0.9}]
    (project / "data").mkdir()
    (project / "data" / "annotations.json").write_text(json.dumps(annotations))
    (project / "results.json").write_text(json.dumps(results))
    (project / SPEC).write_text(
        """
modelqa: 1
models:
  candidate: {build: "pytest_modelqa.models.coco_results:CocoResults", checkpoint: results.json}
datasets:
  validation: {path: data/annotations.json, role: validation}
baselines:
  attention_while_training: {recorded: baselines/attention_while_training.json}
evaluations:
  detection:
    task: detection
    model: candidate
    dataset: validation
    device: cpu
    checks:
      - {metric: ap, baseline: attention_while_training, max_degradation: 0}
"""
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", SPEC], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        "attention_while_training was measured in training and is no baseline for an evaluation"
        in done.stdout
    )
    assert done.stdout.splitlines()[-1].startswith(
        "NO-GO: 1 of 1 release checks in 1 spec could not be judged"
    )
