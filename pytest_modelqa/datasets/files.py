"""Finds the files that a dataset is made of, for the evaluation's key. Runs no code of the user."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import DatasetError
from ..placeholders import is_lfs_pointer, read_head
from ..spec.resolved import Dataset

# A pointer has three short lines; larger files are not opened to look.
_POINTER_BYTES = 1024
COCO_SUFFIX = ".json"


def data_files(dataset: Dataset, folder: Path) -> tuple[Path, ...] | None:
    """The files whose content belongs to the evaluation's key: absolute, sorted, each once.

    Args:
        dataset: Its ``files`` are patterns (``data/*.npz``, ``**`` for any depth; a folder stands for all in
            it), its ``path`` a file or a folder, and ``args: {images: …}`` of a COCO file the folder of images.
        folder: The spec's folder.

    Returns:
        None when the dataset declares neither ``files`` nor ``path`` nor ``sha256``: nothing is known of its
        data, so its records serve only the same run. Empty when only ``sha256`` names the data.

    Raises:
        DatasetError: A pattern matches nothing, the path is missing, or a file is a Git LFS pointer.
    """
    if dataset.path is None and not dataset.files:
        return None if dataset.sha256 is None else ()
    found: set[Path] = set()
    if dataset.path is not None:
        path = data_path(dataset, folder)
        found |= _files_at(path)
        if path.suffix.lower() == COCO_SUFFIX and "images" in dataset.args:
            found |= _files_at(images_folder(dataset, folder))
    for pattern in dataset.files:
        found |= _matches(pattern, folder, dataset.name)
    for path in found:
        if path.stat().st_size < _POINTER_BYTES and is_lfs_pointer(path.read_bytes()):
            read_head(path, "data file", DatasetError)
    return tuple(sorted(found))


def data_path(dataset: Dataset, folder: Path) -> Path:
    """The absolute ``path`` of a dataset that is read by its format.

    Raises:
        DatasetError: The dataset has no ``path``, or nothing is there.
    """
    if dataset.path is None:
        raise DatasetError(
            f"dataset {dataset.name!r} says neither where its data lie nor how they are read",
            expected="`path:` or `load:`",
            todo="write one of the two",
        )
    path = folder.absolute() / Path(dataset.path).expanduser()
    if not path.is_dir():
        read_head(path, "data file", DatasetError)
    return path


def images_folder(dataset: Dataset, folder: Path) -> Path:
    """The absolute folder that the file names of a COCO file start from.

    Raises:
        DatasetError: It is no folder.
    """
    path = folder.absolute() / str(dataset.args["images"])
    if not path.is_dir():
        raise DatasetError(
            f"the images of dataset {dataset.name!r} are missing",
            expected=f"a folder at {path}",
            todo="correct args: {images: FOLDER}",
        )
    return path


def data_digest(files: Sequence[Path], digest_of: Callable[[Path], str], folder: Path) -> str:
    """The sha256 that ``sha256:`` pins beside ``path`` or ``files``.

    For one file its own sha256; for several the sha256 of what ``sha256sum`` prints for them in the spec's
    folder, in the order of ``data_files``, so that it can be checked by hand.
    """
    if len(files) == 1:
        return digest_of(files[0])
    names = [path.relative_to(folder) if path.is_relative_to(folder) else path for path in files]
    listing = "".join(
        f"{digest_of(path)}  {name.as_posix()}\n" for path, name in zip(files, names, strict=True)
    )
    return hashlib.sha256(listing.encode()).hexdigest()


def check_pinned(dataset: Dataset, folder: Path, digest_of: Callable[[Path], str]) -> None:
    """Compares the files with the spec's ``sha256``, if it pins one and there are files.

    Raises:
        DatasetError: They differ.
    """
    files = data_files(dataset, folder)
    if not files or dataset.sha256 is None:
        return
    found = data_digest(files, digest_of, folder.absolute())
    if found != dataset.sha256.lower().removeprefix("sha256:"):
        raise DatasetError(
            f"sha256 differs from the one pinned for dataset {dataset.name!r}",
            expected=dataset.sha256,
            found=f"{found} of {len(files)} files",
            todo="restore the data that were meant, or pin the new digest",
        )


def _matches(pattern: str, folder: Path, dataset: str) -> set[Path]:
    names = glob.glob(str(Path(pattern).expanduser()), root_dir=folder, recursive=True)  # noqa: PTH207
    found = {path for name in names for path in _files_at(folder.absolute() / name)}
    if not found:
        raise DatasetError(
            f"no file matches {pattern!r} of dataset {dataset!r}",
            expected=f"files at {folder.absolute() / pattern}",
            todo="correct the pattern under `files`, or make the data",
        )
    return found


def _files_at(path: Path) -> set[Path]:
    return set(files_below(path)) if path.is_dir() else {path}


def files_below(folder: Path) -> list[Path]:
    """Every file below a folder, sorted, links followed; not those that begin with a dot (``.DS_Store``)."""
    found: list[Path] = []
    seen: set[Path] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = Path(parent).resolve()
        # A link to a folder above would lead round and round.
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
        if real not in seen:
            found += [Path(parent, name) for name in names if not name.startswith(".")]
        seen.add(real)
    return sorted(found)
