"""Files beside the spec that user code reads while it runs (a ``config.json``, a vocabulary): they decide values too.

Nobody declares them, so the interpreter's audit events tell (PEP 578): every ``open`` of Python code raises one.
Readers written in C or Rust do not; what they read are checkpoints and data, which are declared. What was looked for
in vain counts as well: once it is there, it is read.
"""

from __future__ import annotations

import errno
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
_lie_at: set[str] = set()
_written: set[str] = set()
# Full names of the modules that code of these folders asked for with ``import``.
_sought: set[str] = set()
_declared: set[str] = set()
_hooked = False

# The table of audit events in the documentation of Python; the last is how libraries of operators are loaded.
_OPENING = frozenset({"open", "sqlite3.connect", "ctypes.dlopen"})
_OWN_PACKAGE = f"{Path(__file__).parent.parent}{os.sep}"
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


def looked_for(folder: Path) -> tuple[Path, ...]:
    """The files below a folder that were to be read and are not there."""
    return tuple(_below(folder, lambda name: True, _is_missing))


def not_found() -> tuple[str, ...]:
    """Full names of the modules that code of the watched folders asked for, and that are not there."""
    return tuple(sorted(name for name in _sought.copy() if name not in sys.modules))


def is_beside(file: str) -> bool:
    """Whether a file lies in a watched folder, and is not of an installed package."""
    beside = any(file.startswith(folder) for folder in _folders)
    return beside and not any(name in file for name in ("site-packages", "dist-packages", _OWN_PACKAGE))


def sources(folder: Path) -> tuple[Path, ...]:
    """The Python files below a folder that were read so far: imported, or executed (``exec``, ``runpy``)."""
    return tuple(_below(folder, lambda name: name.endswith(".py")))


def _below(
    folder: Path, counts: Callable[[str], bool], wanted: Callable[[Path], bool] = os.path.isfile
) -> Iterator[Path]:
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
        if _NOT_READ_FOR_VALUES.isdisjoint(path.parts) and wanted(root / path):
            yield root / path


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        # A text that was tried as the path of a file: none will ever be called so.
        return error.errno != errno.ENAMETOOLONG
    return False


def _beginnings(folder: Path) -> tuple[str, ...]:
    """How names below a folder begin, which may be reached through a link."""
    return tuple(dict.fromkeys(f"{path}{os.sep}" for path in (folder.absolute(), folder.resolve())))


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "import":
        _note_import(arguments[0])
    if event not in _OPENING or not isinstance(arguments[0], (str, bytes, os.PathLike)):
        return
    writes = event == "open" and isinstance(arguments[2], int) and _makes(arguments[2])
    named = os.fsdecode(arguments[0])
    name = os.path.abspath(named if writes else _source_of(named))  # noqa: PTH100 - in every open: the fastest way
    if not any(name.startswith(folder) for folder in _folders):
        return
    if writes:
        lies_at = os.path.realpath(name)
        # What was read before it is written anew was not made here.
        if lies_at not in _lie_at or not os.path.exists(lies_at):  # noqa: PTH110 - see above
            _written.add(lies_at)
    # Of 20,000 images nearly all are declared: neither noted nor looked up.
    elif (name not in _declared and os.path.realpath(name) not in _declared) or _is_kept():
        lies_at = os.path.realpath(name)
        _read[name] = lies_at
        _lie_at.add(lies_at)


def _makes(flags: int) -> bool:
    """Whether a file is opened to be made; one that is opened to be read and changed (``numpy.memmap``) is not."""
    return bool(flags & os.O_WRONLY or (flags & os.O_RDWR and flags & (os.O_CREAT | os.O_TRUNC)))


def _note_import(name: str) -> None:
    # The importing line, for the hook is called from C; at the bottom of a thread there is none.
    frame = sys._getframe(1).f_back
    if frame is not None and is_beside(frame.f_code.co_filename):
        _sought.add(name)


def _is_kept() -> bool:
    """Whether a module is being imported: what it reads then serves evaluations too that do not declare it."""
    frame = sys._getframe(1).f_back
    while frame is not None:
        if frame.f_code.co_name == "<module>" and is_beside(frame.f_code.co_filename):
            return True
        frame = frame.f_back
    return False


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
