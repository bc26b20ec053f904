"""What code an evaluation ran: the files that it imported, and the versions of the packages it used.

Written by the worker into the record, checked again by ``reuse`` before the record serves another run.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import StoreError
from ..records.digests import FileDigest, file_sha256

_PACKAGE = Path(__file__).resolve().parent.parent
# Of our own package only what decides a measured value counts, by content and not by version: an upgrade that
# changes only reports must not make a team measure 69 tasks again (inspect_ai#3058).
_OWN_CODE = tuple(_PACKAGE / name for name in ("datasets", "metrics", "models", "tasks", "evaluation"))
_OWN_PROCESS = tuple(
    _PACKAGE / "evaluation" / name for name in ("worker.py", "local.py", "log_tail.py", "inline.py")
)
_STANDARD_LIBRARY = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")})


def used_code(folder: Path) -> tuple[FileDigest, ...]:
    """Path and sha256 of every module imported so far from outside site-packages and the standard library.

    Args:
        folder: The spec's folder; paths inside it are stored relative to it, so that a checkout may move.
    """
    files = {file for file in _imported_files() if _counts(file)}
    return tuple(
        FileDigest(_stored(file, folder), file_sha256(file), file.stat().st_size) for file in sorted(files)
    )


def used_distributions() -> dict[str, str]:
    """Version of every installed distribution that a module was imported from, and of Python."""
    names = importlib.metadata.packages_distributions()
    imported = {name.partition(".")[0] for name in list(sys.modules)}
    used = {dist for module in imported for dist in names.get(module, ())} - {
        "pytest-modelqa",
        "pytest_modelqa",
    }
    versions = {name: importlib.metadata.version(name) for name in sorted(used)}
    return {"python": platform.python_version(), **versions}


def changed(
    code: Iterable[FileDigest], distributions: Mapping[str, str], folder: Path, memory: Path
) -> str | None:
    """What of this code is not as it was, in words; None when all of it is."""
    for file in code:
        path = _restored(file.path, folder)
        try:
            same = file_sha256(path, memory) == file.sha256
        except (OSError, StoreError):
            return f"{file.path} is gone"
        if not same:
            return f"{file.path} changed"
    for name, version in distributions.items():
        now = _version(name)
        if now != version:
            return f"{name} is {now or 'gone'}, was {version}"
    return None


def _version(name: str) -> str | None:
    if name == "python":
        return platform.python_version()
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _imported_files() -> Iterable[Path]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and Path(file).is_file():
            yield Path(file).resolve()


def _counts(file: Path) -> bool:
    if file.is_relative_to(_PACKAGE):
        return file.is_relative_to(_PACKAGE) and _decides_values(file)
    if {"site-packages", "dist-packages"} & set(file.parts):
        return False
    return not any(file.is_relative_to(folder) for folder in _STANDARD_LIBRARY)


def _decides_values(file: Path) -> bool:
    return any(file.is_relative_to(folder) for folder in _OWN_CODE) and file not in _OWN_PROCESS


def _stored(file: Path, folder: Path) -> str:
    if file.is_relative_to(_PACKAGE):
        return file.relative_to(_PACKAGE.parent).as_posix()
    if file.is_relative_to(folder.resolve()):
        return "./" + file.relative_to(folder.resolve()).as_posix()
    return str(file)


def _restored(path: str, folder: Path) -> Path:
    if path.startswith("./"):
        return folder / path
    return Path(path) if Path(path).is_absolute() else _PACKAGE.parent / path
