"""What an evaluation's key depends on, and which evaluations a check needs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pytest_modelqa.errors import CheckpointError, DatasetError
from pytest_modelqa.evaluation.additions import demand_no_scores_among
from pytest_modelqa.evaluation.keys import Key, key_of
from pytest_modelqa.evaluation.plan import Job, needs
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

TEXT = """\
modelqa: 1
name: toy
models:
  picker: {build: model:Picker, args: {size: 4}, checkpoint: picker.safetensors}
  older: {build: model:Picker, args: {size: 4}, checkpoint: older.safetensors}
datasets:
  test: {load: data:images, args: {split: test}, files: [data/*.npy], role: test}
  train: {path: train.npz, role: train}
evaluations:
  whole:
    task: classification
    model: picker
    dataset: test
    checks:
      - {metric: accuracy, min: 0.8}
      - {metric: recall, min: 0.7, slices: label}
      - {metric: accuracy, baseline: older, max_degradation: 0.01}
      - {metric: accuracy, baseline: fitted, paired: false, max_degradation: 0.1}
      - {metric: log_loss, baseline: constant, min_improvement: 0.1}
  fitted:
    task: classification
    model: picker
    dataset: train
    checks:
      - {metric: accuracy, min: 0.9}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "toy"
    (folder / "data").mkdir(parents=True)
    for name, weight in (("picker", 1.0), ("older", 2.0)):
        save_file({"weight": np.array([weight])}, folder / f"{name}.safetensors")
    np.save(folder / "data" / "a.npy", np.zeros(3))
    np.savez(folder / "train.npz", image=np.zeros((3, 1, 2, 2)))
    (folder / "toy.modelspec.yaml").write_text(TEXT)
    return folder


def jobs(folder: Path, check: int = 0) -> tuple[Job, Job | None]:
    """The candidate and the baseline of a check of the first evaluation."""
    spec = read_spec(folder / "toy.modelspec.yaml", catalogue())
    evaluation = next(iter(spec.evaluations.values()))
    (wanted,) = needs(spec, evaluation, evaluation.checks[check], catalogue())
    return wanted.candidate, wanted.baseline


def key(folder: Path, run_id: str = "run-1") -> Key:
    return key_of(jobs(folder)[0], catalogue(), run_id, folder / "memory")


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "toy.modelspec.yaml"
    assert path.read_text().count(old) == 1, old
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("picker: {build: model:Picker, args: {size: 4}", "picker: {build: model:Picker, args: {size: 5}"),
        ("picker: {build: model:Picker,", "picker: {build: model:Other,"),
        ("picker: {build: model:Picker,", "picker: {state_dict_key: model, build: model:Picker,"),
        ("{split: test}", "{split: validation}"),
        ("files: [data/*.npy], role: test", "files: [data/*.npy], role: test, limit: 2"),
        ("    model: picker\n    dataset: test", "    model: picker\n    dataset: train"),
        ("picker: {build: model:Picker,", "picker: {format: safetensors, build: model:Picker,"),
        ("    dataset: test\n", "    dataset: test\n    repeats: 2\n"),
        ("    dataset: test\n", "    dataset: test\n    seed: 1\n"),
        ("    dataset: test\n", "    dataset: test\n    precision: bfloat16\n"),
        ("    dataset: test\n", "    dataset: test\n    batch_size: 8\n"),
        ("    dataset: test\n", "    dataset: test\n    deterministic: false\n"),
        ("    dataset: test\n", "    dataset: test\n    args: {outputs: probabilities}\n"),
        ("{metric: accuracy, min: 0.8}", "{metric: top_k_accuracy, args: {k: 2}, min: 0.8}"),
        ("baseline: constant, min_improvement: 0.1", "max: 2"),
    ],
    ids=lambda text: text.strip().replace("\n", "")[:40],
)
def test_whatever_changes_a_measured_value_changes_the_key(folder: Path, old: str, new: str) -> None:
    before = key(folder).value
    edit(folder, old, new)
    assert key(folder).value != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("min: 0.8", "min: 0.85"),
        (
            "{metric: accuracy, min: 0.8}",
            "{metric: accuracy, min: 0.8, id: mine, severity: warn, marks: [skip]}",
        ),
        ("{metric: accuracy, min: 0.8}", "{metric: accuracy, max: 0.8, min_samples: 2, unit: fraction}"),
        ("{metric: recall, min: 0.7, slices: label}", "{metric: f1, min: 0.7}"),
        ("    dataset: test\n", "    dataset: test\n    deadline: 600\n    device: cpu\n    marks: [skip]\n"),
        ("name: toy", "name: other\ndescription: of no importance\ntags: [a]"),
        ("  whole:\n", "  renamed:\n"),
        ("files: [data/*.npy], role: test", "files: [data/a.npy], role: validation"),
    ],
    ids=lambda text: text.strip().replace("\n", "")[:40],
)
def test_what_decides_only_the_verdict_does_not(folder: Path, old: str, new: str) -> None:
    before = key(folder).value
    edit(folder, old, new)
    assert key(folder).value == before


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        (lambda folder: flip_a_byte(folder / "picker.safetensors"), True),
        (lambda folder: flip_a_byte(folder / "data" / "a.npy"), True),
        (lambda folder: np.save(folder / "data" / "b.npy", np.zeros(1)), True),
        (lambda folder: (folder / "data" / "a.npy").rename(folder / "data" / "z.npy"), True),
        (lambda folder: flip_a_byte(folder / "older.safetensors"), False),
        (lambda folder: flip_a_byte(folder / "train.npz"), False),
        (lambda folder: (folder / "picker.safetensors").touch(), False),
        (lambda folder: (folder / "data" / "notes.txt").write_text("x"), False),
    ],
    ids=[
        "checkpoint", "data", "another file", "renamed file",
        "another checkpoint", "other data", "date", "undeclared file",
    ],
)  # fmt: skip
def test_the_bytes_of_its_own_files_are_in_the_key(
    folder: Path, change: Callable[[Path], object], changes: bool
) -> None:
    before = key(folder).value
    change(folder)
    assert (key(folder).value != before) == changes


def test_a_checkpoint_that_was_moved_is_the_same_and_so_is_a_copied_folder(folder: Path) -> None:
    before = key(folder).value
    (folder / "picker.safetensors").rename(folder / "moved.safetensors")
    edit(folder, "checkpoint: picker.safetensors", "checkpoint: moved.safetensors")
    copied = shutil.copytree(folder, folder.parent / "elsewhere")
    assert key(folder).value == key(copied).value == before


def test_data_that_nobody_declared_serve_one_run(folder: Path) -> None:
    assert key(folder, "run-1").value == key(folder, "run-2").value
    assert not key(folder).undeclared_data
    edit(folder, " files: [data/*.npy],", "")
    assert key(folder).undeclared_data
    assert key(folder, "run-1").value == key(folder, "run-1").value != key(folder, "run-2").value


def test_what_the_key_was_made_of_can_be_read(folder: Path) -> None:
    made = key(folder)
    assert [file.path for file in made.inputs["checkpoint"]] == ["picker.safetensors"]
    assert [file.path for file in made.inputs["data"]] == ["data/a.npy"]
    assert made.parts["metrics"] == ["accuracy.v1", "log_loss.v1"]
    assert made.parts["baselines"] == ["constant"]


RECORDED = """\
modelqa: 1
name: toy
evaluations:
  run:
    task: recorded
    args: {path: run, format: mlflow, source: test}
    checks: [{metric: recorded_value, args: {name: val/loss, unit: nats, higher_is_better: false}, max: 2}]
"""


def test_the_files_of_another_tool_are_in_the_key_by_their_names_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "toy.modelspec.yaml").write_text(RECORDED)
    (tmp_path / "run" / "metrics" / "val").mkdir(parents=True)
    (tmp_path / "run" / "meta.yaml").write_text("status: 3\n")
    (tmp_path / "run" / "metrics" / "val" / "loss").write_text("1 1.5 0\n")
    before = key(tmp_path).value
    (tmp_path / "run").rename(tmp_path / "moved")
    edit(tmp_path, "path: run", "path: moved")
    assert key(tmp_path).value == before
    (tmp_path / "moved" / "metrics" / "val").rename(tmp_path / "moved" / "metrics" / "test")
    assert key(tmp_path).value != before


def test_a_missing_file_is_an_error_before_anything_runs(folder: Path) -> None:
    (folder / "data" / "a.npy").unlink()
    with pytest.raises(DatasetError, match=r"data/\*\.npy"):
        key(folder)
    (folder / "picker.safetensors").unlink()
    with pytest.raises(CheckpointError) as missing:
        key(folder)
    assert "picker.safetensors" in str(missing.value)


def test_a_checkpoint_of_another_digest_than_the_pinned_one_is_refused(folder: Path) -> None:
    edit(folder, "checkpoint: picker.safetensors}", f"checkpoint: picker.safetensors, sha256: {'ab' * 32}}}")
    with pytest.raises(CheckpointError):
        key(folder)


def test_a_check_needs_its_evaluation_and_its_baseline_and_no_other(folder: Path) -> None:
    names = [tuple(job.name if job else None for job in jobs(folder, check)) for check in range(5)]
    assert names == [
        ("whole", None),
        ("whole", None),
        ("whole", "whole of older"),
        ("whole", "fitted"),
        ("whole", None),
    ]


def test_an_evaluation_measures_for_all_checks_that_look_at_it(folder: Path) -> None:
    whole, fitted = jobs(folder, 3)
    assert [use.metric for use in whole.metrics] == ["accuracy", "log_loss", "recall"]
    assert whole.baselines == ("constant",)
    assert fitted is not None
    assert [use.metric for use in fitted.metrics] == ["accuracy"]
    edit(folder, "accuracy, baseline: fitted", "log_loss, baseline: fitted")
    _, fitted = jobs(folder, 3)
    assert fitted is not None
    assert [use.metric for use in fitted.metrics] == ["accuracy", "log_loss"]


def test_another_model_is_measured_as_the_candidate_but_without_the_tasks_baselines(folder: Path) -> None:
    candidate, other = jobs(folder, 2)
    assert other is not None
    assert (other.metrics, other.dataset, other.evaluation) == (
        candidate.metrics, candidate.dataset, candidate.evaluation,
    )  # fmt: skip
    assert other.model is not None
    assert (other.model.name, other.baselines) == ("older", ())


def test_a_worker_never_learns_a_bound(folder: Path) -> None:
    before = jobs(folder, 3)
    edit(folder, "min: 0.8", "min: 0.123")
    edit(folder, "min: 0.9", "min: 0.456")
    after = jobs(folder, 3)
    assert [job.to_json() for job in after if job] == [job.to_json() for job in before if job]


def test_a_job_survives_the_wire(folder: Path) -> None:
    for job in jobs(folder, 3):
        assert job is not None
        assert Job.from_json(job.to_json()).to_json() == job.to_json()
        assert Job.from_json(job.to_json()) == job


@pytest.mark.parametrize(
    "name", ["accuracy.v1", "constant/psnr.v3", "exact_match.v1.lowercase=false,strip=true"]
)
def test_a_field_of_the_data_that_is_called_like_scores_is_refused(name: str) -> None:
    """Records of an earlier run, taken for a dataset, would be judged in place of what the model does."""
    demand_no_scores_among(["label", "image", "camera.v2", "accuracy"])
    with pytest.raises(DatasetError, match="which is how the scores of a metric are called"):
        demand_no_scores_among(["label", name])


def test_times_are_measured_anew_in_every_run(folder: Path) -> None:
    assert key(folder, "run-1").value == key(folder, "run-2").value
    edit(folder, "{metric: accuracy, min: 0.8}", "{metric: latency_p50, max: 100}")
    assert key(folder, "run-1").value != key(folder, "run-2").value
