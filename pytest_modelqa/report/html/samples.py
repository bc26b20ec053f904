"""The sample browser: a row a sample with its scores and fields, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import StoreError
from ...records.columns import REPEAT_OF
from ...records.record import Record
from ...spec.numbers import format_bound, format_value
from .measured import columns_of, scores_of

_MOST_ROWS = 120
# Of a detection: how many objects of the image were not found.
MISSED = "missed"
_MOST_SCORES = 6
_MOST_FIELDS = 6
_MOST_LABELS = 60
_LONGEST_TEXT = 160


@dataclass(frozen=True)
class Score:
    """A per-sample metric that was checked.

    Attributes:
        column: Its column in the records.
        limit: The bound of its check, or None where it is no bound on the value itself.
    """

    metric: str
    column: str
    unit: str
    higher_is_better: bool | None
    limit: float | None
    at_least: bool


@dataclass(frozen=True)
class Row:
    """One sample.

    Attributes:
        meets: What the judgement says of it; None where there is none.
        labels: The slices that it belongs to, by field.
    """

    id: str
    meets: bool | None
    scores: tuple[str, ...]
    fields: tuple[str, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Judgement:
    """How single samples are told apart: right and wrong, or by the bound that all of them together have to meet.

    Attributes:
        meets: Shape (n,).
        heading: Of the column.
        words: Of a sample that meets it, and of one that does not.
        said: How many do not.
    """

    meets: np.ndarray
    heading: str
    words: tuple[str, str]
    said: str


@dataclass(frozen=True)
class Samples:
    """The rows that are shown, of how many, in what order; and what they can be filtered by."""

    scores: tuple[str, ...]
    fields: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int
    order: str
    judgement: Judgement | None
    filters: Mapping[str, tuple[str, ...]]


def samples_of(
    record: Record, scores: Sequence[Score], slices: Sequence[str], most: int = _MOST_ROWS
) -> Samples | None:
    """The sample browser of a record; None where it can show nothing of a sample.

    Two thirds of the rows are the worst samples by the first metric, or by what was missed of them; the rest is
    spread evenly over the others.
    """
    values = {score.column: scores_of(record, score.column) for score in scores}
    known = [(score, found) for score in scores if (found := values[score.column]) is not None][:_MOST_SCORES]
    try:
        ids = record.ids
    except StoreError:
        return None
    columns = columns_of(record)
    order, said = _worst_first(known, columns, len(ids))
    if not said:
        return None
    chosen = _chosen(order, most)
    judgement = _judgement(known)
    fields = _fields(columns, slices)
    rows = tuple(
        Row(
            id=_short(str(ids[at])),
            meets=None if judgement is None else bool(judgement.meets[at]),
            scores=tuple(format_value(float(found[at]), score.unit) for score, found in known),
            fields=tuple(_short(_words(columns[name][at])) for name in fields),
            labels={name: _plain(columns[name][at]) for name in slices if name in columns},
        )
        for at in chosen
    )
    return Samples(
        scores=tuple(score.metric for score, _ in known),
        fields=tuple(fields),
        rows=rows,
        total=len(ids),
        order=said,
        judgement=judgement,
        filters={
            name: tuple(sorted({row.labels[name] for row in rows}, key=_natural))[:_MOST_LABELS]
            for name in slices
            if name in columns
        },
    )


def _worst_first(
    known: Sequence[tuple[Score, np.ndarray]], columns: Mapping[str, np.ndarray], count: int
) -> tuple[np.ndarray, str]:
    """The order of the samples, and what it is called; nothing where nothing is known of single samples."""
    if known:
        score, values = known[0]
        if score.higher_is_better is False:
            return np.argsort(-values, kind="stable"), f"highest {score.metric} first"
        return np.argsort(values, kind="stable"), f"lowest {score.metric} first"
    missed = columns.get(MISSED)
    if missed is None or missed.dtype.kind not in "iuf" or missed.shape != (count,):
        return np.arange(count), ""
    return np.argsort(-missed.astype(np.float64), kind="stable"), "most missed first"


def _chosen(order: np.ndarray, most: int) -> list[int]:
    if len(order) <= most:
        return [int(at) for at in order]
    worst = most * 2 // 3
    rest = order[worst:]
    spread = np.unique(np.linspace(0, len(rest) - 1, most - worst).round().astype(int))
    return [int(at) for at in (*order[:worst], *rest[spread])]


def _judgement(known: Sequence[tuple[Score, np.ndarray]]) -> Judgement | None:
    """By the first metric that allows one; what is right or wrong is not held against the bound of a mean."""
    for score, values in known:
        count = f"{len(values):,}"
        if score.higher_is_better is not None and np.isin(values, (0.0, 1.0)).all():
            good = 1.0 if score.higher_is_better else 0.0
            meets = values == good
            wrong = f"{np.count_nonzero(~meets):,} of {count} wrong by {score.metric}"
            return Judgement(meets, "verdict", ("right", "wrong"), wrong)
        if score.limit is not None:
            meets = values >= score.limit if score.at_least else values <= score.limit
            bound = f"{'≥' if score.at_least else '≤'} {format_bound(score.limit, score.unit)}"
            missing = f"{np.count_nonzero(~meets):,} of {count} miss {score.metric} {bound}"
            said = f"taken singly {missing}, which is a bound on all of them together"
            return Judgement(meets, f"{score.metric} {bound}", ("meets", "misses"), said)
    return None


def _fields(columns: Mapping[str, np.ndarray], slices: Sequence[str]) -> list[str]:
    """The slices, then what else is light: text, labels, counts; no scores, which are numbers with a version."""
    named = [name for name in (*slices, MISSED) if name in columns]
    rest = [
        name
        for name, values in columns.items()
        if name not in named
        and (values.ndim == 1 or values.dtype.kind == "U")
        and ".v" not in name
        and name != REPEAT_OF
        # What is the same for all tells no sample from another.
        and len(values)
        and not (values == values[0]).all()
    ]
    return list(dict.fromkeys([*named, *rest]))[:_MOST_FIELDS]


def _words(value: object) -> str:
    """A field; of several texts (the generations of a prompt) the first, and how many more."""
    if isinstance(value, np.ndarray):
        more = f" (and {len(value) - 1} more)" if len(value) > 1 else ""
        return f"{_short(str(value[0]), _LONGEST_TEXT - len(more))}{more}"
    return _plain(value)


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def _short(text: str, most: int = _LONGEST_TEXT) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _natural(label: str) -> tuple[int, float, str]:
    """Numbers by size, before words."""
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
