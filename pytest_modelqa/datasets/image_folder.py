"""Reads a folder of images, one folder per class; each is decoded when it is needed, none is skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError, MissingDependencyError
from .files import files_below
from .loaded import LoadedSamples, check_not_empty, stack

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
_MODES = ("RGB", "L")
# Converted by Pillow these lose bits (16 and 32 of them become 8) without a word.
_DEEP_MODES = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})


def from_image_folder(
    folder: Path, name: str, *, mode: str = "RGB", split: str | None = None, limit: int | None = None
) -> LoadedSamples:
    """Samples of a folder of images.

    ``image``: float32 in 0..1, of shape (channels, height, width); ``label``: the number of the class folder in
    alphabetical order; ``class``: its name. Images without class folders have no ``label``. The id is the path
    below the folder. Images are neither resized nor turned by their EXIF orientation.

    Args:
        folder: The dataset's ``path``.
        name: The dataset's, for messages.
        mode: ``RGB`` or ``L`` (grey).
        split: The subfolder that holds this split.
        limit: Only the first so many.

    Raises:
        DatasetError: No images, a file that is none, an empty class folder, or no such split.
    """
    if mode not in _MODES:
        raise DatasetError(
            f"dataset {name!r} asks for images of mode {mode!r}",
            expected=" or ".join(_MODES),
            todo="correct `args` in the spec",
        )
    root = folder if split is None else _split_folder(folder, split, name)
    paths = _image_paths(root, name)
    check_not_empty(len(paths), name)
    classes = _classes(root, paths, name)
    available, paths = len(paths), paths[:limit]
    ids = tuple(path.relative_to(root).as_posix() for path in paths)

    labels: dict[str, np.ndarray] = {}
    if classes:
        number = {class_name: index for index, class_name in enumerate(classes)}
        names = [path.relative_to(root).parts[0] for path in paths]
        labels = {"label": np.array([number[one] for one in names]), "class": np.array(names)}

    def read(indices: Sequence[int]) -> Mapping[str, Any]:
        images = stack([decoded(paths[index], ids[index], name, mode) for index in indices])
        rows = np.asarray(indices, dtype=np.intp)
        fields: dict[str, Any] = {"image": images}
        if labels:
            fields |= {"label": labels["label"][rows], "class": labels["class"][rows].tolist()}
        return fields

    return LoadedSamples(ids, labels, available, read)


def _split_folder(folder: Path, split: str, name: str) -> Path:
    root = folder / split
    if not root.is_dir():
        raise DatasetError(
            f"dataset {name!r} has no subfolder for split {split!r}",
            expected=f"a folder at {root}",
            found=f"subfolders {', '.join(sorted(path.name for path in folder.iterdir() if path.is_dir())[:8])}",
            todo="correct `split` or `path` in the spec",
        )
    return root


def _image_paths(root: Path, name: str) -> list[Path]:
    paths = files_below(root)
    strangers = [path for path in paths if path.suffix.lower() not in _SUFFIXES]
    if strangers:
        raise DatasetError(
            f"{len(strangers)} files of dataset {name!r} are no images, first {strangers[0].name}",
            where=str(strangers[0]),
            expected=f"only {', '.join(sorted(_SUFFIXES))}",
            todo="remove them, or read the folder with `load:`",
        )
    return paths


def _classes(root: Path, paths: Sequence[Path], name: str) -> list[str]:
    folders = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    loose = [path for path in paths if path.parent == root]
    if folders and loose:
        raise DatasetError(
            f"{len(loose)} images of dataset {name!r} lie outside of the class folders, first {loose[0].name}",
            where=str(loose[0]),
            todo="put each image into the folder of its class",
        )
    empty = sorted(set(folders) - {path.relative_to(root).parts[0] for path in paths})
    if empty:
        raise DatasetError(
            f"the class folder {empty[0]!r} of dataset {name!r} is empty",
            where=str(root / empty[0]),
            todo="add its images, or remove the folder: the labels of later classes depend on it",
        )
    return folders


def decoded(path: Path, sample_id: str, name: str, mode: str) -> np.ndarray:
    """The pixels of an image file: float32 in 0..1, of shape (channels, height, width).

    Raises:
        DatasetError: The file cannot be read, or has more than 8 bits per value.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError(
            "images are read with Pillow, which is not installed",
            todo="pip install 'pytest-modelqa[torch]'",
        ) from error
    try:
        with Image.open(path) as image:
            found_mode = image.mode
            pixels = np.asarray(image.convert(mode), dtype=np.float32) / 255
    # What Pillow raises for damaged files; decompression bombs among them.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DatasetError(
            f"sample {sample_id!r} of dataset {name!r} cannot be read",
            where=str(path),
            found=f"{type(error).__name__}: {error}",
            todo="replace the image, or take it out of the dataset on purpose",
        ) from error
    if found_mode in _DEEP_MODES:
        raise DatasetError(
            f"sample {sample_id!r} of dataset {name!r} has more than 8 bits per value",
            where=str(path),
            found=f"mode {found_mode}",
            todo="read it with `load:`, which decides how its values become 0..1",
        )
    return pixels[np.newaxis] if mode == "L" else np.ascontiguousarray(pixels.transpose(2, 0, 1))
