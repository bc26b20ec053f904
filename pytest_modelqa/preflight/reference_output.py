"""Records what a model gives on a fixed input, so that preflight can tell later whether it still does."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..evaluation.plan import job_of
from ..spec.catalogue import Catalogue
from ..spec.resolved import Evaluation, Spec
from .findings import Finding, demand_no_errors
from .inspection import Ask, Inspector

SECONDS = 600.0


def never_run_finding(spec: Spec, model: str) -> Finding:
    """A recorded output that nothing in the spec can be compared with: a key is never ignored."""
    entry = spec.models[model]
    return Finding(
        "reference-output",
        model,
        "error",
        f"the recorded output of {model} cannot be compared: no evaluation runs {model} on a dataset",
        where=f"{spec.path}:{entry.position.line}",
        expected=f"an evaluation of {model}, or one of which it is the baseline",
        found="a model that at most judges others",
        todo=f"give {model} an evaluation as the one that its output was recorded of, or remove reference_output:",
    )


def record(spec: Spec, evaluation: Evaluation, catalogue: Catalogue, path: Path) -> Path:
    """Writes a ``.npz`` with the output of an evaluation's model on the first samples of its dataset.

    To be named under the model's ``reference_output:``. It runs in a process of its own, on the CPU.

    Args:
        path: Where to write; folders are made, a file that is there is replaced.

    Returns:
        The path.

    Raises:
        UsageError: The evaluation has no model and dataset, or its model is a grid of checkpoints.
        ModelQAError: The model cannot be loaded or run.
    """
    model = spec.models.get(evaluation.model or "")
    if model is None or evaluation.dataset is None or model.coordinates:
        raise UsageError(
            f"no output of {evaluation.name} can be recorded",
            expected="an evaluation of one checkpoint on a dataset",
            found="a grid of checkpoints"
            if model is not None and model.coordinates
            else "no model or no dataset",
            todo="record it of another evaluation",
        )
    ask = Ask("record", model.name, job=job_of(spec, evaluation, catalogue), path=path.absolute())
    inspector = Inspector()
    try:
        answers = inspector.inspect(spec.folder, [ask], SECONDS)
    finally:
        inspector.close()
    demand_no_errors(answers[ask.name].findings)
    return path
