"""A baseline that was measured earlier: its numbers, and its records where somebody kept them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import BaselineError
from ..records.record import Record
from ..spec.catalogue import MetricDeclaration
from ..spec.identifiers import differing_args
from ..spec.resolved import Check


@dataclass(frozen=True)
class RecordedMetric:
    """One number of a recorded baseline, in the metric's own unit.

    Attributes:
        version: Of the metric that measured it, or None where the file does not say.
    """

    value: float
    standard_error: float | None
    version: int | None = None


@dataclass(frozen=True)
class Recorded:
    """A recorded baseline.

    Attributes:
        n: Samples that it was measured on, or None where the file does not say.
        metrics: By name; only of metrics without arguments, or with their default ones.
        where: The file.
        source: The part of the data that it was measured on.
        record: The records that lie beside the file, or None.
    """

    name: str
    task: str
    dataset: str | None
    split: str | None
    n: int | None
    metrics: Mapping[str, RecordedMetric]
    where: str
    made_by: Mapping[str, Any]
    source: Literal["validation", "test"] = "test"
    record: Record | None = None


def recorded_metric(
    recorded: Recorded, check: Check, declaration: MetricDeclaration, n: int | None
) -> RecordedMetric:
    """The baseline's number for a check measured on ``n`` samples; None before it is measured.

    Raises:
        BaselineError: The file has no such number, or it was measured with other arguments or on another number
            of samples.
    """
    if check.slices:
        raise BaselineError(
            f"{recorded.name} has no values by slice",
            where=recorded.where,
            todo="compare the whole set, or name a model or an evaluation as the baseline",
        )
    args = differing_args(declaration.args, check.args)
    if args:
        raise BaselineError(
            f"{recorded.name} has {declaration.name} with its default arguments only",
            where=recorded.where,
            found="args: " + ", ".join(f"{name}: {value}" for name, value in args.items()),
            todo="name a model or an evaluation as the baseline, so that both sides are measured alike",
        )
    found = recorded.metrics.get(declaration.name)
    if found is None:
        raise BaselineError(
            f"{recorded.name} has no {declaration.name}",
            where=recorded.where,
            expected=f"metrics: {{{declaration.name}: {{value: …, unit: {declaration.unit}}}}}",
            found="metrics " + (", ".join(sorted(recorded.metrics)) or "none"),
            todo="record it, or compare with another baseline",
        )
    if found.version is not None and found.version != declaration.version:
        raise BaselineError(
            f"{recorded.name} has {declaration.name} of another version of the metric, which gives other values",
            where=recorded.where,
            expected=f"version {declaration.version}",
            found=f"version {found.version}",
            todo="measure the baseline's model again with this version, and promote that run",
        )
    if check.paired and None not in (n, recorded.n) and recorded.n != n:
        raise BaselineError(
            f"{recorded.name} was measured on {recorded.n} samples, the candidate on {n}",
            where=recorded.where,
            expected="the same samples on both sides",
            todo="measure the baseline on these samples, or write paired: false if the sides are meant to differ",
        )
    return found
