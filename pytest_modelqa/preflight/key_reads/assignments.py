"""Binds names: assignments, imports, and keys that the program adds to the config."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .access import constant, items_of, path_of
from .values import (
    UNKNOWN,
    Instance,
    Items,
    Known,
    Layers,
    Library,
    Part,
    Record,
    Source,
    Value,
)

if TYPE_CHECKING:
    from .machine import Machine


def assign(machine: Machine, target: ast.expr, value: Value) -> None:
    """Binds a target of an assignment, a loop or a ``with``."""
    if isinstance(target, ast.Name):
        machine.frame.names[target.id] = value
    elif isinstance(target, ast.Attribute):
        write(machine, machine.evaluate(target.value), target.attr, value)
    elif isinstance(target, ast.Subscript):
        holder, key = machine.evaluate(target.value), constant(machine, machine.evaluate(target.slice))
        if isinstance(key, (str, int)):
            write(machine, holder, key, value)
        else:
            open_up(holder)
    elif isinstance(target, ast.Starred):
        assign(machine, target.value, UNKNOWN)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(machine, target.elts, value)


def _unpack(machine: Machine, targets: list[ast.expr], value: Value) -> None:
    items = value.items if isinstance(value, Items) else items_of(machine, value)
    starred = any(isinstance(target, ast.Starred) for target in targets)
    if items is None or starred or len(items) != len(targets):
        items = [UNKNOWN] * len(targets)
    for target, item in zip(targets, items, strict=True):
        assign(machine, target, item)


def write(machine: Machine, holder: Value, key: Any, value: Value) -> None:
    """Sets a key or attribute."""
    if isinstance(holder, Record):
        holder.fields[key] = value
        holder.required -= {key}
    elif isinstance(holder, Instance):
        holder.attributes[str(key)] = value
    elif isinstance(holder, Part | Layers):
        path = path_of(holder)
        if path is not None:
            machine.written[(*path, str(key))] = value
        elif isinstance(holder, Layers):
            write(machine, holder.layers[-1], key, value)


def open_up(holder: Value) -> None:
    """More may be in it from now on than is known."""
    if isinstance(holder, Record):
        holder.open = True
    elif isinstance(holder, Layers):
        for layer in holder.layers:
            open_up(layer)


def forget(machine: Machine, target: ast.expr) -> None:
    """``del``: a name is gone; a key of the config was read as far as anyone cares."""
    if isinstance(target, ast.Name):
        machine.frame.names.pop(target.id, None)
    else:
        machine.evaluate(target)


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
