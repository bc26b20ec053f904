"""Finds every task there is, built in or from an entry point, and says which metrics each can compute."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..metrics.registry import by_name, imported, metrics
from ..spec.catalogue import Catalogue, MetricDeclaration, TaskDeclaration
from .declarations import TASKS

if TYPE_CHECKING:
    from .protocol import ReadsFiles, Task


@functools.cache
def tasks() -> Mapping[str, TaskDeclaration]:
    """Every task by name, with the metrics that it names and those that name it.

    Raises:
        UsageError: An entry point of ``pytest_modelqa.tasks`` cannot be used, or a metric names a task, or a
            task a metric, that does not exist.

    >>> "psnr" in tasks()["reconstruction"].metrics
    True
    """
    declared = by_name(TaskDeclaration, TASKS, "pytest_modelqa.tasks")
    known = metrics()
    for task in declared.values():
        for name in task.metrics:
            if name not in known:
                raise UsageError(
                    f"the task {task.name} names the metric {name}, which does not exist",
                    todo="correct or uninstall the package that declares it",
                )
    for metric in known.values():
        for name in metric.tasks:
            if name not in declared:
                raise UsageError(
                    f"the metric {metric.name} names the task {name}, which does not exist",
                    todo="correct or uninstall the package that declares it",
                )
    offered = {
        task.name: (*task.metrics, *(metric.name for metric in known.values() if _offers(task, metric)))
        for task in declared.values()
    }
    return MappingProxyType(
        {
            name: replace(declared[name], metrics=tuple(dict.fromkeys(names)))
            for name, names in offered.items()
        }
    )


def _offers(task: TaskDeclaration, metric: MetricDeclaration) -> bool:
    return task.name in metric.tasks or (task.needs_model and metric.needs in ("model", "run"))


def load(declaration: TaskDeclaration) -> Callable[[Any], Task]:
    """What makes the task from its validated arguments; imports what it needs.

    Raises:
        MissingDependencyError: A package that the task needs is not installed.
        UsageError: The declaration names code that does not exist.
    """
    make: Callable[[Any], Task] = imported(declaration.implementation, f"task {declaration.name}")
    return make


def load_reader(declaration: TaskDeclaration, args: Mapping[str, Any]) -> ReadsFiles:
    """A task that reads files, made from its arguments as an evaluation has them."""
    make = imported(declaration.implementation, f"task {declaration.name}")
    reader: ReadsFiles = make(arguments_of(declaration, args))
    return reader


def arguments_of(declaration: TaskDeclaration, args: Mapping[str, Any]) -> Any:
    """The validated arguments that a task is made of."""
    # Through JSON: a strict schema takes a list for a tuple only there, and a work order came as JSON.
    return declaration.args.model_validate_json(json.dumps(dict(args)))


def catalogue() -> Catalogue:
    """Every metric and task, for the spec package to read specs with."""
    return Catalogue(metrics=metrics(), tasks=tasks())
