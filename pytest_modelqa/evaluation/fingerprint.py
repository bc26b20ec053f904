"""What code an evaluation ran: the files that it imported, and the versions of the packages it used.

Written by the worker into the record, checked again by ``reuse`` before the record serves another run.
"""

from __future__ import annotations

import importlib.metadata
import os
import secrets
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

from ..errors import EvaluationError
from ..records.digests import NOT_THERE, RACY_SECONDS, FileDigest, file_sha256, identity
from .installed import SEARCH_PATH, version_of
from .opened_files import is_beside, looked_for, not_found, opened, sources

_PACKAGE = Path(__file__).resolve().parent.parent
# Of our own package only what decides a measured value counts, by content and not by version: an upgrade that
# changes only reports must not make a team measure 69 tasks again (inspect_ai#3058).
_OWN_CODE = tuple(
    _PACKAGE / name
    for name in ("datasets", "logs", "results", "checkers", "metrics", "models", "tasks", "evaluation")
)
_OWN_PROCESS = tuple(
    _PACKAGE / "evaluation" / name
    for name in ("worker.py", "local.py", "watchdog.py", "log_tail.py", "inline.py")
)
_AT_START = frozenset({"sitecustomize", "usercustomize"})
_NO_FILE = "0" * 32
_STANDARD_LIBRARY = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")})


@dataclass(frozen=True)
class _SideFile:
    """A file beside the spec, as the evaluations of this process found it.

    Attributes:
        digest: What it had in it when it was first read; of no file once it has changed since.
        since: When the evaluation began that this was last written down for: seconds since the epoch.
        identity: See ``digests.identity``; None where a change would not have to show in it.
    """

    digest: FileDigest
    since: float
    identity: list[int] | None


# The sha256 of each module's file as it was imported, None where it does not count; a module that is imported anew is
# another object.
_read: WeakKeyDictionary[ModuleType, tuple[Path, FileDigest] | None] = WeakKeyDictionary()
_side_files: dict[Path, _SideFile] = {}


def read_code(since: float) -> None:
    """Takes the digests of the modules that were imported since the last call.

    A file that was written to after that is not what was imported: people edit ``model.py`` while an evaluation of
    an hour runs. Its digest is replaced by one that no file has, so that the records serve no other run.

    Args:
        since: When the imports of these modules began: seconds since the epoch.
    """
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(module, ModuleType) or module in _read or not isinstance(file, str):
            continue
        # As it was named: a link may lead to another file tomorrow. Of a module in an archive, the archive.
        named = Path(file).absolute()
        path = next((each for each in (named, *named.parents) if each.is_file()), None)
        if path is not None:
            _read[module] = (path, _as_imported(path, since)) if _counts(path.resolve()) else None


def used_code(folder: Path, since: float) -> tuple[FileDigest, ...]:
    """Path and sha256 of every module imported so far from outside site-packages and the standard library.

    And of the files beside the spec that they read, see ``opened_files``.

    Args:
        folder: The spec's folder; paths inside it are stored relative to it, so that a checkout may move.
        since: See ``read_code``.
    """
    read_code(since)
    loaded = {module for module in sys.modules.values() if isinstance(module, ModuleType)}
    files = dict(found for module, found in _read.items() if found and module in loaded)
    imported = {path.resolve() for path in files}
    executed = [
        path for path in sources(folder) if _counts(path.resolve()) and path.resolve() not in imported
    ]
    beside = folder.resolve()
    gone = [path for path in _side_files if path.is_relative_to(beside) and not path.is_file()]
    for path in (*looked_for(folder), *_found_first(folder, files)):
        files[path] = FileDigest(str(path), NOT_THERE, 0)
    for path in (*opened(folder), *executed, *gone):
        _side_files[path] = _as_read(path, since)
        files[path] = _side_files[path].digest
    return tuple(
        FileDigest(_stored(path, folder), files[path].sha256, files[path].size) for path in sorted(files)
    )


def _found_first(folder: Path, imported: Mapping[Path, FileDigest]) -> Iterator[Path]:
    """The files that are not there, and that would be imported in the place of a module or of its absence."""
    names = [name.replace(".", "/") for name in not_found()]
    for module, found in list(_read.items()):
        if found and not _lies_below(found[0], folder) and "." not in module.__name__:
            names.append(module.__name__)
    # A package comes before a module of the same name.
    packages = [
        path.with_suffix("")
        for path in imported
        if path.suffix == ".py" and path.stem != "__init__" and _lies_below(path, folder)
    ]
    within = [folder.absolute() / name for name in names]
    for path in (
        *(each / "__init__.py" for each in (*packages, *within)),
        *(each.with_name(f"{each.name}.py") for each in within),
    ):
        if not path.exists():
            yield path


def _lies_below(path: Path, folder: Path) -> bool:
    return any(path.is_relative_to(beside) for beside in (folder.absolute(), folder.resolve()))


