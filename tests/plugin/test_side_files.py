"""A file that a model's code reads decides values as much as the code does, declared or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SPEC = """\
modelqa: 1
models: {scaled: {build: model:Scaled}}
datasets: {test: {path: test.npz, role: test}}
evaluations:
  images: {task: reconstruction, model: scaled, dataset: test, checks: [{metric: mse, max: 0.01}]}
"""
MODEL = """\
import json
from pathlib import Path

import torch

NAMES = (Path(__file__).parent / "names.txt").read_text()


class Scaled(torch.nn.Module):
    def forward(self, image):
        with open(Path(__file__).parent / "config.json") as file:
            scale = json.load(file)["scale"]
        (Path(__file__).parent / "cache.txt").write_text("made here")
        (Path(__file__).parent / "cache.txt").read_text()
        return image * scale
"""


def test_a_changed_side_file_is_measured_again_and_an_untouched_one_is_not(
    tmp_path: Path, run_pytest: Any
) -> None:
    np.savez(tmp_path / "test.npz", image=np.random.default_rng(0).random((20, 1, 8, 8), dtype=np.float32))
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "names.txt").write_text("a b c")
    (tmp_path / "config.json").write_text('{"scale": 1.0}')
    (tmp_path / "a.modelspec.yaml").write_text(SPEC)
    first = run_pytest(tmp_path)
    assert first.exit_code == 0, first.text
    code = first.results["images::mse-max"]["verdict"]["evidence"]["candidate"]["code"]
    # And not what would count once it is there, such as a package of the name of the module.
    assert {file["path"] for file in code} == {"./model.py", "./names.txt", "./config.json"}
    again = run_pytest(tmp_path)
    assert again.reused("images::mse-max")

    (tmp_path / "config.json").write_text('{"scale": 0.5}')
    changed = run_pytest(tmp_path)
    assert changed.statuses["images::mse-max"] == "FAIL"
    assert not changed.reused("images::mse-max")

    (tmp_path / "names.txt").write_text("a b c d")
    assert not run_pytest(tmp_path).reused("images::mse-max")


TWO = """\
modelqa: 1
models:
  failing: {build: model:Failing}
  scaled: {build: model:Scaled}
datasets: {test: {path: test.npz, role: test}}
evaluations:
  first: {task: reconstruction, model: failing, dataset: test, checks: [{metric: mse, max: 100}]}
  second: {task: reconstruction, model: scaled, dataset: test, checks: [{metric: mse, max: 100}]}
"""
KEEPS = """\
import subprocess
from pathlib import Path

import torch

FILE = Path(__file__).parent / "scale.txt"
SCALE = float(FILE.read_text())


class Scaled(torch.nn.Module):
    def forward(self, image):
        return image * SCALE


class Failing(torch.nn.Module):
    def forward(self, image):
        # Somebody edits it; what this process writes itself would follow from its code.
        subprocess.run(["sh", "-c", f"echo 2.0 > '{FILE}'"], check=True)
        raise RuntimeError("no memory")
"""


def test_what_a_module_kept_of_a_file_serves_no_run_when_the_evaluation_that_read_it_failed(
    tmp_path: Path, run_pytest: Any
) -> None:
    """The second evaluation of the worker uses 1.0, and the file says 2.0 from before it began."""
    np.savez(tmp_path / "test.npz", image=np.random.default_rng(0).random((20, 1, 8, 8), dtype=np.float32))
    (tmp_path / "model.py").write_text(KEEPS)
    (tmp_path / "scale.txt").write_text("1.0")
    (tmp_path / "a.modelspec.yaml").write_text(TWO)
    first = run_pytest(tmp_path)
    assert first.statuses == {"first::mse-max": "ERROR", "second::mse-max": "PASS"}, first.text
    assert (tmp_path / "scale.txt").read_text() == "2.0\n"
    assert not run_pytest(tmp_path, "-k", "second").reused("second::mse-max")
