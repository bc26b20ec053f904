"""What an experiment left in its folder: each file by what it is. Nothing is imported, run or unpickled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..datasets.loading import TABLES
from ..errors import CheckpointError, UsageError
from ..models.files import SAFETENSORS, TORCH, recognise
from .code import Code, read_code
from .language_models import directories_among
from .written_down import is_inspect, is_lm_eval, log_format

_MOST_FILES = 20_000
_LARGEST_TEXT = 64 * 1024 * 1024
_WEIGHTS = {".safetensors", ".pt", ".pth", ".ckpt", ".bin"}
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
_SKIPPED_FOLDERS = {"__pycache__", "node_modules", "site-packages", "mlruns"}


@dataclass(frozen=True)
class Annotated:
    """A COCO annotation file: the ids of its images, and one file name among them."""

    ids: frozenset[Any]
    file_name: str


@dataclass(frozen=True)
class Inventory:
    """The files below a folder that mean something, each group in the order of the paths.

    Attributes:
        checkpoints: Weights, the most promising first: ``best``, then ``final`` or ``last``, then the latest step.
        tables: Files that may hold samples.
        annotations: COCO annotation files.
        results: COCO results files, each with the ids of its images.
        directories: Language models as transformers saved them, the most promising first.
        logs: Logs of training, files and folders, each with its format.
        lm_eval: Results of lm-evaluation-harness.
        inspect: Logs of Inspect.
        picture_folders: Folders with pictures right in them.
        settings: Leaves of the JSON and YAML files that configure something: ``channels`` to 32.
        code: Python modules.
        notes: What was passed over, and why.
    """

    root: Path
    checkpoints: tuple[Path, ...] = ()
    tables: tuple[Path, ...] = ()
    annotations: Mapping[Path, Annotated] = field(default_factory=dict)
    results: Mapping[Path, frozenset[Any]] = field(default_factory=dict)
    directories: tuple[Path, ...] = ()
    logs: Mapping[Path, str] = field(default_factory=dict)
    lm_eval: tuple[Path, ...] = ()
    inspect: tuple[Path, ...] = ()
    picture_folders: tuple[Path, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    code: tuple[Code, ...] = ()
    notes: tuple[str, ...] = ()


def take_inventory(root: Path) -> Inventory:
    """Looks at every file below a folder.

    Raises:
        UsageError: There is no such folder, or it holds far more files than an experiment.
    """
    if not root.is_dir():
        raise UsageError(
            "there is no such folder",
            where=str(root),
            found="a file" if root.is_file() else None,
            todo="name the folder that the experiment wrote to: --from PATH",
        )
    files = list(_files(root))
    if len(files) > _MOST_FILES:
        raise UsageError(
            f"there are more than {_MOST_FILES:,} files below this folder",
            where=str(root),
            todo="name the folder of one experiment: --from PATH",
        )
    notes: list[str] = []
    documents = {path: _document(path) for path in files if path.suffix in {".json", ".yaml", ".yml"}}
    directories = sorted(directories_among(documents, notes), key=lambda path: _of_directory(path, files))
    weights = [
        path
        for path in files
        if path.suffix in _WEIGHTS and path.parent not in directories and _is_weights(path, notes)
    ]
    logs = dict(log for path in files if (log := log_format(path)) is not None)
    return Inventory(
        root=root,
        checkpoints=tuple(sorted(weights, key=_promise)),
        tables=tuple(path for path in files if path.suffix in TABLES and path not in logs),
        directories=tuple(directories),
        logs=logs,
        lm_eval=tuple(path for path, one in documents.items() if is_lm_eval(one)),
        inspect=tuple(path for path in files if is_inspect(path, documents.get(path))),
        annotations={
            path: found for path, one in documents.items() if (found := _annotated(one)) is not None
        },
        results={path: ids for path, one in documents.items() if (ids := _detected(one))},
        picture_folders=tuple(sorted({path.parent for path in files if path.suffix.lower() in _PICTURES})),
        settings=dict(leaf for one in documents.values() for leaf in _settings(one)),
        code=tuple(read_code(path, root) for path in files if path.suffix == ".py"),
        notes=tuple(notes),
    )


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _SKIPPED_FOLDERS:
            continue
        if path.name == "wandb":
            # Of the runs of this machine the newest: a folder is called (offline-)run-TIME-ID.
            runs = [run for run in path.glob("*run-*/run-*.wandb") if not run.parent.is_symlink()]
            yield from sorted(runs, key=lambda run: run.parent.name.partition("run-")[2])[-1:]
            continue
        if path.is_dir():
            if not (path / "pyvenv.cfg").exists():
                yield from _files(path)
        elif path.is_file():
            yield path


def _is_weights(path: Path, notes: list[str]) -> bool:
    try:
        return recognise(path.absolute()) in (SAFETENSORS, TORCH)
    except CheckpointError as error:
        notes.append(f"passed over: {error.what}")
        return False


def _promise(path: Path) -> tuple[int, int, float, int, str]:
    """Sorts checkpoints: by what their names say, by their steps, then the newest, the shortest name first."""
    name = path.name.lower()
    rank = next(
        (
            number
            for number, words in enumerate((("best",), ("final", "last")))
            if any(w in name for w in words)
        ),
        2,
    )
    steps = [int(text) for text in re.findall(r"\d+", path.stem)]
    return rank, -max(steps, default=0), -round(path.stat().st_mtime / 60), len(name), str(path)


def _of_directory(path: Path, files: list[Path]) -> tuple[bool, tuple[int, int, float, int, str]]:
    """What holds other directories is where a Trainer saved its last or best model."""
    holds = any(other.name == "config.json" and path in other.parents[1:] for other in files)
    return not holds, _promise(path)


def _document(path: Path) -> Any:
    """The content of a JSON or YAML file; None for what is none, or too large to be looked at."""
    if path.stat().st_size > _LARGEST_TEXT or path.name.endswith(".modelspec.yaml"):
        return None
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    # Another program's file: it is of no use here, whatever is wrong with it.
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None


def _annotated(document: Any) -> Annotated | None:
    if not isinstance(document, dict):
        return None
    if not all(isinstance(document.get(key), list) for key in ("images", "annotations", "categories")):
        return None
    images = [image for image in document["images"] if isinstance(image, dict)]
    names = [str(image["file_name"]) for image in images if "file_name" in image]
    return Annotated(frozenset(image.get("id") for image in images), names[0] if names else "")


def _detected(document: Any) -> frozenset[Any]:
    keys = {"image_id", "category_id", "bbox", "score"}
    if (
        not isinstance(document, list)
        or not document
        or not isinstance(document[0], dict)
        or not keys <= set(document[0])
    ):
        return frozenset()
    return frozenset(entry.get("image_id") for entry in document if isinstance(entry, dict))


def _settings(document: Any) -> Iterator[tuple[str, Any]]:
    """Numbers, texts and truths under their own names, whatever they are nested in."""
    if isinstance(document, dict) and len(document) < 500 and not _annotated(document):
        for name, value in document.items():
            if isinstance(value, dict):
                yield from _settings(value)
            elif isinstance(name, str) and isinstance(value, (bool, int, float, str)):
                yield name, value
