"""Quality over checkpoints: a healthy curriculum passes, and every way to spoil its end is told."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits

from pytest_modelqa.spec import read_spec
from pytest_modelqa.statistics import paired, trend
from pytest_modelqa.statistics.intervals import Interval
from pytest_modelqa.tasks.registry import catalogue

FOLDER = Path(__file__).parents[2] / "model_specs" / "digit_curriculum"
MODULES = ("data", "model", "train")
TREND = "quality::judge_accuracy-non-decreasing-along-step"


@pytest.fixture(scope="module")
def experiment() -> Iterator[SimpleNamespace]:
    """The modules of the experiment's folder, whose plain names no other test shall meet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
        for name in MODULES:
            del sys.modules[name]


class Run:
    """What a run of pytest on a copy of the spec's folder printed and recorded."""

    def __init__(self, root: Path, *options: str) -> None:
        command = [sys.executable, "-m", "pytest", "digit_curriculum", "-m", "gpu", "-p", "no:cacheprovider"]
        done = subprocess.run([*command, *options], cwd=root, capture_output=True, text=True, check=False)
        self.text, self.exit_code = done.stdout, done.returncode
        self.last_line = done.stdout.splitlines()[-1]
        record = max(root.glob(".modelqa/runs/*/run.json"), key=lambda path: path.stat().st_mtime)
        self.results: dict[str, Any] = {
            each["nodeid"].split("::", 1)[1]: each for each in json.loads(record.read_text())["results"]
        }

    def statuses(self) -> dict[str, str]:
        return {name: result["status"] for name, result in self.results.items()}

    def error(self, name: str) -> str:
        return str(self.results[name]["verdict"]["error"]["what"])


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The experiment with the records of one run, made once for all processes of xdist."""
    root = tmp_path_factory.getbasetemp()
    root = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "curriculum"
    with FileLock(f"{root}.lock"):
        if not root.exists():
            shutil.copytree(FOLDER, root / "digit_curriculum", ignore=shutil.ignore_patterns("__pycache__"))
            run = Run(root)
            assert run.exit_code == 0, run.text
    return root


@pytest.fixture
def copy(measured: Path, tmp_path: Path) -> Path:
    """A copy with its records, to be spoilt."""
    shutil.copytree(measured, tmp_path / "gate")
    return tmp_path / "gate"


def checkpoint(root: Path, seed: int, step: int) -> Path:
    return root / "digit_curriculum" / "checkpoints" / f"seed_{seed}" / f"step_{step}.safetensors"


def test_the_parts_hold_the_digits_of_scikit_learn_each_once(experiment: SimpleNamespace) -> None:
    parts = [experiment.data.digits(part) for part in ("generator", "judge", "test")]
    order = [int(name.removeprefix("digit-")) for part in parts for name in part["id"]]
    images, labels = load_digits(return_X_y=True)

    assert [len(part["id"]) for part in parts] == [700, 497, 600]
    assert sorted(order) == list(range(1797))
    np.testing.assert_array_equal(
        np.concatenate([part["image"] for part in parts]).reshape(-1, 64), images[order] / 16
    )
    np.testing.assert_array_equal(np.concatenate([part["label"] for part in parts]), labels[order])
    with pytest.raises(ValueError, match="part is 'train'; the parts are generator, judge, test"):
        experiment.data.digits("train")


def test_the_script_leaves_a_checkpoint_at_the_end_of_each_phase(
    experiment: SimpleNamespace, tmp_path: Path
) -> None:
    images, labels = experiment.train.part("generator")

    experiment.train.train_generator(images, labels, 3, tmp_path, ((4, range(2)), (6, range(10))))

    made = sorted((tmp_path / "seed_3").iterdir())
    assert [file.name for file in made] == ["step_4.safetensors", "step_6.safetensors"]
    model = experiment.model.Generator()
    model.load_state_dict({name: values.float() for name, values in load_file(made[1]).items()})
    with torch.inference_mode():
        drawn = model(torch.randn(5, 1, 8, 8), torch.arange(5))
    assert drawn.shape == (5, 1, 8, 8)
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_checkpoints_are_small() -> None:
    files = list((FOLDER / "checkpoints").rglob("*.safetensors"))

    assert len(files) == 10
    assert sum(file.stat().st_size for file in files) < 3_000_000


def test_the_shipped_curriculum_passes_and_is_judged_again_without_inference(measured: Path) -> None:
    run = Run(measured)

    assert run.exit_code == 0, run.text
    assert run.last_line == "GO: 12 of 12 release checks in 1 spec passed"
    assert set(run.statuses().values()) == {"PASS"}
    evidence = [(result["verdict"] or {}).get("evidence") for result in run.results.values()]
    sides = [side for each in evidence if each for side in each.values()]
    assert len(sides) > 30
    assert all(side["reused"] for side in sides)


def test_samples_of_each_digit_are_drawn_into_a_picture(measured: Path) -> None:
    pictures = list(measured.glob(".modelqa/store/**/pictures/samples.png"))

    assert len(pictures) == 9 + 3
    for picture in pictures:
        width, height = Image.open(picture).size
        assert (width > 100, height > 100) == (True, True)
        assert np.asarray(Image.open(picture)).std() > 20


def test_a_last_checkpoint_that_is_an_early_one_is_no_go_with_both_steps_and_the_drop(copy: Path) -> None:
    # What the file says of itself makes it another file; a plain copy is told already, as below.
    early = load_file(checkpoint(copy, 1, 3000))
    save_file(early, checkpoint(copy, 1, 10000), metadata={"step": "3000"})

    run = Run(copy, "-k", "quality")

    assert run.last_line.startswith("NO-GO: ")
    verdict = run.results[TREND]["verdict"]
    assert run.statuses()[TREND] == "FAIL"
    assert "at step=6000, then" in verdict["headline"]
    assert "at step=10000, seed=1: worse by" in verdict["headline"]
    lines = {line["slice"]: line for line in verdict["lines"]}
    spoilt = lines["step=10000, seed=1"]
    assert spoilt["candidate"]["value"] < 0.6 < 0.7 < spoilt["baseline"]["value"]
    assert [line["slice"] for line in verdict["lines"] if line["outcome"] == "fail"] == ["step=10000, seed=1"]
    # One of three training runs shows nothing sure of others.
    assert run.statuses()["quality::judge_accuracy-best-is-last-along-step-over-seed"] != "PASS"
    assert run.statuses()["quality::judge_accuracy-min-at-step-last"] == "FAIL"


def test_a_missing_checkpoint_is_an_error_by_name(copy: Path) -> None:
    checkpoint(copy, 1, 6000).unlink()

    run = Run(copy, "-k", "non-decreasing")

    assert run.last_line.startswith("NO-GO: ")
    assert run.statuses()[TREND] == "ERROR"
    assert "step=6000, seed=1" in run.error(TREND)


def test_a_pattern_that_matches_nothing_is_an_error_with_the_file_that_is_not_there(copy: Path) -> None:
    elsewhere = "models.generator.checkpoint=elsewhere/{seed}/{step}.safetensors"

    run = Run(copy, "-k", "non-decreasing", f"--modelqa-set={elsewhere}")

    assert run.statuses()[TREND] == "ERROR"
    assert "elsewhere/0/3000.safetensors" in run.text


def test_a_judge_that_fails_on_real_digits_judges_nothing(copy: Path, experiment: SimpleNamespace) -> None:
    torch.manual_seed(0)
    weights = copy / "digit_curriculum" / "checkpoints" / "judge.safetensors"
    save_file(experiment.model.Judge().state_dict(), weights)

    run = Run(copy, "-k", "coverage")

    assert run.statuses()["likeness::coverage-min-at-step-last"] == "ERROR"
    assert "judge" in run.error("likeness::coverage-min-at-step-last")


@pytest.mark.parametrize("height", [0.9, 0.965])
def test_there_are_enough_samples_to_pass_a_flat_curve(height: float) -> None:
    spec = read_spec(FOLDER / "digit_curriculum.modelspec.yaml", catalogue())
    evaluation = spec.evaluations["quality"]
    (check,) = (check for check in evaluation.checks if check.bound.trend == "non_decreasing")
    n, (steps, seeds) = evaluation.args["samples"], spec.models["generator"].coordinates.values()
    rng, passed = np.random.default_rng(0), 0
    for _ in range(20):
        # Every training run must pass by itself. Scores without correlation are the noisiest.
        runs = [rng.random((len(steps), n)) < height for _ in seeds]
        passed += all(_outcome(scores, check.tolerance, check.confidence) == "pass" for scores in runs)
    assert passed >= 18


def _outcome(scores: np.ndarray, tolerance: float | None, confidence: float | None) -> str:
    def gain(earlier: int, later: int, sure: float) -> Interval:
        return paired.binary(scores[later], scores[earlier], sure)

    assert tolerance is not None
    assert confidence is not None
    return trend.judge(gain, len(scores), "non_decreasing", tolerance, confidence).outcome
