"""Warns, when a spec is read, of gains that a recorded baseline leaves no room for: before anything is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..errors import BaselineError
from ..preflight.saturation import saturation
from ..spec.catalogue import Catalogue
from ..spec.identifiers import differing_args
from ..spec.resolved import Check, Evaluation, Spec
from .reading import read_baseline


def warned_of_saturation(spec: Spec, catalogue: Catalogue) -> Spec:
    """The spec with a warning for each check that no model can pass.

    A baseline that cannot be read is told by its checks.
    """
    told = (
        f"{spec.path}:{check.position.line}:{check.position.column}: {why}; the baseline is saturated: ask for "
        "max_degradation instead, or take harder data [saturated]"
        for evaluation in spec.evaluations.values()
        for check in evaluation.checks
        for why in _why(spec, evaluation, check, catalogue)
    )
    return replace(spec, warnings=(*spec.warnings, *told))


def _why(spec: Spec, evaluation: Evaluation, check: Check, catalogue: Catalogue) -> Iterator[str]:
    metric = catalogue.metrics[check.metric]
    gain = check.bound.kind.startswith("min_improvement")
    declared = spec.baselines.get(check.baseline or "")
    # A recorded baseline holds what was measured with default arguments.
    if declared is None or not gain or differing_args(metric.args, check.args):
        return
    try:
        recorded = read_baseline(declared, spec.folder, catalogue)
    except BaselineError:
        return
    number = recorded.metrics.get(check.metric)
    if number is None or recorded.task != evaluation.task:
        return
    why = saturation(check, metric, number.value, recorded.n)
    if why is not None:
        yield why
