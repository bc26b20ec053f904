"""From the times and sizes that a record keeps to the values of its metrics."""

from __future__ import annotations

from ..errors import OutputError
from ..metrics.performance import Performance
from ..metrics.registry import load
from ..records.digests import GROUPS
from ..records.store import Record, SetValue
from ..spec.catalogue import MetricDeclaration
from .plan import MetricUse


def score_performance(record: Record, use: MetricUse, declaration: MetricDeclaration) -> None:
    """Adds a metric of time or size to a record; the jackknife leaves out groups of batches.

    Where there is no model to measure the record keeps that, for the checks that need the value.
    """
    compute = load(declaration)
    performance = Performance.from_json(record.manifest.measured["performance"])
    try:
        value = float(compute(performance))
        left_out = tuple(float(compute(performance.without(group, GROUPS))) for group in range(GROUPS))
    except OutputError as error:
        record.add_failures(use.column, "", {"": error.to_json()})
        record.add_set(use.column, "", {})
        return
    n = len(performance.milliseconds) * performance.batch_size or record.manifest.samples
    record.add_set(use.column, "", {"": SetValue(value=value, left_out=left_out, n=n)})
