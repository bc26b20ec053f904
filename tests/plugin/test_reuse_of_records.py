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


METRIC = """
from pydantic import BaseModel
from pytest_modelqa.spec.catalogue import MetricDeclaration

class NoArgs(BaseModel):
    pass

SHARE = MetricDeclaration(
    name="share_right", summary="Share of right ones", unit="fraction", lower=0, upper=1, higher_is_better=True,
    version=1, level="sample", needs="predictions", scores="bounded", function="share_code:share", args=NoArgs,
    columns=("label", "prediction"), tasks=("classification",),
)
"""
SHARE = "def share(columns):\n    return FACTOR * (columns['label'] == columns['prediction'])\n"


@pytest.mark.parametrize(
    ("place", "with_inference"),
    [("ours", False), ("ours", True), ("site-packages", False)],
    ids=["code of a metric added later", "code of a metric of the first run", "version of its package"],
)
def test_a_metric_of_predictions_whose_code_changed_is_computed_again_without_inference(
    toy: Any, run_pytest: Callable[..., Any], place: str, with_inference: bool
) -> None:
    """A team's own metric, from an entry point of its repository or of a package that it installs."""
    name = "classification::share_right-min"

    def install(factor: float, version: str) -> None:
        toy.write(f"{place}/share_declared.py", METRIC)
        toy.write(f"{place}/share_code.py", SHARE.replace("FACTOR", str(factor)))
        info = f"{place}/share_right-{version}.dist-info"
        toy.write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: share-right\nVersion: {version}\n")
        toy.write(f"{info}/top_level.txt", "share_declared\nshare_code\n")
        points = "[pytest_modelqa.metrics]\nshare_right = share_declared:SHARE\n"
        toy.write(f"{info}/entry_points.txt", points)

    def run() -> Any:
        return run_pytest(
            toy.folder, "-k", "share_right", environment={"PYTHONPATH": str(toy.folder / place)}
        )

    install(1.0, "1.0")
    toy.add_evaluation("      - {metric: share_right, min: 0.8}\n")
    if with_inference:
        shutil.rmtree(toy.folder / ".modelqa")
    first = run()
    assert first.statuses[name] == "PASS", first.text
    shutil.rmtree(toy.folder / place)
    # The version of what declares a metric belongs to the inference too: every worker imports it.
    install(0.5, "1.0" if with_inference else "2.0")
    second = run()
    assert second.statuses[name] == "FAIL", second.text
    assert measured(second, name) == (True, *measured(first, name)[1:])


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


OTHER_SESSION = """
import pytest_modelqa.gate
from pytest_modelqa.records.columns import column_name
from pytest_modelqa.records.provenance import Provenance, forget, write_provenance
from pytest_modelqa.records.store import SetValue

judge, left = pytest_modelqa.gate.judge, 1

def judge_beside_another_session(check, evaluation, declaration, members):
    global left
    if check.metric == "recall" and left:
        left -= 1
        record, column = members[0].candidate.record, column_name("recall", declaration.version, check.args)
        forget(record, column)
        for slices in ({"": 0.1}, dict.fromkeys("0123", 0.1)):
            values = {name: SetValue(value, (None,) * 20, 10) for name, value in slices.items()}
            record.add_set(column, "" if "" in slices else "label", values)
        write_provenance(record, column, Provenance((), {"numpy": "0.1"}))
    return judge(check, evaluation, declaration, members)

pytest_modelqa.gate.judge = judge_beside_another_session
"""


def test_what_a_session_with_other_packages_computed_is_never_judged(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    """It replaces what this one found in the store before it is judged, which then is computed again."""
    toy.write("conftest.py", OTHER_SESSION)
    run = run_pytest(toy.folder, "-k", "recall")
    assert run.statuses == {"classification::recall-min-by-label": "PASS"}, run.text


def test_reused_records_are_shown_with_the_files_that_the_spec_names_now(gate: Gate, toy: Any) -> None:
    folder = toy.folder / "checkpoints"
    shutil.copy(folder / "picker.safetensors", folder / "chosen.safetensors")
    toy.edit("checkpoints/picker.safetensors", "checkpoints/chosen.safetensors")
    run = gate("-k", "accuracy-min")
    assert run.reused(ACCURACY)
    (file,) = run.results[ACCURACY]["verdict"]["evidence"]["candidate"]["inputs"]["checkpoint"]
    assert file["path"] == "checkpoints/chosen.safetensors"
