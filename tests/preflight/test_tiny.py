"""What a spec is cut down to before it is rehearsed."""

from __future__ import annotations

import shutil
from pathlib import Path

from pytest_modelqa.preflight.tiny import tiny_spec
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

TOY = Path(__file__).parents[1] / "tasks" / "sampling_toy" / "spec.yaml"


def test_a_task_that_draws_its_own_samples_draws_two(tmp_path: Path) -> None:
    path = tmp_path / "toy.modelspec.yaml"
    shutil.copy(TOY, path)
    spec = read_spec(path, catalogue())
    drawn = tiny_spec(spec, catalogue()).evaluations["generation"].args
    assert drawn == {**spec.evaluations["generation"].args, "samples": 2}
