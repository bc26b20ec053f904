"""Known-bad models that checks must fail: what is put in a model's place, and whether the checks noticed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .errors import EvaluationError
from .models.files import COCO_RESULTS_BUILD, TRANSFORMERS
from .spec.resolved import Check, Control, Evaluation, Model, Spec


@dataclass(frozen=True)
class Judged:
    """What became of one check on a known-bad model.

    Attributes:
        outcome: Of the verdict: ``PASS``, ``FAIL`` or ``INCONCLUSIVE``.
        headline: The verdict in one line.
    """

    outcome: str
    headline: str


def with_control(spec: Spec, control: Control) -> Spec:
    """The spec with the known-bad model in the place of the evaluation's own.

    Without a model it is the evaluation's own with random weights; what is measured so has a key of its own and is
    never found by a release.

    Raises:
        EvaluationError: The evaluation's own model has no random weights.
    """
    evaluation = spec.evaluations[control.evaluation]
    if control.model is not None:
        changed = replace(evaluation, model=control.model)
        return replace(spec, evaluations={**spec.evaluations, evaluation.name: changed})
    assert evaluation.model is not None
    model = _untrained(spec.models[evaluation.model], control)
    # A network without a checkpoint has one place in its grid.
    checks = tuple(replace(check, at={}) for check in evaluation.checks)
    return replace(
        spec,
        models={**spec.models, model.name: model},
        evaluations={**spec.evaluations, evaluation.name: replace(evaluation, checks=checks)},
        rehearsal=True,
    )


def checks_asked(spec: Spec, control: Control) -> tuple[Check, ...]:
    """The checks that are judged on the known-bad model.

    Those that the control names; else those that stop a release and speak of one checkpoint, but not those that
    compare with the very model.
    """
    evaluation: Evaluation = spec.evaluations[control.evaluation]
    if control.fails:
        return tuple(check for check in evaluation.checks if check.id in control.fails)
    return tuple(
        check
        for check in evaluation.checks
        if check.severity == "error"
        and check.bound.kind != "trend"
        and check.over is None
        and (check.baseline is None or check.baseline != control.model)
    )


def noticed(control: Control, judged: Mapping[str, Judged]) -> bool:
    """Whether the checks noticed: each that is named failed, or at least one where none is named.

    >>> from .spec.resolved import Position
    >>> control = Control("blind", "e", None, (), Position(1, 1))
    >>> noticed(control, {"a": Judged("PASS", ""), "b": Judged("FAIL", "")})
    True
    >>> noticed(replace(control, fails=("a", "b")), {"a": Judged("PASS", ""), "b": Judged("FAIL", "")})
    False
    """
    failed = [each.outcome == "FAIL" for each in judged.values()]
    return bool(failed) and (all(failed) if control.fails else any(failed))


def sentence(control: Control, spec: Spec) -> str:
    """The control in words."""
    evaluation = spec.evaluations[control.evaluation]
    who = control.model or f"{evaluation.model} with random weights"
    what = ", ".join(control.fails) or f"a check of {control.evaluation} that stops a release"
    return f"{who} must fail {what}"


def _untrained(model: Model, control: Control) -> Model:
    if model.build in (TRANSFORMERS, COCO_RESULTS_BUILD):
        raise EvaluationError(
            f"{model.name} has no random weights: it is what its files say",
            expected="a model that is known to be bad",
            found=f"build: {model.build}",
            todo=f"declare one under models:, and name it: controls: {{{control.name}: {{model: NAME, …}}}}",
        )
    return replace(model, checkpoint=None, coordinates={}, sha256=None, reference_output=None, config=None)
