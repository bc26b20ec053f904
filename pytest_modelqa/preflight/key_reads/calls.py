"""Calls: of functions and classes among the sources, which are followed, and of those that are not."""

from __future__ import annotations

import ast
import re
from itertools import chain
from typing import TYPE_CHECKING

from ..composed import shown
from .access import miss, unstarred
from .later import called_later
from .library import call_library
from .lookups import NOT_THERE, is_mapping, keys_of, lookup, path_of
from .methods import call_method
from .schemas import aliases_of, fields_of, is_schema, is_validated, structured
from .validated import annotated_fields, validated
from .values import (
    FILES,
    UNKNOWN,
    Bound,
    Class,
    Either,
    Frame,
    Function,
    Instance,
    Items,
    Known,
    Library,
    Method,
    Part,
    Partial,
    Record,
    Value,
    either,
    holds_config,
)

if TYPE_CHECKING:
    from .machine import Machine

_DEEPEST = 40
_LISTS_FILES = frozenset({"glob", "rglob", "iglob", "iterdir", "listdir", "scandir"})
# Decorators that hand the whole config to the function's first parameter.
GIVES_CONFIG = re.compile(r"\bhydra|pyrallis|draccus")


def call_value(
    machine: Machine,
    function: Value,
    args: list[Value],
    kwargs: dict[str, Value],
    stars: list[Value],
    node: ast.Call,
) -> Value:
    """Calls whatever a name stands for; ``stars`` are the mappings given as ``**``."""
    if isinstance(function, Either):
        names = [each.name for each in function.options if isinstance(each, Function | Class)]
        choice = f"{ast.unparse(node.func)} is one of {', '.join(names)}" if len(names) > 1 else ""
        with machine.under(choice):
            return either(call_value(machine, each, args, kwargs, stars, node) for each in function.options)
    if isinstance(function, Function):
        return call_function(machine, function, args, kwargs, stars, node)
    if isinstance(function, Bound):
        return call_function(machine, function.function, [function.first, *args], kwargs, stars, node)
    if isinstance(function, Class):
        return instantiate(machine, function, args, kwargs, stars, node)
    if isinstance(function, Partial):
        given, named = [*function.args, *args], {**function.kwargs, **kwargs}
        return call_value(machine, function.function, given, named, [*function.stars, *stars], node)
    if isinstance(function, Method) and isinstance(function.holder, Class):
        # pydantic's, which take one mapping.
        return instantiate(machine, function.holder, [], {}, args[:1], node)
    if isinstance(function, Instance):
        for name in ("__call__", "forward"):
            found = function.of.lookup(name)
            if isinstance(found, Function):
                return call_function(machine, found, [function, *args], kwargs, stars, node)
    if isinstance(function, Method):
        answer = call_method(machine, function, args, kwargs, stars, node)
        if answer is not None:
            return answer
        if is_mapping(machine, function.holder):
            args = [function.holder, *args]
    if isinstance(function, Library):
        answer = call_library(machine, function.name, args, kwargs, stars, node)
        if answer is not None:
            return answer
    return _hand_over(machine, [*args, *kwargs.values(), *stars], node)


def _hand_over(machine: Machine, given: list[Value], node: ast.Call) -> Value:
    """What nobody can follow: parts of the config that it is given may be read there."""
    tables = [value.fields.values() for value in given if isinstance(value, Record)]
    machine.handed |= {value for value in chain(given, *tables) if isinstance(value, Function)}
    if called_later(machine, given, node):
        return UNKNOWN
    if isinstance(node.func, ast.Attribute) and node.func.attr in _LISTS_FILES:
        return FILES
    for value in given:
        for path in holds_config(value):
            if is_mapping(machine, Part(path)) or _has_mappings(machine, Part(path)):
                name = ast.unparse(node.func)
                machine.log.note(
                    f"what {name} reads of {shown(path)}, which it is handed and which is not among the sources",
                    machine.place(node),
                )
                machine.log.read_whole(path, machine.place(node))
    return UNKNOWN


