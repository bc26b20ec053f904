"""Methods of mappings, lists, texts, files and parsers."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ..composed import NOTHING
from .access import read_key
from .assignments import open_up, remove, write
from .call import Call
from .files import loaded
from .lookups import NotThere, constant, is_mapping, items_of, lookup, parts_below, path_of
from .values import (
    UNKNOWN,
    Absent,
    Function,
    Instance,
    Items,
    Known,
    Layers,
    Method,
    OpenFile,
    Parser,
    Part,
    Record,
    Value,
    either,
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
_CONFIG_OPTION = re.compile(r"conf|cfg|yaml|yml|json|toml|param|setting|opt")
_CONFIG_SUFFIXES = (".yaml", ".yml", ".json", ".toml")
# Methods that the classes which make keys attributes have of their own.
_OF_WRAPPERS = re.compile(
    r"clone|unlocked|copy_and_resolve_references|(un)?lock|freeze|defrost|is_\w+|merge_from_list|set_new_allowed"
    r"|dump|to_(yaml|json|toml)|pretty"
)
_OF_PATHS = frozenset({"resolve", "absolute", "expanduser", "as_posix"})
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
    path = constant(machine, holder)
    if isinstance(path, str) and name in _OF_PATHS:
        return Known(path)
    if isinstance(path, str) and name in _OPENS:
        return OpenFile(Known(path))
    if isinstance(holder, OpenFile):
        return holder if name in _OPENS else UNKNOWN
    if isinstance(holder, Part | Layers | Record | Absent | Instance):
        answer = _of_mapping(machine, holder, name, args, kwargs, stars, node)
        if answer is not None:
            return answer
    if isinstance(holder, Instance) and holder.mirrored is None:
        return _of_library_base(machine, holder, name, args)
    if name == "format_map" or (name == "format" and stars):
        # The text names the keys that it reads.
        return None
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
    if name in ("merge_from_file", "merge_from_other_cfg") and args:
        merge_into(machine, holder, _file(machine, args, node) if "file" in name else args[0])
        return Known(None)
    if _OF_WRAPPERS.fullmatch(name):
        return holder if name in ("clone", "unlocked", "copy_and_resolve_references") else UNKNOWN
    return None


def _file(machine: Machine, args: list[Value], node: ast.Call) -> Value:
    return loaded(Call(machine, "yaml.load", args, {}, [], node), "yaml")


def merge_into(machine: Machine, holder: Value, given: Value) -> None:
    """Every key of a mapping is laid over what is there, at any depth."""
    for key, value in parts_below(machine, given):
        below = lookup(machine, holder, key)
        both = not isinstance(below, NotThere) and is_mapping(machine, below) and is_mapping(machine, value)
        write(
            machine,
            holder,
            key,
            Layers((below, value)) if both and not isinstance(below, NotThere) else value,
        )
    mirror(holder, given)


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
        default = Known(None)
    if name == "setdefault":
        default = default or Known(None)
        if isinstance(lookup(machine, holder, key), NotThere):
            write(machine, holder, key, default)
    found = read_key(machine, holder, key, node, default=default)
    if name == "pop":
        remove(machine, holder, key)
    return found


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


def mirror_part(holder: Value, name: str, value: Value) -> None:
    """A key of a part of the config becomes an attribute of the same name, as all keys beside it do."""
    path = path_of(value)
    if path and path[-1] == name:
        mirror(holder, Part(path[:-1]))


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
            default = constant(machine, kwargs.get("default", UNKNOWN))
            own = _CONFIG_OPTION.search(destination) or not str(default).endswith(_CONFIG_SUFFIXES)
            # The command line names the config; another file is most likely the one that is the default.
            parser.namespace.fields[destination] = UNKNOWN if own else Known(default)
        return UNKNOWN
    if name == "set_defaults":
        parser.merged += stars
        for key, value in kwargs.items():
            # One of the subcommands gives it, or the parser itself.
            before = parser.defaults.fields.get(key)
            parser.defaults.fields[key] = value if before is None else either([before, value])
        return Known(None)
    if name in ("parse_args", "parse_known_args", "parse_intermixed_args"):
        over = kwargs.get("namespace", args[1] if len(args) > 1 else None)
        layers = [*([over] if over is not None else []), parser.namespace, *parser.merged]
        if parser.defaults.fields:
            layers.append(parser.defaults)
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
        instance.attributes["hparams"] = whole[0] if whole else _with_the_rest(machine, own)
        return Known(None)
    return Known(None) if name == "__init__" and not args else None


def _with_the_rest(machine: Machine, own: dict[str, Value]) -> Record:
    """The arguments of a method, those of its ``**kwargs`` among them."""
    method = machine.frame.method[0].lookup("__init__") if machine.frame.method else None
    last = method.node.args.kwarg if isinstance(method, Function) else None
    rest = own.pop(last.arg, None) if last is not None else None
    if not isinstance(rest, Record):
        return Record(own)
    return Record({**own, **rest.fields}, open=rest.open, mirrored=rest.mirrored)


def _of_constant(machine: Machine, holder: Value, name: str, args: list[Value]) -> Value | None:
    if isinstance(holder, Items) and name in ("append", "extend") and args:
        holder.items += [args[0]] if name == "append" else items_of(machine, args[0]) or [UNKNOWN]
        return Known(None)
    text = constant(machine, holder)
    given = [constant(machine, arg) for arg in args]
    if isinstance(text, str) and name in _TEXT_METHODS and NOTHING not in given:
        try:
            return Known(getattr(text, name)(*given))
        except (TypeError, ValueError, LookupError, AttributeError):
            return UNKNOWN
    if isinstance(text, str):
        return UNKNOWN
    return None
