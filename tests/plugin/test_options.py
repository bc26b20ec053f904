"""The options of a run: another value, a release run, fewer samples, another engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.verification import verify

Gate = Callable[..., Any]
SPEC = "toy.modelspec.yaml"
OLDER = "--modelqa-set=models.scaler.checkpoint=checkpoints/scaler_older.safetensors"


def test_another_checkpoint_is_judged_and_stands_in_the_run_record(gate: Gate) -> None:
    run = gate(OLDER, "-k", "psnr")
    assert run.statuses == {
        "reconstruction::psnr-min": "FAIL",
        "reconstruction::psnr-max-degradation-vs-older": "ERROR",  # compared with itself
    }
    assert run.exit_code == 1
    assert run.record["options"]["set"] == [OLDER.partition("=")[2]]
    assert run.record["specs"][0]["overrides"] == [OLDER.partition("=")[2]]


def test_a_value_is_typed_like_in_the_file(gate: Gate) -> None:
    run = gate("--modelqa-set=evaluations.reconstruction.checks.0.min=27.5", "-k", "psnr-min")
    assert run.statuses == {"reconstruction::psnr-min": "FAIL"}
    assert "psnr 27.27 dB < 27.5 dB" in run.text


def test_a_wrong_value_is_told_with_the_place_it_was_set_at(gate: Gate, toy: Any) -> None:
    assignment = "evaluations.reconstruction.checks.0.min=twenty"
    run = gate(f"--modelqa-set={assignment}")
    assert run.exit_code == pytest.ExitCode.INTERRUPTED
    assert f"{toy.folder / SPEC}:19:29, as set by --modelqa-set {assignment}" in run.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--modelqa-set=models.scalar.checkpoint=x"], "no spec that was collected has this"),
        (["--modelqa-set=models.scalar.checkpoint=x"], "did you mean models.scaler.checkpoint=x?"),
        (
            ["--modelqa-set=models.scalar.checkpoint=x", "--collect-only"],
            "no spec that was collected has this",
        ),
        (["--modelqa-set=nonsense"], "--modelqa-set nonsense is no assignment"),
        (["--modelqa-set=models.scaler.args={"], "cannot be read"),
        (["--modelqa-gate", OLDER], "--modelqa-gate refuses --modelqa-set and --modelqa-limit"),
        (["--modelqa-gate", "--modelqa-limit=3"], "--modelqa-gate refuses --modelqa-set and --modelqa-limit"),
        (["--modelqa-limit=0"], "'0' is no whole number of at least 1"),
        (["--modelqa-limit=many"], "'many' is no whole number of at least 1"),
        (["--modelqa-engine=remote"], "remote"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_make_no_sense_are_usage_errors(gate: Gate, arguments: list[str], said: str) -> None:
    run = gate(*arguments)
    assert run.exit_code == pytest.ExitCode.USAGE_ERROR
    assert said in run.text
    assert "passed" not in run.text


def test_an_assignment_that_one_of_several_specs_has_is_used(gate: Gate, toy: Any) -> None:
    text = (toy.folder / SPEC).read_text()
    toy.write("other.modelspec.yaml", text.replace("scaler", "resizer").replace("/resizer", "/scaler"))
    run = gate(OLDER, "-k", "psnr-min")
    assert [result["status"] for result in run.record["results"]] == ["PASS", "FAIL"]
    assert [spec["overrides"] for spec in run.record["specs"]] == [[], [OLDER.partition("=")[2]]]


def test_a_release_run_demands_an_accelerator(gate: Gate) -> None:
    run = gate("--modelqa-gate", "-k", "accuracy")
    error = run.error("classification::accuracy-min")
    assert error["error"] == "DeviceError"
    assert error["expected"] == "--modelqa-gate demands an accelerator"
    assert run.exit_code == 1


def test_a_release_run_takes_an_evaluation_that_needs_no_accelerator(gate: Gate, toy: Any) -> None:
    toy.edit("    task: classification\n", "    task: classification\n    device: cpu\n")
    run = gate("--modelqa-gate", "-k", "accuracy")
    assert run.statuses == {"classification::accuracy-min": "PASS"}
    assert run.record["options"]["gate"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["toy.modelspec.yaml", "-k", "accuracy"], "PARTIAL: 1 of 6 checks passed; not a release verdict"),
        (["toy.modelspec.yaml", "test_a.py", "-k", "fine"], "no check was selected"),
        (["test_a.py"], "no check was selected"),
        (["toy.modelspec.yaml", "-m", "control"], "no check was selected"),
        (["toy.modelspec.yaml", "-m", "preflight"], "PREFLIGHT OK"),
    ],
    ids=["a part", "none", "no spec", "controls", "preflight"],
)
def test_a_release_run_of_anything_but_every_check_is_incomplete(
    gate: Gate, toy: Any, arguments: list[str], said: str
) -> None:
    """What is left out may stand in an environment variable of the machine: ``PYTEST_ADDOPTS``."""
    toy.edit("    task: classification\n", "    task: classification\n    device: cpu\n")
    toy.write("test_a.py", "def test_fine():\n    pass\n")
    run = gate("-q", "--modelqa-gate", *arguments)
    assert run.last_line.startswith(f"INCOMPLETE: --modelqa-gate asks for every check of the specs; {said}")
    assert run.exit_code == 1
    verified = verify(run.record_path)
    assert (verified.line, verified.exit_code) == (run.last_line, 2)


def test_files_and_folder_can_be_configured(gate: Gate, toy: Any) -> None:
    toy.write("pytest.ini", "[pytest]\nmodelqa_files = spec_*.yaml\nmodelqa_dir = build/quality\n")
    (toy.folder / SPEC).rename(toy.folder / "spec_toy.yaml")
    (toy.folder / "build").mkdir()
    (toy.folder / ".modelqa").rename(toy.folder / "build" / "quality")
    run = gate()
    assert run.last_line == "GO: 6 of 6 release checks in 1 spec passed"
    assert run.record_path.is_relative_to(toy.folder / "build" / "quality" / "runs")
    assert run.reused("reconstruction::psnr-min")
    assert not (toy.folder / ".modelqa").exists()


BROKEN = """\
  broken:
    task: reconstruction
    model: raising
    dataset: test
    checks:
      - {metric: psnr, min: 20}
      - {metric: mse, max: 1}
