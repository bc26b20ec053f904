"""``modelqa new`` on what other tools leave: directories of transformers, TensorBoard, W&B, Inspect.

Each draft is run through collection, preflight and the gate.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
TESTS = Path(__file__).parents[1]
SHIPPED = TESTS.parent / "model_specs"
TRAINED_ONLY = "NO-GO: trained, not evaluated"


def spec_of(project: Path) -> str:
    return (project / "model_specs" / "drafted" / "drafted.modelspec.yaml").read_text()


def statuses(project: Path) -> dict[str, str]:
    record = max((project / ".modelqa" / "runs").iterdir()) / "run.json"
    return {
        one["nodeid"].split("::", 1)[1]: one["status"] for one in json.loads(record.read_text())["results"]
    }


def drafted(project: Path, modelqa_new: Run, gate: Run) -> tuple[str, dict[str, str], str]:
    """The text of the spec, what became of its preflight and its checks, and the last line."""
    made = modelqa_new(project, "runs/one")
    assert made.returncode == 0, made.stderr
    done = gate(project, "-m", "preflight or gpu")
    found = statuses(project)
    assert any(name.startswith("preflight::") for name in found)
    assert not {name for name, status in found.items() if status not in ("PASS", "INCONCLUSIVE")}, done.stdout
    return spec_of(project), found, done.stdout.splitlines()[-1]


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    return folder


def test_a_language_model_of_transformers_and_texts(
    tmp_path: Path, run_folder: Path, modelqa_new: Run, gate: Run
) -> None:
    pytest.importorskip("transformers")
    source = SHIPPED / "diverse_text"
    for name, of in (("checkpoint-500", "weight_1"), ("checkpoint-1000", "weight_0")):
        shutil.copytree(source / "checkpoints" / of, run_folder / "tuned" / name)
        # What a Trainer leaves beside, and no gate needs.
        (run_folder / "tuned" / name / "optimizer.pt").write_bytes(b"optimizer")
    for name, kept in (("test", 60), ("prompts", 20)):
        lines = (source / "data" / f"{name}.jsonl").read_text().splitlines(keepends=True)[:kept]
        (run_folder / f"{name}.jsonl").write_text("".join(lines))
    text, found, last = drafted(tmp_path, modelqa_new, gate)
    assert "candidate: {checkpoint: tuned/checkpoint-1000, format: transformers}" in text
    assert "test: {path: test.jsonl, role: test}" in text
    assert text.count("model: candidate") == 2
    assert "task: language_modeling" in text
    assert "args: {reference: reference, temperature: 0, max_new_tokens: 32}" in text
    assert {"language::perplexity-max", "generation::chrf-min"} <= set(found)
    assert "proposed from what the model itself reached" in last
    placed = tmp_path / "model_specs" / "drafted" / "tuned"
    assert [path.name for path in placed.iterdir()] == ["checkpoint-1000"]
    assert not (placed / "checkpoint-1000" / "optimizer.pt").exists()


def test_event_files_of_tensorboard(tmp_path: Path, run_folder: Path, modelqa_new: Run, gate: Run) -> None:
    writers = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    writer = writers.EventFileWriter(str(run_folder / "logs"))
    for step in range(0, 400, 10):
        falling = 3 * float(np.exp(-step / 100))
        for tag, value in (("loss/train", falling + 0.5), ("acc/val", 0.9 - falling / 4), ("lr", 1e-3)):
            writer.add_event(
                Event(step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))
            )
    writer.close()
    text, found, last = drafted(tmp_path, modelqa_new, gate)
    assert "args: {path: logs, format: tensorboard}" in text
    assert "{metric: reduction, args: {series: loss/train}, min: " in text
    assert "{metric: final, args: {series: acc/val, higher_is_better: true}, min: " in text
    assert "training::finite-min" in found
    assert last.startswith(TRAINED_ONLY)


def test_the_newest_run_in_a_folder_of_wandb(
    tmp_path: Path, run_folder: Path, modelqa_new: Run, gate: Run
) -> None:
    kept = TESTS / "logs" / "files" / "run-g4um37ql.wandb"
    older = run_folder / "wandb" / "run-20260101_080000-aaaaaaaa"
    newer = run_folder / "wandb" / "offline-run-20260202_080000-g4um37ql"
    for folder in (older, newer):
        (folder / "files").mkdir(parents=True)
    (older / "run-aaaaaaaa.wandb").write_bytes(b"damaged")
    shutil.copy(kept, newer)
    (run_folder / "wandb" / "latest-run").symlink_to(newer.name)
    made = modelqa_new(tmp_path, "runs/one")
    assert made.returncode == 0, made.stderr
    text = spec_of(tmp_path)
    path = "wandb/offline-run-20260202_080000-g4um37ql/run-g4um37ql.wandb"
    assert f"args: {{path: {path}, format: wandb}}" in text
    assert "{metric: final, args: {series: val/accuracy, higher_is_better: true}, min: " in text
    done = gate(tmp_path, "-m", "preflight or gpu")
    found = statuses(tmp_path)
    # The log holds a NaN, and a draft does not hide it.
    assert {name for name, status in found.items() if status == "FAIL"} == {"training::finite-min"}, (
        done.stdout
    )
    assert "ERROR" not in found.values(), done.stdout


def test_a_log_of_inspect(tmp_path: Path, run_folder: Path, modelqa_new: Run, gate: Run) -> None:
    shutil.copy(TESTS / "results" / "files" / "digits.eval", run_folder)
    text, found, last = drafted(tmp_path, modelqa_new, gate)
    assert (
        "args: {path: digits.eval, format: inspect, source: training}   # nothing says on which data" in text
    )
    assert "higher_is_better: true" in text
    assert [name for name in found if name.startswith("answers::")]
    assert last.startswith(TRAINED_ONLY)


def test_what_looks_like_one_and_is_none_is_passed_over_with_the_reason(
    tmp_path: Path, run_folder: Path, modelqa_new: Run
) -> None:
    (run_folder / "half").mkdir()
    (run_folder / "half" / "config.json").write_text('{"architectures": ["GPT2LMHeadModel"]}')
    (run_folder / "cut.eval").write_bytes(b"PK")
    (run_folder / "run-a.wandb").write_bytes(b":W&B\xe1\xbe\x00")
    (run_folder / "events.out.tfevents.1").write_bytes(b"")
    made = modelqa_new(tmp_path, "runs/one")
    assert made.returncode == 1
    assert "nothing was found that can be evaluated" in made.stderr
    assert "run-a.wandb: the run of W&B did not come to its end" in made.stderr
    assert "one: the event files hold no scalars" in made.stderr
    assert "Traceback" not in made.stderr
