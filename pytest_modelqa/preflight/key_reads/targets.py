"""``hydra.utils.instantiate``: the class or function that ``_target_`` names is given all keys beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..composed import shown
from .access import NotThere, constant, items_of, lookup, parts_below, path_of, read_key
from .call import Call
from .values import UNKNOWN, Class, Function, Items, Known, Part, Record, Source, Value

if TYPE_CHECKING:
    from .machine import Machine

_OWN_KEYS = ("_target_", "_args_", "_recursive_", "_convert_", "_partial_")


def instantiate_target(call: Call) -> Value:
    """Calls what ``_target_`` names, if it is among the sources; those nested in it first, as hydra does."""
    return _made(call, call.first, call.args[1:], {k: v for k, v in call.kwargs.items() if k != "config"}, 0)


def _made(call: Call, config: Value, args: list[Value], kwargs: dict[str, Value], depth: int) -> Value:
    machine, path = call.machine, path_of(config)
    if path is None or depth > 20:
        return UNKNOWN
    if isinstance(config, Part) and isinstance(machine.config.at(path), list):
        return Items([_made(call, item, [], {}, depth + 1) for item in items_of(machine, config) or []])
    keys = dict(parts_below(machine, config))
    if "_target_" not in keys:
        if depth == 0:
            read_key(machine, config, "_target_", call.node)
        return config
    machine.log.read_whole(path, call.place)
    for key in _OWN_KEYS:
        keys.pop(key, None)
    recursive = constant(machine, kwargs.pop("_recursive_", Known(True))) is not False
    given = {key: _nested(call, value, depth) if recursive else value for key, value in keys.items()}
    target = constant(machine, lookup_value(machine, config))
    found = _found(machine, target) if isinstance(target, str) else None
    if not isinstance(found, Function | Class):
        named = target if isinstance(target, str) else "a target that only the run knows"
        machine.log.note(f"whether {named} takes what {shown(path)} gives it", call.place)
        return UNKNOWN
    rest = {key: value for key, value in given.items() if key not in kwargs}
    star = Record(dict(rest), mirrored=path)
    return machine.call_value(found, args, kwargs, [star], call.node)


def _nested(call: Call, value: Value, depth: int) -> Value:
    held = call.machine.config.at(value.path) if isinstance(value, Part) else None
    if isinstance(held, dict) and "_target_" in held:
        return _made(call, value, [], {}, depth + 1)
    return value


def lookup_value(machine: Machine, config: Value) -> Value:
    """The value of ``_target_``."""
    found = lookup(machine, config, "_target_")
    return UNKNOWN if isinstance(found, NotThere) else found


def _found(machine: Machine, target: str) -> Value | None:
    """``package.module.Name`` among the sources."""
    parts = target.split(".")
    for length in range(len(parts) - 1, 0, -1):
        source = machine.sources.module(".".join(parts[:length]), machine.frame.source.path)
        if source is None:
            continue
        if source.names.get("__name__") is None and not source.ran:
            source.names["__name__"] = Known(".".join(parts[:length]))
        machine.run_module(source)
        value: Value | None = source
        for name in parts[length:]:
            if isinstance(value, Source):
                value = value.names.get(name)
            else:
                value = value.lookup(name) if isinstance(value, Class) else None
        return value
    return None