"""
RAISES = """

class Raising(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        sizes: dict[str, int] = {}
        return image * sizes["width"]
"""


@pytest.fixture
def broken_toy(toy: Any) -> Any:
    """With an evaluation more, whose model raises."""
    toy.write("model.py", (toy.folder / "model.py").read_text() + RAISES)
    toy.edit("datasets:\n", "  raising: {build: model:Raising}\ndatasets:\n")
    toy.add_evaluation(BROKEN)
    return toy


def values(run: Any) -> dict[str, float]:
    return {
        name: result["verdict"]["worst"]["candidate"]["value"]
        for name, result in run.results.items()
        if result["status"] in ("PASS", "FAIL") and "worst" in (result["verdict"] or {})
    }


def test_the_engine_inline_gives_the_same_values_and_messages(
    broken_toy: Any, gate: Gate, run_pytest: Callable[..., Any]
) -> None:
    local = gate()
    assert len(values(local)) == 4
    broken_toy.edit("import torch\n", "import torch  # measured again\n", "model.py")
    inline = run_pytest(broken_toy.folder, "--modelqa-engine=inline")
    assert not inline.reused("reconstruction::psnr-min")
    assert values(inline) == values(local)
    assert inline.statuses == local.statuses
    for name in ("broken::psnr-min", "broken::mse-max"):
        assert inline.error(name)["what"] == local.error(name)["what"] == "KeyError: 'width'"
        assert inline.error(name)["where"] == local.error(name)["where"]
    assert inline.exit_code == 1


def test_a_debugger_stops_in_the_model(broken_toy: Any) -> None:
    command = [sys.executable, "-m", "pytest", "--modelqa-engine=inline", "--pdb", "-k", "broken and psnr"]
    done = subprocess.run(
        command,
        cwd=broken_toy.folder,
        input="p sorted(sizes)\nq\n",
        capture_output=True,
        text=True,
        check=False,
    )
    line = (broken_toy.folder / "model.py").read_text().splitlines().index(RAISES.splitlines()[-1]) + 1
    assert f"{broken_toy.folder}/model.py({line})forward()" in done.stdout
    assert "(Pdb) []" in done.stdout


def test_fewer_samples_are_never_a_release_verdict(
    toy: Any, run_pytest: Callable[..., Any], run_command: Callable[..., Any]
) -> None:
    run = run_pytest(toy.folder, "--modelqa-limit=8")
    assert run.results["reconstruction::psnr-min"]["verdict"]["worst"]["candidate"]["n"] == 8
    assert run.statuses["classification::accuracy-min"] == "ERROR"  # min_samples: 40
    assert "measured on 8 samples" in run.text
    assert run.exit_code == 1
    toy.edit(", min_samples: 40", "")
    toy.edit("min: 85", "min: 50")
    toy.edit("min: 0.75, slices: label", "min: 0.3, slices: label")
    run = run_pytest(toy.folder, "--modelqa-limit=8")
    assert run.last_line == (
        "PARTIAL: 6 of 6 checks passed on a limited number of samples; not a release verdict"
    )
    assert run.exit_code == 0
    verify = [sys.executable, "-m", "pytest_modelqa.cli", "verify", str(Path(run.record_path))]
    assert run_command(toy.folder, verify).exit_code == 1
