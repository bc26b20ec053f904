"""Files beside the spec that user code reads while it runs (a ``config.json``, a vocabulary): they decide values too.

Nobody declares them, so the interpreter's audit events tell (PEP 578): every ``open`` of Python code raises one.
Readers written in C or Rust do not; what they read are checkpoints and data, which are declared.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# Of this process: a module may read a file once, when it is imported, and serve many evaluations with it.
_folders: list[str] = []
# As they were named, and where they lie: a link may lead elsewhere tomorrow.
_read: dict[str, str] = {}
_written: set[str] = set()
_declared: set[str] = set()
_hooked = False

_BYTECODE = f".{sys.implementation.cache_tag}.pyc"

# An environment may lie beside the spec too; what is installed there is known by its versions.
_NOT_READ_FOR_VALUES = ("__pycache__", ".modelqa", ".git", "site-packages", "dist-packages")


def watch(folder: Path) -> None:
    """Notes from now on which files below a folder are opened."""
    global _hooked
    _folders.extend(below for below in _beginnings(folder) if below not in _folders)
    # A hook cannot be taken away again, so there is one.
    if not _hooked:
        sys.addaudithook(_note)
        _hooked = True


def declare(files: Iterable[Path]) -> None:
    """Says that files belong to the key of an evaluation already."""
    _declared.update(str(file.resolve()) for file in files)


def opened(folder: Path) -> tuple[Path, ...]:
    """The files below a folder that were read so far, without those declared, those written here, and code."""
    return tuple(
        path for path in _below(folder) if not path.name.endswith((".py", ".pyc", ".modelspec.yaml"))
    )


def sources(folder: Path) -> tuple[Path, ...]:
    """The Python files below a folder that were read so far: imported, or executed (``exec``, ``runpy``).

    Of a module whose bytecode is cached nobody opens the source, so it stands for its source.
    """
    bytecode = [Path(name) for name in _read if name.endswith(_BYTECODE)]
    cached = [str(path.parent.parent / f"{path.name.removesuffix(_BYTECODE)}.py") for path in bytecode]
    return tuple(path for path in _below(folder, cached) if path.name.endswith(".py"))


def _below(folder: Path, more: Iterable[str] = ()) -> Iterator[Path]:
    known = _written | _declared
    named = {**_read, **{name: os.path.realpath(name) for name in more}}
    for name, lies_at in sorted(named.items()):
        begins = next((below for below in _beginnings(folder) if name.startswith(below)), None)
        if begins is None or lies_at in known:
            continue
        beside = Path(name.removeprefix(begins))
        path = folder.resolve() / beside
        if set(beside.parts).isdisjoint(_NOT_READ_FOR_VALUES) and path.is_file():
            yield path


def _beginnings(folder: Path) -> tuple[str, ...]:
    """How names below a folder begin, which may be reached through a link."""
    return tuple(dict.fromkeys(f"{path}{os.sep}" for path in (folder.absolute(), folder.resolve())))


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not isinstance(arguments[0], (str, bytes)):
        return
    name = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100 - in every open of the process: the fastest way
    if not any(name.startswith(folder) for folder in _folders):
        return
    writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if writes:
        _written.add(os.path.realpath(name))
    else:
        _read[name] = os.path.realpath(name)
