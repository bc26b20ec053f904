"""The preflight of a recorded baseline: whether it can be read, and has what the checks compare with."""

from __future__ import annotations

from dataclasses import replace

from ..errors import BaselineError
from ..preflight.findings import Finding
from ..spec.catalogue import Catalogue
from ..spec.resolved import Spec
from .reading import baseline_of, read_baseline

QUESTION = "baseline"


def baseline_findings(spec: Spec, name: str, catalogue: Catalogue) -> tuple[Finding, ...]:
    """What is wrong with a recorded baseline; where it can be read, of each check that compares with it."""
    try:
        read_baseline(spec.baselines[name], spec.folder, catalogue)
    except BaselineError as error:
        return (Finding.of_error(QUESTION, name, error),)
    found = []
    for evaluation in spec.evaluations.values():
        for check in evaluation.checks:
            try:
                if check.baseline == name:
                    baseline_of(spec, evaluation, check, catalogue)
            except BaselineError as error:
                asking = f"{evaluation.name}::{check.id} cannot be judged: {error.what}"
                found.append(replace(Finding.of_error(QUESTION, name, error), what=asking))
    return tuple(found)
