"""``modelqa new``: the spec passes on the model that it was made from, and refuses one that learnt nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pytest_modelqa.authoring.drafting import NO_FILES, draft_of
from pytest_modelqa.authoring.inventory import take_inventory
from pytest_modelqa.authoring.new import new
from pytest_modelqa.errors import UsageError

SHIPPED = Path(__file__).parents[2] / "model_specs"
Run = Callable[..., Any]
WARNED = "proposed from what the model itself reached: no evidence yet"


def spec_of(project: Path) -> str:
    return (project / "model_specs" / "drafted" / "drafted.modelspec.yaml").read_text()


def results(project: Path) -> dict[str, str]:
    """Of the last run: evaluation and metric to status."""
    record = max((project / ".modelqa" / "runs").iterdir()) / "run.json"
    return {
        one["nodeid"].split("::", 1)[1]: one["status"] for one in json.loads(record.read_text())["results"]
    }


def reinitialise(path: Path) -> None:
    """Random weights of the size that they have before training."""
    random = np.random.default_rng(0)
    weights = load_file(path)
    fresh = {
        name: (random.normal(size=value.shape) * 0.05).astype(value.dtype) if value.ndim > 1 else value
        for name, value in weights.items()
    }
    save_file(fresh, path)


def test_an_autoencoder_and_a_classifier(digits: Path, modelqa_new: Run, gate: Run) -> None:
    made = modelqa_new(digits, "runs/digits")
    assert made.returncode == 0, made.stderr
    text = spec_of(digits)
    assert text.startswith("# yaml-language-server: $schema=../modelspec.schema.json\nmodelqa: 1\n")
    assert (digits / "model_specs" / "modelspec.schema.json").exists()
    # The worse checkpoints of the same classes are not taken.
    assert "undertrained" not in text
    assert "test: {load: data:digits, files: [data/digits.npz], args: {split: test}, role: test" in text
    assert text.count("# proposed from runs/digits: ") == text.count("metric: ") == 7

    passed = gate(digits)
    assert passed.returncode == 0, passed.stdout
    assert passed.stdout.rstrip().endswith(
        f"GO: 7 of 7 release checks in 1 spec passed; 7 bounds were {WARNED}"
    )

    checkpoints = digits / "model_specs" / "drafted" / "checkpoints"
    for name in ("autoencoder", "classifier"):
        reinitialise(checkpoints / f"{name}.safetensors")
    refused = gate(digits)
    assert refused.returncode == 1
    assert set(results(digits).values()) == {"FAIL"}, refused.stdout


@pytest.fixture
def detections(tmp_path: Path) -> Path:
    experiment = tmp_path / "runs" / "crowns"
    experiment.mkdir(parents=True)
    shutil.copy(SHIPPED / "small_objects" / "data" / "test.json", experiment / "instances_test.json")
    results = SHIPPED / "small_objects" / "baselines" / "three_scale_detections.json"
    shutil.copy(results, experiment / "bbox_results.json")
    return tmp_path


def test_detections_that_another_tool_wrote_down(detections: Path, modelqa_new: Run, gate: Run) -> None:
    made = modelqa_new(detections, "runs/crowns")
    assert made.returncode == 0, made.stderr
    assert "role: test" in spec_of(detections)
    # Hardly a crown is large in COCO's sense; whatever cannot be shown is left out aloud.
    assert "note: left out" in made.stdout or spec_of(detections).count("metric: ") == 6
    again = modelqa_new(detections, "runs/crowns")
    assert again.returncode == 1
    assert "there is such a spec already" in again.stderr
    passed = gate(detections)
    assert passed.returncode == 0, passed.stdout
    assert WARNED in passed.stdout.splitlines()[-1]

    # A bound that somebody agreed with is no longer warned of.
    spec = detections / "model_specs" / "drafted" / "drafted.modelspec.yaml"
    spec.write_text(
        "\n".join(line.partition("   # proposed")[0] for line in spec_of(detections).splitlines())
    )
    path = detections / "model_specs" / "drafted" / "bbox_results.json"
    random = np.random.default_rng(0)
    entries = json.loads(path.read_text())
    for entry in entries:
        entry["bbox"] = [*random.uniform(0, 200, 2).round(2), *entry["bbox"][2:]]
    path.write_text(json.dumps(entries))
    refused = gate(detections)
    assert refused.returncode == 1
    assert "proposed" not in refused.stdout.splitlines()[-1]
    assert set(results(detections).values()) == {"FAIL"}


def test_an_experiment_that_left_nothing_of_use_is_told_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="nothing was found that can be evaluated") as caught:
        new("drafted", tmp_path / "runs", tmp_path, print)
    assert caught.value.found == "1 table"
    assert not (tmp_path / "model_specs").exists()


def test_classes_that_were_tried_on_a_checkpoint_in_vain_are_named(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "net.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__(nn.Linear(3, 2))\n"
    )
    save_file({"other": np.zeros(5, np.float32)}, runs / "model.safetensors")
    (runs / "test.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="nothing was found that can be evaluated") as caught:
        new("drafted", runs, tmp_path, print)
    assert "model.safetensors: none of what was found has these parameters: net:Net" in str(
        caught.value.details
    )


def test_a_regression_is_told_how_it_can_be_gated(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "net.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__(nn.Linear(3, 1))\n"
    )
    save_file(
        {"0.weight": np.zeros((1, 3), np.float32), "0.bias": np.zeros(1, np.float32)}, runs / "a.safetensors"
    )
    (runs / "test.csv").write_text("a,b,c,y\n1,2,3,0.5\n3,2,1,0.1\n")
    with pytest.raises(UsageError) as caught:
        new("drafted", runs, tmp_path, print)
    assert "no field is given to the model: a, b, c, y hold one value a sample each" in str(
        caught.value.details
    )
    np.savez(runs / "test.npz", x=np.ones((4, 3), np.float32), y=np.ones(4, np.float32))
    with pytest.raises(UsageError) as caught:
        new("drafted", runs, tmp_path, print)
    assert "one number a sample. No task measures a regression" in str(caught.value.details)


def test_a_loader_whose_files_are_not_known_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__(nn.Linear(3, 2))\n"
    )
    (tmp_path / "data.py").write_text(
        "import numpy as np\n\n\ndef load_data(split):\n"
        "    return {'x': np.ones((8, 3), np.float32), 'label': np.arange(8) % 2}\n"
    )
    weights = {"0.weight": np.ones((2, 3), np.float32), "0.bias": np.zeros(2, np.float32)}
    save_file(weights, tmp_path / "a.safetensors")
    drafted = draft_of(take_inventory(tmp_path), "drafted", "runs")
    assert drafted.datasets == {"test": {"load": "data:load_data", "args": {"split": "test"}, "role": "test"}}
    assert drafted.comments == {"test": NO_FILES}


def test_classes_that_are_not_tried_as_models_are_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "net.py").write_text("class Net:\n    pass\n")
    with pytest.raises(UsageError, match="nothing was found that can be evaluated") as caught:
        new("drafted", tmp_path / "runs", tmp_path, print)
    assert caught.value.details == (
        "net.py, line 1: class Net has no forward of its own, and it is derived from nothing"
    )


@pytest.mark.parametrize(("name", "origin"), [("../drafted", "."), ("drafted", "nowhere")])
def test_names_and_folders_that_are_none(tmp_path: Path, name: str, origin: str) -> None:
    with pytest.raises(UsageError):
        new(name, tmp_path / origin, tmp_path, print)


def trainer_state(path: Path, learns: bool) -> None:
    """As transformers' Trainer writes it: 60 logged steps, and an evaluation after each tenth."""
    random = np.random.default_rng(0)
    history: list[dict[str, Any]] = []
    for step in range(1, 61):
        loss = (3.0 * np.exp(-step / 20) + 0.5 if learns else 3.5) + random.normal(0, 0.01)
        history.append(
            {"step": step * 10, "epoch": step / 20, "loss": loss, "learning_rate": 1e-4, "grad_norm": 1.0}
        )
        if step % 10 == 0:
            accuracy = (0.9 - 0.5 * np.exp(-step / 20) if learns else 0.25) + random.normal(0, 0.001)
            history.append(
                {"step": step * 10, "epoch": step / 20, "eval_loss": loss + 0.1, "eval_accuracy": accuracy}
            )
    path.write_text(json.dumps({"global_step": 600, "log_history": history}))


