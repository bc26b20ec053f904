"""Methods of mappings, lists, texts, files and parsers."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..composed import NOTHING
from .access import (
    NotThere,
    constant,
    items_of,
    lookup,
    parts_below,
    path_of,
    read_key,
)
from .assignments import open_up, write
from .values import (
    UNKNOWN,
    Absent,
    Instance,
    Items,
    Known,
    Layers,
    Method,
    NoneOf,
    OpenFile,
    Parser,
    Part,
    Record,
    Value,
)

if TYPE_CHECKING:
    from .machine import Machine

_TEXT_METHODS = frozenset(
    [
        "lower",
        "upper",
        "strip",
        "lstrip",
        "rstrip",
        "removeprefix",
        "removesuffix",
        "replace",
        "split",
        "rsplit",
        "partition",
        "rpartition",
        "join",
        "format",
        "title",
        "startswith",
        "endswith",
    ]
)
_OPENS = frozenset({"open", "read_text", "read_bytes", "read"})


def call_method(
    machine: Machine,
    method: Method,
    args: list[Value],
    kwargs: dict[str, Value],
    stars: list[Value],
    node: ast.Call,
) -> Value | None:
    """What a method gives; None where it is not known what it does."""
    holder, name = method.holder, method.name
    if isinstance(holder, Parser):
        return _of_parser(machine, holder, name, args, kwargs, stars, node)
    if isinstance(holder, OpenFile) or (isinstance(holder, Known) and name in _OPENS):
        return (holder if isinstance(holder, OpenFile) else OpenFile(holder)) if name in _OPENS else UNKNOWN
    if isinstance(holder, Part | Layers | Record | Absent | Instance):
        answer = _of_mapping(machine, holder, name, args, kwargs, stars, node)
        if answer is not None:
            return answer
    if isinstance(holder, Instance) and holder.mirrored is None:
        return _of_library_base(machine, holder, name, args)
    return _of_constant(machine, holder, name, args)


def _of_mapping(
    machine: Machine,
    holder: Part | Layers | Record | Absent | Instance,
    name: str,
    args: list[Value],
    kwargs: dict[str, Value],
    stars: list[Value],
    node: ast.Call,
) -> Value | None:
    if name in ("get", "pop", "setdefault") and args:
        return _get(machine, holder, name, args, kwargs, node)
    if name in ("items", "values"):
        return _pairs(machine, holder, node, with_keys=name == "items")
    if name in ("keys", "copy", "to_dict", "toDict"):
        return holder
    if name in ("update", "merge_with"):
        update(machine, holder, [*args, *stars], kwargs)
        return Known(None)
    return None


def _get(
    machine: Machine,
    holder: Value,
    name: str,
    args: list[Value],
    kwargs: dict[str, Value],
    node: ast.Call,
) -> Value:
    key = constant(machine, args[0])
    default = args[1] if len(args) > 1 else kwargs.get("default", kwargs.get("default_value"))
    if not isinstance(key, (str, int)):
        path = path_of(holder)
        if path is not None:
            text = ast.unparse(node)
            machine.log.note(f"which key is read by {text} is known only while it runs", machine.place(node))
            machine.log.read_whole(path, machine.place(node))
        return UNKNOWN
    if name == "get" and default is None:
        path = path_of(holder)
        default = NoneOf(None, (*path, str(key))) if path is not None else Known(None)
    if name == "setdefault":
        default = default or Known(None)
        if isinstance(lookup(machine, holder, key), NotThere):
            write(machine, holder, key, default)
    return read_key(machine, holder, key, node, default=default)


def _pairs(machine: Machine, holder: Value, node: ast.Call, *, with_keys: bool) -> Value:
    path = path_of(holder)
    pairs = list(parts_below(machine, holder))
    if path is not None:
        for key, _ in pairs:
            machine.log.read((*path, str(key)), machine.place(node))
    if isinstance(holder, Record) and holder.open:
        return UNKNOWN
    return Items([Items([Known(key), value]) if with_keys else value for key, value in pairs])


def update(machine: Machine, holder: Value, given: list[Value], kwargs: dict[str, Value]) -> None:
    """``holder.update(mapping, key=value)``."""
    for mapping in given:
        pairs = list(parts_below(machine, mapping))
        for key, value in pairs:
            write(machine, holder, key, value)
        if not pairs:
            open_up(holder)
        mirror(holder, mapping)
    for key, value in kwargs.items():
        write(machine, holder, key, value)


def mirror(holder: Value, mapping: Value) -> None:
    """Every key of a part of the config is copied: what the copy lacks, the config lacks."""
    path = path_of(mapping)
    if path is not None and isinstance(holder, Record | Instance):
        holder.mirrored = path


def _of_parser(
    machine: Machine,
    parser: Parser,
    name: str,
    args: list[Value],
    kwargs: dict[str, Value],
    stars: list[Value],
    node: ast.Call,
) -> Value:
    if name == "add_argument":
        given = kwargs.get("dest")
        flags = [flag for flag in (constant(machine, arg) for arg in args) if isinstance(flag, str)]
        long = [flag for flag in flags if flag.startswith("--")] or flags
        destination = constant(machine, given) if given is not None else None
        if not isinstance(destination, str) and long:
            destination = long[0].lstrip("-").replace("-", "_")
        if isinstance(destination, str):
            parser.namespace.fields[destination] = UNKNOWN
        return UNKNOWN
    if name == "set_defaults":
        parser.merged += [*stars, *([Record(dict(kwargs))] if kwargs else [])]
        return Known(None)
    if name in ("parse_args", "parse_known_args", "parse_intermixed_args"):
        over = kwargs.get("namespace", args[1] if len(args) > 1 else None)
        layers = [*([over] if over is not None else []), parser.namespace, *parser.merged]
        for merged in parser.merged:
            for key, _ in parts_below(machine, merged):
                if path_of(merged) is not None:
                    machine.log.read((*(path_of(merged) or ()), str(key)), machine.place(node))
        namespace = Layers(tuple(layers)) if len(layers) > 1 else parser.namespace
        return Items([namespace, UNKNOWN]) if name == "parse_known_args" else namespace
    # Groups and subcommands add to the same namespace.
    return parser if name.startswith("add_") else UNKNOWN


def _of_library_base(machine: Machine, instance: Instance, name: str, args: list[Value]) -> Value | None:
    """A method that an object has of a library's class."""
    if name == "save_hyperparameters":
        whole = [arg for arg in args if not isinstance(arg, Known)]
        # Lightning takes the arguments of the calling __init__.
        own = {key: value for key, value in machine.frame.names.items() if value is not instance}
        instance.attributes["hparams"] = whole[0] if whole else Record(own)
        return Known(None)
    return Known(None) if name == "__init__" and not args else None


def _of_constant(machine: Machine, holder: Value, name: str, args: list[Value]) -> Value | None:
    if isinstance(holder, Items) and name in ("append", "extend") and args:
        holder.items += [args[0]] if name == "append" else items_of(machine, args[0]) or [UNKNOWN]
        return Known(None)
    text = constant(machine, holder)
    given = [constant(machine, arg) for arg in args]
    if isinstance(text, str) and name in _TEXT_METHODS and NOTHING not in given:
        try:
            return Known(getattr(text, name)(*given))
        except (TypeError, ValueError, LookupError):
            return UNKNOWN
    if isinstance(text, str):
        return UNKNOWN
    return None
