"""Which file a program loads: the config, or another that it merges with it."""

from __future__ import annotations

import ast
import json
import os
import tomllib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .call import Call
from .lookups import constant
from .sources import is_file
from .values import FILES, UNKNOWN, Known, OpenFile, Record, Value

if TYPE_CHECKING:
    from .machine import Machine

_SUFFIXES = {"yaml": (".yaml", ".yml", ".json"), "ruamel": (".yaml", ".yml"), "json": (".json",)}
_LARGEST = 2_000_000
_MOST_FOLDERS = 500


def loaded(call: Call, format_name: str) -> Value:
    """What a loader of a format gives; a file that nobody knows is taken for the config if the format is."""
    first = call.first
    given = call.node.args[0] if call.node.args else None
    if isinstance(given, ast.Call) and given.args and ast.unparse(given.func) == f"{format_name}.dumps":
        # A copy by way of its text: ``json.loads(json.dumps(config), object_hook=…)``.
        return call.machine.evaluate(given.args[0])
    named = constant(call.machine, first.path if isinstance(first, OpenFile) else first)
    suffixes = _SUFFIXES.get(format_name, (".toml",))
    own = Path(call.machine.file_name)
    if FILES in (first, first.path if isinstance(first, OpenFile) else first):
        text = ast.unparse(call.node)
        call.machine.log.note(
            f"whether {text} loads the config: a pattern says which files it loads", call.place
        )
        return UNKNOWN
    if not isinstance(named, str):
        matches = own.suffix.lower() in suffixes or not own.suffix
        return call.machine.root() if matches else UNKNOWN
    if Path(named).name == own.name or (not own.suffix and Path(named).stem == own.name):
        return call.machine.root()
    other = _other(call.machine, named)
    if other is not None:
        return _value(_parsed(other))
    return UNKNOWN


def _other(machine: Machine, named: str) -> Path | None:
    for folder in (machine.folder, machine.frame.source.path.parent):
        path = folder / named
        if is_file(path) and path.stat().st_size <= _LARGEST:
            return path
    found = list(islice(_of_name(machine.folder, Path(named).name), 2))
    return found[0] if len(found) == 1 and found[0].stat().st_size <= _LARGEST else None


def _of_name(folder: Path, name: str) -> Iterator[Path]:
    """The files of a name below a folder, as far as a short search finds them."""
    for root, folders, names in islice(os.walk(folder), _MOST_FOLDERS):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        if name in names:
            yield Path(root, name)


def _parsed(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            return tomllib.loads(text)
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError):
        # Another file than the one that is asked about; what is in it stays unknown.
        return None


def _value(plain: Any) -> Value:
    if isinstance(plain, dict):
        return Record({key: _value(value) for key, value in plain.items()})
    return UNKNOWN if plain is None else Known(plain)
