"""Which charts an evaluation gets: those that its verdicts and records hold the data for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from ...errors import StoreError
from ...judging.claims import finite
from ...metrics.registry import metrics
from ...statistics import intervals, jackknife
from ...statistics.intervals import Interval
from .charts import Curve, Point, Spot, curves, histogram, scatter
from .curves import along_an_argument, of_positions, of_training
from .interval import slices_chart, told_apart
from .lost_objects import LEGEND, lost_objects
from .measured import Side, scores_of
from .readings import reading_of

_SURE = 0.975
_MOST_OF_A_KIND = 4
_OUTCOMES = ("fail", "inconclusive", "pass")
# Metrics that grow with variety and say nothing of whether what varies is any good: shown against one that does.
_OF_DIVERSITY = (
    "distinct_",
    "self_bleu",
    "semantic_diversity",
    "vendi_score",
    "pairwise_distance",
    "improved_recall",
)

Verdict = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A chart with what it shows.

    Attributes:
        legend: The name of each line and the class it is drawn with.
    """

    title: str
    caption: str
    drawing: Markup
    legend: tuple[tuple[str, str], ...] = ()


def figures_of(
    verdicts: Sequence[Verdict], sides: Sequence[Side], folders: Sequence[Path] = ()
) -> tuple[Figure, ...]:
    """The charts of an evaluation.

    Args:
        verdicts: Of its checks that were judged.
        sides: What was measured, candidates first.
        folders: Where the spec's folder may be, with the photographs that were measured.
    """

    def _lost_objects(verdicts: Sequence[Verdict], sides: Sequence[Side]) -> Iterator[Figure]:
        for title, caption, shown in lost_objects(sides, folders) if verdicts else ():
            yield Figure(title, caption, shown, LEGEND)

    judged = [verdict for verdict in verdicts if verdict.get("lines")]
    kinds: tuple[Callable[[Sequence[Verdict], Sequence[Side]], Iterator[Figure]], ...] = (
        _slices,
        _checkpoints,
        _diversity,
        _distributions,
        along_an_argument_figures,
        _of_candidates,
        _lost_objects,
    )
    return tuple(
        figure
        for kind in kinds
        for figure, _ in zip(kind(judged, sides), range(_MOST_OF_A_KIND), strict=False)
    )


def _slices(verdicts: Sequence[Verdict], sides: Sequence[Side]) -> Iterator[Figure]:
    for verdict in verdicts:
        lines = verdict["lines"]
        if len(lines) > 1 and verdict["bound"] != "trend":
            ordered = sorted(lines, key=lambda line: (_OUTCOMES.index(line["outcome"]), line["margin"]))
            readings = [reading_of(line, verdict) for line in ordered]
            failed = sum(reading.outcome == "fail" for reading in readings)
            label = f"{verdict['metric']} of {len(readings)} slices, worst first; {failed} fail"
            caption = f"Worst first, each with {readings[0].sure_text}; shaded: beyond the bound."
            title = f"{verdict['metric']} by {_respects([line['slice'] for line in lines])}"
            yield Figure(title, caption, slices_chart(readings, label))


def _respects(slices: Sequence[str]) -> str:
    """In what slices differ.

    >>> _respects(["step=9, seed=0, label=a", "step=9, seed=1, label=b"]), _respects(["a, b", "c"])
    ('seed and label', 'slice')
    """
    parts = [part.partition("=") for label in told_apart(slices) for part in label.split(", ")]
    names = list(dict.fromkeys(name for name, _, _ in parts))
    if not all(sign for _, sign, _ in parts):
        return "slice"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _distributions(verdicts: Sequence[Verdict], sides: Sequence[Side]) -> Iterator[Figure]:
    """Of the scores of the samples: a mean hides a tail."""
    for _, same in groupby(
        sorted(verdicts, key=lambda each: each.get("column", "")), key=lambda each: each.get("column", "")
    ):
        verdict = next(same)
        found = [
            (side, scores)
            for side in sides
            if (scores := _scores(side, verdict.get("column", ""))) is not None
        ]
        ours = [each for each in found if each[0].is_candidate]
        if not ours or len(ours[-1][1]) < 20 or np.isin(ours[-1][1], (0.0, 1.0)).all():
            continue
        side, scores = ours[-1]
        theirs = next((each for each in found if not each[0].is_candidate), None)
        limit = verdict["worst"]["limit"] if verdict["bound"] in ("min", "max") else None
        metric, unit = _called(verdict, verdicts), verdict["unit"]
        x_label = f"{metric}{f' ({unit})' if unit not in ('', 'fraction', 'percent') else ''} of a sample"
        label = (
            f"distribution of {metric} over {len(scores)} samples of {side.name}: from {scores.min():.4g} to "
            f"{scores.max():.4g}, median {float(np.median(scores)):.4g}"
        )
        legend = [(side.name, "bar")] + ([(theirs[0].name, "outline")] if theirs else [])
        low, high = np.quantile(scores, (0.05, 0.95))
        yield Figure(
            f"How {metric} is distributed",
            f"{len(scores)} samples; nine in ten lie between {low:.4g} and {high:.4g}.",
            histogram(label, x_label, scores, theirs[1] if theirs else None, limit),
            tuple(legend),
        )


