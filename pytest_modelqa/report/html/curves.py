"""Curves that lie in the records themselves: over an argument of a metric, over positions, over training."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from ...judging.claims import finite
from ...records.record import Record
from ...statistics import intervals
from .charts import Curve, Point
from .measured import columns_of, table_of

_SURE = 0.975
_COLUMN = re.compile(r"(?:(?P<baseline>[^/]+)/)?(?P<metric>\w+)\.v\d+\.(?P<arguments>\w+=.*)")
_ARGUMENT = re.compile(r"(\w+)=([^,]*)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
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


def of_training(record: Record) -> Iterator[tuple[str, list[Curve]]]:
    """Title and curves of what a training run logged: all losses together, every other series by itself."""
    log = table_of(record, "log", ("series", "step", "value"))
    if log is None:
        return
    names = list(dict.fromkeys(log["series"].tolist()))
    losses = [name for name in names if "loss" in name.lower()]
    for title, shown in (("losses", losses), *((name, [name]) for name in names if name not in losses)):
        drawn = [_history(name, log) for name in shown[:_MOST_CURVES]]
        drawn = [curve for curve in drawn if len(curve.points) > 1]
        if drawn:
            yield f"{title} in training", drawn


def _history(name: str, log: Mapping[str, np.ndarray]) -> Curve:
    """A logged series; NaN and Inf, which have no place in a drawing, are left out: a check of them says so."""
    rows = np.flatnonzero((log["series"] == name) & np.isfinite(log["value"]) & np.isfinite(log["step"]))
    if len(rows) > _MOST_POINTS:
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, _MOST_POINTS).round().astype(int))]
    return Curve(name, tuple(Point(float(log["step"][at]), float(log["value"][at])) for at in rows))


def _point(x: float, values: np.ndarray) -> Point:
    interval = intervals.mean(values.astype(np.float64), _SURE)
    return Point(x, interval.estimate, *finite(interval))
