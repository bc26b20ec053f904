"""Checks that check nothing: implied by another, unable to stop a release, passed by guessing, never judged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..spec.catalogue import Catalogue, MetricDeclaration
from ..spec.numbers import format_bound
from ..spec.resolved import Check, Evaluation, Spec
from .findings import Finding

QUESTION = "checks"


def check_findings(spec: Spec, evaluation: Evaluation, catalogue: Catalogue) -> tuple[Finding, ...]:
    """What the spec alone tells of the checks of an evaluation."""
    return (
        *_clustered(spec, evaluation, catalogue),
        *_implied(spec, evaluation, catalogue),
        *_only_warnings(spec, evaluation),
    )


def guessing_findings(
    spec: Spec, evaluation: Evaluation, labels: Mapping[str, Mapping[str, int] | None]
) -> tuple[Finding, ...]:
    """Floors of accuracy that a model passes which always gives the most frequent answer.

    Args:
        labels: Of each field of the evaluation's dataset, the samples of each value.
    """
    counts = labels.get(str(evaluation.args.get("target", "label")))
    if not counts:
        return ()
    most, total = max(counts.values()), sum(counts.values())
    answer = max(counts, key=lambda label: counts[label])
    return tuple(
        _warning(
            spec,
            evaluation,
            check,
            f"any model passes {check.id}: always answering {answer!r} is right for {most / total:.1%} of them",
            expected=f"a floor above {format_bound(round(most / total, 4), check.unit)}",
            found=f"a floor of {format_bound(check.bound.minimum or 0.0, check.unit)}",
            todo="raise the floor, or compare with the baseline constant: min_improvement",
        )
        for check in evaluation.checks
        if _is_floor(check)
        and not check.slices
        and check.metric == "accuracy"
        and (check.bound.minimum or 0.0) <= most / total
    )


def random_weights_findings(
    spec: Spec, evaluation: Evaluation, passed: Mapping[str, int]
) -> tuple[Finding, ...]:
    """Bounds that the tiny run's model passed, whose weights are random.

    Args:
        passed: Of the checks that it passed, the id and the number of samples.
    """
    return tuple(
        _warning(
            spec,
            evaluation,
            check,
            f"a model with random weights passes {check.id}",
            expected="a bound that a model has to learn something for",
            found=f"passed on the {passed[check.id]} samples of the tiny run: {check.sentence}",
            todo="look whether the bound can fail; a known-bad checkpoint shows it (--modelqa-set)",
        )
        for check in evaluation.checks
        if check.id in passed
    )


def _is_floor(check: Check) -> bool:
    return check.bound.kind in ("min", "range") and check.bound.minimum is not None


def _implied(spec: Spec, evaluation: Evaluation, catalogue: Catalogue) -> Iterator[Finding]:
    for check in evaluation.checks:
        metric = catalogue.metrics[check.metric]
        stronger = next((other for other in evaluation.checks if _implies(other, check, metric)), None)
        if stronger is not None:
            yield _warning(
                spec,
                evaluation,
                check,
                f"{check.id} checks nothing of its own: whatever passes {stronger.id} passes it",
                expected="checks that can fail one without the other",
                found=f"line {stronger.position.line}: {stronger.sentence}; "
                f"line {check.position.line}: {check.sentence}",
                todo="remove the weaker one, or give it another bound",
            )


def _implies(strong: Check, weak: Check, metric: MetricDeclaration) -> bool:
    """Whether no model can pass the one and fail the other. What only warns implies nothing that blocks."""
    if strong is weak or strong.severity == "warn" != weak.severity or _value(strong) != _value(weak):
        return False
    if strong.slices != weak.slices and not (_covers(strong, weak) and metric.level == "sample"):
        return False
    if strong.min_samples < weak.min_samples:
        return False
    tighter = _tightness(strong, weak)
    # Of two that say the same the first counts.
    same = strong.slices == weak.slices and tighter == 0
    return tighter is not None and (strong.position.line < weak.position.line if same else tighter >= 0)


def _covers(strong: Check, weak: Check) -> bool:
    """Whether the one holds in every slice of a field, and the other of the whole: a mean lies between its parts.

    Of two sides with other samples the parts weigh differently (Simpson's paradox), and nothing follows.
    """
    return not weak.slices and None in strong.slices.values() and (weak.paired or not weak.bound.compares)


def _value(check: Check) -> str:
    """Equal for two checks that look at the same number against the same thing."""
    looked_at = [
        check.metric,
        dict(check.args),
        dict(check.at),
        check.along,
        check.over,
        check.baseline,
        check.paired,
        check.confidence,
        check.cluster,
        check.on_inconclusive,
        check.bound.trend,
        check.tolerance,
    ]
    return json.dumps(looked_at, sort_keys=True, default=str)


def _tightness(strong: Check, weak: Check) -> float | None:
    """How much more the one demands than the other; None where they demand different things."""
    one, other = strong.bound, weak.bound
    if other.kind == "min" and one.minimum is not None and other.minimum is not None:
        return one.minimum - other.minimum
    if other.kind == "max" and one.maximum is not None and other.maximum is not None:
        return other.maximum - one.maximum
    if (
        one.amount is None
        or other.amount is None
        or one.kind.endswith("percent") != other.kind.endswith("percent")
    ):
        return None
    demands = {"min_improvement": 1.0, "max_degradation": -1.0}
    ours = demands.get(one.kind.removesuffix("_percent"))
    theirs = demands.get(other.kind.removesuffix("_percent"))
    if ours is None or theirs is None:
        return other.amount - one.amount if one.kind == other.kind == "max_difference" else None
    return ours * one.amount - theirs * other.amount


def _clustered(spec: Spec, evaluation: Evaluation, catalogue: Catalogue) -> Iterator[Finding]:
    """What the judge refuses, told before anything is measured."""
    for check in evaluation.checks:
        if check.cluster is not None and catalogue.metrics[check.metric].level == "set":
            yield Finding(
                QUESTION,
                evaluation.name,
                "error",
                f"{check.id} cannot be judged: {check.metric} is a value of the whole set and cannot be clustered",
                where=f"{spec.path}:{check.position.line}",
                expected="cluster: only with a metric that is a mean over samples",
                todo="leave out confidence: and cluster: here, or check such a metric: without cluster: samples of"
                f" one {check.cluster} would count as independent",
                kind="OutputError",
            )


def _only_warnings(spec: Spec, evaluation: Evaluation) -> Iterator[Finding]:
    if evaluation.checks and all(check.severity == "warn" for check in evaluation.checks):
        yield Finding(
            QUESTION,
            evaluation.name,
            "warning",
            f"no check of {evaluation.name} can stop a release: all are of severity: warn",
            where=f"{spec.path}:{evaluation.position.line}",
            expected="a check of severity: error",
            found=f"{len(evaluation.checks)} of severity: warn",
            todo="give one of them severity: error, or say in its description that this evaluation only informs",
        )


def _warning(spec: Spec, evaluation: Evaluation, check: Check, what: str, **fields: Any) -> Finding:
    where = f"{spec.path}:{check.position.line}"
    return Finding(QUESTION, evaluation.name, "warning", what, where=where, **fields)
