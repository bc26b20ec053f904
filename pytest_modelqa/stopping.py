"""``stop_early``: a check as claims about a mean that can be decided on a part of the samples.

The worker asks it when to stop and the judge asks it again what was decided: the same claims, the same scores in the
same order, so the verdict is a pure function of the records. All checks of an evaluation share one order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .records.columns import column_name
from .spec.catalogue import MetricDeclaration
from .spec.resolved import Check
from .statistics.sequential import Audit, Claim, Standing

Column = Callable[[str], np.ndarray]
"""Gives a column of the samples visited so far, in the order visited."""


@dataclass(frozen=True)
class Rates:
    """How often a decision on a part of the samples may differ from that on all of them.

    Attributes:
        wrong_pass: For each check; 0 for both: ``certain``.
        wrong_fail: For all checks of the evaluation together.
    """

    wrong_pass: float
    wrong_fail: float


@dataclass(frozen=True)
class Against:
    """What a check compares with.

    Attributes:
        trivial: The task's own baseline, whose scores stand beside the model's; empty for another one.
        scores: The baseline's scores by sample id, for a paired comparison.
        number: The baseline's value, where nothing is paired.
    """

    trivial: str = ""
    scores: Mapping[str, float] | None = None
    number: float | None = None


@dataclass(frozen=True)
class EarlyCheck:
    """A check whose decision may come early."""

    check: Check
    metric: MetricDeclaration
    against: Against | None


@dataclass(frozen=True)
class EarlyClaim:
    """``sign·(candidate − factor·baseline)``, on average over a slice, is at least ``claim.threshold``.

    Attributes:
        slice: The column and the label of the slice; both empty for the whole set.
    """

    slice: tuple[str, str]
    claim: Claim
    sign: float
    factor: float


@dataclass(frozen=True)
class Populations:
    """How many samples there are.

    Attributes:
        total: In the dataset.
        labels: For each column that a check slices by, the samples of each label.
    """

    total: int
    labels: Mapping[str, Mapping[str, int]]

    def to_json(self) -> dict[str, Any]:
        """For the record's ``measured``."""
        return {"total": self.total, "labels": {name: dict(counts) for name, counts in self.labels.items()}}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Populations:
        """The inverse of ``to_json``."""
        return Populations(value["total"], value["labels"])


def order_of(key: str, total: int) -> np.ndarray:
    """The order in which samples are visited: drawn by the evaluation's key, which the model's digest is part of.

    Running the same candidate again cannot roll the dice again, and a new candidate gets an order of its own.

    >>> order_of("00" * 32, 5).tolist() == order_of("00" * 32, 5).tolist()
    True
    """
    seed = int.from_bytes(hashlib.sha256(f"order of {key}".encode()).digest()[:16])
    return np.random.default_rng(seed).permutation(total)


def rates_of(stop_early: Any) -> Rates:
    """The error rates that ``stop_early:`` states.

    >>> rates_of("certain"), rates_of({"wrong_pass": 0.01, "wrong_fail": 0.05})
    (Rates(wrong_pass=0.0, wrong_fail=0.0), Rates(wrong_pass=0.01, wrong_fail=0.05))
    """
    if stop_early == "certain":
        return Rates(0.0, 0.0)
    return Rates(stop_early["wrong_pass"], stop_early["wrong_fail"])


def hindrance(checks: Iterable[tuple[Check, MetricDeclaration]]) -> str | None:
    """Why an evaluation has to visit every sample, in words; None where it may stop early."""
    for check, metric in checks:
        if metric.level != "sample":
            return f"{check.metric} is a value of the whole set"
        if metric.needs != "outputs":
            return f"{check.metric} is computed after the last sample"
        if check.bound.kind == "trend" or check.over is not None:
            return f"{check.id} speaks of several checkpoints"
        if check.slices and check.baseline and not check.paired:
            return f"{check.id} compares slices of different samples"
        if check.bound.kind.endswith("_percent") and metric.lower < 0:
            return f"{check.id} is in percent of a value that may be negative"
        if np.isinf(metric.lower) and np.isinf(metric.upper):
            return f"{check.metric} has no limits, so no sample is certain to change little"
    return None


