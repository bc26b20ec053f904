"""What an expression stands for, with the config's own values where they are known."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ..composed import NOTHING
from .access import read_key
from .calls import bind_method, call_function, call_value
from .comprehensions import of_items, of_keys
from .lookups import NotThere, constant, is_mapping, items_of, lookup, path_of
from .operators import (
    SIMPLE,
    arithmetic,
    boolean,
    compare,
    conditional,
    negation,
    text,
)
from .schemas import is_validated
from .values import (
    UNKNOWN,
    Absent,
    Bound,
    Class,
    Either,
    Function,
    Instance,
    Items,
    Known,
    Layers,
    Library,
    Method,
    NoneOf,
    OpenFile,
    Parser,
    Part,
    Record,
    Source,
    Super,
    Unknown,
    Value,
    either,
    merged,
)

if TYPE_CHECKING:
    from .machine import Machine

_MAPPING_METHODS = re.compile(r"keys|values|items|get|pop|setdefault|copy|update|merge_with|to_dict|toDict")
_VALIDATES = frozenset({"model_validate", "parse_obj", "model_construct"})


def evaluate(machine: Machine, node: ast.expr) -> Value:
    """What an expression stands for; the keys that it reads are noted."""
    machine.step()
    handler = _HANDLERS.get(type(node))
    if handler is not None:
        return handler(machine, node)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            evaluate(machine, child)
    return UNKNOWN


def _constant(machine: Machine, node: ast.Constant) -> Value:
    return Known(node.value)


def _name(machine: Machine, node: ast.Name) -> Value:
    value = machine.lookup(node.id)
    return value if value is not None else Library(f"builtins.{node.id}")


def _attribute(machine: Machine, node: ast.Attribute) -> Value:
    return attribute(machine, evaluate(machine, node.value), node.attr, node)


def attribute(
    machine: Machine, holder: Value, name: str, node: ast.AST, default: Value | None = None
) -> Value:
    """``holder.name``."""
    if isinstance(holder, Either):
        return either(attribute(machine, each, name, node, default) for each in holder.options)
    if isinstance(holder, Library):
        return Library(f"{holder.name}.{name}")
    if isinstance(holder, Source):
        return _of_module(machine, holder, name)
    if isinstance(holder, Instance):
        return _of_instance(machine, holder, name, node, default)
    if isinstance(holder, Function | Class) and name == "__name__":
        return Known(holder.name)
    if isinstance(holder, Class):
        found = holder.lookup(name)
        if found is None:
            return Method(holder, name) if name in _VALIDATES and is_validated(holder) else UNKNOWN
        return bind_method(machine, found, holder, of_class=True)
    if isinstance(holder, Super):
        return _of_super(machine, holder, name)
    if isinstance(holder, Parser | OpenFile):
        return Method(holder, name)
    if isinstance(holder, Part | Layers | Record | Absent):
        if _MAPPING_METHODS.fullmatch(name) and (isinstance(holder, Absent) or is_mapping(machine, holder)):
            return Method(holder, name)
        if name == "__dict__":
            return holder
        if isinstance(holder, Part) and isinstance(machine.config.at(holder.path), (str, list)):
            return Method(holder, name)
        return read_key(machine, holder, name, node, default=default)
    if isinstance(holder, NoneOf):
        return read_key(machine, holder, name, node)
    if isinstance(holder, Known) and isinstance(holder.value, str) and name in ("suffix", "stem", "name"):
        return Known(getattr(PurePath(holder.value), name))
    if isinstance(holder, Known) and (isinstance(holder.value, str) or holder.value is None):
        return Method(holder, name)
    return Method(holder, name) if isinstance(holder, Items | Known) else UNKNOWN


def _of_module(machine: Machine, module: Source, name: str) -> Value:
    if name in module.names:
        return module.names[name]
    inner = machine.sources.module(name, module.path, level=1)
    if inner is None:
        return UNKNOWN
    machine.run_module(inner)
    return inner


def _of_instance(
    machine: Machine, instance: Instance, name: str, node: ast.AST, default: Value | None
) -> Value:
    if name == "__dict__":
        return instance
    if name in instance.attributes:
        return instance.attributes[name]
    found = instance.of.lookup(name)
    if found is not None:
        return bind_method(machine, found, instance, of_class=False)
    if name == "__class__":
        return instance.of
    getter = instance.of.lookup("__getattr__")
    if isinstance(getter, Function):
        return call_function(machine, getter, [instance, Known(name)], {}, [], node)
    if instance.mirrored is not None:
        return read_key(machine, instance, name, node, default=default)
    return Method(instance, name) if instance.of.from_libraries() else UNKNOWN


def _of_super(machine: Machine, holder: Super, name: str) -> Value:
    for base in holder.of.bases:
        found = base.lookup(name) if isinstance(base, Class) else None
        if found is not None:
            return Bound(found, holder.instance) if isinstance(found, Function) else found
    return Method(holder.instance, name)


def _subscript(machine: Machine, node: ast.Subscript) -> Value:
    holder = evaluate(machine, node.value)
    if isinstance(node.slice, ast.Slice):
        for bound in (node.slice.lower, node.slice.upper, node.slice.step):
            if bound is not None:
                evaluate(machine, bound)
        return _sliced(machine, holder, node.slice)
    key = evaluate(machine, node.slice)
    if isinstance(key, Either):
        keys = [constant(machine, option) for option in key.options]
        if NOTHING not in keys:
            return either(read_key(machine, holder, each, node) for each in keys)
    return subscript(machine, holder, constant(machine, key), node)


def subscript(machine: Machine, holder: Value, key: Any, node: ast.expr) -> Value:
    """``holder[key]``; a key that is not known may be any."""
    if isinstance(holder, Instance):
        getter = holder.of.lookup("__getitem__")
        if isinstance(getter, Function):
            given = UNKNOWN if key is NOTHING else Known(key)
            return call_function(machine, getter, [holder, given], {}, [], node)
    if isinstance(key, (str, int)) and not isinstance(key, bool):
        return read_key(machine, holder, key, node)
    if isinstance(holder, Library):
        return UNKNOWN
    for path in map(path_of, holder.options if isinstance(holder, Either) else (holder,)):
        if path is not None and is_mapping(machine, holder):
            machine.log.note(
                f"which key is read by {ast.unparse(node)} is known only while it runs", machine.place(node)
            )
            machine.log.read_whole(path, machine.place(node))
    keys = items_of(machine, holder)
    if not keys:
        return UNKNOWN
    if not is_mapping(machine, holder):
        return either(keys)
    found = [lookup(machine, holder, constant(machine, each)) for each in keys]
    return either(each for each in found if not isinstance(each, NotThere))


def _sliced(machine: Machine, holder: Value, node: ast.Slice) -> Value:
    items = items_of(machine, holder)
    bounds = [
        constant(machine, evaluate(machine, each)) if each is not None else None
        for each in (node.lower, node.upper, node.step)
    ]
    known = all(bound is None or isinstance(bound, int) for bound in bounds)
    if items is None or is_mapping(machine, holder):
        return UNKNOWN
    return Items(items[slice(*bounds)] if known and bounds[2] != 0 else items)


def _call(machine: Machine, node: ast.Call) -> Value:
    function = _called(machine, node.func)
    args: list[Value] = []
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            items = items_of(machine, evaluate(machine, arg.value))
            args.extend(items if items is not None else [UNKNOWN])
        else:
            args.append(evaluate(machine, arg))
    kwargs: dict[str, Value] = {}
    stars: list[Value] = []
    for keyword in node.keywords:
        value = evaluate(machine, keyword.value)
        if keyword.arg is None:
            stars.append(value)
        else:
            kwargs[keyword.arg] = value
    return call_value(machine, function, args, kwargs, stars, node)


def _called(machine: Machine, node: ast.expr) -> Value:
    """What is called; what a mapping holds is hardly called, so another name is a method of its class."""
    if not isinstance(node, ast.Attribute):
        return evaluate(machine, node)
    holder = evaluate(machine, node.value)
    if is_mapping(machine, holder) and isinstance(lookup(machine, holder, node.attr), NotThere):
        return Method(holder, node.attr)
    return attribute(machine, holder, node.attr, node)


def _sequence(machine: Machine, node: ast.List | ast.Tuple | ast.Set) -> Value:
    items: list[Value] = []
    for element in node.elts:
        if isinstance(element, ast.Starred):
            inner = items_of(machine, evaluate(machine, element.value))
            if inner is None:
                return UNKNOWN
            items.extend(inner)
        else:
            items.append(evaluate(machine, element))
    return Items(items)


def _dict(machine: Machine, node: ast.Dict) -> Value:
    layers: list[Value] = [Record({})]
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(machine, value_node)
        if key_node is None:
            layers += [value, Record({})]
            continue
        if isinstance(value, Function):
            machine.tabled.add(value)
        key, top = constant(machine, evaluate(machine, key_node)), layers[-1]
        assert isinstance(top, Record)
        if isinstance(key, SIMPLE):
            top.fields[key] = value
        else:
            top.open = True
    kept = [layer for layer in layers if not isinstance(layer, Record) or layer.fields or layer.open]
    kept = [Record({}, open=True) if isinstance(layer, Unknown) else layer for layer in kept]
    return merged(kept)


def _lambda(machine: Machine, node: ast.Lambda) -> Value:
    made = Function(node, machine.frame.source, machine.frame.scopes, condition=machine.condition)
    machine.functions.append(made)
    return made


def _walrus(machine: Machine, node: ast.NamedExpr) -> Value:
    value = evaluate(machine, node.value)
    machine.frame.names[node.target.id] = value
    return value


def _through(machine: Machine, node: ast.Await | ast.Starred) -> Value:
    return evaluate(machine, node.value)


def _yield_from(machine: Machine, node: ast.YieldFrom) -> Value:
    items = items_of(machine, evaluate(machine, node.value))
    machine.frame.yields += [UNKNOWN] if items is None else items
    return UNKNOWN


def _yield(machine: Machine, node: ast.Yield) -> Value:
    if node.value is not None:
        machine.frame.yields.append(evaluate(machine, node.value))
    return UNKNOWN


_HANDLERS: Mapping[type[ast.expr], Callable[[Any, Any], Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
    ast.BoolOp: boolean,
    ast.UnaryOp: negation,
    ast.Compare: compare,
    ast.BinOp: arithmetic,
    ast.IfExp: conditional,
    ast.JoinedStr: text,
    ast.List: _sequence,
    ast.Tuple: _sequence,
    ast.Set: _sequence,
    ast.Dict: _dict,
    ast.ListComp: of_items,
    ast.SetComp: of_items,
    ast.GeneratorExp: of_items,
    ast.DictComp: of_keys,
    ast.Lambda: _lambda,
    ast.NamedExpr: _walrus,
    ast.Await: _through,
    ast.Starred: _through,
    ast.YieldFrom: _yield_from,
    ast.Yield: _yield,
}
