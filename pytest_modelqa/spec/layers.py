"""Which of several entries decides a key: the entry itself, its evaluation, or the defaults of the spec."""

from __future__ import annotations

from typing import Any

from .document import Written
from .nodes import Node


def chosen(key: str, *layers: Written[Any]) -> Any:
    """The value of a key from the first entry that writes it, or the first one's default."""
    for written in layers:
        if written.entry is not None and key in written.entry.model_fields_set:
            return getattr(written.entry, key)
    return getattr(layers[0].entry, key)


def options(written: Written[Any], defaults: Written[Any]) -> dict[str, Any]:
    """Every key of an entry: as it writes it, else as the defaults do, else the key's own default."""
    assert written.entry is not None
    values: dict[str, Any] = dict(written.entry)
    if defaults.entry is not None:
        for key in defaults.entry.model_fields_set - written.entry.model_fields_set:
            if key in values:
                values[key] = getattr(defaults.entry, key)
    return values


def place_of(key: str, *layers: Written[Any]) -> Node:
    """Where a key is written, or what names the first entry where it is not."""
    for written in layers:
        if written.entry is not None and key in written.entry.model_fields_set:
            return written.at(key)
    return layers[0].key