def _has_mappings(machine: Machine, part: Part) -> bool:
    value = machine.config.at(part.path)
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def bind_method(machine: Machine, found: Value, holder: Instance | Class, *, of_class: bool) -> Value:
    """An attribute found in a class, as it is seen through the class or an object."""
    if not isinstance(found, Function) or isinstance(found.node, ast.Lambda):
        return found
    marks = {ast.unparse(mark).partition("(")[0].rpartition(".")[2] for mark in found.node.decorator_list}
    if "staticmethod" in marks:
        return found
    if "classmethod" in marks:
        return Bound(found, holder if isinstance(holder, Class) else holder.of)
    if of_class:
        return found
    if marks & {"property", "cached_property", "lazy_property"}:
        return call_function(machine, found, [holder], {})
    return Bound(found, holder)


def call_function(
    machine: Machine,
    function: Function,
    args: list[Value],
    kwargs: dict[str, Value],
    stars: list[Value] | None = None,
    node: ast.AST | None = None,
) -> Value:
    """Follows a function with these arguments, once for each combination of them."""
    machine.step()
    names = _bound(machine, function, args, kwargs, stars or [], node or function.node)
    identity = tuple((name, _identity(value)) for name, value in names.items())
    caught = frozenset().union(*(ready.names for ready in machine.ready))
    key = (id(function), identity, caught, bool(machine.condition), machine.epoch)
    machine.called.add(function)
    if key in machine.results:
        return machine.results[key]
    machine.results[key] = UNKNOWN
    # The identity of what is gone would be given to something else.
    machine.kept.append((function, names))
    if len(machine.frames) > _DEEPEST:
        machine.log.note(
            f"what {function.name} reads, which is called too deep", machine.place(function.node)
        )
        return UNKNOWN
    frame = Frame(function.source, (names, *function.around), call=node)
    if function.owner is not None and names:
        frame.method = (function.owner, next(iter(names.values())))
    machine.frames.append(frame)
    try:
        if isinstance(function.node, ast.Lambda):
            result = machine.evaluate(function.node.body)
        else:
            ends = machine.run(function.node.body)
            result = _result(frame, ends, function.node)
    finally:
        machine.frames.pop()
    machine.results[key] = result
    return result


