"""Finds every metric there is, built in or from an entry point, and imports its code only where it runs."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, TypeVar

from ..errors import MissingDependencyError, UsageError
from ..spec.catalogue import MetricDeclaration, TaskDeclaration
from .declarations import METRICS

D = TypeVar("D", MetricDeclaration, TaskDeclaration)


@functools.cache
def metrics() -> Mapping[str, MetricDeclaration]:
    """Every metric by name: those of this package and those of the entry points ``pytest_modelqa.metrics``.

    Raises:
        UsageError: An entry point cannot be imported, is no MetricDeclaration, or takes a name that is taken.

    >>> metrics()["psnr"].unit
    'dB'
    """
    return by_name(MetricDeclaration, METRICS, "pytest_modelqa.metrics")


def load(declaration: MetricDeclaration) -> Callable[..., Any]:
    """The function of a metric; imports what it needs (torch for one that works on outputs).

    Raises:
        MissingDependencyError: A package that the metric needs is not installed.
        UsageError: The declaration names code that does not exist.
    """
    function: Callable[..., Any] = imported(declaration.function, f"metric {declaration.name}")
    return function


def by_name(kind: type[D], built_in: Iterable[D], group: str) -> Mapping[str, D]:
    """The built-in declarations and those of an entry point group, by name; a name may be taken only once."""
    found = {declaration.name: declaration for declaration in built_in}
    origin = dict.fromkeys(found, "pytest-modelqa")
    for point in sorted(entry_points(group=group), key=lambda point: (point.name, point.value)):
        where = f"entry point {point.name} = {point.value} of {group}"
        try:
            declaration = point.load()
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"entry point {point.name} cannot be imported: {error}",
                where=where,
                todo="correct or uninstall the package that declares it",
            ) from error
        if not isinstance(declaration, kind):
            raise UsageError(
                f"entry point {point.name} is not a {kind.__name__}",
                where=where,
                expected=f"module:attribute of a pytest_modelqa.spec.catalogue.{kind.__name__}",
                found=type(declaration).__name__,
                todo="correct or uninstall the package that declares it",
            )
        if declaration.name in found:
            raise UsageError(
                f"two packages declare {declaration.name}",
                where=where,
                found=f"{declaration.name} is declared by {origin[declaration.name]} already",
                todo="rename one of them or uninstall its package",
            )
        found[declaration.name] = declaration
        origin[declaration.name] = point.value
    return MappingProxyType(found)


def imported(path: str, what: str) -> Any:
    """The object at ``module:attribute``; ``what`` names it in errors.

    >>> imported("math:floor", "an example")(1.5)
    1
    """
    module_name, _, attribute = path.partition(":")
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        if error.name and not module_name.startswith(error.name):
            raise MissingDependencyError(
                f"{what} needs the package {error.name}, which is not installed",
                where=path,
                todo=f"pip install 'pytest-modelqa[torch]', or the package that brings {error.name}",
            ) from error
        raise UsageError(
            f"{what}: there is no module {module_name}",
            where=path,
            todo="correct or uninstall the package that declares it",
        ) from error
    except AttributeError as error:
        raise UsageError(
            f"{what}: {module_name} has no {attribute}",
            where=path,
            todo="correct or uninstall the package that declares it",
        ) from error
