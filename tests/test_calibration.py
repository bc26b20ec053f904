"""``modelqa calibrate``: what it says of a model whose noise is known."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pytest_modelqa.cli import main

SPEC = """\
modelqa: 1
models: {noisy: {build: model:Noisy}}
datasets: {test: {path: test.npz, role: test}}
evaluations:
  images:
    task: reconstruction
    model: noisy
    dataset: test
    checks:
      - {metric: mse, max: 0.0101, id: tight}
      - {metric: mse, max: 0.02, id: loose}
      - {metric: mse, max: 0.0101, confidence: 0.95, id: sure}
      - {metric: mse, baseline: constant, min_improvement_percent: 86, id: better}
"""
MODEL = """\
import torch


class Noisy(torch.nn.Module):
    def forward(self, image):
        return image + 0.1 * torch.randn_like(image)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibration")
    np.savez(path / "test.npz", image=np.random.default_rng(0).random((60, 1, 8, 8), dtype=np.float32))
    (path / "model.py").write_text(MODEL)
    (path / "a.modelspec.yaml").write_text(SPEC)
    return path


def calibrate(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pytest_modelqa.cli", "calibrate", "a.modelspec.yaml", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(text: str, name: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"images::{name} ")]
    return re.split(r"\s{2,}", line.strip())


def test_false_alarms_and_misses_are_those_of_the_models_noise(folder: Path) -> None:
    text = calibrate(folder, "--runs", "4", "--drop", "0.005")
    tight, loose = row(text, "tight"), row(text, "loose")
    # The mean of 60 images of 64 pixels of squared noise: 0.01 with a spread of 0.01·√(2/3840).
    assert float(tight[1]) == pytest.approx(0.01, rel=0.1)
    assert float(tight[2]) == pytest.approx(0.01 * math.sqrt(2 / 3840), rel=0.9)
    assert 0.02 < float(tight[3].rstrip("%")) / 100 < 0.98
    assert loose[3] == "0.0%"
    # 0.005 worse than 0.010 is far beyond 0.0101 and well within 0.02.
    assert float(tight[5].rstrip("%")) < 5
    assert float(loose[5].rstrip("%")) > 95
    # The same bound on the same data, whatever confidence the check asks for.
    on_other_data = [float(row(text, name)[4].rstrip("%")) for name in ("tight", "sure")]
    assert 1 < on_other_data[0] < 99
    assert on_other_data[1] == pytest.approx(on_other_data[0], abs=1.0)
    # Of a bound in percent of the baseline (mse 1/12) the drop is 6 %, far more than the 2 % that it has left.
    better = row(text, "better")
    assert better[2].endswith(" % of the baseline")
    assert float(better[5].rstrip("%")) < 5
    assert tight[6].startswith("loosen by")
    assert loose[6].startswith("tighten by")


def test_halves_of_one_model_flip_a_check_at_its_bound_and_no_other(folder: Path) -> None:
    text = calibrate(folder, "--aa", "--records", "elsewhere")
    assert (folder / "elsewhere").is_dir()
    flips = {name: float(row(text, name)[4].rstrip("%")) for name in ("tight", "loose", "sure")}
    assert flips["loose"] == 0.0
    assert flips["tight"] > 10.0
    # With confidence the halves are both undecided: noise decides nothing.
    assert flips["sure"] < flips["tight"]
    assert float(row(text, "sure")[3].rstrip("%")) > 80


def test_one_run_says_nothing(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest_modelqa.cli", "calibrate", "a.modelspec.yaml", "--runs", "1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("one run says nothing about repeatability")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--false-alarm", "2"), "the rate of false alarms is a share of runs"),
        (("--false-alarm", "nan"), "the rate of false alarms is a share of runs"),
        (("--drop", "-1"), "expected:  --drop above 0"),
    ],
)
def test_rates_and_drops_that_are_none(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert main(["calibrate", str(folder / "a.modelspec.yaml"), *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_spec_of_which_nothing_can_be_calibrated_is_no_empty_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = "      - {metric: mse, max: 0.02, slices: label}\n"
    (tmp_path / "a.modelspec.yaml").write_text(SPEC.partition("      - ")[0] + only)
    assert main(["calibrate", str(tmp_path / "a.modelspec.yaml"), "--aa"]) == 1
    assert "nothing in this spec can be calibrated so" in capsys.readouterr().err
