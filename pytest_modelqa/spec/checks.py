"""One check: its metric, bound, baseline, slices and id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .bounds import resolve_bound, shown_unit
from .catalogue import Catalogue, MetricDeclaration, TaskDeclaration
from .check_rules import (
    check_columns,
    check_comparison,
    check_interval,
    check_performance,
    check_without_effect,
)
from .document import Written
from .grid_rules import check_grid, check_tolerance
from .identifiers import check_id, naming_args
from .layers import chosen, options, place_of
from .meaning import check_marks
from .names import check_named_args
from .nodes import Node
from .numbers import from_percent
from .problems import Problems
from .resolved import Bound, Check, Position
from .schema import CheckEntry
from .sentences import describe
from .spelling import listed, nearest, quoted
from .surroundings import Surroundings
from .validation import validated_args

# What other tools call a metric of this one.
_OTHER_NAMES: Mapping[str, str] = {
    "fid": "frechet_distance",
    "map": "ap",
    "mean_average_precision": "ap",
    "top5_accuracy": "top_k_accuracy",
    "top_5_accuracy": "top_k_accuracy",
    "cross_entropy": "log_loss",
    "nll": "log_loss",
    "l1": "mae",
    "l2": "mse",
    "ece": "expected_calibration_error",
    "ppl": "perplexity",
    "em": "exact_match",
    "latency": "latency_p50",
    "samples_per_second": "throughput",
}


def resolve_check(written: Written[CheckEntry], around: Surroundings) -> Check | None:
    """A check, or None after its problems were added."""
    entry = written.entry
    metric = _metric(written, around) if entry is not None else None
    if entry is None or metric is None:
        return None
    defaults, problems = around.document.defaults, around.problems
    keys = options(written, defaults)
    args = _args(written, metric, around)
    if args is not None:
        metric = metric.limited(args)
    unit = shown_unit(keys["unit"], place_of("unit", written, defaults), metric, problems)
    bound = resolve_bound(written, metric, unit, problems) if unit is not None else None
    slices = _slices(written, keys["slices"], place_of("slices", written, defaults), problems)
    check_marks(keys["marks"], place_of("marks", written, defaults), problems)
    if bound is None or args is None or unit is None:
        return None
    check_without_effect(written, bound, problems)
    keys |= _without_effect(keys, bound)
    baseline = _baseline(written, bound, metric, keys["paired"], around)
    check = Check(
        id=entry.id or "",
        metric=metric.name,
        args=args,
        bound=bound,
        unit=unit,
        baseline=baseline,
        paired=keys["paired"],
        slices=slices,
        at=keys["at"],
        along=keys["along"],
        over=keys["over"],
        tolerance=_tolerance(keys["tolerance"], unit),
        confidence=keys["confidence"],
        on_inconclusive=keys["on_inconclusive"],
        cluster=keys["cluster"],
        min_samples=keys["min_samples"],
        severity=keys["severity"],
        marks=tuple(dict.fromkeys((*around.evaluation.marks, *keys["marks"]))),
        sentence="",
        position=Position(written.key.line, written.key.column),
    )
    check_interval(check, written, around.evaluation.stop_early, problems)
    check_tolerance(check, written, defaults, metric, problems)
    check_performance(check, written, metric, around)
    coordinates = around.coordinates or {}
    if around.coordinates is not None:
        check_grid(check, written, defaults, coordinates, problems)
    return replace(
        check,
        id=check.id or _derived_id(check, metric),
        sentence=describe(check, around.evaluation, metric, coordinates=coordinates),
    )


def _without_effect(keys: Mapping[str, Any], bound: Bound) -> dict[str, None]:
    """What the spec's defaults give to other checks; a check that writes such a key itself has been told."""
    useless: list[str] = []
    if bound.kind != "trend":
        useless += ["along", "tolerance"]
    elif bound.trend == "increasing":
        useless += ["tolerance"]
    if keys["confidence"] is None:
        useless += ["cluster"]
    return dict.fromkeys(useless)


def _tolerance(written: float | None, unit: str) -> float | None:
    """In the metric's own unit, as every bound is: a tolerance of 5 percent read as 500 % would pass any collapse."""
    return written if written is None or unit != "percent" else from_percent(written)


