"""What makes a second run measure again, and what only makes it judge again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

Gate = Callable[..., Any]
PSNR, ACCURACY = "reconstruction::psnr-min", "classification::accuracy-min"
TRIPWIRE = """
import subprocess
import sys

class NoWorker(subprocess.Popen):
    def __init__(self, command, *args, **options):
        assert "pytest_modelqa.evaluation.worker" not in list(command), "a worker was started"
        super().__init__(command, *args, **options)

subprocess.Popen = NoWorker

def pytest_unconfigure():
    heavy = {"torch", "safetensors", "PIL", "sklearn"} & set(sys.modules)
    print(f"imported of the heavy ones: {sorted(heavy)}")
"""


def measured(run: Any, name: str) -> tuple[bool, str, str]:
    """Whether records of an earlier run were judged, which, and of when."""
    side = run.results[name]["verdict"]["evidence"]["candidate"]
    return side["reused"], side["record"], side["measured"]


def test_an_unchanged_spec_starts_no_worker_and_imports_no_torch(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    toy.write("conftest.py", TRIPWIRE)
    run = run_pytest(toy.folder, "-s")
    assert run.exit_code == 0
    assert "imported of the heavy ones: []" in run.text
    assert all(run.reused(name) for name in (PSNR, ACCURACY))


def test_the_tripwire_catches_a_worker(toy: Any, run_pytest: Callable[..., Any]) -> None:
    toy.write("conftest.py", TRIPWIRE)
    shutil.rmtree(toy.folder / ".modelqa")
    with pytest.raises(AssertionError, match="a worker was started"):
        run_pytest(toy.folder, "-k", "accuracy")


def change_model(toy: Any) -> None:
    toy.edit("return 8 * image", "return 4 * image", "model.py")


def change_helper(toy: Any) -> None:
    toy.edit("return image * factor", "return factor * image", "helper.py")


def change_data(toy: Any) -> None:
    path = toy.folder / "data" / "test.npz"
    with np.load(path) as arrays:
        fields = dict(arrays)
    fields["image"][7] += 0.01
    np.savez(path, **fields)


def change_checkpoint(toy: Any) -> None:
    path = toy.folder / "checkpoints" / "picker.safetensors"
    save_file({"weight": np.eye(4, dtype=np.float32) * 1.01}, path)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (change_model, {PSNR, ACCURACY}),
        (change_helper, {PSNR, ACCURACY}),
        (change_data, {PSNR, ACCURACY}),
        (change_checkpoint, {ACCURACY}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_a_value_depends_on_is_measured_again(
    gate: Gate, toy: Any, change: Callable[[Any], None], again: set[str]
) -> None:
    change(toy)
    run = gate("-k", "psnr-min or accuracy-min")
    assert {name for name in (PSNR, ACCURACY) if not run.reused(name)} == again
    # What was measured does not depend on which checks were selected.
    second = gate("-k", "psnr-min or classification")
    assert len(second.statuses) == 3
    assert all(second.reused(name) for name in second.statuses)


def test_what_decides_only_the_verdict_is_judged_again_on_the_same_records(gate: Gate, toy: Any) -> None:
    before = gate()
    toy.edit("name: toy\n", "name: renamed\ndescription: Of no importance.\n")
    toy.edit("min: 27, unit: dB", "min: 27.2, unit: dB, severity: warn, min_samples: 40")
    toy.edit("min: 85, unit: percent, min_samples: 40", "min: 0.905, id: right_ones, marks: [filterwarnings]")
    # A file that the spec does not use, and one that is used but only got a new date.
    toy.edit("Reads the same", "Reads those", "data.py")
    (toy.folder / "model.py").touch()
    after = gate()
    assert after.statuses[PSNR] == "PASS"
    assert after.statuses["classification::right_ones"] == "FAIL"
    assert measured(after, PSNR) == measured(before, PSNR)
    assert measured(after, "classification::right_ones") == measured(before, ACCURACY)
    assert measured(after, PSNR)[0] is True


def test_a_metric_of_predictions_is_added_without_inference(gate: Gate, toy: Any) -> None:
    before = gate()
    toy.add_evaluation("      - {metric: f1, min: 0.85}\n")
    after = gate()
    assert after.statuses["classification::f1-min"] == "PASS"
    assert measured(after, "classification::f1-min") == measured(before, ACCURACY)


LOADERS = """\
modelqa: 1
models:
  picker: {build: model:Picker, checkpoint: checkpoints/picker.safetensors}
datasets:
  declared: {load: data:images, args: {split: test}, files: [data/*.npz], role: test}
  pinned: {load: data:images, args: {split: test}, sha256: SHA256, role: test}
  undeclared: {load: data:images, args: {split: test}, role: test}
evaluations:
  of_declared: {task: classification, model: picker, dataset: declared, checks: [{metric: accuracy, min: 0.9}]}
  of_pinned: {task: classification, model: picker, dataset: pinned, checks: [{metric: accuracy, min: 0.9}]}
  of_undeclared:
    {task: classification, model: picker, dataset: undeclared, checks: [{metric: accuracy, min: 0.9}]}
"""


def test_a_loader_that_does_not_declare_its_files_is_measured_in_every_run(gate: Gate, toy: Any) -> None:
    toy.write("toy.modelspec.yaml", LOADERS.replace("SHA256", "ab" * 32))
    first, second = gate(), gate()
    names = [f"of_{kind}::accuracy-min" for kind in ("declared", "pinned", "undeclared")]
    assert [first.reused(name) for name in names] == [False, False, False]
    assert [second.reused(name) for name in names] == [True, True, False]
    said = ["neither files: nor sha256:" in str(second.results[name]["verdict"]["notes"]) for name in names]
    assert said == [False, False, True]


def test_reused_records_say_when_and_where_they_were_measured(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    run = gate()
    when = measured(run, PSNR)[2][:16].replace("T", " ")
    assert f"scaler: measured {when} UTC on cpu" in run.results[PSNR]["verdict"]["notes"]
    assert "(reused)" in run.text
    assert f"measured {when} UTC on cpu" in run.text