def test_a_log_of_training(tmp_path: Path, modelqa_new: Run, gate: Run) -> None:
    (tmp_path / "runs" / "tuned").mkdir(parents=True)
    trainer_state(tmp_path / "runs" / "tuned" / "trainer_state.json", learns=True)
    made = modelqa_new(tmp_path, "runs/tuned")
    assert made.returncode == 0, made.stderr
    assert "a log of training is no evidence for a release" in made.stdout
    text = spec_of(tmp_path)
    assert "{metric: finite, min: 1}\n" in text
    # Neither the learning rate nor the norm of the gradient is better or worse.
    assert {
        line.split("series: ")[1].split(",")[0].rstrip("}")
        for line in text.splitlines()
        if "series: " in line
    } == {
        "loss",
        "eval_loss",
        "eval_accuracy",
    }
    passed = gate(tmp_path)
    assert set(results(tmp_path).values()) == {"PASS"}, passed.stdout
    assert passed.stdout.splitlines()[-1].startswith("NO-GO: trained, not evaluated")

    trainer_state(tmp_path / "model_specs" / "drafted" / "trainer_state.json", learns=False)
    gate(tmp_path)
    statuses = results(tmp_path)
    assert {name for name, status in statuses.items() if status == "PASS"} == {"training::finite-min"}
    assert "ERROR" not in statuses.values()


