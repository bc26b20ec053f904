"""The history of a run's checks as the page shows it: a small curve for each, and what creeps."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from ...spec.numbers import format_difference, format_value
from ..history import History, PastRun, Series
from .charts import sparkline

_MOST = 200


@dataclass(frozen=True)
class TrendView:
    """A check over the runs."""

    name: str
    first: str
    last: str
    change: str
    runs: int
    plot: Markup


@dataclass(frozen=True)
class HistoryView:
    """What came before this run.

    Attributes:
        notes: What is not drawn, and why.
    """

    runs: tuple[PastRun, ...]
    changed: tuple[TrendView, ...]
    unchanged: tuple[TrendView, ...]
    creeping: tuple[str, ...]
    notes: tuple[str, ...]


def history_view(history: History) -> HistoryView:
    """The view of a history; checks that were judged once have no curve."""
    several = [series for series in history.series if len(series.points) > 1]
    notes = [f"unreadable: {problem}" for problem in history.unreadable]
    if history.left_out:
        notes.append(f"{history.left_out} more runs are not drawn; the oldest and the newest are")
    if len(several) > _MOST:
        notes.append(f"{len(several) - _MOST} more checks are not drawn")
    return HistoryView(
        runs=history.runs,
        changed=tuple(_trend(series) for series in several[:_MOST] if _changes(series)),
        unchanged=tuple(_trend(series) for series in several[:_MOST] if not _changes(series)),
        creeping=history.creeping,
        notes=tuple(notes),
    )


def _changes(series: Series) -> bool:
    return len({(point.value, point.limit, point.outcome) for point in series.points}) > 1


def _trend(series: Series) -> TrendView:
    first, last = series.points[0], series.points[-1]
    change = last.value - first.value
    better = change > 0 if last.at_least else change < 0
    word = "unchanged" if not change else "better by" if better else "worse by"
    start, end = format_value(first.value, series.unit), format_value(last.value, series.unit)
    return TrendView(
        name=series.nodeid.partition("::")[2],
        first=start,
        last=end,
        change=f"{word} {format_difference(abs(change), series.unit)}" if change else word,
        runs=len(series.points),
        plot=sparkline(
            f"{series.metric} over {len(series.points)} runs, from {start} to {end}",
            [point.value for point in series.points],
            [point.limit for point in series.points],
            [point.outcome for point in series.points],
        ),
    )
