"""What every training log becomes: series of numbers over steps."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DatasetError

# Names under which tools write the step, the finest first; without any of them the rows are counted.
STEPS = ("step", "_step", "global_step", "Step", "iteration", "epoch")
_WORDS = {"nan": np.nan, "inf": np.inf, "infinity": np.inf, "-inf": -np.inf, "-infinity": -np.inf}


@dataclass(frozen=True)
class Series:
    """What was logged under one name.

    Attributes:
        steps: Ascending, shape (n,), float64.
        values: Shape (n,), float64; may hold NaN and Inf where these were logged.
    """

    steps: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Log:
    """A training log.

    Attributes:
        series: By name.
        notes: How it was read, where that was not said.
        last_step: Of its rows, those without any value too; None: that of its series.
    """

    series: Mapping[str, Series]
    notes: tuple[str, ...] = ()
    last_step: float | None = None


def from_rows(rows: Iterable[Mapping[str, Any]], step: str | None, where: str) -> Log:
    """A log from rows of names and values; a name that is absent or blank was not logged in that row.

    None was: it is NaN, which JSON has no word for, so that ``DataFrame.to_json`` and ``JSON.stringify`` write null.
    A name that holds text beside None, and never a number, is no series.

    Args:
        step: The name of the step; None: the first known one that the rows have, else the rows are counted.

    Raises:
        DatasetError: There is nothing in it, no such step, or a row of values that has none.
    """
    listed = [dict(row) for row in rows]
    names = list(dict.fromkeys(name for row in listed for name in row))
    if step is not None and step not in names:
        raise DatasetError(
            f"the log has no {step!r} to count steps by",
            where=where,
            found=", ".join(names[:20]) or "no names at all",
            todo="correct step: in the evaluation's args",
        )
    chosen = step or next((name for name in STEPS if name in names), None)
    notes = [f"steps are those of {chosen!r}" if chosen else "no name for steps: rows are counted from 0"]
    measured = {name: _points(listed, name, notes) for name in names if name != chosen}
    positions = _positions(listed, chosen, {at for points in measured.values() for at in points}, where)
    series = {
        name: in_order([(positions[at], value) for at, value in points.items()], name, notes)
        for name, points in measured.items()
        if points
    }
    if not series:
        raise DatasetError(
            "the log holds no numbers",
            where=where,
            expected="names with a number at each step",
            found=", ".join(names[:20]) or "nothing",
            todo="correct path: or format: in the evaluation's args",
        )
    steps = [number(row.get(chosen, "")) for row in listed] if chosen else [float(len(listed) - 1)]
    return Log(series, tuple(notes), max(step for step in steps if step is not None and math.isfinite(step)))


def _points(rows: Sequence[Mapping[str, Any]], name: str, notes: list[str]) -> dict[int, float]:
    """The values of a name by the rows that have it; of one that holds text and no number none.

    Text between numbers (``tensor(0.5)``, ``1,5``, ``#REF!``) was logged and is no number: NaN.
    """
    cells = {at: row[name] for at, row in enumerate(rows) if name in row}
    found = {at: number(cell) for at, cell in cells.items()}
    if all(cells[at] is None for at, value in found.items() if value is not None) and None in found.values():
        return {}
    logged = {at: value for at, value in found.items() if value is not None or str(cells[at]).strip()}
    first = next((at for at, value in logged.items() if value is None), None)
    if first is not None:
        notes.append(f"{name}: {str(cells[first])[:40]!r} in row {first + 1} is no number")
    return {at: np.nan if value is None else value for at, value in logged.items()}


def _positions(
    rows: Sequence[Mapping[str, Any]], step: str | None, needed: Collection[int], where: str
) -> dict[int, float]:
    """The step of each row that has values: without one, nobody knows where they belong."""
    found = {}
    for at in sorted(needed):
        position = number(rows[at].get(step, "")) if step else float(at)
        if position is None or not math.isfinite(position):
            raise DatasetError(
                f"a row of the log has values and no {step!r}",
                where=where,
                expected=f"{step!r} in every row that has values",
                found=f"row {at + 1} with " + ", ".join(map(str, list(rows[at])[:5])),
                todo="write it into the row, name what every row has with step:, or remove the row",
            )
        found[at] = position
    return found


def in_order(points: Iterable[tuple[float, float]], name: str, notes: list[str]) -> Series:
    """A series with ascending steps; of a step that was logged again the last value counts, and this is noted."""
    listed = list(points)
    steps = np.array([at for at, _ in listed], dtype=np.float64)
    values = np.array([value for _, value in listed], dtype=np.float64)
    if (np.diff(steps) <= 0).any():
        last = dict(listed)
        if (np.diff(steps) < 0).any() or any(last[at] != value for at, value in listed):
            notes.append(f"{name}: steps were logged again, as after a resumed run; the last values count")
        steps = np.array(sorted(last), dtype=np.float64)
        values = np.array([last[at] for at in steps.tolist()], dtype=np.float64)
    return Series(steps, values)


def number(value: Any) -> float | None:
    """The number that a cell holds; None where nothing was logged, or no number.

    >>> [number(cell) for cell in ("1e-3", "", None, "Infinity", "adam", True, 2)]
    [0.001, None, nan, inf, None, None, 2.0]
    """
    if value is None:
        return np.nan
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        try:
            return float(text) if text else None
        except ValueError:
            return None
    try:
        return float(value) if isinstance(value, int | float | np.integer | np.floating) else None
    # An integer beyond the floats.
    except OverflowError:
        return np.inf
