"""What pydantic makes of a part of the config: objects of the classes that its fields are annotated with."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .access import miss
from .lookups import NotThere, is_mapping, items_of, lookup, parts_below, path_of
from .schemas import aliases_of, class_of, fields_of, written_out
from .values import Class, Items, Layers, Record, Value

if TYPE_CHECKING:
    from .machine import Machine

_LISTS = frozenset({"list", "List", "tuple", "Tuple", "Sequence", "Iterable", "set", "frozenset"})
_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "OrderedDict"})


def annotated_fields(made: Class) -> Iterator[tuple[str, Class, ast.expr]]:
    """Each field with the class that annotates it, of the base classes as well."""
    seen: set[str] = set()
    for each in made.lineage():
        for node in each.node.body:
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            if node.target.id not in seen:
                seen.add(node.target.id)
                yield node.target.id, each, node.annotation


def validated(machine: Machine, owner: Class, annotation: ast.expr, value: Value, node: ast.AST) -> Value:
    """A value of the config as the field holds it; what the classes of its parts lack is noted."""
    described = class_of(machine, owner, annotation)
    if described is not None:
        return _object(machine, described, value, node) if is_mapping(machine, value) else value
    plain = written_out(annotation)
    if not isinstance(plain, ast.Subscript):
        return value
    kind, inner = ast.unparse(plain.value).rpartition(".")[2], plain.slice
    last = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if kind in _MAPPINGS and len(last) == 2 and is_mapping(machine, value):
        pairs = dict(parts_below(machine, value))
        made = {key: validated(machine, owner, last[1], each, node) for key, each in pairs.items()}
        same = all(made[key] is each for key, each in pairs.items())
        return value if same else Record(made, mirrored=path_of(value))
    items = None if is_mapping(machine, value) else items_of(machine, value)
    if kind in _LISTS and items is not None:
        objects = [validated(machine, owner, last[0], each, node) for each in items]
        return (
            value if all(one is other for one, other in zip(objects, items, strict=True)) else Items(objects)
        )
    return value


def _object(machine: Machine, made: Class, value: Value, node: ast.AST) -> Value:
    fields, path = fields_of(machine, made), path_of(value)
    names = {field: alias for alias, field in aliases_of(made).items()}
    changed: dict[str, Value] = {}
    for name, owner, annotation in annotated_fields(made):
        key = names.get(name, name)
        found = lookup(machine, value, key)
        if isinstance(found, NotThere):
            if name in fields.required and path is not None and machine.lacks((*path, key)):
                miss(machine, (*path, key), node)
            continue
        if path is not None:
            machine.log.read((*path, key), machine.place(node))
        inside = validated(machine, owner, annotation, found, node)
        if inside is not found or key != name:
            changed[name] = inside
    return Layers((fields, value, Record(changed)) if changed else (fields, value))
