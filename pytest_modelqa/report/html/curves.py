"""Curves that lie in the records themselves: over an argument of a metric, over positions, over training."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...records.record import Record
from ...statistics import intervals
from .charts import Curve, Point
from .measured import columns_of, tables_of

_SURE = 0.975
_COLUMN = re.compile(r"(?:(?P<baseline>[^/]+)/)?(?P<metric>\w+)\.v\d+\.(?P<arguments>\w+=.*)")
_ARGUMENT = re.compile(r"(\w+)=([^,]*)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_STEPS = ("step", "global_step", "iteration", "epoch")
_MOST_POINTS = 400
_MOST_CURVES = 6


def along_an_argument(record: Record, name: str) -> Iterator[tuple[str, str, list[Curve]]]:
    """Metric, argument and curves of each metric that was measured at several values of one numbered argument.

    The curves are the candidate's and those of the trivial baselines that the task computed on the same samples.
    """
    found: dict[tuple[str, str, str], dict[str, list[Point]]] = {}
    for column, values in columns_of(record).items():
        match = _COLUMN.fullmatch(column)
        if match and values.ndim == 1 and values.dtype.kind in "biuf" and np.isfinite(values).all():
            arguments = dict(_ARGUMENT.findall(match["arguments"]))
            for argument, value in arguments.items():
                if _NUMBER.fullmatch(value):
                    others = ", ".join(f"{each}={arguments[each]}" for each in arguments if each != argument)
                    of = found.setdefault((match["metric"], argument, others), {})
                    of.setdefault(match["baseline"] or name, []).append(_point(float(value), values))
    for (metric, argument, _), of in found.items():
        drawn = [Curve(curve, tuple(sorted(points, key=lambda p: p.x))) for curve, points in of.items()]
        if max(len(curve.points) for curve in drawn) > 1:
            yield metric, argument, drawn


def of_positions(record: Record) -> Iterator[tuple[str, list[Curve]]]:
    """Scores of several positions a sample (a frame of a clip, a step of a forecast): shape (n, positions)."""
    for column, values in columns_of(record).items():
        if (
            values.ndim == 2
            and values.shape[1] > 1
            and values.dtype.kind == "f"
            and np.isfinite(values).all()
        ):
            points = tuple(_point(float(at + 1), values[:, at]) for at in range(values.shape[1]))
            yield column.split(".v")[0], [Curve(column, points)]


def of_training(record: Record) -> Iterator[tuple[str, str, list[Curve]]]:
    """Title, name of the x axis and curves of each side table that has a column of steps."""
    for table, columns in tables_of(record).items():
        x_name = next((name for name in _STEPS if name in columns), None)
        if x_name is None:
            continue
        numbers = {
            name: values
            for name, values in columns.items()
            if name not in _STEPS and values.dtype.kind in "iuf" and values.ndim == 1
        }
        losses = [name for name in numbers if "loss" in name]
        for title, names in (
            (f"{table}: losses", losses),
            *((f"{table}: {n}", [n]) for n in numbers if n not in losses),
        ):
            drawn = [_history(name, columns[x_name], numbers) for name in names[:_MOST_CURVES]]
            drawn = [curve for curve in drawn if len(curve.points) > 1]
            if drawn:
                yield title, x_name, drawn


def _history(name: str, steps: np.ndarray, numbers: Mapping[str, np.ndarray]) -> Curve:
    """A logged quantity; what was not logged at a step is NaN and left out."""
    values = numbers[name].astype(np.float64)
    there = np.flatnonzero(np.isfinite(values) & np.isfinite(steps.astype(np.float64)))
    if len(there) > _MOST_POINTS:
        there = there[np.unique(np.linspace(0, len(there) - 1, _MOST_POINTS).round().astype(int))]
    ordered: Sequence[int] = there[np.argsort(steps[there], kind="stable")].tolist()
    return Curve(name, tuple(Point(float(steps[at]), float(values[at])) for at in ordered))


def _point(x: float, values: np.ndarray) -> Point:
    interval = intervals.mean(values.astype(np.float64), _SURE)
    low, high = (end if np.isfinite(end) else None for end in (interval.lower, interval.upper))
    return Point(x, interval.estimate, low, high)