def _checkpoints(verdicts: Sequence[Verdict], sides: Sequence[Side]) -> Iterator[Figure]:
    """Quality along the numbered coordinate of a grid of checkpoints; a curve for each value of the others."""
    members = [side for side in sides if side.is_candidate and side.coordinates]
    along = _along(verdicts, members)
    if along is None:
        return
    for column, verdict in {verdict.get("column", ""): verdict for verdict in verdicts}.items():
        series: dict[str, list[Point]] = {}
        for side in members:
            found = _interval(side, verdict)
            if found is not None:
                rest = ", ".join(
                    f"{name}={value}" for name, value in side.coordinates.items() if name != along
                )
                point = Point(float(side.coordinates[along]), found.estimate, *finite(found))
                series.setdefault(rest or side.evidence["name"], []).append(point)
        drawn = [Curve(name, tuple(sorted(points, key=lambda p: p.x))) for name, points in series.items()]
        if drawn and max(len(curve.points) for curve in drawn) > 1:
            metric = _called(verdict, verdicts)
            yield Figure(
                f"{metric} over checkpoints",
                f"Each checkpoint with its interval, {_SURE * 100:g} % sure of each end.",
                curves(f"{metric} along {along}, {column}", along, metric, drawn),
                _legend(drawn),
            )


def _diversity(verdicts: Sequence[Verdict], sides: Sequence[Side]) -> Iterator[Figure]:
    """Diversity against quality: more of the one is easily had by less of the other."""
    by_metric = {verdict["metric"]: verdict for verdict in verdicts}
    diverse = [name for name in by_metric if name.startswith(_OF_DIVERSITY)]
    quality = [name for name in by_metric if name not in diverse]
    if not diverse or not quality:
        return
    for name in diverse[:2]:
        spots = []
        for side in sides:
            x, y = _interval(side, by_metric[name]), _interval(side, by_metric[quality[0]])
            if x is not None and y is not None:
                spots.append(Spot(side.name, x.estimate, y.estimate, side.is_candidate))
        if len(spots) > 1:
            label = "; ".join(
                f"{spot.name}: {name} {spot.x:.4g}, {quality[0]} {spot.y:.4g}" for spot in spots
            )
            yield Figure(
                f"{name} against {quality[0]}",
                "Diversity is worth something where quality holds.",
                scatter(label, name, quality[0], spots),
                (("candidate", "s0"), ("compared with", "s1")),
            )


def along_an_argument_figures(verdicts: Sequence[Verdict], sides: Sequence[Side]) -> Iterator[Figure]:
    """A metric over one of its own numbered arguments: the horizon of a forecast, the k of top-k."""
    for side in [side for side in sides if side.is_candidate][-1:]:
        if side.record is not None:
            for metric, argument, drawn in along_an_argument(side.record, side.name):
                label = f"{metric} along {argument}"
                yield Figure(
                    f"{metric} by {argument}", "", curves(label, argument, metric, drawn), _legend(drawn)
                )


def _of_candidates(verdicts: Sequence[Verdict], sides: Sequence[Side]) -> Iterator[Figure]:
    """What the last candidate's columns and tables hold: scores by position, curves of a training run."""
    for side in [side for side in sides if side.is_candidate][-1:]:
        if side.record is not None:
            for name, drawn in of_positions(side.record):
                caption = "The mean over the samples at each position, with its interval."
                yield Figure(f"{name} by position", caption, curves(name, "position", name, drawn))
            for title, drawn in of_training(side.record):
                yield Figure(title, "", curves(title, "step", "", drawn), _legend(drawn))


def _called(verdict: Verdict, verdicts: Sequence[Verdict]) -> str:
    """A metric's name, with its arguments where the evaluation has it with others too."""
    column = verdict.get("column", "")
    columns = {each.get("column", "") for each in verdicts if each["metric"] == verdict["metric"]}
    arguments = column.partition(".v")[2].partition(".")[2]
    return (
        f"{verdict['metric']} ({arguments.replace(',', ', ')})"
        if len(columns) > 1
        else str(verdict["metric"])
    )


def _along(verdicts: Sequence[Verdict], members: Sequence[Side]) -> str | None:
    """The coordinate with the most different numbers: steps rather than seeds."""
    names = {name for side in members for name in side.coordinates}
    numbers = {
        name: {side.coordinates.get(name) for side in members}
        for name in names
        if all(isinstance(side.coordinates.get(name), int | float) for side in members)
    }
    several = [name for name, values in numbers.items() if len(values) > 1]
    return min(several, key=lambda name: (name == "seed", -len(numbers[name]), name), default=None)


def _scores(side: Side, column: str) -> np.ndarray | None:
    return scores_of(side.record, column) if side.record is not None and column else None


def _interval(side: Side, verdict: Verdict) -> Interval | None:
    """A metric's value on one side, with its interval; None where the records do not hold it."""
    declaration = metrics().get(verdict["metric"])
    if side.record is None or declaration is None:
        return None
    limits = {"lower_limit": declaration.lower, "upper_limit": declaration.upper}
    if declaration.level == "sample":
        scores = _scores(side, verdict.get("column", ""))
        if scores is None:
            return None
        if declaration.scores == "binary" and np.isin(scores, (0.0, 1.0)).all():
            return intervals.binary(scores, _SURE)
        # Without the scores' limits: what a tail may hide takes seconds to work out, and decides nothing here.
        return intervals.mean(scores, _SURE)
    try:
        whole = side.record.set_values(verdict.get("column", ""), "").get("")
    except StoreError:
        return None
    if whole is None:
        return None
    left_out = [np.nan if value is None else value for value in whole.left_out]
    return jackknife.single(whole.value, left_out, _SURE, whole.n, **limits)


def _legend(drawn: Sequence[Curve]) -> tuple[tuple[str, str], ...]:
    if len(drawn) < 2:
        return ()
    return tuple((curve.name, f"s{number % 6}") for number, curve in enumerate(drawn))
