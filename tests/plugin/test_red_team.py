"""Ways in which a run once said GO wrongly, or ended without a word that helps: each is an attack that was tried."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Gate = Callable[..., Any]


def test_records_of_an_earlier_run_do_not_serve_a_spec_that_pins_another_checkpoint(
    gate: Gate, toy: Any
) -> None:
    toy.edit(
        "checkpoint: checkpoints/scaler.safetensors",
        f'checkpoint: checkpoints/scaler.safetensors, sha256: "{"0" * 64}"',
    )
    run = gate()
    assert run.statuses["reconstruction::psnr-min"] == "ERROR"
    assert "sha256 differs from the one pinned for 'scaler'" in run.text
    assert run.last_line.startswith("NO-GO: 2 of 6 release checks in 1 spec could not be judged")


def test_a_field_of_the_dataset_is_not_judged_in_place_of_what_the_model_predicted(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    with np.load(toy.folder / "data" / "test.npz") as arrays:
        fields = dict(arrays)
    # As where the answers of an older model were kept beside the images.
    np.savez(toy.folder / "data" / "test.npz", **fields, prediction=fields["label"])
    toy.edit("checkpoints/picker.safetensors", "checkpoints/picker_bad.safetensors")
    run = run_pytest(toy.folder, "-k", "classification")
    assert run.statuses["classification::recall-min-by-label"] == "ERROR"
    assert "the dataset has a field 'prediction'" in run.text
    assert "rename 'prediction'" in run.text


@pytest.mark.parametrize("arguments", [[], ["--ignore=build"], ["--ignore-glob=*uild*"]], ids=str)
def test_a_spec_that_pytest_passes_over_is_no_part_of_a_go(
    gate: Gate, toy: Any, arguments: list[str]
) -> None:
    # ``build`` is among pytest's norecursedirs.
    (toy.folder / "build").mkdir()
    shutil.copy(toy.folder / "toy.modelspec.yaml", toy.folder / "build")
    run = gate(*arguments)
    assert run.last_line == "PARTIAL: 6 of 6 checks passed, 1 spec left out; not a release verdict"


def test_a_folder_of_a_virtual_environment_is_not_searched_for_specs(gate: Gate, toy: Any) -> None:
    (toy.folder / "venv").mkdir()
    (toy.folder / "venv" / "pyvenv.cfg").touch()
    shutil.copy(toy.folder / "toy.modelspec.yaml", toy.folder / "venv")
    assert gate().last_line.startswith("GO: 6 of 6")


def test_without_pytests_terminal_the_last_line_stands_all_the_same(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    run = run_pytest(toy.folder, "-p", "no:terminal")
    assert (run.exit_code, run.last_line) == (0, "GO: 6 of 6 release checks in 1 spec passed")


def test_under_xdist_an_assignment_that_no_spec_has_is_told_by_each_check(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    run = run_pytest(toy.folder, "-n", "1", "--modelqa-set", "evaluations.nope.seed=1")
    assert run.exit_code == 1
    assert "--modelqa-set evaluations.nope.seed=1: no spec that was collected has this" in run.text
    assert run.last_line.startswith("NO-GO: 4 of 6 release checks in 1 spec could not be judged")


def test_under_xdist_a_folder_of_records_that_is_a_file_is_told(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    shutil.rmtree(toy.folder / ".modelqa")
    (toy.folder / ".modelqa").touch()
    run = run_pytest(toy.folder, "-n", "1")
    assert run.exit_code == 1
    assert "a folder that can be written to" in run.text
    assert run.last_line == "INCOMPLETE: the plan of this run was lost"


def test_a_data_file_that_changes_while_it_is_measured_is_an_error(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    toy.edit(
        "path: data/test.npz, role: test",
        "load: data:images, args: {split: test}, files: [data/*.npz], role: test",
    )
    # As a loader that prepares its data when it is first called.
    with (toy.folder / "data.py").open("a") as file:
        file.write(
            "\n_images = images\n\ndef images(split):\n    fields = _images(split)\n"
            "    fields['image'] = fields['image'] / 2\n    np.savez(FOLDER / f'{split}.npz', **fields)\n"
            "    return fields\n"
        )
    run = run_pytest(toy.folder, "-k", "accuracy")
    assert run.statuses["classification::accuracy-min"] == "ERROR"
    assert "a data file changed during the run: test.npz" in run.text


SWALLOWS = """
import pytest

def swallow():
    try:
        return (yield)
    except BaseException:
        return None

pytest_runtest_setup = pytest.hookimpl(wrapper=True)(lambda item: (yield from swallow()))
pytest_runtest_call = pytest.hookimpl(wrapper=True)(lambda item: (yield from swallow()))
"""


def test_hooks_that_swallow_every_exception_make_no_pass(toy: Any, run_pytest: Callable[..., Any]) -> None:
    toy.write("conftest.py", SWALLOWS)
    (toy.folder / "checkpoints" / "scaler.safetensors").unlink()
    toy.edit("recognise: classification", "recognise: nothing_shows_it")
    run = run_pytest(toy.folder)
    assert run.exit_code == 1
    assert run.statuses["reconstruction::psnr-min"] == "ERROR"
    assert run.last_line.startswith("NO-GO:")


def test_a_metric_of_the_whole_set_names_the_field_that_it_cannot_be_sliced_by(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    toy.edit("min: 0.75, slices: label", "min: 0.75, slices: lable")
    run = run_pytest(toy.folder, "-k", "recall")
    assert "the dataset has no field 'lable' to slice by" in run.text
    assert "fields confidence, label, prediction" in run.text
    assert "did you mean 'label'?" in run.text


def test_a_field_that_is_asked_for_in_vain_is_told_with_its_argument_the_nearest_one_and_the_line(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    toy.edit("task: classification", "task: classification\n    args: {target: lable}")
    run = run_pytest(toy.folder, "-k", "accuracy")
    error = run.error("classification::accuracy-min")
    assert error["what"] == "the dataset has no field lable, which is the task's target"
    assert error["todo"] == "write args: {target: label} in the evaluation, or correct the dataset"
    assert str(error["where"]).endswith("toy.modelspec.yaml:27")
