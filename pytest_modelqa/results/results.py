"""What every tool's results become: numbers by name, and scores by sample where the tool kept them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError

# Longer texts are questions and answers, and nothing to slice by.
_LONGEST_LABEL = 100


@dataclass(frozen=True)
class Reported:
    """A number of the whole set, in the unit of its source.

    Attributes:
        standard_error: As the source has it, or None.
        n: Samples that it was measured on, or None where the source does not say.
        higher_is_better: As the source has it, or None.
    """

    value: float
    standard_error: float | None = None
    n: int | None = None
    higher_is_better: bool | None = None


@dataclass(frozen=True)
class Results:
    """What another tool measured of one model.

    Attributes:
        values: By the source's names.
        undefined: Names that have no value, and why.
        ids: Of the samples, unique; empty where the source kept none.
        scores: By name, each of shape (n,), float64; NaN where a sample has none.
        fields: What samples can be sliced by, each of shape (n,).
        means: Name of a score to the name of the value that is its mean.
        notes: What a reader of a verdict should know.
        texts: Names that hold text where a number could stand.
    """

    values: Mapping[str, Reported] = field(default_factory=dict)
    undefined: Mapping[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)
    fields: Mapping[str, np.ndarray] = field(default_factory=dict)
    means: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


def parsed(text: str | bytes, where: str) -> Any:
    """JSON, in which tools write NaN and Infinity too.

    Raises:
        DatasetError: It is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DatasetError(
            "the results are no JSON", where=where, found=str(error), todo="correct path: or format:"
        ) from error


def lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects of a file of JSON lines.

    Raises:
        DatasetError: A line is no JSON object.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                row = parsed(line, f"{path}:{number}")
                if not isinstance(row, dict):
                    raise misread(
                        path, "a JSON object on each line", f"a {type(row).__name__} in line {number}"
                    )
                yield row


def flattened(content: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a document, with the keys that lead to them joined by dots.

    >>> dict(flattened({"metrics": {"ap": 0.34}, "epoch": 12, "name": "a", "final": True}))
    {'metrics.ap': 0.34, 'epoch': 12.0}
    """
    if isinstance(content, dict):
        for key, value in content.items():
            yield from flattened(value, f"{name}.{key}" if name else str(key))
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield name, as_float(content)


def texts_of(content: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a document, with the keys that lead to them joined by dots.

    >>> dict(texts_of({"test": {"accuracy": "0.918", "n": 1000}}))
    {'test.accuracy': '0.918'}
    """
    if isinstance(content, dict):
        for key, value in content.items():
            yield from texts_of(value, f"{name}.{key}" if name else str(key))
    elif isinstance(content, str):
        yield name, content


def as_float(value: float) -> float:
    """A number as float64; an integer beyond its range is infinite."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def fields_of(rows: list[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """The names that hold a short label in every row: text, or a whole number."""
    names = [name for name in rows[0] if all(name in row for row in rows)] if rows else []
    found = {}
    for name in names:
        values = [row[name] for row in rows]
        if all(isinstance(value, str) and len(value) <= _LONGEST_LABEL for value in values):
            found[name] = np.array(values, dtype=object)
        elif all(isinstance(value, int) and abs(value) < 2**63 for value in values):
            found[name] = np.array(values)
    return found


def unique_ids(ids: list[str], where: str) -> tuple[str, ...]:
    """The ids, once each of them is known to stand there once.

    Raises:
        DatasetError: One stands there twice.
    """
    if len(set(ids)) < len(ids):
        doubled, count = Counter(ids).most_common(1)[0]
        raise DatasetError(
            "the results hold a sample twice",
            where=where,
            expected="each sample once",
            found=f"id {doubled!r} {count} times",
            todo="look at how the results were written; two runs in one file are two models",
        )
    return tuple(ids)


def chosen(names: list[str], select: str | None, what: str, where: str) -> str:
    """The part that is meant: the one that the spec selects, or the only one.

    Raises:
        DatasetError: There is no such part, or there are several and none is selected.
    """
    if select is not None and select in names:
        return select
    if select is None and len(names) == 1:
        return names[0]
    raise DatasetError(
        f"the results have no {what} {select!r}" if select else f"the results have {len(names)} {what}s",
        where=where,
        expected=f"args: {{select: one of {', '.join(sorted(names)[:20]) or 'none'}}}",
        todo=f"name the {what} with select: in the evaluation's args",
    )


def misread(path: Path, expected: str, found: str) -> DatasetError:
    """A file that is not of the format that the spec says."""
    return DatasetError(
        f"the results are not of the format that the spec says: {path.name}",
        where=str(path),
        expected=expected,
        found=found,
        todo="correct path: or format: in the evaluation's args",
    )
