"""Rules between the keys of a check, and between the checks of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .catalogue import MetricDeclaration, TaskDeclaration
from .document import Written
from .names import Names
from .nodes import Node
from .numbers import format_bound
from .problems import Problems
from .resolved import Bound, Check, Evaluation
from .schema import CheckEntry
from .spelling import listed, quoted


def check_comparison(
    check: Written[CheckEntry],
    metric: MetricDeclaration,
    baseline: str | None,
    at: Node,
    paired: bool,
    evaluation: Evaluation,
    task: TaskDeclaration,
    others: Mapping[str, tuple[str | None, TaskDeclaration | None]],
    names: Names,
    problems: Problems,
) -> None:
    """Adds a problem unless a check that compares has something to compare with.

    Args:
        check: As written.
        metric: What it measures.
        baseline: What it compares with.
        at: Where the baseline is written.
        paired: Whether both sides must be the same samples.
        evaluation: The one that it belongs to.
        task: That evaluation's task.
        others: For each evaluation of the spec, its dataset and its task, as far as they are known.
        names: The names of the spec.
        problems: Gets what is wrong.
    """
    kinds: tuple[str, ...] = ("evaluation", "recorded baseline")
    if task.needs_model:
        kinds = ("model", *kinds)
    itself = (evaluation.name, evaluation.model)
    choices = [*(name for name in names.of(*kinds) if name not in itself), *task.baselines]
    if baseline is None:
        problems.add(
            "no-baseline",
            f"{check.name} compares, and has no baseline",
            check.key,
            expected=f"baseline: one of {listed(choices)}",
        )
    elif baseline in itself:
        problems.add(
            "compares-with-itself",
            f"{check.name} compares {quoted(baseline)} with itself",
            at,
            expected="another model, evaluation or recorded baseline",
        )
    else:
        names.check_any(baseline, kinds, choices, at, check.name, problems)
        if names.kinds.get(baseline) == "evaluation":
            _check_other(check, metric, baseline, at, paired, evaluation, others[baseline], problems)


def _check_other(
    check: Written[CheckEntry],
    metric: MetricDeclaration,
    baseline: str,
    at: Node,
    paired: bool,
    evaluation: Evaluation,
    other: tuple[str | None, TaskDeclaration | None],
    problems: Problems,
) -> None:
    dataset, task = other
    if task is not None and metric.name not in task.metrics:
        problems.add(
            "not-comparable",
            f"{check.name} compares {metric.name}, which the evaluation {quoted(baseline)} cannot measure",
            at,
            expected=f"a metric of the task {task.name}: {listed(task.metrics)}",
        )
    if paired and dataset is not None and dataset != evaluation.dataset:
        problems.add(
            "not-comparable",
            f"{check.name} compares sample by sample, and {quoted(baseline)} runs on other samples",
            at,
            expected=f"the dataset {quoted(evaluation.dataset or '')} on both sides",
            found=f"the dataset {quoted(dataset)}",
            todo="write paired: false, if the two sides are different samples",
        )


def check_without_effect(check: Written[CheckEntry], bound: Bound, problems: Problems) -> None:
    """Adds a problem for each key that means nothing beside the check's bound."""
    assert check.entry is not None
    useless: list[str] = []
    if not bound.compares:
        useless += [key for key in ("baseline", "paired") if key in check.entry.model_fields_set]
    if bound.kind != "trend":
        useless += [key for key in ("along", "tolerance") if key in check.entry.model_fields_set]
    for key in useless:
        problems.add(
            "without-effect",
            f"{key} of {check.name} has no effect beside {bound.kind}",
            check.node.value[key].key,
            expected="a bound that compares: min_improvement, max_degradation, max_difference"
            if key in ("baseline", "paired")
            else "trend",
            todo=f"remove {key}, or write the bound that is meant",
        )


