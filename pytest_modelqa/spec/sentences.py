"""Each check as a sentence with resolved numbers, so that nobody has to know how a key is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .catalogue import MetricDeclaration
from .identifiers import naming_args, value_text
from .numbers import format_bound, format_value
from .resolved import Bound, Check, Evaluation


def describe(
    check: Check,
    evaluation: Evaluation,
    metric: MetricDeclaration,
    baseline_value: float | None = None,
    coordinates: Iterable[str] = (),
) -> str:
    """A check in words: ``ap_small of candidate ≥ 0.1678 (three_scale 0.1728 − 0.005), n ≥ 500``.

    Args:
        check: Its own ``sentence`` is not read.
        evaluation: The evaluation that it belongs to.
        metric: The declaration of its metric.
        baseline_value: The baseline's value in the metric's own unit, once it is known.
        coordinates: Of the grid: the check must hold at every value of one that it does not name.
    """
    subject = f"{_measure(check, metric)} of {evaluation.model or evaluation.name}"
    if check.over:
        subject += f" (mean over {check.over})"
    relation = _relation(check, metric, baseline_value)
    clauses = [f"{subject} {relation}{_where(check, coordinates)}"]
    if check.bound.compares and not check.paired:
        clauses.append("not paired")
    if check.confidence is not None:
        clusters = f" (clusters: {check.cluster})" if check.cluster else ""
        clauses.append(f"{format_bound(check.confidence * 100, '')} % sure{clusters}")
        if check.on_inconclusive == "warn":
            clauses.append("only a warning if undecided")
    if check.min_samples > 1:
        clauses.append(f"n ≥ {check.min_samples}")
    if check.severity == "warn":
        clauses.append("only a warning")
    return ", ".join(clauses)


def _measure(check: Check, metric: MetricDeclaration) -> str:
    args = naming_args(metric, check.args)
    if not args:
        return check.metric
    return (
        f"{check.metric} ({', '.join(f'{name} {value_text(value)}' for name, value in sorted(args.items()))})"
    )


def _relation(check: Check, metric: MetricDeclaration, baseline_value: float | None) -> str:
    bound, unit = check.bound, check.unit
    if bound.kind == "trend":
        return _trend(check, metric)
    if not bound.compares:
        sides = (("≥", bound.minimum), ("≤", bound.maximum))
        return " and ".join(
            f"{sign} {format_bound(limit, unit)}" for sign, limit in sides if limit is not None
        )
    baseline = check.baseline or "the baseline"
    if baseline_value is not None:
        return _resolved_comparison(bound, metric, baseline, baseline_value, unit)
    if bound.kind == "max_difference":
        return f"= {baseline} ± {amount_text(bound, unit)}"
    sign, operator = _signs(bound, metric)
    return (
        f"{sign} {baseline} {operator} {amount_text(bound, unit)}" if bound.amount else f"{sign} {baseline}"
    )


def _resolved_comparison(
    bound: Bound, metric: MetricDeclaration, baseline: str, value: float, unit: str
) -> str:
    shown = f"{baseline} {format_value(value, unit)}"
    amount = bound.amount or 0.0
    change = abs(value) * amount / 100 if bound.kind.endswith("_percent") else amount
    if bound.kind == "max_difference":
        ends = f"{format_value(value - change, unit)} and ≤ {format_value(value + change, unit)}"
        return f"≥ {ends} ({shown} ± {amount_text(bound, unit)})"
    sign, operator = _signs(bound, metric)
    limit = value + change if operator == "+" else value - change
    reason = f"{shown} {operator} {amount_text(bound, unit)}" if amount else shown
    return f"{sign} {format_value(limit, unit)} ({reason})"


def _signs(bound: Bound, metric: MetricDeclaration) -> tuple[str, str]:
    """How the value compares with the baseline, and on which side of it the limit is."""
    higher = metric.higher_is_better is not False
    better = bound.kind.startswith("min_improvement")
    return "≥" if higher else "≤", "+" if better == higher else "−"


def amount_text(bound: Bound, unit: str) -> str:
    """The amount of a bound against a baseline: ``6 dB``, ``5 percentage points``, ``5 % of it``."""
    amount = bound.amount or 0.0
    if bound.kind.endswith("_percent"):
        return f"{format_bound(amount, '')} % of it"
    if unit == "percent":
        points = format_bound(amount * 100, "")
        return f"{points} percentage point{'s' if points != '1' else ''}"
    return format_bound(amount, unit)


def _trend(check: Check, metric: MetricDeclaration) -> str:
    falls = metric.higher_is_better is False
    tolerance = format_bound(check.tolerance, check.unit) if check.tolerance else ""
    if check.bound.trend == "increasing":
        words = "falls" if falls else "rises"
    elif check.bound.trend == "best_is_last":
        words = f"is {'within ' + tolerance + ' of ' if tolerance else ''}its best at the last value"
    else:
        words = f"never {'rises' if falls else 'drops'}" + (f" by more than {tolerance}" if tolerance else "")
    return f"{words} along {check.along}" if check.along else words


def _where(check: Check, coordinates: Iterable[str]) -> str:
    words = _slices(check.slices)
    for name, value in check.at.items():
        words += f" at {name} {value_text(value)}"
    every = [name for name in coordinates if name not in (*check.at, check.along, check.over)]
    return f"{words} at every {' and every '.join(every)}" if every else words


def _slices(slices: Mapping[str, tuple[str, ...] | None]) -> str:
    parts = [
        f"every {name}" if values is None else f"{name} {' and '.join(values)}"
        for name, values in slices.items()
    ]
    return f" in {' and in '.join(parts)}" if parts else ""
