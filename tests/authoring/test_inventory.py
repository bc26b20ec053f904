"""Each file by what it is, told without importing, running or unpickling anything."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pytest_modelqa.authoring import inventory as module
from pytest_modelqa.authoring.drafting import draft_of
from pytest_modelqa.authoring.inventory import take_inventory
from pytest_modelqa.errors import UsageError


def checkpoint(path: Path, written: float = 1e9) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"weight": np.ones(3, dtype=np.float32)}, path)
    os.utime(path, (written, written))


def test_the_most_promising_checkpoint_comes_first(tmp_path: Path) -> None:
    for name in ("step_900", "step_2000", "model_last", "model_best", "old"):
        checkpoint(tmp_path / f"{name}.safetensors")
    checkpoint(tmp_path / "newer.safetensors", written=2e9)
    found = [path.stem for path in take_inventory(tmp_path).checkpoints]
    assert found == ["model_best", "model_last", "step_2000", "step_900", "newer", "old"]


def test_a_checkpoint_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    )
    found = take_inventory(tmp_path)
    assert found.checkpoints == ()
    assert "passed over" in found.notes[0]


class Leaves:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return os.mkdir, (self.trace,)


def test_nothing_is_unpickled_or_imported(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    trace = tmp_path / "trace"
    (tmp_path / "runs" / "a.pt").write_bytes(pickle.dumps(Leaves(trace)))
    (tmp_path / "runs" / "b.py").write_text(f"import os\nos.mkdir({str(trace)!r})\nclass Net(Module): ...\n")
    take_inventory(tmp_path / "runs")
    assert not trace.exists()


def test_what_json_and_csv_files_are(tmp_path: Path) -> None:
    coco = {"images": [{"id": 3, "file_name": "a.jpg"}], "annotations": [], "categories": []}
    (tmp_path / "instances.json").write_text(json.dumps(coco))
    (tmp_path / "boxes.json").write_text(
        json.dumps([{"image_id": 3, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}])
    )
    (tmp_path / "config.yaml").write_text("model: {width: 12, name: small}\nseed: 0\n")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "metrics.csv").write_text("epoch,train_loss\n0,1.0\n")
    (tmp_path / "samples.csv").write_text("id,label\na,1\n")
    (tmp_path / "results_1.json").write_text(json.dumps({"results": {"gsm8k": {}}, "higher_is_better": {}}))
    found = take_inventory(tmp_path)
    assert {path.name: one.ids for path, one in found.annotations.items()} == {"instances.json": {3}}
    assert {path.name: ids for path, ids in found.results.items()} == {"boxes.json": {3}}
    assert (found.settings["width"], found.settings["name"], found.settings["seed"]) == (12, "small", 0)
    assert [path.name for path in found.logs] == ["metrics.csv"]
    assert [path.name for path in found.tables] == ["samples.csv"]
    assert [path.name for path in found.lm_eval] == ["results_1.json"]


def test_environments_caches_and_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    for folder in (".git", "__pycache__", "venv"):
        checkpoint(tmp_path / folder / "a.safetensors")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    assert take_inventory(tmp_path).checkpoints == ()


def test_a_folder_that_is_no_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        take_inventory(tmp_path / "nowhere")
    monkeypatch.setattr(module, "_MOST_FILES", 1)
    for name in "ab":
        (tmp_path / name).write_text("")
    with pytest.raises(UsageError, match="more than 1 files"):
        take_inventory(tmp_path)


def test_of_a_sweep_the_first_logs_are_drafted_and_the_rest_is_counted(tmp_path: Path) -> None:
    for run in range(8):
        (tmp_path / f"run_{run}").mkdir()
        rows = "".join(f"{step},{3 - step / 10}\n" for step in range(20))
        (tmp_path / f"run_{run}" / "metrics.csv").write_text("step,loss\n" + rows)
    draft = draft_of(take_inventory(tmp_path), "a", "runs")
    assert [evaluation.args["path"] for evaluation in draft.evaluations] == [
        f"run_{run}/metrics.csv" for run in range(6)
    ]
    assert draft.notes == ("2 more logs of training were left out: name the folder of one run",)
