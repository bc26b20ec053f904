"""Binds names: assignments, imports, and keys that the program adds to the config."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from .lookups import constant, items_of, path_of
from .values import (
    UNKNOWN,
    Class,
    Instance,
    Items,
    Known,
    Layers,
    Part,
    Record,
    Source,
    Value,
    either,
    same,
)

if TYPE_CHECKING:
    from .machine import Machine


def assign(machine: Machine, target: ast.expr, value: Value) -> None:
    """Binds a target of an assignment, a loop or a ``with``."""
    if isinstance(target, ast.Name):
        _bind(machine, target.id, value)
    elif isinstance(target, ast.Attribute):
        write(machine, machine.evaluate(target.value), target.attr, value)
    elif isinstance(target, ast.Subscript):
        holder, key = machine.evaluate(target.value), constant(machine, machine.evaluate(target.slice))
        if isinstance(key, (str, int)):
            write(machine, holder, key, value)
            path = path_of(value)
            if isinstance(holder, Instance) and path and path[-1] == key:
                # ``self.__dict__[key] = value``, as all keys beside it.
                holder.mirrored = path[:-1]
        else:
            open_up(holder)
    elif isinstance(target, ast.Starred):
        assign(machine, target.value, value)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(machine, target.elts, value)


def _bind(machine: Machine, name: str, value: Value) -> None:
    scope = machine.frame.elsewhere.get(name)
    if scope is None:
        machine.frame.names[name] = value
        return
    if machine.conditions and name in scope:
        value = either([scope[name], value])
    if not isinstance(value, Known) and not (name in scope and same(scope[name], value)):
        # What functions give may be another thing from now on.
        machine.epoch += 1
    scope[name] = value


def _unpack(machine: Machine, targets: list[ast.expr], value: Value) -> None:
    items = value.items if isinstance(value, Items) else items_of(machine, value)
    starred = next((i for i, target in enumerate(targets) if isinstance(target, ast.Starred)), None)
    if items is not None and starred is not None and len(items) >= len(targets) - 1:
        end = len(items) - (len(targets) - 1 - starred)
        items = [*items[:starred], Items(items[starred:end]), *items[end:]]
    if items is None or len(items) != len(targets):
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
    elif isinstance(holder, Class | Source):
        if not isinstance(value, Known):
            machine.epoch += 1
        holder.names[str(key)] = value
    elif isinstance(holder, Part | Layers):
        path = path_of(holder)
        if path is not None:
            machine.written[(*path, str(key))] = value
            machine.removed.discard((*path, str(key)))
            machine.perhaps.pop((*path, str(key)), None)
            layers = holder.layers if isinstance(holder, Layers) else ()
            if not any(isinstance(layer, Record) and key in layer.fields for layer in layers):
                machine.sets.append((*path, str(key)))
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
        holder = machine.evaluate(target.value) if isinstance(target, ast.Attribute | ast.Subscript) else None
        if isinstance(target, ast.Attribute) and holder is not None:
            remove(machine, holder, target.attr)
        elif isinstance(target, ast.Subscript) and holder is not None:
            remove(machine, holder, constant(machine, machine.evaluate(target.slice)))


def remove(machine: Machine, holder: Value, key: Any) -> None:
    """A key is taken out: whoever is handed all of them is not handed this one."""
    path = path_of(holder)
    if path is not None and isinstance(key, (str, int)):
        machine.removed.add((*path, str(key)))
    if isinstance(holder, Record) and isinstance(key, (str, int)) and not machine.conditions:
        holder.fields.pop(key, None)
