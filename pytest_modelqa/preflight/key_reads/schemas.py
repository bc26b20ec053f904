"""Dataclasses and pydantic models as what they say about a config: its keys, their defaults, those without."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .values import UNKNOWN, Class, Frame, Instance, Known, Layers, Library, Record, Value

if TYPE_CHECKING:
    from .machine import Machine

_BASES = {"BaseModel", "BaseSettings", "NamedTuple", "TypedDict"}
_DECORATORS = ("dataclass", "define", "attr.s", "attrs", "frozen")


def is_validated(made: Class) -> bool:
    """Whether it is pydantic's, which makes objects of the mappings inside a mapping."""
    return bool({name.rpartition(".")[2] for name in made.from_libraries()} & {"BaseModel", "BaseSettings"})


def aliases_of(made: Class) -> dict[str, str]:
    """The keys that stand for fields of other names: ``Field(alias=…)``."""
    return {
        word.value.value: node.target.id
        for each in made.lineage()
        for node in each.node.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Call)
        for word in node.value.keywords
        if word.arg in ("alias", "validation_alias")
        and isinstance(word.value, ast.Constant)
        and isinstance(word.value.value, str)
    }  # fmt: skip


def is_schema(made: Class) -> bool:
    """Whether a class's annotations are its fields."""
    for each in made.lineage():
        if any(name in ast.unparse(mark) for mark in each.node.decorator_list for name in _DECORATORS):
            return True
    return bool({name.rpartition(".")[2] for name in made.from_libraries()} & _BASES)


def fields_of(machine: Machine, made: Class) -> Record:
    """The fields with their defaults; those without are required."""
    fields: dict[str, Value] = {}
    required: set[str] = set()
    elements: dict[str, Record] = {}
    for each in reversed(list(made.lineage())):
        for node in each.node.body:
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            name = node.target.id
            default = each.names.get(name) if node.value is not None else None
            nested = _nested(machine, each, node.annotation)
            items = _of_items(machine, each, node.annotation)
            elements |= {name: items} if items is not None else {}
            required.discard(name)
            if isinstance(default, Instance) and is_schema(default.of):
                fields[name] = Record(dict(default.attributes), schema=True)
            elif default is None or _is_missing(default):
                fields[name] = nested or UNKNOWN
                if nested is None or nested.required or default is None:
                    required.add(name)
            else:
                fields[name] = default
    return Record(dict(fields), frozenset(required), schema=True, elements=elements)


def _of_items(machine: Machine, owner: Class, annotation: ast.expr) -> Record | None:
    """The fields of the class that the items of a list, or the values of a mapping, are annotated with."""
    plain = written_out(annotation)
    if not isinstance(plain, ast.Subscript):
        return None
    inner = plain.slice.elts[-1] if isinstance(plain.slice, ast.Tuple) else plain.slice
    return _nested(machine, owner, inner)


def _is_missing(default: Value) -> bool:
    return default == Known("???") or (isinstance(default, Library) and default.name.endswith("MISSING"))


def _nested(machine: Machine, owner: Class, annotation: ast.expr) -> Record | None:
    """The fields of the class that a field is annotated with."""
    described = class_of(machine, owner, annotation)
    return fields_of(machine, described) if described is not None else None


def written_out(annotation: ast.expr) -> ast.expr | None:
    """An annotation without its quotes, and without ``Optional`` or ``| None``."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return None
    if isinstance(annotation, ast.BinOp) and ast.unparse(annotation.right) == "None":
        annotation = annotation.left
    if isinstance(annotation, ast.Subscript) and "Optional" in ast.unparse(annotation.value):
        annotation = annotation.slice
    return annotation


def class_of(machine: Machine, owner: Class, annotation: ast.expr) -> Class | None:
    """The class with fields of its own that a field is annotated with."""
    plain = written_out(annotation)
    if not isinstance(plain, ast.Name | ast.Attribute):
        return None
    machine.frames.append(Frame(owner.source, (owner.source.names,)))
    try:
        described = machine.evaluate(plain)
    finally:
        machine.frames.pop()
    known = isinstance(described, Class) and described is not owner and is_schema(described)
    return described if known and isinstance(described, Class) else None


def structured(machine: Machine, made: Class, data: Value) -> Value:
    """Data over the fields that describe them."""
    return Layers((fields_of(machine, made), data))
