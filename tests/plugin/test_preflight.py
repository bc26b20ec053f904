"""``-m preflight`` from end to end: what is asked, what each answer looks like, and what it never does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from conftest import Run, Toy

Once = Callable[[str, Callable[[Path], "Run"]], "Run"]


@pytest.fixture(scope="session")
def healthy(once: Once, make_toy: Callable[[Path], Toy], run_pytest: Callable[..., Run]) -> Run:
    """The toy before anything was trained: no checkpoint at all."""

    def make(folder: Path) -> Run:
        toy = make_toy(folder)
        shutil.rmtree(toy.folder / "checkpoints")
        return run_pytest(toy.folder, "-m", "preflight and not after_training")

    return once("preflight-before-training", make)


@pytest.fixture(scope="session")
def sick(once: Once, make_toy: Callable[[Path], Toy], run_pytest: Callable[..., Run]) -> Run:
    """A spec in which much is wrong at once, its preflight run together with its checks."""

    def make(folder: Path) -> Run:
        toy = make_toy(folder)
        checkpoints = toy.folder / "checkpoints"
        checkpoints.joinpath("picker.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
        shutil.copy(checkpoints / "scaler.safetensors", checkpoints / "scaler_older.safetensors")
        images = np.load(toy.folder / "data" / "test.npz")
        np.savez(toy.folder / "data" / "train.npz", image=images["image"][:5], label=images["label"][:5])
        toy.edit("  test: {path", "  train: {path: data/train.npz, role: train}\n  test: {path")
        toy.edit(
            "from torch import Tensor, nn\n",
            "from torch import Tensor, nn\n\n\n"
            "def needs() -> object:\n    import no_such_package\n\n    return no_such_package\n",
            "model.py",
        )
        toy.edit("min_samples: 40", "min_samples: 41")
        toy.edit("{metric: recall, min: 0.75, slices: label}", "{metric: recall, min: 0.75, slices: site}")
        toy.edit("unit: dB}", "unit: dB}\n      - {metric: psnr, min: 25, unit: dB, id: weaker}")
        toy.add_evaluation(
            "      - {metric: accuracy, min: 0.99, confidence: 0.95, id: sure}\n"
            "      - {metric: accuracy, min: 0.2, id: guess}\n"
        )
        return run_pytest(toy.folder, "-m", "preflight or gpu")

    return once("preflight-of-a-sick-spec", make)


def findings(run: Run, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run.results[f"preflight::{name}"]["verdict"]["findings"]
    return found


def said(run: Run, name: str) -> list[tuple[str, str]]:
    return [(each["severity"], each["what"]) for each in findings(run, name)]


def test_the_preflight_of_a_healthy_project_passes_before_anything_was_trained(healthy: Run) -> None:
    assert healthy.exit_code == 0, healthy.text
    # The toy's scaler is perfect as it is built, so random weights pass: that is worth a warning.
    assert (
        healthy.last_line
        == "PREFLIGHT OK: 14 of 15 preflight items passed; 1 warning; 3 after_training not asked"
    )
    warned = {name for name, status in healthy.statuses.items() if status != "PASS"}
    assert warned == {"preflight::tiny-run-of-reconstruction"}
    assert said(healthy, "tiny-run-of-reconstruction")[0][1] == "a model with random weights passes psnr-min"
    assert not [name for name in healthy.statuses if "checkpoint" in name]


def test_the_records_of_tiny_runs_are_kept_nowhere(healthy: Run) -> None:
    assert not (healthy.folder / ".modelqa" / "store").exists()


def test_one_bad_asset_does_not_hide_another(sick: Run) -> None:
    statuses = {name.removeprefix("preflight::"): status for name, status in sick.statuses.items()}
    assert {name for name, status in statuses.items() if status == "FAIL"} == {
        "checkpoint-of-scaler",
        "checkpoint-of-picker",
        "data-of-test",
        "overlap-of-train-and-test",
        "power-of-classification",
        "tiny-run-of-classification",
    }
    assert statuses["build-of-picker"] == statuses["data-of-train"] == "PASS"


def test_each_finding_says_what_is_wrong(sick: Run) -> None:
    assert said(sick, "checkpoint-of-picker") == [
        ("error", "checkpoint is a Git LFS pointer, not the file itself: picker.safetensors")
    ]
    assert said(sick, "checkpoint-of-scaler") == [
        ("error", "scaler and its baseline older have the same checkpoint")
    ]
    assert said(sick, "data-of-test") == [
        ("error", "classification::accuracy-min asks for 41 samples, test has 40")
    ]
    # Four contents are all that the toy has, so nearly all of its images are in the training set.
    assert said(sick, "overlap-of-train-and-test") == [
        ("error", "40 of 40 samples of test are in train, byte for byte")
    ]
    assert said(sick, "power-of-classification")[0][1].startswith(
        "sure can never pass: 40 samples without a failure show 92.8%, 95% sure, and it asks for 99.0%"
    )
    assert findings(sick, "power-of-classification")[0]["todo"].startswith("evaluate on 299 samples or more")
    assert said(sick, "checks-of-reconstruction") == [
        ("warning", "weaker checks nothing of its own: whatever passes psnr-min passes it")
    ]
    assert said(sick, "checks-of-classification") == [
        ("warning", "guess checks nothing of its own: whatever passes accuracy-min passes it"),
        ("warning", "any model passes guess: always answering '0' is right for 25.0% of them"),
    ]
    assert said(sick, "resources") == [("warning", "the package 'no_such_package' is not installed")]
    assert findings(sick, "resources")[0]["todo"] == "pip install no_such_package"
    assert ("error", "recall-min-by-site needs a field 'site', which test does not have") in said(
        sick, "tiny-run-of-classification"
    )


def test_an_evaluation_whose_preflight_failed_is_not_started_and_says_why(sick: Run) -> None:
    assert sick.error("classification::guess")["what"] == (
        "checkpoint is a Git LFS pointer, not the file itself: picker.safetensors"
    )
    assert sick.last_line.startswith("NO-GO: 5 of 9 release checks in 1 spec could not be judged: ")
    assert "; PREFLIGHT FAILED: 6 of 20 preflight items failed: " in sick.last_line


def test_a_run_that_does_not_name_the_preflight_has_no_items_of_it(gate: Callable[..., Run]) -> None:
    assert not [name for name in gate().statuses if name.startswith("preflight")]


def test_the_mark_of_what_needs_training_asks_too(gate: Callable[..., Run]) -> None:
    text = gate("--collect-only", "-q", "-m", "after_training").text
    assert "preflight::checkpoint-of-picker" in text
    assert "preflight::build-of-picker" not in text


def test_one_question_is_asked_by_its_node_id(gate: Callable[..., Run]) -> None:
    run = gate("toy.modelspec.yaml::preflight::checkpoint-of-picker")
    assert run.statuses == {"preflight::checkpoint-of-picker": "PASS"}
    assert run.last_line == "PARTIAL: 1 of 18 preflight items passed; not the whole preflight"
    assert run.exit_code == 0


def test_a_crash_while_a_model_is_built_is_told_of_that_model_alone(
    toy: Toy, gate: Callable[..., Run]
) -> None:
    toy.edit("        return 8 *", "        import os\n        os.abort()\n        return 8 *", "model.py")
    toy.edit(
        "        self.weight = nn.Parameter(torch.eye(4))",
        "        import os\n        os.abort()",
        "model.py",
    )
    run = gate("-m", "preflight", "-k", "build")
    assert run.statuses == {
        "preflight::build-of-scaler": "PASS",
        "preflight::build-of-older": "PASS",
        "preflight::build-of-picker": "FAIL",
    }
    (finding,) = findings(run, "build-of-picker")
    assert finding["what"] == "the process that looked at picker ended before it had an answer (build)"
    assert finding["found"] == "signal 6"


def test_a_recorded_output_is_compared_also_where_its_model_is_only_a_baseline(
    toy: Toy, gate: Callable[..., Run]
) -> None:
    toy.write("older.npz", "garbage")
    toy.edit("scaler_older.safetensors}", "scaler_older.safetensors, reference_output: older.npz}")
    toy.edit(
        "\ndatasets:\n",
        "  unused: {build: model:Scaler, checkpoint: checkpoints/scaler.safetensors, reference_output: older.npz}\n"
        "\ndatasets:\n",
    )
    run = gate("-m", "preflight", "-k", "reference-output")
    assert run.statuses == {
        "preflight::reference-output-of-older": "FAIL",
        "preflight::reference-output-of-unused": "FAIL",
    }
    assert said(run, "reference-output-of-older") == [
        ("error", "the recorded output cannot be read: older.npz")
    ]
    assert said(run, "reference-output-of-unused") == [
        ("error", "the recorded output of unused cannot be compared: no evaluation runs unused on a dataset")
    ]