def _metric(written: Written[CheckEntry], around: Surroundings) -> MetricDeclaration | None:
    defaults, task = around.document.defaults, around.task
    name = chosen("metric", written, defaults)
    if name is None:
        if "metric" not in defaults.broken:
            around.problems.add(
                "missing-key",
                f"{written.name} names no metric",
                written.key,
                expected=f"metric: one of {listed(task.metrics)}",
            )
        return None
    if name in task.metrics and name in around.catalogue.metrics:
        return around.catalogue.metrics[name]
    exists = name in around.catalogue.metrics
    around.problems.add(
        "unknown-metric",
        f"{written.name}: the task {task.name} does not measure {name}"
        if exists
        else f"{written.name} names the metric {quoted(name)}, which does not exist",
        place_of("metric", written, defaults),
        expected=f"one of: {listed(task.metrics)}",
        todo=_measured_by(name, around.catalogue) if exists else _metric_meant(name, task, around.catalogue),
    )
    return None


def _measured_by(metric: str, catalogue: Catalogue) -> str | None:
    tasks = [task.name for task in catalogue.tasks.values() if metric in task.metrics]
    return f"{metric} is measured by the task {' or '.join(tasks)}" if tasks else None


def _metric_meant(name: str, task: TaskDeclaration, catalogue: Catalogue) -> str | None:
    """A metric of the task that is called alike; else one of another task, and which."""
    other = _OTHER_NAMES.get(name.lower().replace("-", "_"))
    close = (other if other in task.metrics else None) or nearest(name, task.metrics)
    if close is not None:
        return f"did you mean '{close}'?"
    if task.reads_files:
        # Whose metrics are of series and numbers that have names of their own; the others are of models.
        return None
    known = other if other in catalogue.metrics else nearest(name, catalogue.metrics)
    return f"did you mean '{known}'? {_measured_by(known, catalogue)}" if known is not None else None


def _args(
    written: Written[CheckEntry], metric: MetricDeclaration, around: Surroundings
) -> dict[str, Any] | None:
    node = written.at("args") if "args" in written.node.value else None
    what = f"args of {metric.name} in {written.name}"
    args = validated_args(metric.args, node, written.key, what, around.problems)
    check_columns(written, metric, around)
    if args is not None:
        check_named_args(metric.args, args, node or written.key, what, around.names, around.problems)
    return args


def _baseline(
    written: Written[CheckEntry],
    bound: Bound,
    metric: MetricDeclaration,
    paired: bool,
    around: Surroundings,
) -> str | None:
    if not bound.compares:
        return None
    layers = (written, around.written, around.document.defaults)
    baseline: str | None = chosen("baseline", *layers)
    if baseline is None and "baseline" in around.document.defaults.broken:
        return None
    check_comparison(written, metric, baseline, paired, place_of("baseline", *layers), around)
    return baseline


def _slices(
    written: Written[CheckEntry], slices: Any, at: Node, problems: Problems
) -> dict[str, tuple[str, ...] | None]:
    if slices is None:
        return {}
    if isinstance(slices, str):
        return {slices: None}
    if not slices or any(values == [] for values in slices.values()):
        problems.add(
            "empty-slices",
            f"slices of {written.name} names no slice",
            at,
            expected="slices: label, or slices: {label: [walk, turn]}",
        )
    return {
        name: None if values is None else _values(written, name, values, at, problems)
        for name, values in slices.items()
    }


def _values(
    written: Written[CheckEntry], name: str, values: list[Any], at: Node, problems: Problems
) -> tuple[str, ...]:
    """Slice values as text, which is what the data's values are compared as."""
    places = at.value[name].node.value if isinstance(at.value, dict) and name in at.value else []
    given: set[str] = set()
    for value, place in zip(values, places, strict=False):
        if not isinstance(value, str) and place.text != str(value):
            problems.add(
                "ambiguous-value",
                f"the slice value {place.text} of {written.name} would be read as {value}",
                place,
                expected="the value as the data has it, as text",
                todo=f'write "{place.text}" or "{value}", in quotes',
            )
        if str(value) in given:
            problems.add(
                "wrong-value",
                f"slices of {written.name} names {quoted(str(value))} twice",
                place,
                expected="each slice once",
                todo="remove it, or name the slice that is meant",
            )
        given.add(str(value))
    return tuple(str(value) for value in values)


def _derived_id(check: Check, metric: MetricDeclaration) -> str:
    return check_id(
        check.metric,
        naming_args(metric, check.args),
        check.bound,
        check.baseline,
        check.slices,
        check.at,
        check.along,
        check.over,
    )
