"""Comprehensions, item by item where the items are known."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..composed import KeyPath
from .assignments import assign
from .lookups import constant, items_of, path_of
from .values import UNKNOWN, Items, Record, Value, holds_config

if TYPE_CHECKING:
    from .machine import Machine


def of_items(machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
    """``[f(x) for x in …]``."""
    found: list[Value] = []
    whole = _each(machine, node.generators, lambda: found.append(machine.evaluate(node.elt)))
    # Of a list of unknown length, what is known of its items is worth following.
    return Items(found) if whole or any(holds_config(each) for each in found) else UNKNOWN


def of_keys(machine: Machine, node: ast.DictComp) -> Value:
    """``{k: v for k, v in …}``."""
    made = Record({})

    def one() -> None:
        key, value = constant(machine, machine.evaluate(node.key)), machine.evaluate(node.value)
        if isinstance(key, (str, int)):
            made.fields[key] = value
        else:
            made.open = True

    whole = _each(machine, node.generators, one)
    made.open |= not whole
    made.mirrored = _copied(machine, node)
    return made


def _copied(machine: Machine, node: ast.DictComp) -> KeyPath | None:
    """The part of the config of which ``{k: f(v) for k, v in part.items()}`` has every key."""
    first = node.generators[0]
    names = first.target.elts if isinstance(first.target, ast.Tuple) else []
    items = first.iter.func if isinstance(first.iter, ast.Call) else None
    if len(node.generators) > 1 or not names or ast.unparse(names[0]) != ast.unparse(node.key):
        return None
    if not isinstance(items, ast.Attribute) or items.attr != "items":
        return None
    return path_of(machine.evaluate(items.value))


def _each(machine: Machine, generators: list[ast.comprehension], do: object) -> bool:
    """Does something for each item; says whether all items are known."""
    assert callable(do)
    if not generators:
        do()
        return True
    first, *rest = generators
    items = items_of(machine, machine.evaluate(first.iter))
    whole = items is not None
    outer = machine.frame.scopes
    machine.frame.scopes = ({}, *outer)
    try:
        for item in [UNKNOWN] if items is None else items:
            assign(machine, first.target, item)
            outcomes = [machine.truth(machine.evaluate(condition)) for condition in first.ifs]
            if False not in outcomes:
                whole &= None not in outcomes
                whole &= _each(machine, rest, do)
    finally:
        machine.frame.scopes = outer
    return whole