def lm_eval_results(folder: Path, right: float) -> None:
    """As lm-evaluation-harness 0.4 writes them: 300 documents of one task, numbers only of another."""
    stamp = "2026-01-31T12-00-00.123456"
    scores = (np.random.default_rng(0).random(300) < right).astype(float)
    content = {
        "results": {
            "gsm8k": {"alias": "gsm8k", "exact_match,strict-match": float(scores.mean()), "sample_len": 300},
            "wikitext": {"word_perplexity,none": 12.0 / right, "word_perplexity_stderr,none": "N/A"},
        },
        "configs": {"gsm8k": {"test_split": "test"}, "wikitext": {"validation_split": "validation"}},
        "higher_is_better": {"gsm8k": {"exact_match": True}, "wikitext": {"word_perplexity": False}},
        "n-samples": {
            "gsm8k": {"original": 300, "effective": 300},
            "wikitext": {"original": 62, "effective": 62},
        },
    }
    (folder / f"results_{stamp}.json").write_text(json.dumps(content))
    rows = [
        {"doc_id": at, "doc": {}, "filter": "strict-match", "doc_hash": f"{at:064x}", "exact_match": score}
        for at, score in enumerate(scores.tolist())
    ]
    (folder / f"samples_gsm8k_{stamp}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_results_of_lm_evaluation_harness(tmp_path: Path, modelqa_new: Run, gate: Run) -> None:
    (tmp_path / "runs" / "chat").mkdir(parents=True)
    lm_eval_results(tmp_path / "runs" / "chat", right=0.8)
    made = modelqa_new(tmp_path, "runs/chat")
    assert made.returncode == 0, made.stderr
    text = spec_of(tmp_path)
    assert "select: gsm8k, source: test}" in text
    assert "select: wikitext, source: validation}" in text
    assert "binary: true" in text
    passed = gate(tmp_path)
    assert passed.returncode == 0, passed.stdout
    assert WARNED in passed.stdout.splitlines()[-1]

    lm_eval_results(tmp_path / "model_specs" / "drafted", right=0.3)
    assert gate(tmp_path).returncode == 1
    assert set(results(tmp_path).values()) == {"FAIL"}


def test_a_draft_that_is_interrupted_leaves_no_spec_whose_bounds_mean_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    trainer_state(tmp_path / "runs" / "trainer_state.json", learns=True)
    seen: list[str] = []

    def interrupted(*_: Any) -> None:
        seen.extend(path.name for path in tmp_path.rglob("*.draft.yaml"))
        assert not list(tmp_path.rglob("*.modelspec.yaml"))
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_modelqa.authoring.new.propose", interrupted)
    with pytest.raises(KeyboardInterrupt):
        new("drafted", tmp_path / "runs", tmp_path, lambda text: None)
    assert seen == [".drafted.draft.yaml"]
    assert not list(tmp_path.rglob("*.yaml"))
