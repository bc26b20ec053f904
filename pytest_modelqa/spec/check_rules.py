"""Rules between the keys of a check, and between the checks of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from typing import Any

from .catalogue import MetricDeclaration
from .document import Written
from .nodes import Node
from .numbers import format_bound
from .problems import Problems
from .resolved import Bound, Check
from .schema import CheckEntry
from .spelling import listed, quoted
from .surroundings import Surroundings


def check_comparison(
    check: Written[CheckEntry],
    metric: MetricDeclaration,
    baseline: str | None,
    paired: bool,
    at: Node,
    around: Surroundings,
) -> None:
    """Adds a problem unless a check that compares has something to compare with."""
    kinds: tuple[str, ...] = ("evaluation", "recorded baseline")
    if around.task.needs_model:
        kinds = ("model", *kinds)
    itself = (around.evaluation.name, around.evaluation.model)
    choices = [*(name for name in around.names.of(*kinds) if name not in itself), *around.task.baselines]
    if baseline is None:
        around.problems.add(
            "no-baseline",
            f"{check.name} compares, and has no baseline",
            check.key,
            expected=f"baseline: one of {listed(choices)}" if choices else "baseline: NAME",
        )
    elif baseline in itself:
        around.problems.add(
            "compares-with-itself",
            f"{check.name} compares {quoted(baseline)} with itself",
            at,
            expected="another model, evaluation or recorded baseline",
        )
    else:
        around.names.check_any(baseline, kinds, choices, at, check.name, around.problems)
        if around.names.kinds.get(baseline) == "evaluation":
            _check_other(check, metric, baseline, paired, at, around)


def _check_other(
    check: Written[CheckEntry],
    metric: MetricDeclaration,
    baseline: str,
    paired: bool,
    at: Node,
    around: Surroundings,
) -> None:
    other, own = around.others[baseline], around.evaluation
    if other.task is not None and metric.name not in other.task.metrics:
        around.problems.add(
            "not-comparable",
            f"{check.name} compares {metric.name}, which the evaluation {quoted(baseline)} cannot measure",
            at,
            expected=f"a metric of the task {other.task.name}: {listed(other.task.metrics)}",
        )
    if paired and other.dataset is not None and other.dataset != own.dataset:
        around.problems.add(
            "not-comparable",
            f"{check.name} compares sample by sample, and {quoted(baseline)} runs on other samples",
            at,
            expected=f"the dataset {quoted(own.dataset or '')} on both sides",
            found=f"the dataset {quoted(other.dataset)}",
            todo="write paired: false, if the two sides are different samples",
        )


def check_columns(check: Written[CheckEntry], metric: MetricDeclaration, around: Surroundings) -> None:
    """Adds a problem where the metric reads what the task keeps only if an argument is given."""
    args = around.evaluation.args
    for column in metric.columns:
        argument = around.task.columns_of.get(column)
        # Without any arguments they are broken, and have been told.
        if argument is not None and args and args.get(argument) is None:
            around.problems.add(
                "missing-key",
                f"{check.name}: {metric.name} needs the argument {argument} of the task {around.task.name}",
                check.key,
                expected=f"args: {{{argument}: …}} in the evaluation {quoted(around.evaluation.name)}",
            )


def check_without_effect(check: Written[CheckEntry], bound: Bound, problems: Problems) -> None:
    """Adds a problem for each key that means nothing beside the check's bound."""
    assert check.entry is not None
    useless: list[str] = []
    if not bound.compares:
        useless += [key for key in ("baseline", "paired") if key in check.entry.model_fields_set]
    if bound.kind != "trend":
        useless += [key for key in ("along", "tolerance") if key in check.entry.model_fields_set]
    if bound.trend == "increasing" and check.entry.tolerance is not None:
        problems.add(
            "without-effect",
            f"tolerance of {check.name} has no effect beside trend: increasing",
            check.node.value["tolerance"].key,
            expected="trend: non_decreasing or best_is_last, which may drop by the tolerance",
            todo="remove tolerance: each checkpoint must be better than those before it, by however little",
        )
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


def check_performance(
    check: Check, written: Written[CheckEntry], metric: MetricDeclaration, around: Surroundings
) -> None:
    """Adds a problem where the time or size of a model is asked of what is none: a slice, a trivial baseline."""
    if metric.needs not in ("model", "run"):
        return
    if check.slices:
        around.problems.add(
            "without-effect",
            f"slices of {written.name} have no effect: {metric.name} is of the model, not of its samples",
            written.at("slices"),
            todo="remove slices:, or give the slice an evaluation of its own, with a dataset of its own",
        )
    if check.baseline in around.task.baselines:
        around.problems.add(
            "not-comparable",
            f"{written.name} compares {metric.name} with {quoted(check.baseline)}, which is no model",
            written.at("baseline"),
            expected="another model or evaluation",
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


def warn_of_ratchets(
    checks: Sequence[tuple[Check, Node]],
    recorded: Container[str],
    metrics: Mapping[str, MetricDeclaration],
    problems: Problems,
) -> None:
    """Warns of a metric that may only fall a little against a baseline which is recorded anew with each release.

    Each release may then lose the tolerated part again (statistics of non-inferiority: biocreep, D'Agostino, Massaro,
    Sullivan, Statistics in Medicine 22, 2003).
    """
    floors = {check.metric for check, _ in checks if not check.bound.compares and check.bound.kind != "trend"}
    for check, at in checks:
        bound = "max" if metrics[check.metric].higher_is_better is False else "min"
        loses = check.bound.kind.startswith("max_degradation") and check.bound.amount
        if loses and check.baseline in recorded and check.metric not in floors:
            problems.warn(
                "ratchet",
                f"nothing but a loss against {check.baseline} bounds {check.metric}: with each new baseline it may "
                "lose as much again",
                at,
                todo=f"add a bound that stays, such as {{metric: {check.metric}, {bound}: …}}",
            )
            floors.add(check.metric)


def check_contradictions(checks: Sequence[tuple[Check, Node]], evaluation: str, problems: Problems) -> None:
    """Adds a problem for a ``min`` above a ``max`` of the same value."""
    floors: dict[str, Check] = {}
    for check, _ in checks:
        key = _same_value(check)
        if check.bound.minimum is not None and (
            key not in floors or check.bound.minimum > (floors[key].bound.minimum or 0.0)
        ):
            floors[key] = check
    for check, at in checks:
        floor, maximum = floors.get(_same_value(check)), check.bound.maximum
        if floor is None or floor is check or maximum is None or floor.bound.minimum is None:
            continue
        if floor.bound.minimum > maximum:
            problems.add(
                "contradiction",
                f"two checks of {quoted(evaluation)} can never pass together",
                at,
                found=f"{check.metric} at least {format_bound(floor.bound.minimum, floor.unit)}, "
                f"and at most {format_bound(maximum, check.unit)}",
            )


def _same_value(check: Check) -> str:
    """Equal for two checks that look at the same number."""
    return json.dumps([check.metric, check.args, check.slices, check.at], sort_keys=True)
