"""``repeats: k``: a model that draws at random is measured several times on each sample, which stays one sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

SPEC = """\
modelqa: 1
models: {noisy: {build: model:Noisy}}
datasets: {test: {path: test.npz, role: test}}
evaluations:
  images:
    task: reconstruction
    model: noisy
    dataset: test
    repeats: REPEATS
    checks:
      - {metric: mse, max: 0.011, confidence: 0.95}
"""
MODEL = """\
import torch


class Noisy(torch.nn.Module):
    def forward(self, image):
        return image + 0.1 * torch.randn_like(image)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("repeats")
    np.savez(path / "test.npz", image=np.random.default_rng(0).random((50, 1, 8, 8), dtype=np.float32))
    (path / "model.py").write_text(MODEL)
    return path


def test_repeats_are_other_draws_of_the_same_samples(folder: Path, run_pytest: Any) -> None:
    (folder / "a.modelspec.yaml").write_text(SPEC.replace("REPEATS", "4"))
    run = run_pytest(folder)
    verdict = run.results["images::mse-max"]["verdict"]
    assert verdict["evidence"]["candidate"]["samples"] == 200
    # The noise of one image of 64 pixels: 0.01·√(2/64) within, and half of it between the means of four.
    (note,) = [text for text in verdict["notes"] if "several times" in text]
    numbers = [float(word) for word in note.split() if word.replace(".", "").isdigit()]
    assert numbers[0] == pytest.approx(0.01 * (2 / 64) ** 0.5, rel=0.2)
    assert numbers[1] == pytest.approx(0.5 * numbers[0], rel=0.35)
    # Four draws of fifty images are fifty units, not two hundred.
    assert verdict["worst"]["method"] == "cluster-robust t"
    assert verdict["worst"]["candidate"]["n"] == 50
