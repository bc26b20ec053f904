"""Bundles of NeMo Evaluator: ``results.jsonl`` (a line for each problem and repeat) and ``eval-*.json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError
from .results import Reported, Results, as_float, fields_of, flattened, lines, misread, parsed


def find(path: Path, select: str | None) -> tuple[Path, ...]:
    """``results.jsonl`` of a folder, with the bundle beside it if there is just one; or the file that is named."""
    if not path.is_dir():
        return (path,)
    bundles = sorted(path.glob("eval-*.json"))
    return (path / "results.jsonl", *(bundles if len(bundles) == 1 else ()))


def read(files: Sequence[Path], select: str | None) -> Results:
    """The score ``reward``, of repeats their mean; the bundle's numbers with dots between their keys.

    Raises:
        DatasetError: A line without problem_idx or reward, or problems with different numbers of repeats.
    """
    path, *bundles = files
    rewards: dict[str, list[float]] = {}
    labels: dict[str, Mapping[str, Any]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for number, row in enumerate(lines(path), start=1):
        reward = row.get("reward")
        if "problem_idx" not in row or isinstance(reward, bool) or not isinstance(reward, int | float):
            raise misread(path, "problem_idx and a reward on each line", f"line {number}: {str(row)[:80]}")
        problem = str(row["problem_idx"])
        seen[problem, str(row.get("repeat", 0))] += 1
        rewards.setdefault(problem, []).append(as_float(reward))
        labels.setdefault(problem, _labels(row))
    counts = {len(each) for each in rewards.values()}
    if len(counts) != 1 or max(seen.values()) > 1:
        raise DatasetError(
            "the results do not hold each repeat of each problem once",
            where=str(path),
            found=f"from {min(counts, default=0)} to {max(counts, default=0)} lines a problem",
            todo="run the missing ones again; problems that failed must not leave the denominator",
        )
    (repeats,) = counts
    values = {}
    for bundle in bundles:
        found = flattened(parsed(bundle.read_bytes(), str(bundle)))
        values = {name: Reported(value) for name, value in found}
    return Results(
        values=values,
        ids=tuple(rewards),
        scores={"reward": np.array([np.mean(each) for each in rewards.values()])},
        fields=fields_of(list(labels.values())),
        notes=(f"mean of {repeats} repeats of each problem",) if repeats > 1 else (),
    )


def _labels(row: Mapping[str, Any]) -> Mapping[str, Any]:
    for part in (row.get("metadata"), row.get("scoring_details")):
        if isinstance(part, dict) and isinstance(part.get("category"), str):
            return {"category": part["category"]}
    return {}
