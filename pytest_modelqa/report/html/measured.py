"""What was measured for an evaluation: its records, opened again for their pictures, scores and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import StoreError
from ...records.excerpt import read_excerpt
from ...records.record import Record, read_record
from ..conclusion import Result


@dataclass(frozen=True)
class Side:
    """A model, or a checkpoint of it, as it was measured.

    Attributes:
        is_candidate: Of a check of this evaluation; else it was only compared with.
        evidence: What the run record says of it.
        record: None where the records are not on this machine, or damaged.
    """

    name: str
    is_candidate: bool
    coordinates: Mapping[str, Any]
    evidence: Mapping[str, Any]
    record: Record | None = field(repr=False)


def sides_of(results: Iterable[Result], store: Path) -> tuple[Side, ...]:
    """Every side of the checks of an evaluation, each once, candidates first, checkpoints of a grid in order."""
    found: dict[tuple[str, str], Side] = {}
    for result in results:
        for label, evidence in ((result.verdict or {}).get("evidence") or {}).items():
            if "key" not in evidence:
                continue
            place = (evidence["key"], evidence["record"])
            is_candidate = label.startswith("candidate")
            if place not in found or (is_candidate and not found[place].is_candidate):
                found[place] = Side(
                    name=_name(evidence),
                    is_candidate=is_candidate,
                    coordinates=evidence.get("coordinates", {}),
                    evidence=evidence,
                    record=_record(store, *place) or _promoted(evidence),
                )
    return tuple(sorted(found.values(), key=lambda side: (not side.is_candidate, _place(side.coordinates))))


def libraries_of(sides: Iterable[Side]) -> dict[str, tuple[str, ...]]:
    """Name to versions of what the models were measured with, as far as their records are here."""
    found: dict[str, set[str]] = {}
    for side in sides:
        for name, version in side.record.manifest.distributions.items() if side.record else ():
            found.setdefault(name, set()).add(version)
    return {name: tuple(sorted(found[name])) for name in sorted(found)}


def scores_of(record: Record, column: str) -> np.ndarray | None:
    """The finite scores of a per-sample metric, shape (n,); None where there are none."""
    try:
        if column in record.columns:
            values = record.column(column)
        elif record.has_scores(column):
            values = record.scores(column)
        else:
            return None
    except StoreError:
        return None
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        return None
    scores = values.astype(np.float64)
    return scores if len(scores) and np.isfinite(scores).all() else None


def columns_of(record: Record) -> dict[str, np.ndarray]:
    """Every column of the samples that can be read."""
    found = {}
    try:
        for name in record.columns:
            found[name] = record.column(name)
    except StoreError:
        return {}
    return found


def table_of(record: Record, name: str, columns: Sequence[str]) -> dict[str, np.ndarray] | None:
    """A side table, if the record has it with these columns and it can be read."""
    if f"{name}.parquet" not in record.manifest.files:
        return None
    try:
        table = record.table(name)
    except StoreError:
        return None
    return table if set(columns) <= set(table) else None


def _place(coordinates: Mapping[str, Any]) -> list[tuple[bool, float, str]]:
    """Sorts numbers by size and words by spelling, coordinate by coordinate."""
    return [
        (False, float(value), "") if isinstance(value, int | float) else (True, 0.0, str(value))
        for value in coordinates.values()
    ]


def _name(evidence: Mapping[str, Any]) -> str:
    at = ", ".join(f"{name}={value}" for name, value in evidence.get("coordinates", {}).items())
    return f"{evidence['name']} ({at})" if at else str(evidence["name"])


def _record(store: Path, key: str, record_id: str) -> Record | None:
    try:
        return read_record(store / key[:2] / key / record_id)
    # Not on this machine, or damaged: the report says that there are no pictures.
    except StoreError:
        return None


def _promoted(evidence: Mapping[str, Any]) -> Record | None:
    """Of a recorded baseline that was measured elsewhere: the records that lie beside its file."""
    path = Path(str(evidence.get("recorded", "")))
    try:
        return read_excerpt(path.with_name(f"{path.stem}.records")) if path.suffix == ".json" else None
    except StoreError:
        return None
