"""Reads a key of a value: follows it where it is there, and notes where it is missing."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from ..composed import NOTHING, KeyPath, shown
from .catching import BROAD, CAUGHT, catching
from .log import Miss, Place
from .lookups import (
    NotThere,
    keys_of,
    lookup,
    parts_below,
    path_of,
)
from .values import (
    UNKNOWN,
    Absent,
    Either,
    Known,
    NoneOf,
    Part,
    Record,
    Value,
    either,
    holds_config,
)

if TYPE_CHECKING:
    from .machine import Machine


def read_key(
    machine: Machine, holder: Value, key: Any, node: ast.AST, *, default: Value | None = None
) -> Value:
    """The value of a key; a key that is not there is noted, unless there is a default."""
    if isinstance(holder, Either):
        return either(read_key(machine, each, key, node, default=default) for each in holder.options)
    if isinstance(holder, NoneOf):
        miss(machine, holder.path, node)
        machine.log.deepen(holder.path, (*holder.path, str(key)))
        return Absent(holder.path)
    if isinstance(holder, Absent):
        if default is not None:
            return default
        deeper = (*holder.path, str(key))
        machine.log.deepen(holder.path, deeper)
        return Absent(holder.path)
    found = lookup(machine, holder, key)
    path = path_of(holder)
    if path is None and isinstance(found, NotThere):
        path = _copied(machine, holder)
    place = machine.place(node)
    if not isinstance(found, NotThere):
        if path is not None:
            own = (*path, str(key))
            if not _note_read(machine, own, found, node, has_default=default is not None):
                return Absent(own)
        return found
    if path is None:
        if default is None and isinstance(holder, Record) and holds_config(holder):
            machine.log.note(f"whether {key!r} is in a mapping that is made of parts of the config", place)
        return default if default is not None else UNKNOWN
    if default is not None:
        machine.log.read((*path, str(key)), place)
        return in_place_of((*path, str(key)), default)
    if not isinstance(holder, Part) and not machine.lacks((*path, str(key))):
        # A copy of a part that was left without it.
        return UNKNOWN
    miss(machine, (*path, str(key)), node, _why(machine, path))
    return Absent((*path, str(key)))


def _copied(machine: Machine, holder: Value) -> KeyPath | None:
    """The part of the config of which a mapping holds every key, under its own name."""
    if not isinstance(holder, Record):
        return None
    for key, value in holder.fields.items():
        path = path_of(value)
        whole = machine.config.at(path[:-1]) if path and path[-1] == key else None
        if path and isinstance(whole, dict) and set(whole) <= set(holder.fields):
            return path[:-1]
    return None


def _caller(machine: Machine, key: str) -> Place | None:
    """The call around that names a key, where the line that reads it does not."""
    for index in range(len(machine.frames) - 1, 0, -1):
        node = machine.frames[index].call
        if node is None:
            return None
        place = machine.place(node, machine.frames[index - 1])
        if key in place.text:
            return place
    return None


def in_place_of(path: KeyPath, default: Value) -> Value:
    """A default that remembers which key it stands for: what is read of it is missing in the config."""
    if default == Known(None):
        return NoneOf(None, path)
    if isinstance(default, Record) and default.mirrored is None:
        return Record(default.fields, default.required, default.schema, default.open, path)
    return default


def miss(machine: Machine, path: KeyPath, node: ast.AST, why: str = "") -> None:
    """Notes that a key is read which is not there, unless the code is ready for that."""
    place = machine.place(node)
    ready = catching(machine, node, why)
    if ready is not None:
        caught = ready.names & CAUGHT
        ready.excused.append(Miss(path, place, why, machine.condition))
        machine.log.read(path, place)
        if caught & BROAD:
            names = " or ".join(sorted(caught & BROAD))
            machine.log.note(
                f"whether {shown(path)} may be missing: `except {names}` takes whatever goes wrong there",
                place,
            )
    else:
        machine.log.miss(path, place, why, machine.condition, _caller(machine, path[-1]))


def _note_read(machine: Machine, path: KeyPath, found: Value, node: ast.AST, *, has_default: bool) -> bool:
    """Notes that a key is read that is there; says whether it has a value."""
    place = machine.place(node)
    machine.log.read(path, place)
    condition = machine.perhaps.get(path)
    if condition and condition not in machine.conditions and not has_default:
        machine.log.note(f"whether {shown(path)} is there: the program sets it only where {condition}", place)
    if path in machine.written or not isinstance(found, Part):
        return True
    if path in machine.config.missing and not has_default:
        miss(machine, path, node, "it has no value (???)")
        return False
    if path in machine.config.unresolved:
        miss(machine, path, node, f"its value cannot be resolved: {machine.config.unresolved[path]}")
        return False
    return True


def _why(machine: Machine, path: KeyPath) -> str:
    value = machine.config.at(path)
    if path == () or isinstance(value, (dict, list)) or value is NOTHING or path in machine.config.missing:
        return ""
    said = "null" if value is None else f"{type(value).__name__} {value!r}"
    return f"{shown(path)} is {said}, not a mapping"


def unstarred(machine: Machine, stars: list[Value], node: ast.AST) -> tuple[dict[str, Value], bool]:
    """The arguments that ``**mapping`` gives, and whether there may be more of them than are known."""
    taken: dict[str, Value] = {}
    more = False
    for star in stars:
        if keys_of(machine, star) is None:
            more = True
        path = path_of(star)
        for key, value in parts_below(machine, star):
            taken[str(key)] = value
            if path is not None:
                machine.log.read((*path, str(key)), machine.place(node))
    return taken, more
