"""One number, or one score a sample, out of another tool's results, with what the spec states of it."""

from __future__ import annotations

import math

import numpy as np

from ..errors import OutputError
from ..records.digests import GROUPS
from ..records.store import SetValue
from ..spec.spelling import quoted
from .results import Reported, Results

# Numbers are reported with three or four digits.
_ROUNDING = 1e-3


def score(
    results: Results,
    *,
    name: str,
    unit: str,
    higher_is_better: bool | None,
    binary: bool = False,
    lower: float | None = None,
    upper: float | None = None,
) -> np.ndarray:
    """The scores of the samples under a name, shape (n,), percent as fractions.

    Args:
        lower: The least legal score, and ``upper`` the greatest: the metric's declaration has taken them already.

    Raises:
        OutputError: There are none; they are not binary; their mean is not what the source reports; the source
            has the other direction.

    >>> judged = Results(ids=("a", "b"), scores={"exact_match": np.array([0.0, 100.0])})
    >>> score(judged, name="exact_match", unit="percent", higher_is_better=True).tolist()
    [0.0, 1.0]
    """
    if name not in results.scores:
        raise OutputError(
            f"the results have no score {name!r} for each sample",
            expected="one of: " + (", ".join(sorted(results.scores)) or "none; they hold no samples"),
            todo="correct name:, or use the metric recorded_value, which compares numbers only",
        )
    scores = results.scores[name]
    reported = results.values.get(results.means.get(name, ""))
    if reported is not None:
        _demand_direction(name, reported.higher_is_better, higher_is_better)
        mean = float(np.mean(scores))
        if not math.isnan(mean) and abs(mean - reported.value) > _ROUNDING * max(1.0, abs(reported.value)):
            raise OutputError(
                f"the scores of {name} are not those that the source reports the mean of",
                expected=f"a mean of {reported.value:g}",
                found=f"{mean:g} over {len(scores)} samples",
                todo="look for samples that are missing, or for another way of taking the mean",
            )
    # A sample without a score is refused by its id, later.
    known = scores[~np.isnan(scores)]
    one = 100.0 if unit == "percent" else 1.0
    if binary and not np.isin(known, (0.0, one)).all():
        raise OutputError(
            f"the scores of {name} are not all 0 or {one:g}",
            found=f"values from {known.min():g} to {known.max():g}",
            todo="remove binary: true, or write unit: fraction if 1 is all of it",
        )
    return scores / 100 if unit == "percent" else scores


def value(
    results: Results,
    *,
    name: str,
    unit: str,
    higher_is_better: bool | None,
    n: int | None = None,
    standard_error: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
) -> SetValue:
    """The number under a name, percent as a fraction; nothing is known of its samples.

    Args:
        n: Samples that it was measured on, where the source does not say.
        lower: The least legal value, and ``upper`` the greatest: the metric's declaration has taken them already.
        standard_error: Where the source does not say, in its unit.

    Raises:
        OutputError: There is no such number; the source says another n or direction, or the spec does not say
            what the source does not.

    >>> reported = Results(values={"mAP": Reported(34.02)})
    >>> round(value(reported, name="mAP", unit="percent", higher_is_better=True, n=5000).value, 4)
    0.3402
    """
    reported = _reported(results, name)
    _demand_direction(name, reported.higher_is_better, higher_is_better)
    count = _agreed(name, "n", reported.n, n)
    if count is None:
        raise OutputError(
            f"the source does not say on how many samples {name} was measured",
            expected="args: {n: …}",
            todo="write n: into the check's args",
        )
    error = _agreed(name, "standard_error", reported.standard_error, standard_error)
    scale = 0.01 if unit == "percent" else 1.0
    return SetValue(
        value=reported.value * scale,
        left_out=(None,) * GROUPS,
        n=int(count),
        standard_error=None if error is None else error * scale,
    )


def _reported(results: Results, name: str) -> Reported:
    if name in results.undefined:
        raise OutputError(f"{name} has no value", found=results.undefined[name], todo="check another metric")
    if name in results.texts:
        raise OutputError(
            f"{name} is text, and no number",
            expected="a number, without quotes",
            found=f"the text {quoted(results.texts[name])}",
            todo="write the number into the file, or correct name: in the check's args",
        )
    if name not in results.values:
        raise OutputError(
            f"the results have no number {name!r}",
            expected="one of: " + (", ".join(sorted(results.values)[:30]) or "none"),
            todo="correct name: in the check's args",
        )
    reported = results.values[name]
    if not math.isfinite(reported.value):
        # Python's JSON reads NaN and Infinity, and trainers write them.
        raise OutputError(
            f"{name} is {str(reported.value).replace('nan', 'NaN')}",
            expected="a finite number",
            todo="look at the run that wrote it: one that diverged has no result",
        )
    return reported


def _agreed(name: str, what: str, theirs: float | None, stated: float | None) -> float | None:
    if theirs is not None and stated is not None and theirs != stated:
        raise OutputError(
            f"the spec and the source of {name} do not agree on {what}",
            expected=f"{theirs:g}, as the source says",
            found=f"{stated:g} in the spec",
            todo=f"remove {what}: from the check's args",
        )
    return theirs if stated is None else stated


def _demand_direction(name: str, theirs: bool | None, stated: bool | None) -> None:
    if theirs is not None and stated is not None and theirs != stated:
        raise OutputError(
            f"the spec has the direction of {name} the wrong way round",
            expected=f"higher_is_better: {str(theirs).lower()}, as the source says",
            found=f"higher_is_better: {str(stated).lower()}",
            todo="correct higher_is_better: in the check's args",
        )
