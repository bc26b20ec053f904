"""Warns of a gain in diversity that nobody weighs against quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .catalogue import Catalogue
from .document import Document
from .problems import Problems
from .resolved import Check, Evaluation

_GAINS = frozenset({"min_improvement", "min_improvement_percent"})


def warn_of_diversity_alone(
    document: Document, evaluations: Mapping[str, Evaluation], catalogue: Catalogue, problems: Problems
) -> None:
    """Warns of each check that demands more diversity of a model of which no check demands quality.

    Distinct n-grams become more with temperature, into nonsense: from 1.0 to 1.5 distinct-2 of a character model
    rose from .993 to .998, while its semantic diversity fell from .880 to .860 (measured for issue 8).
    """
    watched = {
        evaluation.model
        for evaluation in evaluations.values()
        for check in evaluation.checks
        if _aspect(check, catalogue) == "quality" and check.severity == "error"
    }
    for evaluation in evaluations.values():
        gains = [check for check in evaluation.checks if _demands_diversity(check, catalogue)]
        if gains and evaluation.model not in watched:
            check = gains[0]
            written = document.checks[evaluation.name]
            place = (check.position.line, check.position.column)
            at = next(item.key for item in written if (item.key.line, item.key.column) == place)
            qualities = _names_of(catalogue, evaluation.task)
            problems.warn(
                "diversity-alone",
                f"{check.metric} is to improve, and no check watches the quality of {evaluation.model}: "
                "a model grows more diverse by writing nonsense",
                at,
                todo=f"add a check of {qualities}, on the same model",
            )


def _demands_diversity(check: Check, catalogue: Catalogue) -> bool:
    demanded = check.bound.kind in _GAINS or check.bound.trend == "increasing"
    return demanded and _aspect(check, catalogue) == "diversity"


def _aspect(check: Check, catalogue: Catalogue) -> str | None:
    return catalogue.metrics[check.metric].aspect


def _names_of(catalogue: Catalogue, task: str) -> str:
    own: Iterable[str] = catalogue.tasks[task].metrics
    names = [name for name in own if catalogue.metrics[name].aspect == "quality"]
    others = [
        name for name, metric in catalogue.metrics.items() if metric.aspect == "quality" and name not in names
    ]
    return ", ".join([*names, *others][:6])
