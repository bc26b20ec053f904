"""Imports: of the program's own modules, which are followed, and of libraries."""

from __future__ import annotations

import ast
import importlib.util
import sys
from typing import TYPE_CHECKING

from .values import Known, Library, Source, Value

if TYPE_CHECKING:
    from .machine import Machine


def is_absent(machine: Machine, node: ast.Import | ast.ImportFrom) -> bool:
    """Whether an import names a package that is neither installed nor among the sources."""
    if isinstance(node, ast.ImportFrom) and node.level:
        return False
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for name in names:
        top = name.partition(".")[0]
        if machine.sources.module(top, machine.frame.source.path) is not None or top in sys.modules:
            continue
        try:
            if importlib.util.find_spec(top) is None:
                return True
        except (ImportError, ValueError):
            return True
    return False


def bind_import(machine: Machine, node: ast.Import) -> None:
    """``import a.b as c``."""
    for alias in node.names:
        source = _module(machine, alias.name)
        if alias.asname:
            machine.frame.names[alias.asname] = source or Library(alias.name)
        else:
            top = alias.name.partition(".")[0]
            # ``import a.b`` binds a; its attribute b is found when it is asked for.
            machine.frame.names[top] = _module(machine, top) or Library(top)


def bind_import_from(machine: Machine, node: ast.ImportFrom) -> None:
    """``from a import b as c``."""
    name = node.module or ""
    source = _module(machine, name, node.level)
    for alias in node.names:
        if alias.name == "*":
            if source is not None:
                machine.frame.names.update(source.names)
            continue
        value: Value | None = None
        if source is not None:
            value = source.names.get(alias.name)
        if value is None:
            value = _module(machine, f"{name}.{alias.name}" if name else alias.name, node.level)
        dots = "." * node.level
        machine.frame.names[alias.asname or alias.name] = value or Library(f"{dots}{name}.{alias.name}")


def _module(machine: Machine, name: str, level: int = 0) -> Source | None:
    source = machine.sources.module(name, machine.frame.source.path, level)
    if source is not None and not source.ran:
        source.names["__name__"] = Known(name)
        machine.run_module(source)
    return source