def check_interval(check: Check, written: Written[CheckEntry], stop_early: Any, problems: Problems) -> None:
    """Adds a problem where ``confidence`` and what goes with it do not fit."""
    if check.confidence is not None and stop_early is not None:
        problems.add(
            "contradiction",
            f"{written.name} has confidence, and its evaluation stop_early",
            written.at("confidence"),
            expected="one of them: an interval is made for all samples, early stopping looks at some",
        )
    for key in ("on_inconclusive", "cluster"):
        if check.confidence is None and written.entry and key in written.entry.model_fields_set:
            problems.add(
                "without-effect",
                f"{key} of {written.name} has no effect without confidence",
                written.at(key),
                todo=f"add confidence: 0.95, or remove {key}",
            )
    may_drop = check.bound.trend in ("non_decreasing", "best_is_last")
    if may_drop and check.confidence is not None and not check.tolerance:
        problems.add(
            "missing-key",
            f"{written.name} has confidence, and no tolerance",
            written.at("trend"),
            expected="tolerance: more than 0; that a drop is exactly 0 no number of samples can show",
        )


def check_grid(
    check: Check,
    written: Written[CheckEntry],
    coordinates: Mapping[str, Sequence[Any]],
    problems: Problems,
) -> None:
    """Adds a problem where a check names coordinates that its model does not have."""
    named = [("along", check.along), ("over", check.over), *(("at", name) for name in check.at)]
    for key, name in named:
        if name is not None and name not in coordinates:
            problems.add(
                "unknown-coordinate",
                f"{key} of {written.name} names {quoted(name)}, which is no coordinate of the model",
                written.at(key),
                expected=f"one of: {listed(coordinates)}" if coordinates else "a model with coordinates",
            )
    if check.bound.kind == "trend" and check.along is None:
        problems.add(
            "missing-key",
            f"{written.name} is a trend, and does not say along which coordinate",
            written.at("trend"),
            expected=f"along: one of {listed(coordinates)}" if coordinates else "a model with coordinates",
        )
    uses = [name for _, name in named if name is not None]
    for name in dict.fromkeys(name for name in uses if uses.count(name) > 1):
        problems.add(
            "contradiction",
            f"{written.name} uses the coordinate {quoted(name)} twice",
            written.key,
            expected="each coordinate picked, ordered or averaged: one of the three",
        )
    for name, value in check.at.items():
        if value != "last" and name in coordinates and value not in coordinates[name]:
            problems.add(
                "unknown-coordinate",
                f"at of {written.name} picks {name} {value}, which the model does not declare",
                written.at("at"),
                expected=f"last, or one of: {listed(str(item) for item in coordinates[name])}",
            )


def check_ids(checks: Sequence[tuple[Check, Node]], evaluation: str, problems: Problems) -> None:
    """Adds a problem for checks that would be the same pytest item."""
    first: dict[str, tuple[Check, Node]] = {}
    for check, at in checks:
        if check.id not in first:
            first[check.id] = (check, at)
            continue
        other, place = first[check.id]
        same = other.bound == check.bound and other.slices == check.slices
        problems.add(
            "id-taken",
            f"two checks of {quoted(evaluation)} have the id {check.id}",
            at,
            found=f"the other one on line {place.line}" + (", which says the same" if same else ""),
            todo="remove one of them" if same else f"give one of them a name: id: {check.id}-2",
        )


def check_contradictions(checks: Sequence[tuple[Check, Node]], evaluation: str, problems: Problems) -> None:
    """Adds a problem for a ``min`` above a ``max`` of the same value."""
    floors = [(check, at) for check, at in checks if check.bound.minimum is not None]
    ceilings = [(check, at) for check, at in checks if check.bound.maximum is not None]
    for floor, _ in floors:
        for ceiling, at in ceilings:
            if floor is ceiling or not _same_value(floor, ceiling):
                continue
            low, high = floor.bound.minimum or 0.0, ceiling.bound.maximum or 0.0
            if low > high:
                problems.add(
                    "contradiction",
                    f"two checks of {quoted(evaluation)} can never pass together",
                    at,
                    found=f"{floor.metric} at least {format_bound(low, floor.unit)}, "
                    f"and at most {format_bound(high, ceiling.unit)}",
                )


def _same_value(left: Check, right: Check) -> bool:
    return (left.metric, left.args, left.slices, left.at) == (
        right.metric,
        right.args,
        right.slices,
        right.at,
    )
