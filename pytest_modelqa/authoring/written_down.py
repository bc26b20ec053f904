"""What was written down and needs no model: logs of training, results of lm-evaluation-harness and Inspect."""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelQAError
from ..logs.measures import HELD_OUT
from ..logs.readers import files_of, read_log
from ..results import inspect_log, lm_eval
from ..results.results import Results
from .draft import DraftCheck, DraftEvaluation

_LESS_IS_BETTER = re.compile(r"loss|error|perplexity|ppl|(?:^|_)(?:mae|mse|rmse|wer|cer)(?:$|_)")
_MORE_IS_BETTER = re.compile(r"acc|f1|precision|recall|(?:^|_)(?:auc|map|iou|bleu|rouge|psnr|ssim)")
_STEPS = {"step", "steps", "global_step", "epoch", "iteration", "iter"}
# Metrics of the harness that are shares of the samples, from 0 to 1; of others nobody wrote down the unit.
_SHARES = {"acc", "acc_norm", "exact_match", "em", "f1", "mc1", "mc2", "pass@1"}
_NUMBERS = {"word_perplexity": "perplexity", "byte_perplexity": "perplexity", "bits_per_byte": "bits"}
_MOST_METRICS = 4
_UNKNOWN_SOURCE = "nothing says on which data: if training never saw them, write test"


@dataclass(frozen=True)
class WrittenDown:
    """An evaluation without a model.

    Attributes:
        comment: What stands behind its arguments, or nothing.
        files: What it reads.
    """

    evaluation: DraftEvaluation
    comment: str
    files: tuple[Path, ...]


def log_format(path: Path) -> tuple[Path, str] | None:
    """The log of training that a file is or belongs to, and its format, told by its name or its header."""
    if path.name == "trainer_state.json":
        return path, "trainer_state"
    # All event files of a folder are one log.
    if path.name.startswith("events.out.tfevents."):
        return path.parent, "tensorboard"
    if path.suffix == ".wandb":
        return path, "wandb"
    if path.suffix != ".csv":
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = {name.strip().lower() for name in next(csv.reader(file), [])}
    except (OSError, ValueError, csv.Error):
        return None
    return (path, "csv") if names & _STEPS and any("loss" in name for name in names) else None


def of_log(path: Path, kind: str, root: Path, notes: list[str]) -> WrittenDown | None:
    """That the loss fell, that all of it are numbers, and where the held-out values ended."""
    try:
        files = files_of(path, kind)
        series = read_log(files, kind, None).series
    except ModelQAError as error:
        notes.append(f"{path.name}: {error.what}")
        return None
    checks = [DraftCheck("finite", "min", bound=1.0)]
    for name in series:
        word = name.lower()
        less = bool(_LESS_IS_BETTER.search(word))
        if not less and not _MORE_IS_BETTER.search(word):
            continue
        if HELD_OUT.search(word):
            args = {"series": name, "higher_is_better": not less}
            checks.append(DraftCheck("final", "max" if less else "min", args))
        elif less:
            checks.append(DraftCheck("reduction", "min", {"series": name}))
    if len(checks) == 1:
        notes.append(f"{path.name}: none of its series is known to fall or rise: {', '.join(series)}")
        return None
    args = {"path": path.relative_to(root).as_posix(), "format": kind}
    return WrittenDown(DraftEvaluation("training", "training_log", "", "", args, tuple(checks)), "", files)


def is_lm_eval(document: Any) -> bool:
    """Whether a JSON document is the results of lm-evaluation-harness."""
    results = document.get("results") if isinstance(document, dict) else None
    return isinstance(results, dict) and "higher_is_better" in document and bool(results)


def of_lm_eval(path: Path, root: Path, notes: list[str]) -> Iterator[WrittenDown]:
    """An evaluation for each task, with the metrics whose unit and direction are known."""
    content = json.loads(path.read_text(encoding="utf-8"))
    for task in content["results"]:
        try:
            files = lm_eval.find(path, task)
            found = lm_eval.read(files, task)
        except ModelQAError as error:
            notes.append(f"{path.name}, {task}: {error.what}")
            continue
        checks = tuple(_foreign(found, task, notes))[:_MOST_METRICS]
        if not checks:
            continue
        source = _source((content.get("configs") or {}).get(task) or {})
        args = {
            "path": path.relative_to(root).as_posix(),
            "format": "lm_eval",
            "select": task,
            "source": source or "training",
        }
        comment = "" if source else _UNKNOWN_SOURCE
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", task)
        yield WrittenDown(DraftEvaluation(name, "recorded", "", "", args, checks), comment, files)


def _source(config: Any) -> str:
    """The harness measures on the test split where a task has one, else on the validation split."""
    if not isinstance(config, dict):
        return ""
    return "test" if config.get("test_split") else "validation" if config.get("validation_split") else ""


def _foreign(found: Results, task: str, notes: list[str]) -> Iterator[DraftCheck]:
    for name, reported in found.values.items():
        metric = name.partition(",")[0]
        share = metric in _SHARES and 0 <= reported.value <= 1
        if reported.higher_is_better is None or not (share or metric in _NUMBERS):
            notes.append(f"left out {task}, {name}: nothing says in which unit and direction it is")
            continue
        args: dict[str, Any] = {
            "name": name,
            "unit": "fraction" if share else _NUMBERS[metric],
            "higher_is_better": reported.higher_is_better,
        }
        kind = "recorded_value"
        if name in found.scores:
            kind = "recorded_score"
            if np.isin(found.scores[name], (0, 1)).all():
                args["binary"] = True
        yield DraftCheck(kind, "min" if reported.higher_is_better else "max", args)


def is_inspect(path: Path, document: Any) -> bool:
    """Whether a file is a log of Inspect: an ``.eval`` archive, or the same as one JSON document."""
    if path.suffix == ".eval":
        return zipfile.is_zipfile(path)
    return isinstance(document, dict) and isinstance(document.get("eval"), dict) and "status" in document


def of_inspect(path: Path, root: Path, notes: list[str]) -> Iterator[WrittenDown]:
    """The accuracy of each of its scores; of what else Inspect computes nobody wrote down which way is better."""
    try:
        found = inspect_log.read((path,), None)
    except ModelQAError as error:
        notes.append(f"{path.name}: {error.what}")
        return
    checks = []
    for name, reported in found.values.items():
        score, _, metric = name.rpartition("/")
        if metric != "accuracy" or not 0 <= reported.value <= 1:
            notes.append(f"left out {path.name}, {name}: nothing says in which unit and direction it is")
            continue
        args: dict[str, Any] = {"name": name, "unit": "fraction", "higher_is_better": True}
        kind = "recorded_value"
        if score in found.scores:
            kind = "recorded_score"
            args["name"] = score
            if np.isin(found.scores[score], (0, 1)).all():
                args["binary"] = True
        checks.append(DraftCheck(kind, "min", args))
    if checks:
        args = {"path": path.relative_to(root).as_posix(), "format": "inspect", "source": "training"}
        evaluation = DraftEvaluation("answers", "recorded", "", "", args, tuple(checks[:_MOST_METRICS]))
        yield WrittenDown(evaluation, _UNKNOWN_SOURCE, (path,))
