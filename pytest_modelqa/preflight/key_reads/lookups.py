"""What a key of a value holds, which keys a value has, and where in the config it stands; notes nothing."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any

from ..composed import NOTHING, KeyPath
from .values import (
    UNKNOWN,
    Absent,
    Either,
    Instance,
    Items,
    Known,
    Layers,
    Part,
    Record,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from .machine import Machine

# More items of a list than this are followed no further.
MOST_ITEMS = 64


class NotThere:
    """The answer of ``lookup`` for a key that is certainly not there."""


NOT_THERE = NotThere()


Found = Value | NotThere


def lookup(machine: Machine, holder: Value, key: Any) -> Found:
    """What a key holds, without noting that it is read; ``Unknown`` where nobody knows."""
    if not isinstance(key, Hashable):
        return UNKNOWN
    if isinstance(holder, Part):
        return _lookup_part(machine, holder, key)
    if isinstance(holder, Record):
        if key in holder.fields and key not in holder.required:
            return holder.fields[key]
        return UNKNOWN if holder.open else NOT_THERE
    if isinstance(holder, Layers):
        return _lookup_layers(machine, holder, key)
    if isinstance(holder, Items):
        if isinstance(key, int) and -len(holder.items) <= key < len(holder.items):
            return holder.items[key]
        return UNKNOWN
    if isinstance(holder, Instance):
        return holder.attributes.get(str(key), NOT_THERE)
    if isinstance(holder, Known):
        return _lookup_known(holder.value, key)
    return UNKNOWN


def _lookup_part(machine: Machine, part: Part, key: Any) -> Found:
    path = (*part.path, str(key))
    if path in machine.written:
        return machine.written[path]
    if part.path in machine.config.computed:
        return UNKNOWN
    value = machine.config.at(part.path)
    if isinstance(value, list):
        if isinstance(key, int):
            index = key + len(value) if key < 0 else key
            return Part((*part.path, str(index))) if 0 <= index < len(value) else NOT_THERE
        return UNKNOWN if hasattr(value, str(key)) else NOT_THERE
    if isinstance(value, dict):
        return Part(path) if str(key) in value else NOT_THERE
    if value is NOTHING or part.path in machine.config.missing or part.path in machine.config.unresolved:
        return NOT_THERE
    if isinstance(key, str) and hasattr(value, key):
        return UNKNOWN
    # Of a text, characters are read.
    return UNKNOWN if isinstance(value, str) and isinstance(key, int) else NOT_THERE


def _lookup_layers(machine: Machine, holder: Layers, key: Any) -> Found:
    machine.step()
    found: list[Value] = []
    below: list[Value] = []
    for layer in holder.layers:
        answer = lookup(machine, layer, key)
        if isinstance(answer, NotThere):
            if isinstance(layer, Record) and key in layer.fields:
                below.append(layer.fields[key])
            continue
        found.append(answer)
    if not found:
        return NOT_THERE
    # A layer that may hold anything says nothing of a key that another one holds.
    found = [each for each in found if each != UNKNOWN] or [UNKNOWN]
    for layer in holder.layers:
        if isinstance(layer, Record) and key in layer.elements:
            found[-1] = _described(machine, layer.elements[key], found[-1])
    if not is_mapping(machine, found[-1]):
        return found[-1]
    mappings = [each for each in (*below, *found) if is_mapping(machine, each)]
    path = path_of(holder)
    if path is not None and not any(isinstance(each, Part) for each in mappings):
        # So that what is missing below is still missing in the config.
        mappings.append(Part((*path, str(key))))
    return mappings[0] if len(mappings) == 1 else Layers(tuple(mappings))


def _described(machine: Machine, schema: Record, value: Value) -> Value:
    """A list or mapping of which each item is described by a schema."""
    if is_mapping(machine, value):
        pairs = parts_below(machine, value)
        return Record({key: Layers((schema, each)) for key, each in pairs}, mirrored=path_of(value))
    items = items_of(machine, value)
    return value if items is None else Items([Layers((schema, each)) for each in items])


def _lookup_known(value: Any, key: Any) -> Found:
    if isinstance(value, (list, tuple, dict, str)) and not isinstance(key, str):
        try:
            return Known(value[key])
        except (LookupError, TypeError):
            return UNKNOWN
    if isinstance(value, dict) and key in value:
        return Known(value[key])
    return UNKNOWN


def path_of(holder: Value) -> KeyPath | None:
    """The path of the config that a value stands at, if it is a part of it."""
    if isinstance(holder, Part):
        return holder.path
    if isinstance(holder, Record | Instance):
        return holder.mirrored
    if isinstance(holder, Layers):
        paths = [path for path in map(path_of, reversed(holder.layers)) if path is not None]
        return paths[0] if paths else None
    return None


def is_mapping(machine: Machine, value: Value) -> bool:
    """Whether a value is certainly a mapping."""
    if isinstance(value, Part):
        return isinstance(machine.config.at(value.path), dict)
    return isinstance(value, (Record, Layers))


def contains(machine: Machine, holder: Value, key: Any) -> bool | None:
    """Whether a key is there; None where nobody knows."""
    if isinstance(holder, Either):
        answers = {contains(machine, each, key) for each in holder.options}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(holder, Part) and isinstance(machine.config.at(holder.path), list):
        return key in machine.config.at(holder.path)
    if isinstance(holder, Items):
        values = [item.value if isinstance(item, Known) else NOTHING for item in holder.items]
        return True if key in values else (None if NOTHING in values else False)
    if isinstance(holder, Known):
        try:
            return key in holder.value
        except TypeError:
            # A number in a text, or anything in a number: the program's own error.
            return None
    if isinstance(holder, Absent) or not isinstance(key, Hashable):
        return None
    found = lookup(machine, holder, key)
    if isinstance(found, NotThere):
        return False if isinstance(holder, (Part, Layers, Record)) else None
    # OmegaConf says of ??? that it is not there.
    if isinstance(found, Part) and found.path in machine.config.missing:
        return False
    return None if isinstance(found, Unknown) and not isinstance(holder, Instance) else True


def keys_of(machine: Machine, holder: Value) -> list[Any] | None:
    """The keys of a mapping, or None where not all are known."""
    if isinstance(holder, Part):
        value = machine.config.at(holder.path)
        if not isinstance(value, dict):
            return None
        added = [path[-1] for path in machine.written if path[:-1] == holder.path]
        every = [*value, *(key for key in added if key not in value)]
        return [key for key in every if (*holder.path, key) not in machine.removed]
    if isinstance(holder, Record):
        return None if holder.open else list(holder.fields)
    if isinstance(holder, Layers):
        each = [keys_of(machine, layer) for layer in holder.layers]
        known = [keys for keys in each if keys is not None]
        return list(dict.fromkeys(key for keys in known for key in keys)) if len(known) == len(each) else None
    return None


def items_of(machine: Machine, holder: Value) -> list[Value] | None:
    """What a loop over a value goes through, or None where nobody knows; keys, of a mapping."""
    keys = keys_of(machine, holder)
    if keys is not None:
        return list(map(Known, keys[:MOST_ITEMS]))
    if isinstance(holder, Part):
        value = machine.config.at(holder.path)
        if isinstance(value, list):
            return list(map(Part, ((*holder.path, str(index)) for index in range(len(value[:MOST_ITEMS])))))
    if isinstance(holder, Items):
        return holder.items[:MOST_ITEMS]
    if isinstance(holder, Instance) and "typing.NamedTuple" in holder.of.from_libraries():
        return list(holder.attributes.values())
    if isinstance(holder, Known) and isinstance(
        holder.value, (list, tuple, str, dict, set, frozenset, range)
    ):
        return [Known(value) for value in list(holder.value)[:MOST_ITEMS]]
    return None


def constant(machine: Machine, value: Value) -> Any:
    """The plain value, or ``NOTHING`` where it is not known."""
    if isinstance(value, Known):
        return value.value
    if isinstance(value, Part) and value.path not in machine.written:
        found = machine.config.at(value.path)
        unknown = value.path in machine.config.unresolved or value.path in machine.config.computed
        return NOTHING if unknown else found
    if isinstance(value, Items):
        values = [constant(machine, item) for item in value.items]
        return NOTHING if NOTHING in values else values
    return NOTHING


def parts_below(machine: Machine, value: Value) -> Iterator[tuple[Any, Value]]:
    """Each key of a mapping with its value, where the keys are known."""
    for key in keys_of(machine, value) or []:
        found = lookup(machine, value, key)
        if not isinstance(found, NotThere):
            yield key, found
