"""The shipped language models: the gate passes the weight that matters, and refuses the one that does not."""

from __future__ import annotations

import json
import lzma
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "model_specs" / "diverse_text"
SPEC = "diverse_text.modelspec.yaml"


def gate(folder: Path, *changes: tuple[str, str]) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Runs a changed copy of the spec; gives the process and the run record."""
    copy = folder / "diverse_text"
    if not copy.exists():
        shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (FOLDER / SPEC).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (copy / SPEC).write_text(text)
    command = [sys.executable, "-m", "pytest", "diverse_text", "-m", "gpu", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    newest = max(folder.glob(".modelqa/runs/*/run.json"), key=lambda path: path.stat().st_mtime)
    return done, json.loads(newest.read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store of records for all runs: what is the same is measured once."""
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module")
def strong(folder: Path) -> tuple[Any, dict[str, Any]]:
    # A quarter of the prompts and of the texts would not show it: this is the whole spec, 30 s of one core.
    return gate(folder)


def test_the_weight_that_matters_passes(strong: tuple[Any, dict[str, Any]]) -> None:
    done, record = strong
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "GO: 15 of 15 release checks in 1 spec passed"
    assert {result["status"] for result in record["results"]} == {"PASS"}


def test_the_weak_weight_is_refused_for_its_diversity_alone(
    folder: Path, strong: tuple[Any, dict[str, Any]]
) -> None:
    done, record = gate(folder, ("at: {weight: last}", "at: {weight: 0.3}"))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("NO-GO: 4 of 15 release checks in 1 spec did not pass")
    refused = {
        result["nodeid"].rpartition("::")[2].partition("-")[0]: result["status"]
        for result in record["results"]
        if result["status"] != "PASS"
    }
    assert refused.pop("diversity") == "INCONCLUSIVE", "the goal that these checks decide"
    assert set(refused) == {"distinct_2", "self_bleu", "distinct_2_per_prompt"}


def test_a_new_metric_of_the_texts_needs_no_inference(
    folder: Path, strong: tuple[Any, dict[str, Any]]
) -> None:
    added = "      - {metric: distinct_4, min: 0.5, at: {weight: last}}\n"
    _, record = gate(folder, ("\n  language:\n", f"{added}\n  language:\n"))
    (new,) = [result for result in record["results"] if "distinct_4-min" in result["nodeid"]]
    assert new["status"] == "PASS"
    assert new["verdict"]["evidence"]["candidate (weight=2)"]["reused"]


def test_nothing_of_the_test_was_trained_on() -> None:
    train = set(lzma.decompress((FOLDER / "data" / "train.txt.xz").read_bytes()).decode().split("\n"))
    test = [json.loads(line)["text"] for line in (FOLDER / "data" / "test.jsonl").read_text().splitlines()]
    assert len(test) == len(set(test)) == 240
    assert not train & set(test)


def test_checkpoints_are_small() -> None:
    sizes = [file.stat().st_size for file in (FOLDER / "checkpoints").rglob("*") if file.is_file()]
    assert sum(sizes) < 8_000_000
