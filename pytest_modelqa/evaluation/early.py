"""When an evaluation with ``stop_early`` may stop, asked by the worker batch by batch and of records in the store."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..metrics.registry import metrics
from ..records.columns import column_name
from ..records.store import Record
from ..spec.catalogue import MetricDeclaration
from ..spec.resolved import Check
from ..stopping import Against, EarlyCheck, Populations, Watch, rates_of
from .plan import Early, Job


def watches(job: Job, baselines: Sequence[Record | None], populations: Populations) -> tuple[Watch, ...]:
    """One for each check of the evaluation, before the first sample.

    Args:
        baselines: For each of the job's early checks, the records that it compares with.
    """
    rates = rates_of(job.evaluation.stop_early)
    return tuple(
        Watch(_early_check(early, record), populations, rates, len(job.early))
        for early, record in zip(job.early, baselines, strict=True)
    )


def is_decided(record: Record, job: Job, baselines: Sequence[Record | None]) -> bool:
    """Whether records of a part of the samples decide every check of the evaluation."""
    populations = Populations.from_json(record.manifest.measured["early"])
    columns = cached(record)
    ids = record.ids.tolist()
    for watch in watches(job, baselines, populations):
        watch.update(ids, columns)
        if not watch.decided:
            return False
    return True


def cached(record: Record) -> Callable[[str], np.ndarray]:
    """Reads each column of a record once."""
    known: dict[str, np.ndarray] = {}

    def column(name: str) -> np.ndarray:
        if name not in known:
            known[name] = record.column(name)
        return known[name]

    return column


def populations_of(scalars: Mapping[str, np.ndarray], job: Job, total: int) -> Populations:
    """The labels of every column that a check of the evaluation slices by.

    Not of one with NaN, which is no label: nothing is decided early then, and the judge of all samples says so.
    """
    sliced = {name for early in job.early for name in early.check.slices if name in scalars}
    names = {name for name in sliced if scalars[name].dtype.kind != "f" or not np.isnan(scalars[name]).any()}
    counts = {name: np.unique(scalars[name].astype(str), return_counts=True) for name in sorted(names)}
    return Populations(
        total,
        {name: dict(zip(labels.tolist(), n.tolist(), strict=True)) for name, (labels, n) in counts.items()},
    )


def _early_check(early: Early, record: Record | None) -> EarlyCheck:
    metric = metrics()[early.check.metric].limited(early.check.args)
    if early.trivial:
        return EarlyCheck(early.check, metric, Against(trivial=early.trivial))
    if record is None:
        return EarlyCheck(early.check, metric, None)
    return EarlyCheck(early.check, metric, against_record(early.check, metric, record))


def against_record(check: Check, metric: MetricDeclaration, record: Record) -> Against:
    """What a check compares with, from complete records: scores to pair with, or their mean."""
    scores = record.column(column_name(check.metric, metric.version, check.args)).astype(np.float64)
    if check.paired:
        return Against(scores=dict(zip(record.ids.tolist(), scores.tolist(), strict=True)))
    # Rounded once, as the judge does: the two must agree at the bound.
    return Against(number=math.fsum(scores.tolist()) / len(scores))