def _result(frame: Frame, ends: bool, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Value:
    if frame.yields:
        managed = any("contextmanager" in ast.unparse(mark) for mark in node.decorator_list)
        return frame.yields[0] if managed else Items(frame.yields)
    returned = [*frame.returned, *([Known(None)] if ends and frame.returned else [])]
    return either(returned) if returned else Known(None)


def _identity(value: Value) -> object:
    if isinstance(value, Known):
        return type(value.value).__name__, repr(value.value)
    if isinstance(value, Either):
        return tuple(_identity(option) for option in value.options)
    try:
        return hash(value), repr(value) if isinstance(value, Part) else id(type(value))
    except TypeError:
        return id(value)


def _bound(
    machine: Machine,
    function: Function,
    args: list[Value],
    kwargs: dict[str, Value],
    stars: list[Value],
    node: ast.AST,
) -> dict[str, Value]:
    """The parameters with what they are given; the config's keys that have no parameter are refused."""
    spec = function.node.args
    positional = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    every = [*positional, *(arg.arg for arg in spec.kwonlyargs)]
    names: dict[str, Value] = dict(zip(positional, args, strict=False))
    if spec.vararg:
        names[spec.vararg.arg] = Items(args[len(positional) :])
    rest = {name: value for name, value in kwargs.items() if name not in every}
    names |= {name: value for name, value in kwargs.items() if name in every}
    left = [name for name in every if name not in names]
    taken, surplus = unstarred(machine, stars, node)
    for name, value in taken.items():
        (names if name in left else rest)[name] = value
    defaults = _defaults(machine, function)
    config_stars = [star for star in stars if path_of(star) is not None]
    paths = [path for path in map(path_of, config_stars) if path is not None]
    if paths and not surplus:
        for name in left:
            if name not in taken and name not in defaults and machine.lacks((*paths[-1], name)):
                miss(machine, (*paths[-1], name), node)
    if not spec.kwarg:
        for star, path in zip(config_stars, paths, strict=True):
            for name in set(rest) & set(keys_of(machine, star) or []):
                if not machine.lacks((*path, name)):
                    machine.log.refuse((*path, name), function.name, machine.place(node))
    else:
        names[spec.kwarg.arg] = Record(rest, open=surplus, mirrored=paths[-1] if paths else None)
    for name in every:
        if name not in names:
            names[name] = _not_given(machine, function, name, every, defaults)
    return names


def _not_given(
    machine: Machine, function: Function, name: str, every: list[str], defaults: dict[str, Value]
) -> Value:
    marks = [] if isinstance(function.node, ast.Lambda) else function.node.decorator_list
    gives = [mark for mark in marks if GIVES_CONFIG.search(ast.unparse(mark))]
    if gives and name == every[0]:
        root = machine.root()
        annotation = next((arg.annotation for arg in function.node.args.args if arg.arg == name), None)
        if annotation is not None and "hydra" not in ast.unparse(gives[0]):
            machine.frames.append(Frame(function.source, ({}, *function.around)))
            try:
                described = machine.evaluate(annotation)
            finally:
                machine.frames.pop()
            if isinstance(described, Class) and is_schema(described):
                return structured(machine, described, root)
        return root
    return defaults.get(name, UNKNOWN)


def _defaults(machine: Machine, function: Function) -> dict[str, Value]:
    spec = function.node.args
    positional = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
    written: list[tuple[str, ast.expr | None]] = []
    if spec.defaults:
        written += zip(positional[-len(spec.defaults) :], spec.defaults, strict=True)
    written += zip((arg.arg for arg in spec.kwonlyargs), spec.kw_defaults, strict=True)
    machine.frames.append(Frame(function.source, ({}, *function.around)))
    try:
        return {name: machine.evaluate(node) for name, node in written if node is not None}
    finally:
        machine.frames.pop()


def instantiate(
    machine: Machine,
    made: Class,
    args: list[Value],
    kwargs: dict[str, Value],
    stars: list[Value],
    node: ast.AST,
) -> Value:
    """Makes an object of a class of the sources."""
    libraries = {name.rpartition(".")[2] for name in made.from_libraries()}
    initialise = made.lookup("__init__")
    if libraries & {"dict", "OrderedDict", "UserDict"} and (args or stars):
        # A dict whose keys can be read as attributes as well.
        machine.dicts_with_attributes = True
        return args[0] if args else stars[0]
    instance = Instance(made)
    machine.instances.append(instance)
    if isinstance(initialise, Function):
        call_function(machine, initialise, [instance, *args], kwargs, stars, node)
        return instance
    if not is_schema(made):
        given = [*args, *kwargs.values(), *stars]
        if any(holds_config(value) for value in given) and isinstance(node, ast.Call):
            _hand_over(machine, given, node)
        return instance
    fields = fields_of(machine, made)
    taken, more = unstarred(machine, stars, node)
    aliases = aliases_of(made)
    given_fields = {**dict(zip(fields.fields, args, strict=False)), **kwargs, **taken}
    given_fields = {aliases.get(name, name): value for name, value in given_fields.items()}
    instance.attributes |= given_fields
    if is_validated(made):
        for name, owner, annotation in annotated_fields(made):
            if name in given_fields:
                instance.attributes[name] = validated(machine, owner, annotation, given_fields[name], node)
    _demand_fields(machine, made, fields, given_fields, stars, node, more=more)
    for name, value in fields.fields.items():
        if name not in given_fields and name not in fields.required:
            instance.attributes[name] = value
    after = made.lookup("__post_init__")
    if isinstance(after, Function):
        call_function(machine, after, [instance], {})
    return instance


def _demand_fields(
    machine: Machine,
    made: Class,
    fields: Record,
    given: dict[str, Value],
    stars: list[Value],
    node: ast.AST,
    *,
    more: bool,
) -> None:
    """A field without a default that the config should give, and keys of the config that are no fields."""
    paths = [path for path in map(path_of, stars) if path is not None]
    if not paths:
        return
    keys = {field: alias for alias, field in aliases_of(made).items()}
    for name in fields.required:
        path = (*paths[-1], keys.get(name, name))
        if name in given or more or not machine.lacks(path):
            continue
        if "BaseSettings" in {base.rpartition(".")[2] for base in made.from_libraries()}:
            machine.log.note(
                f"whether the environment gives {made.node.name} its {name}", machine.place(node)
            )
        else:
            miss(machine, path, node)
    if is_validated(made):
        return
    for name in given:
        found = lookup(machine, stars[-1], name)
        if name not in fields.fields and found is not NOT_THERE and not machine.lacks((*paths[-1], name)):
            machine.log.refuse((*paths[-1], name), made.node.name, machine.place(node))
