"""Files beside the spec that user code reads while it runs (a ``config.json``, a vocabulary): they decide values too.

Nobody declares them, so the interpreter's audit events tell (PEP 578): every ``open`` of Python code raises one.
Readers written in C or Rust do not; what they read are checkpoints and data, which are declared.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

# Of this process: a module may read a file once, when it is imported, and serve many evaluations with it.
_folders: list[str] = []
# As they were named, and where they lie: a link may lead elsewhere tomorrow.
_read: dict[str, str] = {}
_written: set[str] = set()
_declared: set[str] = set()
_hooked = False

# An environment may lie beside the spec too; what is installed there is known by its versions.
_NOT_READ_FOR_VALUES = frozenset({"__pycache__", ".modelqa", ".git", "site-packages", "dist-packages"})


def watch(folder: Path) -> None:
    """Notes from now on which files below a folder are opened."""
    global _hooked
    _folders.extend(below for below in _beginnings(folder) if below not in _folders)
    # A hook cannot be taken away again, so there is one.
    if not _hooked:
        sys.addaudithook(_note)
        _hooked = True


def declare(files: Iterable[Path]) -> None:
    """Says which files belong to the key of the evaluation that begins: those that it reads need no noting.

    Not those of earlier evaluations: what one declares, the next may read without having declared it.
    """
    _declared.clear()
    for file in files:
        _declared.update((str(file.absolute()), str(file.resolve())))


def opened(folder: Path) -> tuple[Path, ...]:
    """The files below a folder that were read so far, without those declared, those written here, and code."""
    return tuple(_below(folder, lambda name: not name.endswith((".py", ".pyc", ".modelspec.yaml"))))


def sources(folder: Path) -> tuple[Path, ...]:
    """The Python files below a folder that were read so far: imported, or executed (``exec``, ``runpy``)."""
    return tuple(_below(folder, lambda name: name.endswith(".py")))


def _below(folder: Path, counts: Callable[[str], bool]) -> Iterator[Path]:
    beginnings, root = _beginnings(folder), folder.resolve()
    beside = set()
    # A copy: other threads of user code go on opening files.
    for name, lies_at in _read.copy().items():
        # The cheap questions first: making a path takes as long as fifty of them.
        if lies_at in _declared or lies_at in _written or not counts(name):
            continue
        begins = next((below for below in beginnings if name.startswith(below)), None)
        if begins is not None:
            beside.add(Path(name.removeprefix(begins)))
    for path in sorted(beside):
        if _NOT_READ_FOR_VALUES.isdisjoint(path.parts) and (root / path).is_file():
            yield root / path


def _beginnings(folder: Path) -> tuple[str, ...]:
    """How names below a folder begin, which may be reached through a link."""
    return tuple(dict.fromkeys(f"{path}{os.sep}" for path in (folder.absolute(), folder.resolve())))


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not isinstance(arguments[0], (str, bytes)):
        return
    writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    named = os.fsdecode(arguments[0])
    name = os.path.abspath(named if writes else _source_of(named))  # noqa: PTH100 - in every open: the fastest way
    if not any(name.startswith(folder) for folder in _folders):
        return
    if writes:
        _written.add(os.path.realpath(name))
    # Of 20,000 images nearly all are declared: neither noted nor looked up.
    elif name not in _declared and (lies_at := os.path.realpath(name)) not in _declared:
        _read[name] = lies_at


def _source_of(name: str) -> str:
    """Of cached bytecode its source, which nobody opens then; of all other files their own name.

    Bytecode has a tag under ``PYTHONOPTIMIZE``, and lies elsewhere under ``PYTHONPYCACHEPREFIX``, which may be
    relative: so this takes the name as the import system wrote it.
    """
    if not name.endswith(".pyc"):
        return name
    try:
        return importlib.util.source_from_cache(name)
    # Not the import system's: pytest names rewritten tests in another way. An error here would fail the open.
    except (ValueError, NotImplementedError):
        return name