class Watch:
    """One check on its way to a decision.

    The error rate of wrong fails is of all checks of an evaluation together, so they share it equally. A check with
    a slice that holds no sample, or fewer than it demands, is never decided here: every sample is visited, and the
    judge of all of them says what is missing.

    Attributes:
        claims: What must hold of each slice; empty where a slice holds no sample.
    """

    def __init__(self, early: EarlyCheck, populations: Populations, rates: Rates, checks_in_all: int) -> None:
        self._early = early
        self.claims = tuple(
            claim
            for place, size in _slices(early.check, populations)
            for claim in _claims(early, place, size)
        )
        claims = [claim.claim for claim in self.claims]
        self._audit = Audit(claims, rates.wrong_pass, rates.wrong_fail / checks_in_all) if claims else None
        self._seen = np.zeros(len(claims), dtype=np.int64)

    def update(self, ids: Sequence[str], column: Column) -> None:
        """Takes the next samples of the order.

        Raises:
            OutOfRange: A score is NaN. Rounding beyond the metric's limits is cut off.
        """
        if self._audit is None:
            return
        values = np.stack([_scores(claim, self._early, ids, column) for claim in self.claims], axis=1)
        members = np.stack([_members(claim, len(ids), column) for claim in self.claims], axis=1)
        self._seen += members.sum(axis=0)
        self._audit.update(values, members)

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How each claim stands."""
        return self._audit.standings if self._audit else ()

    @property
    def decided(self) -> bool:
        """Whether every claim is decided, and on as many samples as the check demands."""
        if self._audit is None:
            return False
        enough = self._seen >= self._early.check.min_samples
        return bool(enough.all()) and not self._audit.undecided.any()


def scores_of_claim(claim: EarlyClaim, early: EarlyCheck, ids: Sequence[str], column: Column) -> np.ndarray:
    """What a claim is decided by: of each sample of its slice, in the order visited."""
    members = np.flatnonzero(_members(claim, len(ids), column))
    return _scores(claim, early, ids, column).take(members)


def _slices(check: Check, populations: Populations) -> list[tuple[tuple[str, str], int]]:
    """Each slice and how many samples it holds; none at all where one that the check names holds no sample."""
    if not check.slices:
        return [(("", ""), populations.total)]
    found = []
    for name, wanted in check.slices.items():
        counts = populations.labels.get(name, {})
        labels = list(counts) if wanted is None else list(wanted)
        if not labels or any(label not in counts for label in labels):
            return []
        found += [((name, label), counts[label]) for label in labels]
    return found


def _claims(early: EarlyCheck, place: tuple[str, str], size: int) -> list[EarlyClaim]:
    metric, bound = early.metric, early.check.bound
    direction = -1.0 if metric.higher_is_better is False else 1.0

    def claim(sign: float, factor: float, threshold: float) -> EarlyClaim:
        low, high = _limits(metric, early.against, sign, factor)
        whole = metric.scores == "binary" and factor in (0.0, 1.0)
        made = Claim(size, threshold, low, high, step=1.0 if whole else None)
        return EarlyClaim(place, made, sign, factor)

    if early.against is None:
        floors = [claim(1.0, 0.0, bound.minimum)] if bound.minimum is not None else []
        ceilings = [claim(-1.0, 0.0, -bound.maximum)] if bound.maximum is not None else []
        return floors + ceilings
    amount = bound.amount or 0.0
    number = early.against.number
    factor, constant = (1.0, 0.0) if number is None else (0.0, number)
    if bound.kind == "max_difference":
        return [claim(1.0, factor, constant - amount), claim(-1.0, factor, -constant - amount)]
    demanded = amount if bound.kind.startswith("min_improvement") else -amount
    if bound.kind.endswith("_percent"):
        share = 1.0 + direction * demanded / 100
        return [claim(direction, factor * share, direction * constant * share)]
    return [claim(direction, factor, direction * constant + demanded)]


def _limits(
    metric: MetricDeclaration, against: Against | None, sign: float, factor: float
) -> tuple[float, float]:
    """What one sample can add at least and at most."""
    paired = against is not None and against.number is None
    low = metric.lower - (factor * metric.upper if paired else 0.0)
    high = metric.upper - (factor * metric.lower if paired else 0.0)
    return (low, high) if sign > 0 else (-high, -low)


def _scores(claim: EarlyClaim, early: EarlyCheck, ids: Sequence[str], column: Column) -> np.ndarray:
    metric, check, against = early.metric, early.check, early.against
    own = np.clip(column(column_name(check.metric, metric.version, check.args)), metric.lower, metric.upper)
    if against is None or not claim.factor:
        return claim.sign * own
    if against.scores is not None:
        theirs = np.array([against.scores[sample] for sample in ids])
    else:
        theirs = column(column_name(check.metric, metric.version, check.args, against.trivial))
    difference = own - claim.factor * np.clip(theirs, metric.lower, metric.upper)
    return np.asarray(claim.sign * difference, dtype=np.float64)


def _members(claim: EarlyClaim, count: int, column: Column) -> np.ndarray:
    name, label = claim.slice
    return np.array(column(name).astype(str) == label) if name else np.ones(count, dtype=bool)
