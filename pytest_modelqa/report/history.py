"""The runs before a run, read from their run records: each check's values, and degradation that creeps.

A comparison with a baseline allows a step. Where every release becomes the next baseline, many allowed steps add up
to what no single one would have been allowed: that is said, with the oldest promoted baseline as the measure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import RunRecordError
from ..spec.numbers import format_difference, format_value
from .conclusion import Result
from .run_record import RunRecord, read

# About 50 ms a MB, paid at the end of every run.
_MOST_BYTES = 12_000_000
_MOST_RUNS = 60
_DRIFTS = ("max_degradation", "max_degradation_percent")
_AGAINST = re.compile(r"-vs-[^-]+")


@dataclass(frozen=True)
class Past:
    """What a check showed in one run.

    Attributes:
        limit: The bound as a value of the metric; of ``max_difference`` the largest difference.
        recorded: The baseline is a recorded one, made by an explicit act.
    """

    run_id: str
    started: str
    status: str
    value: float
    limit: float
    at_least: bool
    outcome: str
    baseline: float | None
    baseline_name: str
    recorded: bool


@dataclass(frozen=True)
class Series:
    """A check over runs, from the oldest; its last point is of the run that the report is about."""

    nodeid: str
    metric: str
    unit: str
    kind: str
    points: tuple[Past, ...]


@dataclass(frozen=True)
class PastRun:
    """A run and how it ended."""

    id: str
    started: str
    word: str
    line: str


@dataclass(frozen=True)
class History:
    """What came before.

    Attributes:
        runs: From the oldest to the run itself.
        left_out: How many runs of these specs were not read, so that the report is made in a moment.
        unreadable: Run records that are damaged, and why.
    """

    runs: tuple[PastRun, ...] = ()
    series: tuple[Series, ...] = ()
    left_out: int = 0
    unreadable: tuple[str, ...] = ()

    @property
    def creeping(self) -> tuple[str, ...]:
        """A sentence for each check whose allowed steps have added up to more than one of them allows."""
        return tuple(filter(None, map(creep, self.series)))


def history(run: RunRecord, runs: Path) -> History:
    """The runs of the same specs up to this one.

    Overridden and limited runs are of other inputs and are left aside; so are runs that did not come to their end.

    Args:
        runs: The folder of all runs.
    """
    earlier, left_out = _thinned(
        sorted(path for path in runs.glob("*/run.json") if path.parent.name < run.id)
    )
    records, unreadable = [], []
    for path in earlier:
        try:
            records.append(read(path))
        except RunRecordError as error:
            unreadable.append(f"{path.parent.name}: {error.what}")
    specs = {spec.path for spec in run.specs}
    alike = [past for past in records if _counts(past) and specs & {spec.path for spec in past.specs}]
    everything = [*alike, run]
    return History(
        runs=tuple(_past_run(each) for each in everything),
        series=tuple(series for series in _series(everything) if series.points[-1].run_id == run.id),
        left_out=left_out,
        unreadable=tuple(unreadable),
    )


def creep(series: Series) -> str | None:
    """The sentence that calls out a creeping degradation; None where there is none.

    Measured from the oldest promoted (recorded) baseline of the series, or from the oldest run where there is none.
    """
    last = series.points[-1]
    if series.kind not in _DRIFTS or last.baseline is None or last.status != "PASS" or len(series.points) < 2:
        return None
    allowed = abs(last.limit - last.baseline)
    promoted = next((point for point in series.points if point.recorded and point.baseline is not None), None)
    first = promoted or series.points[0]
    start = first.baseline if promoted and first.baseline is not None else first.value
    lost = start - last.value if last.at_least else last.value - start
    if lost <= allowed * (1 + 1e-9):
        return None
    origin = f"baseline {first.baseline_name}" if promoted else "the oldest run"
    return (
        f"{series.metric} of {series.nodeid.partition('::')[2].rpartition('::')[0]} creeps: "
        f"{format_value(start, series.unit)} ({origin}, {first.started[:10]}), now "
        f"{format_value(last.value, series.unit)}: worse by {format_difference(lost, series.unit)}, though each step "
        f"stayed within {format_difference(allowed, series.unit)}"
    )


def _thinned(paths: Sequence[Path]) -> tuple[list[Path], int]:
    """As many as can be read in a moment, evenly over time, the oldest and the newest among them."""
    total = sum(path.stat().st_size for path in paths)
    most = max(2, min(_MOST_RUNS, int(len(paths) * _MOST_BYTES / max(total, 1))))
    if len(paths) <= most:
        return list(paths), 0
    kept = sorted({round(index * (len(paths) - 1) / (most - 1)) for index in range(most)})
    return [paths[index] for index in kept], len(paths) - len(kept)


def _counts(run: RunRecord) -> bool:
    return run.complete and not run.options.get("set") and run.options.get("limit") is None


def _past_run(run: RunRecord) -> PastRun:
    conclusion = run.conclusion
    return PastRun(
        run.id,
        run.started,
        conclusion.word if conclusion else "INCOMPLETE",
        conclusion.line if conclusion else "the run did not come to its end",
    )


def _series(runs: Iterable[RunRecord]) -> list[Series]:
    everything = list(runs)
    ambiguous = set()
    for run in everything:
        counts = Counter(_against_any(result.nodeid) for result in run.results)
        ambiguous |= {name for name, count in counts.items() if count > 1}
    found: dict[str, list[tuple[Result, Past]]] = {}
    for run in everything:
        for result in run.results:
            point = _past(run, result)
            if point is not None:
                name = _against_any(result.nodeid)
                # Two baselines at once are two series; one baseline after the other is one.
                found.setdefault(result.nodeid if name in ambiguous else name, []).append((result, point))
    return [_one_series(points) for points in found.values()]


def _against_any(nodeid: str) -> str:
    """The same for a check against one baseline and later against the next."""
    case, _, name = nodeid.rpartition("::")
    return f"{case}::{_AGAINST.sub('', name)}"


def _one_series(points: Sequence[tuple[Result, Past]]) -> Series:
    newest = points[-1][0]
    verdict: Mapping[str, Any] = newest.verdict or {}
    same = tuple(point for result, point in points if _measures(result) == _measures(newest))
    return Series(newest.nodeid, verdict["metric"], verdict["unit"], verdict["bound"], same)


def _measures(result: Result) -> tuple[Any, ...]:
    """What a number is of: its unit, and the metric's version and arguments, of which each gives other values."""
    verdict = result.verdict or {}
    return verdict.get("unit"), verdict.get("column")


def _past(run: RunRecord, result: Result) -> Past | None:
    verdict = result.verdict or {}
    worst = verdict.get("worst")
    # An error has no value; nor had the first records a bound.
    if not worst or "bound" not in verdict:
        return None
    baseline = worst["baseline"]
    value = worst["candidate"]["value"]
    if verdict["bound"] == "max_difference" and baseline:
        value = abs(value - baseline["value"])
    return Past(
        run_id=run.id,
        started=run.started,
        status=result.status,
        value=value,
        limit=worst["limit"],
        at_least=worst["at_least"],
        outcome=worst["outcome"],
        baseline=baseline["value"] if baseline else None,
        baseline_name=baseline["name"] if baseline else "",
        recorded=any(
            "recorded" in side
            for name, side in verdict.get("evidence", {}).items()
            if name.startswith("baseline")
        ),
    )
