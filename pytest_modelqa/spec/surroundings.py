"""What a check may be judged by when a spec is read: its evaluation, and the rest of the spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .catalogue import Catalogue, TaskDeclaration
from .document import Document, Written
from .names import Names
from .problems import Problems
from .resolved import Evaluation
from .schema import EvaluationEntry


@dataclass(frozen=True)
class Other:
    """What is known of an evaluation before it is resolved."""

    dataset: str | None
    task: TaskDeclaration | None


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a check.

    Attributes:
        document: The spec as written.
        catalogue: The metrics and tasks that there are.
        names: The names that the spec gives.
        others: Every evaluation of the spec.
        written: The check's evaluation as written.
        evaluation: The same, resolved, still without checks.
        task: Its task.
        coordinates: Of its model; None where the model is broken.
        problems: Gets what is wrong.
    """

    document: Document
    catalogue: Catalogue
    names: Names
    others: Mapping[str, Other]
    written: Written[EvaluationEntry]
    evaluation: Evaluation
    task: TaskDeclaration
    coordinates: Mapping[str, tuple[Any, ...]] | None
    problems: Problems
