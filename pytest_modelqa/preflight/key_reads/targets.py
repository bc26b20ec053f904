"""``hydra.utils.instantiate``: the class or function that ``_target_`` names is given all keys beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..composed import shown
from .call import Call
from .lookups import NotThere, constant, items_of, lookup, parts_below, path_of
from .values import UNKNOWN, Class, Function, Items, Known, Part, Partial, Record, Source, Value

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
        return Items([_nested(call, item, depth) for item in items_of(machine, config) or []])
    keys = dict(parts_below(machine, config))
    own = {key: kwargs.pop(key, lookup_value(machine, config, key)) for key in _OWN_KEYS}
    recursive = constant(machine, own["_recursive_"]) is not False
    if "_target_" not in keys:
        # Hydra makes what stands below it, and gives the mapping back.
        made = {key: _nested(call, value, depth) if recursive else value for key, value in keys.items()}
        return Record(made, mirrored=path)
    machine.log.read_whole(path, call.place)
    given = {
        key: _nested(call, value, depth) if recursive else value
        for key, value in keys.items()
        if key not in _OWN_KEYS
    }
    target = constant(machine, own["_target_"])
    found = _found(machine, target) if isinstance(target, str) else None
    if not isinstance(found, Function | Class):
        named = target if isinstance(target, str) else "a target that only the run knows"
        machine.log.note(f"whether {named} takes what {shown(path)} gives it", call.place)
        return UNKNOWN
    args = args or items_of(machine, own["_args_"]) or []
    rest = {key: value for key, value in given.items() if key not in kwargs}
    star = Record(rest, mirrored=path)
    if constant(machine, own["_partial_"]) is True:
        # What is not given yet is given by the call that is to come.
        machine.call_value(found, args, {**rest, **kwargs}, [], call.node)
        return Partial(found, args, kwargs, [star])
    return machine.call_value(found, args, kwargs, [star], call.node)


def _nested(call: Call, value: Value, depth: int) -> Value:
    held = call.machine.config.at(value.path) if isinstance(value, Part) else None
    return _made(call, value, [], {}, depth + 1) if isinstance(held, (dict, list)) and held else value


def lookup_value(machine: Machine, config: Value, key: str) -> Value:
    """The value of one of hydra's own keys."""
    found = lookup(machine, config, key)
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
