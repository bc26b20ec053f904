"""``stop_early``: fewer samples, the same verdict, and records that never pass for whole ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from pytest_modelqa.verification import verify

SPEC = """\
modelqa: 1
name: early
models:
  candidate: {build: model:Picker, checkpoint: checkpoints/candidate.safetensors}
  older: {build: model:Picker, checkpoint: checkpoints/older.safetensors}
datasets:
  test: {path: data/test.npz, role: test}
evaluations:
  labels:
    task: classification
    model: candidate
    dataset: test
    batch_size: 32
    stop_early: STOP
    checks:
      - {metric: accuracy, min: 0.80}
      - {metric: accuracy, min: 0.70, slices: site}
      - {metric: accuracy, baseline: older, min_improvement: 0.05}
      - {metric: accuracy, baseline: constant, min_improvement: 0.20}
"""
MODEL = """\
import torch


class Picker(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(4, 4))

    def forward(self, image):
        return image @ self.weight
"""
SAMPLES = 2000


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 samples of four classes; the candidate is right on 90 %, the older model on about 70 %."""
    folder = tmp_path_factory.mktemp("early")
    rng = np.random.default_rng(0)
    label = np.arange(SAMPLES) % 4
    shown = np.where(rng.random(SAMPLES) < 0.90, label, (label + 1) % 4)
    image = np.eye(4, dtype=np.float32)[shown]
    (folder / "data").mkdir()
    site = np.where(np.arange(SAMPLES) % 2 == 0, "north", "south")
    np.savez(folder / "data" / "test.npz", image=image, label=label, site=site)
    (folder / "checkpoints").mkdir()
    save_file({"weight": np.eye(4, dtype=np.float32)}, folder / "checkpoints" / "candidate.safetensors")
    # The older model is blind to the last class.
    older = np.diag([1.0, 1.0, 1.0, 0.0]).astype(np.float32)
    save_file({"weight": older}, folder / "checkpoints" / "older.safetensors")
    (folder / "model.py").write_text(MODEL)
    return folder


def judged(folder: Path, run_pytest: Any, stop: str, *arguments: str) -> Any:
    (folder / "early.modelspec.yaml").write_text(SPEC.replace("STOP", stop))
    return run_pytest(folder, "-v", *arguments)


def samples_of(run: Any, name: str) -> int:
    return int(run.results[name]["verdict"]["evidence"]["candidate"]["samples"])


def test_it_stops_once_all_checks_are_decided_and_says_so(experiment: Path, run_pytest: Any) -> None:
    run = judged(experiment, run_pytest, "{wrong_pass: 0.01, wrong_fail: 0.05}")
    assert run.exit_code == 0, run.text
    used = samples_of(run, "labels::accuracy-min")
    assert 32 <= used < SAMPLES / 2, used
    text = run.text
    assert "4 of 4 release checks in 1 spec passed" in text
    verdict = run.results["labels::accuracy-min"]["verdict"]
    assert any(
        note.endswith(f"{used} of 2000 samples decide every check of the evaluation")
        for note in verdict["notes"]
    )
    # The older model, which it is compared with, was measured whole.
    evidence = run.results["labels::accuracy-min-improvement-vs-older"]["verdict"]["evidence"]
    assert evidence["baseline"]["samples"] == SAMPLES
    # The anytime interval holds the value of the full run.
    low, high = verdict["worst"]["margin_interval"]
    assert low <= 0.90 - 0.80 + 0.02
    assert high >= 0.90 - 0.80 - 0.02

    # The record holds what decided, so another machine can decide it again.
    verified = verify(run.record_path)
    assert (verified.exit_code, verified.problems, verified.notes) == (0, (), ())
    (claim,) = verdict["lines"][0]["audited"]
    assert 0 < len(claim["scores"].split()) <= used
    assert verdict["worst"]["audited"] == []

    again = judged(experiment, run_pytest, "{wrong_pass: 0.01, wrong_fail: 0.05}")
    assert samples_of(again, "labels::accuracy-min") == used
    assert again.reused("labels::accuracy-min")

    certain = judged(experiment, run_pytest, "certain")
    assert certain.exit_code == 0, certain.text
    more = samples_of(certain, "labels::accuracy-min")
    assert used < more < SAMPLES
    notes = certain.results["labels::accuracy-min"]["verdict"]["notes"]
    assert "decided on a part of the samples: no remaining sample could change it" in notes

    whole = judged(experiment, run_pytest, "null")
    assert samples_of(whole, "labels::accuracy-min") == SAMPLES
    values = {
        name: run_.results[f"labels::{name}"]["status"] for run_ in (whole,) for name in ("accuracy-min",)
    }
    assert values == {"accuracy-min": "PASS"}
    assert {name: result["status"] for name, result in whole.results.items()} == {
        name: result["status"] for name, result in run.results.items()
    }


def test_what_was_begun_goes_on_in_the_same_order(experiment: Path, run_pytest: Any, tmp_path: Path) -> None:
    """The records of a stricter decision begin with those of the one before."""
    folder = tmp_path / "resumed"
    shutil.copytree(experiment, folder, ignore=shutil.ignore_patterns(".modelqa", "__pycache__"))
    judged(folder, run_pytest, "{wrong_pass: 0.2, wrong_fail: 0.2}")
    first = _ids(folder)
    judged(folder, run_pytest, "certain")
    second = _ids(folder)
    (shorter,) = first
    longer = max(second, key=len)
    assert len(longer) > len(shorter)
    assert longer[: len(shorter)] == shorter


def _ids(folder: Path) -> list[list[str]]:
    from pytest_modelqa.records.record import read_record

    found = []
    for path in sorted((folder / ".modelqa" / "store").glob("??/*/*/record.json")):
        record = read_record(path.parent)
        if not record.manifest.complete:
            found.append(record.ids.tolist())
    return found


def test_a_check_that_cannot_be_decided_early_keeps_every_sample(experiment: Path, run_pytest: Any) -> None:
    text = SPEC.replace("STOP", "certain") + "      - {metric: f1, min: 0.5}\n"
    (experiment / "early.modelspec.yaml").write_text(text)
    run = run_pytest(experiment)
    assert samples_of(run, "labels::accuracy-min") == SAMPLES
    notes = run.results["labels::accuracy-min"]["verdict"]["notes"]
    assert (
        notes[0]
        == "every sample was visited: not all checks of this evaluation can be decided on a part of them"
    )


def test_confidence_beside_stop_early_is_refused(experiment: Path, run_pytest: Any) -> None:
    text = SPEC.replace("STOP", "certain").replace("min: 0.80}", "min: 0.80, confidence: 0.95}")
    (experiment / "early.modelspec.yaml").write_text(text)
    run = run_pytest(experiment)
    assert run.exit_code == 2
    assert "has confidence, and its evaluation stop_early" in run.text
