"""What is measured of a training log; each function takes the log and gives one value and its number of points."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from ..errors import OutputError
from ..records.digests import GROUPS
from ..records.store import SetValue
from .log import Log, Series

# Fewer different values than this may agree by chance, or because nothing has happened yet.
_LEAST_POINTS = 3
# This share of the log's steps.
_WELL_BEFORE = 0.1
# How series of data that training does not see are called.
HELD_OUT = re.compile(r"(?:^|[^a-z])(?:val|valid|validation|eval|evaluation|test|dev|held_?out)(?:[^a-z]|$)")


def final(log: Log, *, series: str, higher_is_better: bool | None = None) -> SetValue:
    """The last value that was logged; which way is better is for the metric's declaration alone.

    >>> final(Log({"loss": Series(np.arange(3.0), np.array([3.0, 2.0, 1.5]))}), series="loss").value
    1.5
    """
    found = _finite(log, series)
    return _value(float(found.values[-1]), len(found))


def best(log: Log, *, series: str, higher_is_better: bool) -> SetValue:
    """The greatest value, or the least where lower is better.

    >>> losses = Series(np.arange(3.0), np.array([3.0, 1.5, 2.0]))
    >>> best(Log({"loss": losses}), series="loss", higher_is_better=False).value
    1.5
    """
    found = _finite(log, series)
    return _value(float(found.values[_best_at(found, higher_is_better=higher_is_better)]), len(found))


def best_step(log: Log, *, series: str, higher_is_better: bool) -> SetValue:
    """The step of the best value; of equal ones the first.

    >>> losses = Series(np.array([100.0, 200.0, 300.0]), np.array([3.0, 1.5, 1.5]))
    >>> best_step(Log({"loss": losses}), series="loss", higher_is_better=False).value
    200.0
    """
    found = _finite(log, series)
    return _value(float(found.steps[_best_at(found, higher_is_better=higher_is_better)]), len(found))


def reduction(log: Log, *, series: str) -> SetValue:
    """By which share of its first absolute value a series fell: (first − last) / |first|.

    >>> reduction(Log({"loss": Series(np.arange(2.0), np.array([4.0, 1.0]))}), series="loss").value
    0.75
    """
    found = _finite(log, series)
    first, last = float(found.values[0]), float(found.values[-1])
    if len(found) < 2 or first == 0:
        raise OutputError(
            f"the reduction of {series!r} is undefined",
            expected="two points or more, the first of them not 0",
            found=f"{len(found)} points, the first {first:g}",
            todo="log the series from the start of training",
        )
    return _value((first - last) / abs(first), len(found))


def plateau(log: Log, *, series: str, higher_is_better: bool, min_delta: float = 0.0) -> SetValue:
    """The share of the steps since the best value was last beaten by more than ``min_delta``.

    0: the last point is the best; 0.5: the second half of the training brought nothing.

    >>> values = np.array([3.0, 2.0, 1.0, 1.0, 1.0])
    >>> plateau(Log({"loss": Series(np.arange(5.0), values)}), series="loss", higher_is_better=False).value
    0.5
    """
    found = _finite(log, series)
    length = float(found.steps[-1] - found.steps[0])
    if length <= 0:
        raise OutputError(
            f"the plateau of {series!r} is undefined",
            expected="two steps or more",
            found=f"{len(found)} points",
            todo="train longer, or log more often",
        )
    record, since = -np.inf, float(found.steps[0])
    for step, value in zip(
        found.steps.tolist(), found.values if higher_is_better else -found.values, strict=True
    ):
        if value > record + min_delta:
            record, since = float(value), step
    return _value((float(found.steps[-1]) - since) / length, len(found))


def finite(log: Log, *, series: str | None = None) -> SetValue:
    """The share of the values that are numbers: NaN and Inf are none. Without ``series``, of all of them.

    >>> finite(Log({"loss": Series(np.arange(4.0), np.array([3.0, 2.0, np.nan, np.inf]))})).value
    0.5
    """
    chosen = [_named(log, series)] if series is not None else list(log.series.values())
    values = np.concatenate([each.values for each in chosen])
    return _value(float(np.isfinite(values).mean()), len(values))


def gap(log: Log, *, train: str, val: str, higher_is_better: bool) -> SetValue:
    """How much worse the validation is than the training, at the last step of the validation.

    Of the training the last value at or before that step counts.

    Raises:
        OutputError: Both are the same to the last digit, so that no gap was measured.

    >>> steps = np.arange(2.0)
    >>> log = Log({"loss": Series(steps, np.array([3.0, 1.0])), "val": Series(steps, np.array([3.0, 1.5]))})
    >>> gap(log, train="loss", val="val", higher_is_better=False).value
    0.5
    """
    ours, theirs = _finite(log, train), _finite(log, val)
    if _alike(ours, theirs):
        raise _same_series(train, val, len(ours))
    at = int(np.searchsorted(ours.steps, theirs.steps[-1], side="right")) - 1
    if at < 0:
        raise OutputError(
            f"{train!r} was not logged before the last step of {val!r}",
            found=f"steps from {ours.steps[0]:g} and {theirs.steps[-1]:g}",
            todo="log both from the start of training",
        )
    difference = float(theirs.values[-1]) - float(ours.values[at])
    return _value(-difference if higher_is_better else difference, len(theirs))


def share(log: Log, *, term: str, total: str, weight: float = 1.0, points: int | None = None) -> SetValue:
    """How large a weighted term of a loss is: Σ |weight · term| / Σ |total| over the steps that have both.

    Args:
        points: Only the first so many steps.

    >>> log = Log({"diversity": Series(np.arange(2.0), np.array([0.25, 0.25])),
    ...            "quality": Series(np.arange(2.0), np.array([3.0, 3.0]))})
    >>> round(share(log, term="diversity", total="quality", weight=0.3).value, 4)
    0.025
    """
    part, whole = _finite(log, term), _finite(log, total)
    common, of_part, of_whole = np.intersect1d(part.steps, whole.steps, return_indices=True)
    chosen = slice(None, points)
    sums = np.abs(whole.values[of_whole][chosen]).sum()
    if not len(common) or sums == 0:
        raise OutputError(
            f"the share of {term!r} in {total!r} is undefined",
            expected=f"steps at which both were logged, {total!r} not 0 at all of them",
            found=f"{len(common)} such steps",
            todo="log both at the same steps",
        )
    weighted = np.abs(weight * part.values[of_part][chosen]).sum()
    return _value(float(weighted / sums), len(common[chosen]))


def doubtful(log: Log) -> tuple[str, ...]:
    """What is doubtful of a log whoever looks at it.

    Two series that are the same to the last digit, and one that ends well before the log does: a blank cell of CSV
    may stand for NaN, as pandas writes it.
    """
    copies = (
        f"{val!r} is {train!r} to the last digit at all {len(log.series[val])} steps: nothing was held out"
        for train, val in _copies(log)
    )
    return (*copies, *_ending_early(log))


def _ending_early(log: Log) -> Iterator[str]:
    first = min(float(series.steps[0]) for series in log.series.values())
    last = log.last_step
    if last is None:
        last = max(float(series.steps[-1]) for series in log.series.values())
    for name, series in log.series.items():
        end = float(series.steps[-1])
        # What is logged at every thousandth step ends up to a thousand steps before the log.
        pause = float(np.diff(series.steps).max(initial=0.0))
        if last - end > max(pause, _WELL_BEFORE * (last - first)):
            yield f"{name!r} ends at step {end:g}, the log at step {last:g}: what came after may be NaN left blank"


def _copies(log: Log) -> list[tuple[str, str]]:
    """Pairs of a series and one that is named as held out, with the same values at the same steps."""
    found = []
    for one, other in combinations(log.series, 2):
        held_out = [name for name in (one, other) if HELD_OUT.search(name.lower())]
        if len(held_out) == 1 and _alike(log.series[one], log.series[other]):
            found.append((other if held_out[0] == one else one, held_out[0]))
    return found


def _alike(one: Series, other: Series) -> bool:
    """The same to the last digit. A constant, such as an accuracy of 1, may be that on other data too."""
    same = np.array_equal(one.steps, other.steps) and np.array_equal(one.values, other.values)
    return same and len(np.unique(one.values)) >= _LEAST_POINTS


def _named(log: Log, name: str) -> Series:
    if name not in log.series:
        raise OutputError(
            f"the log has no series {name!r}",
            expected="one of: " + ", ".join(sorted(log.series)),
            todo="correct the check's args, or log it",
        )
    return log.series[name]


def _finite(log: Log, name: str) -> Series:
    """A series of finite numbers that is what its name says."""
    found = _named(log, name)
    bad = ~np.isfinite(found.values)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise OutputError(
            f"{name} is no number at {int(bad.sum())} of {len(found)} points",
            found=f"{found.values[first]} at step {found.steps[first]:g}",
            todo="look at the training there; in JSON null is NaN: leave names out of rows that did not log them",
        )
    for train, val in _copies(log):
        if name == val:
            raise _same_series(train, val, len(found))
    return found


def _same_series(train: str, val: str, points: int) -> OutputError:
    return OutputError(
        f"{val!r} is {train!r} to the last digit: it was not measured on held-out data",
        expected="other numbers, from data that training does not see",
        found=f"the same values at all {points} points",
        todo="look at which data the validation loss is computed on",
    )


def _best_at(found: Series, *, higher_is_better: bool) -> int:
    return int(np.argmax(found.values if higher_is_better else -found.values))


def _value(value: float, points: int) -> SetValue:
    return SetValue(value=value, left_out=(None,) * GROUPS, n=points)