def _as_read(path: Path, since: float) -> _SideFile:
    """What stands for a side file in the record of the evaluation that began at ``since``.

    Code may keep what it read for all evaluations of its process, or read it again in each; a module may be the first
    to read it in the second one. So once it has changed, also if back again, nobody can tell what was read.
    """
    before = _side_files.get(path)
    if before and _is_of_no_file(before.digest):
        # Within an evaluation it is one digest, for two it is never the same.
        return before if before.since == since else _changed(before.digest, since)
    # Before the content is read: what is written in between shows in the next identity.
    identity_now = _identity_of(path)
    if before and before.identity and before.identity == identity_now:
        return before
    now = _as_imported(path, since)
    if before and now.sha256 != before.digest.sha256:
        return _changed(now, since)
    return _SideFile(now, since, identity_now)


def _changed(digest: FileDigest, since: float) -> _SideFile:
    return _SideFile(FileDigest(digest.path, _of_no_file(), digest.size), since, None)


def _identity_of(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    settled = time.time() - max(status.st_mtime, status.st_ctime) >= RACY_SECONDS
    return identity(status) if settled else None


def _as_imported(path: Path, since: float) -> FileDigest:
    try:
        # Its times after its content: what is written between the two would else pass for what was read.
        sha256 = file_sha256(path)
        status = path.stat()
    # Gone, locked or being written: user code may have read it for all that, so there is no telling what.
    except (OSError, EvaluationError):
        return FileDigest(str(path), _of_no_file(), 0)
    written = max(status.st_mtime, status.st_ctime) >= since
    return FileDigest(str(path), _of_no_file() if written else sha256, status.st_size)


def _of_no_file() -> str:
    """Stands for the sha256 of a file that nobody can tell the content of: it was written to since it was read.

    Another one each time: two such records must not be taken for the same one, of which the store keeps the first.
    """
    return _NO_FILE + secrets.token_hex(16)


def _is_of_no_file(digest: FileDigest) -> bool:
    return digest.sha256.startswith(_NO_FILE)


def used_distributions() -> dict[str, str]:
    """Version of every installed distribution that a module was imported from, and of Python."""
    names = importlib.metadata.packages_distributions()
    imported = {name.partition(".")[0] for name in list(sys.modules)}
    used = {dist for module in imported for dist in names.get(module, ())} - {
        "pytest-modelqa",
        "pytest_modelqa",
    }
    # Of numba.cuda, where there is no numba, numba; where there is one, it is counted as it was imported.
    sought = {name.partition(".")[0] for name in not_found()} - imported
    # An editor puts a sitecustomize of its own before everything.
    counted = [
        found[0] for module, found in list(_read.items()) if found and module.__name__ not in _AT_START
    ]
    if any(not is_beside(str(path)) and not path.is_relative_to(_PACKAGE) for path in counted):
        sought.add(SEARCH_PATH)
    return {name: version_of(name) for name in ("python", *sorted(used | sought))}


def changed(
    code: Iterable[FileDigest], distributions: Mapping[str, str], folder: Path, memory: Path | None
) -> str | None:
    """What of this code is not as it was, in words; None when all of it is."""
    for file in code:
        path = _restored(file.path, folder)
        if file.sha256 == NOT_THERE:
            # Unlike Path.exists, this raises nothing where a folder may not be entered.
            if os.path.exists(path):  # noqa: PTH110
                return f"{file.path} is new"
            continue
        try:
            same = file_sha256(path, memory) == file.sha256
        # Renamed or removed since: measured anew, as with any other change.
        except EvaluationError:
            return f"{file.path} is gone"
        if not same:
            return f"{file.path} changed"
    for name, version in distributions.items():
        now = version_of(name)
        if now != version:
            return f"{name} is {now}, was {version}"
    return None


def _counts(file: Path) -> bool:
    if file.is_relative_to(_PACKAGE):
        return _decides_values(file)
    if {"site-packages", "dist-packages"} & set(file.parts):
        return False
    # What torch.compile writes while it runs follows from the code that counts, and from torch's version.
    if any(part.startswith("torchinductor_") for part in file.parts):
        return False
    return not any(file.is_relative_to(folder) for folder in _STANDARD_LIBRARY)


def _decides_values(file: Path) -> bool:
    return any(file.is_relative_to(folder) for folder in _OWN_CODE) and file not in _OWN_PROCESS


def _stored(file: Path, folder: Path) -> str:
    if file.resolve().is_relative_to(_PACKAGE):
        return file.resolve().relative_to(_PACKAGE.parent).as_posix()
    for beside in (folder.absolute(), folder.resolve()):
        if file.is_relative_to(beside):
            return "./" + file.relative_to(beside).as_posix()
    return str(file)


def _restored(path: str, folder: Path) -> Path:
    if path.startswith("./"):
        return folder / path
    return Path(path) if Path(path).is_absolute() else _PACKAGE.parent / path
