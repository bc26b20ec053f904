"""What a check is compared with when its baseline was recorded: its records where they are, else its numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from ..errors import BaselineError, StoreError
from ..judging.comparable import demand_numbers
from ..judging.compared import demand_decidable
from ..judging.measured import Measured, values
from ..judging.recorded import Recorded, RecordedMetric
from ..records.columns import column_name
from ..records.excerpt import read_excerpt
from ..records.record import Record
from ..spec.catalogue import Catalogue, MetricDeclaration
from ..spec.identifiers import differing_args
from ..spec.resolved import Check, Evaluation, RecordedBaseline, Spec
from .file import MetricFile, parse


def read_baseline(declared: RecordedBaseline, folder: Path, catalogue: Catalogue) -> Recorded:
    """The recorded baseline that a spec names.

    Raises:
        BaselineError: The file is missing, is not a recorded baseline, or holds what a model scored while it
            was trained.
    """
    path = (folder / declared.recorded).resolve()
    content = parse(path)
    if content.source == "training":
        raise BaselineError(
            f"{declared.name} was measured in training and is no baseline for an evaluation",
            where=str(path),
            expected="source: validation or test",
            found="source: training",
            todo="evaluate that model on the dataset of the check, and record this",
        )
    metrics = {name: _own_unit(name, metric, catalogue, path) for name, metric in content.metrics.items()}
    return Recorded(
        name=declared.name,
        task=content.task,
        dataset=content.dataset,
        split=content.split,
        n=content.n,
        source=content.source,
        metrics=metrics,
        where=str(path),
        made_by=content.made_by,
        record=_record(path.parent / content.records) if content.records else None,
    )


def baseline_of(
    spec: Spec, evaluation: Evaluation, check: Check, catalogue: Catalogue
) -> Measured | Recorded | None:
    """The recorded baseline that a check names, known to be one that it can be compared with; None for any other.

    Nothing has to be measured for it, so that it is asked before the candidate is.

    Raises:
        BaselineError: It cannot be read, has not what the check needs, or is such that no value fails the check.
    """
    declared = spec.baselines.get(check.baseline or "")
    if declared is None:
        return None
    declaration = catalogue.metrics[check.metric]
    recorded = read_baseline(declared, spec.folder, catalogue)
    found = side(recorded, check, declaration)
    if isinstance(found, Recorded):
        demand_numbers(check, evaluation, declaration, found)
    number = recorded.metrics.get(check.metric)
    # The file's numbers are of the whole set, with default arguments.
    if number is not None and not check.slices and not differing_args(declaration.args, check.args):
        demand_decidable(check, declaration.limited(check.args), recorded.name, {"": number.value})
    return found


def side(recorded: Recorded, check: Check, declaration: MetricDeclaration) -> Measured | Recorded:
    """What a check is compared with: the baseline's records where they hold what it needs, else its numbers.

    Raises:
        BaselineError: The file and its records say different things.
    """
    record = recorded.record
    if record is None or not _holds(record, check, declaration):
        return recorded
    measured = Measured(
        name=recorded.name,
        record=record,
        role=recorded.source,
        has_model=True,
        reused=True,
        recorded=recorded.where,
    )
    number = recorded.metrics.get(check.metric)
    if number is not None and not differing_args(declaration.args, check.args):
        whole = replace(check, slices={}, cluster=None, min_samples=1)
        found = values(measured, whole, declaration)[""].number
        if not math.isclose(found, number.value, rel_tol=1e-6, abs_tol=1e-9):
            raise BaselineError(
                f"{recorded.name} and its records do not agree on {check.metric}",
                where=recorded.where,
                expected=f"{found:.6g}, as the records have it",
                found=f"{number.value:.6g}",
                todo="restore both from version control, or promote the run again",
            )
    return measured


def _holds(record: Record, check: Check, declaration: MetricDeclaration) -> bool:
    column = column_name(check.metric, declaration.version, check.args)
    if declaration.level == "set":
        return all(record.has_set(column, name) for name in (*check.slices, ""))
    fields = {*check.slices, *([check.cluster] if check.cluster else [])}
    there = set(record.columns)
    return fields <= there and (column in there or record.has_scores(column))


def _record(folder: Path) -> Record:
    try:
        return read_excerpt(folder)
    except StoreError as error:
        raise BaselineError(
            error.what, where=error.where, expected=error.expected, found=error.found, todo=error.todo
        ) from error


def _own_unit(name: str, metric: MetricFile, catalogue: Catalogue, path: Path) -> RecordedMetric:
    """The number in the metric's own unit: a percentage of a fraction is divided by 100."""
    declaration = catalogue.metrics.get(name)
    if declaration is None:
        # A metric of another tool or a later version harms nobody until a check compares with it.
        return RecordedMetric(metric.value, metric.standard_error, metric.version)
    if metric.unit == declaration.unit:
        scale = 1.0
    elif metric.unit == "percent" and declaration.unit == "fraction":
        scale = 0.01
    else:
        raise BaselineError(
            f"{name} is recorded in {metric.unit}",
            where=str(path),
            expected=f"{declaration.unit}" + (" or percent" if declaration.unit == "fraction" else ""),
            todo="correct unit: and value:",
        )
    value = metric.value * scale
    if not (math.isfinite(value) and declaration.lower <= value <= declaration.upper):
        raise BaselineError(
            f"{name} is recorded as {metric.value:g} {metric.unit}",
            where=str(path),
            expected=f"a value from {declaration.lower:g} to {declaration.upper:g} {declaration.unit}",
            todo="correct value:, or write unit: percent if that is meant",
        )
    error = metric.standard_error * scale if metric.standard_error else None
    return RecordedMetric(value, error, metric.version)
