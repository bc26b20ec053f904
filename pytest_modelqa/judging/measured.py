"""What one side of a check measured, read from its records slice by slice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..errors import ModelQAError, OutputError, StoreError
from ..metrics.fields import field_of
from ..records.columns import REPEAT_OF, column_name
from ..records.digests import GROUPS, FileDigest, group_of
from ..records.provenance import provenance_seal
from ..records.store import Record, SetValue
from ..spec.catalogue import MetricDeclaration
from ..spec.resolved import Check
from .arithmetic import real_number
from .class_shares import counted_samples
from .recorded import Recorded


@dataclass(frozen=True)
class Measured:
    """The records of one side.

    Attributes:
        name: Of the model, evaluation or trivial baseline, as the verdict calls it.
        trivial: The name of the task's own baseline whose columns are read, or None for the model's.
        role: Of the dataset that was measured on; None where there is none.
        has_model: Whether a model was measured (and not a log, or another tool's results).
        reused: The records are of an earlier run.
        note: What a reader should know of how the records came about.
        recorded: The file of the recorded baseline that the records belong to, or an empty text.
        additions: Column to the seal of what was added to the records, as they were handed out (see
            ``records.provenance.provenance_seal``).
        inputs: The files that the spec names now, by what they are; those of the record, if nothing is said.
    """

    name: str
    record: Record
    role: str | None
    has_model: bool
    trivial: str | None = None
    reused: bool = False
    note: str = ""
    recorded: str = ""
    additions: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, tuple[FileDigest, ...]] = field(default_factory=dict)

    @property
    def measures_a_model(self) -> bool:
        """Whether a model (and not a trivial baseline) was measured on data that counts as evidence."""
        return self.has_model and self.trivial is None and self.role in ("validation", "test")


@dataclass(frozen=True)
class Member:
    """One checkpoint of what a check speaks of; a model without coordinates has one member.

    Attributes:
        coordinates: Empty for a model that is no grid.
        baseline: What this member is compared with, or None.
        early_checks: How many checks decide together when its evaluation stops early; 0: it visits every sample.
    """

    coordinates: Mapping[str, Any]
    candidate: Measured
    baseline: Measured | Recorded | None
    early_checks: int = 0


@dataclass(frozen=True)
class Value:
    """A metric's value on one slice.

    Attributes:
        number: Finite and in the metric's range.
        n: Samples in the slice; one that was measured several times (``repeats``) counts once.
        scores: For a per-sample metric, the scores that the value is the mean of, in the order of the sample ids.
        clusters: What the samples have in common (``cluster:``), in the order of the scores or outcomes, or None.
        left_out: For a set-level metric, the 20 values with one group of samples left out (None: undefined).
        group_sizes: Samples in each of these groups, where the metric changes with their number; else empty.
        standard_error: Of a number that another tool measured, as that tool has it.
        outcomes: For a set-level metric of one class, 0 or 1 for each sample that the value is a share of.
    """

    number: float
    n: int
    scores: np.ndarray | None = None
    clusters: np.ndarray | None = None
    left_out: tuple[float | None, ...] = ()
    group_sizes: tuple[int, ...] = ()
    standard_error: float | None = None
    outcomes: np.ndarray | None = None

    @property
    def is_number_only(self) -> bool:
        """Whether nothing is known of the samples: another tool's number, or one of a training log."""
        nothing_left_out = all(one is None for one in self.left_out)
        return self.scores is None and self.outcomes is None and nothing_left_out


Order = np.ndarray | slice
"""Indexes the samples of a record: a permutation, or ``slice(None)`` for the order of the record."""


def values(
    side: Measured, check: Check, declaration: MetricDeclaration, order: Order = slice(None)
) -> dict[str, Value]:
    """The value on each slice that the check names: ``{"": …}`` without slices, else ``{"label=3": …}``.

    Args:
        order: Of the scores; two sides whose datasets stand in another order are paired by it.

    Raises:
        OutputError: A value cannot be judged, a slice is empty, there are fewer samples than ``min_samples``,
            or the records hold only a part of the samples.
    """
    _demand_all_samples(side.record)
    column = column_name(check.metric, declaration.version, check.args, side.trivial)
    found: dict[str, Value] = {}
    for slice_name, wanted in (check.slices or {"": None}).items():
        parts = _parts(side.record, column, slice_name, check, declaration, order, side.trivial)
        _demand_slices(parts, slice_name, wanted)
        for label, part in parts.items():
            if wanted is None or label in wanted:
                found[f"{slice_name}={label}" if slice_name else ""] = part()
    times = int(side.record.manifest.key_parts.get("repeats", 1))
    found = {name: replace(value, n=value.n // times) for name, value in found.items()}
    for name, value in found.items():
        _demand_samples(name, value, check)
    return found


def scores_of(record: Record, column: str) -> np.ndarray:
    """A score column, whether it was written with the samples or added later."""
    scores = record.column(column) if column in record.columns else record.scores(column)
    return np.asarray(scores, dtype=np.float64)


def spread(record: Record, column: str) -> tuple[float, float] | None:
    """Standard deviation of the scores within a sample and between samples; None where nothing was repeated.

    Within: of the repeats of one sample around its mean. Between: of the samples' means.
    """
    if REPEAT_OF not in record.columns:
        return None
    scores = scores_of(record, column)
    _, sample = np.unique(record.column(REPEAT_OF), return_inverse=True)
    counts = np.bincount(sample)
    means = np.bincount(sample, weights=scores) / counts
    freedom = len(scores) - len(counts)
    within = float(np.sqrt(np.sum((scores - means[sample]) ** 2) / freedom)) if freedom else 0.0
    return within, float(means.std(ddof=1)) if len(means) > 1 else 0.0


def exact_mean(scores: np.ndarray) -> float:
    """The mean of float64 scores, rounded once, so that no order of the samples changes it.

    NaN or an infinity where the scores hold one or overflow; ``real_number`` then refuses it.

    >>> exact_mean(np.full(10, 0.1)), 0.1 + 0.1 + 0.1 == 0.3
    (0.1, False)
    """
    # math.fsum raises where infinities of both signs meet, and where a sum overflows.
    if not np.isfinite(scores).all():
        return float("nan")
    try:
        return math.fsum(scores.tolist()) / len(scores)
    except OverflowError:
        return float("inf")


def demand_unchanged(check: Check, declaration: MetricDeclaration, members: Iterable[Member]) -> None:
    """Asked after the numbers were read: they are those that were handed out.

    Sessions with other versions of a package share a store, and each computes anew what metrics added to a record.

    Raises:
        StoreError: Another session replaced them meanwhile.
    """
    for member in members:
        for side in (member.candidate, member.baseline):
            if not isinstance(side, Measured):
                continue
            column = column_name(check.metric, declaration.version, check.args, side.trivial)
            if side.additions.get(column, "") not in ("", provenance_seal(side.record, column)):
                raise StoreError(
                    f"{check.metric} of {side.name} was computed again by another session while it was judged",
                    where=str(side.record.folder),
                    expected="sessions that share a store to have the same versions of packages",
                    todo="run again when the other session has ended, or give one of them a modelqa_dir of its own",
                )


def _parts(
    record: Record,
    column: str,
    slice_name: str,
    check: Check,
    declaration: MetricDeclaration,
    order: Order,
    trivial: str | None,
) -> Mapping[str, Callable[[], Value]]:
    """How to read the metric for each value of a slice; only those that the check wants have to be judgeable."""
    if declaration.level == "set":
        _demand_no_clusters(check)
        stored = record.set_values(column, slice_name)
        undefined = record.failures(column, slice_name)
        if slice_name and "" in undefined:
            _undefined(undefined[""])
        return {
            **{
                label: partial(_of_set, record, (slice_name, label), one, declaration, trivial)
                for label, one in stored.items()
            },
            **{label: partial(_undefined, error) for label, error in undefined.items()},
        }
    for error in record.failures(column, "").values():
        raise ModelQAError.from_json(dict(error))
    scores = scores_of(record, column)[order]
    # A sample that was measured several times is one sample still.
    cluster = check.cluster or (REPEAT_OF if REPEAT_OF in record.columns else None)
    clusters = field_of(record, cluster, "cluster")[order] if cluster else None
    if not slice_name:
        return {"": partial(_mean, scores, clusters, declaration)}
    labels = field_of(record, slice_name)[order]
    return {
        str(label): partial(_mean_of_rows, labels == label, scores, clusters, declaration)
        for label in np.unique(labels)
    }


def _undefined(error: Mapping[str, str | None]) -> Value:
    """A value that the worker could not compute; only a check that needs it is an error."""
    raise ModelQAError.from_json(dict(error))


def _of_set(
    record: Record,
    place: tuple[str, str],
    stored: SetValue,
    declaration: MetricDeclaration,
    trivial: str | None,
) -> Value:
    share = counted_samples(record, declaration, *place, trivial)
    sizes = _group_sizes(record, *place) if declaration.size_dependent else ()
    return Value(
        real_number(stored.value, declaration),
        stored.n,
        left_out=stored.left_out,
        group_sizes=sizes,
        standard_error=stored.standard_error,
        outcomes=share[1][share[0]].astype(np.float64) if share else None,
        clusters=record.column(REPEAT_OF)[share[0]] if share and REPEAT_OF in record.columns else None,
    )


def _group_sizes(record: Record, slice_name: str, label: str) -> tuple[int, ...]:
    """How many samples of a slice each of the groups holds that are left out in turn."""
    ids = record.column(REPEAT_OF) if REPEAT_OF in record.columns else record.ids
    if slice_name:
        ids = ids[field_of(record, slice_name).astype(str) == label]
    groups = [group_of(sample) for sample in ids.tolist()]
    return tuple(np.bincount(groups, minlength=GROUPS).tolist())


def _mean_of_rows(
    rows: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None, declaration: MetricDeclaration
) -> Value:
    return _mean(scores[rows], None if clusters is None else clusters[rows], declaration)


def _mean(scores: np.ndarray, clusters: np.ndarray | None, declaration: MetricDeclaration) -> Value:
    if not len(scores):
        raise OutputError("there are no samples", expected="at least one", todo="look at the dataset")
    number = real_number(exact_mean(scores), declaration)
    return Value(number, len(scores), scores=scores, clusters=clusters)


def _demand_no_clusters(check: Check) -> None:
    if check.cluster is not None:
        raise OutputError(
            f"{check.metric} is a value of the whole set and cannot be clustered",
            expected="cluster: only with a metric that is a mean over samples",
            todo="leave out confidence: and cluster: here, or check such a metric: without cluster: samples of one"
            f" {check.cluster} would count as independent",
        )


def _demand_all_samples(record: Record) -> None:
    if not record.manifest.complete:
        raise OutputError(
            "the records hold only a part of the samples",
            expected="every sample of the dataset",
            found=f"{record.manifest.samples} samples",
            todo="run again",
        )


def _demand_slices(parts: Iterable[str], slice_name: str, wanted: tuple[str, ...] | None) -> None:
    present = set(parts)
    if not present:
        raise OutputError(
            f"there are no samples to slice by {slice_name}",
            expected="at least one",
            todo="look at the dataset",
        )
    missing = [label for label in wanted or () if label not in present]
    if missing:
        raise OutputError(
            f"no sample is in slice {slice_name}={missing[0]}",
            expected=f"samples with {slice_name} " + ", ".join(wanted or ()),
            found=f"{len(missing)} of these slices are empty: " + ", ".join(missing[:5]),
            todo="correct slices:, or the dataset",
        )


def _demand_samples(name: str, value: Value, check: Check) -> None:
    if value.n < max(check.min_samples, 1):
        raise OutputError(
            f"{check.metric} was measured on {value.n} samples" + (f" of {name}" if name else ""),
            expected=f"at least {check.min_samples} (min_samples)",
            todo="measure on more samples, or lower min_samples if fewer are enough evidence",
        )
