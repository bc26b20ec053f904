"""Results of lm-evaluation-harness (0.4 and later): ``results_*.json``, and ``samples_*.jsonl`` beside it."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError
from .results import Reported, Results, as_float, chosen, fields_of, lines, misread, parsed, unique_ids

# Stands among the metrics, and counts the samples.
_LENGTH = "sample_len"


def find(path: Path, select: str | None) -> tuple[Path, ...]:
    """The file of results, and the logs of samples of the same run.

    Raises:
        DatasetError: A folder that holds results of several runs, or of none.
    """
    if path.is_dir():
        found = sorted(path.glob("results*.json"))
        if len(found) != 1:
            raise DatasetError(
                f"the folder holds results of {len(found)} runs",
                where=str(path),
                expected="one results_*.json",
                found=", ".join(each.name for each in found[:5]) or "none",
                todo="name the file of one run with path:",
            )
        path = found[0]
    task = "*" if select is None else glob.escape(select)
    return (path, *sorted(path.parent.glob(f"samples_{task}{glob.escape(_stamp(path))}.jsonl")))


def read(files: Sequence[Path], select: str | None) -> Results:
    """The metrics of one task, named ``METRIC,FILTER`` as the harness does.

    Raises:
        DatasetError: Not such results, or several tasks and none is selected.
    """
    path = files[0]
    content = parsed(path.read_bytes(), str(path))
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, dict) or not all(isinstance(each, dict) for each in results.values()):
        raise misread(path, "results of lm-evaluation-harness", "no results: {TASK: {METRIC,FILTER: …}}")
    task = chosen(list(results), select, "task", str(path))
    counts = (content.get("n-samples") or {}).get(task) or {}
    values = _values(
        results[task], counts.get("effective"), (content.get("higher_is_better") or {}).get(task) or {}
    )
    limited = counts.get("original") is not None and counts["original"] != counts.get("effective")
    notes = [f"limited to {counts['effective']} of {counts['original']} samples"] if limited else []
    logs = [each for each in files[1:] if each.name == f"samples_{task}{_stamp(path)}.jsonl"]
    if not logs:
        return Results(values=values, notes=tuple(notes))
    ids, scores, fields = _samples(logs[0], {name.partition(",")[0] for name in values})
    effective = counts.get("effective")
    if effective is not None and effective != len(ids):
        raise DatasetError(
            "the log of samples is not that of the results",
            where=str(logs[0]),
            expected=f"{effective} samples, as {path.name} says",
            found=f"{len(ids)}",
            todo="keep results and samples of one run together",
        )
    means = {name: name for name in scores if name in values}
    return Results(values, {}, ids, scores, fields, means, tuple(notes))


def _stamp(path: Path) -> str:
    """The time that stands in the names of all files of a run: ``_2026-01-31T12-00-00.123456``."""
    _, underscore, time = path.stem.rpartition("_")
    return underscore + time if underscore else ""


def _values(metrics: Mapping[str, Any], n: Any, directions: Mapping[str, Any]) -> dict[str, Reported]:
    found = {}
    for name, value in metrics.items():
        metric, _, chain = name.partition(",")
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or metric.endswith("_stderr")
            or name == _LENGTH
        ):
            continue
        error = metrics.get(f"{metric}_stderr,{chain}" if chain else f"{metric}_stderr")
        known = isinstance(error, int | float) and not isinstance(error, bool) and 0 < error < float("inf")
        direction = directions.get(metric)
        found[name] = Reported(
            as_float(value),
            float(error or 0) if known else None,
            n if isinstance(n, int) else None,
            direction if isinstance(direction, bool) else None,
        )
    return found


def _samples(
    path: Path, metrics: set[str]
) -> tuple[tuple[str, ...], dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Ids of document and content, so that a dataset that changed cannot be paired with what it was."""
    documents: dict[str, Mapping[str, Any]] = {}
    by_filter: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in lines(path):
        if "doc_id" not in row:
            raise misread(path, "samples of lm-evaluation-harness", "a line without doc_id")
        digest = str(row.get("doc_hash") or "")[:16]
        sample = f"{row['doc_id']}-{digest}" if digest else str(row["doc_id"])
        document = row.get("doc")
        documents[sample] = document if isinstance(document, dict) else {}
        of_filter = by_filter.setdefault(str(row.get("filter", "none")), {})
        if sample in of_filter:
            unique_ids([sample, sample], str(path))
        of_filter[sample] = row
    ids = list(documents)
    scores = {}
    for chain, rows in by_filter.items():
        for metric in sorted(metrics):
            values = [rows.get(sample, {}).get(metric) for sample in ids]
            if all(isinstance(value, int | float) for value in values):
                scores[f"{metric},{chain}"] = np.array(
                    [as_float(value) for value in values if value is not None]
                )
    return tuple(ids), scores, fields_of(list(documents.values()))
