"""Finds a model's checkpoint: its path, the files that belong to it, its format. Imports no torch."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import CheckpointError
from ..placeholders import read_head
from ..spec.grid import filled
from ..spec.resolved import Model
from .directory_files import directory_weights, files_beside_weights

SAFETENSORS = "safetensors"
TORCH = "torch"
SAFETENSORS_INDEX = "safetensors_index"
TORCH_INDEX = "torch_index"
COCO_RESULTS = "coco_results"
TRANSFORMERS = "transformers"
# What stands under `build:` of a model that is such a file.
COCO_RESULTS_BUILD = "pytest_modelqa.models.coco_results:CocoResults"

NO_COORDINATES: Mapping[str, Any] = MappingProxyType({})
NOTHING_HASHED: Mapping[Path, str] = MappingProxyType({})

_SAVE_STATE_DICT = (
    "save its weights alone: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
)
_FOREIGN_MAGIC = {
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"GGUF": "a GGUF file",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x89PNG": "a PNG image",
    b"PAR1": "a Parquet file",
}


def checkpoint_path(
    model: Model, folder: Path, coordinates: Mapping[str, Any] = NO_COORDINATES
) -> Path | None:
    """The absolute path of the model's checkpoint; None for a model that has none.

    Args:
        model: Its ``checkpoint`` is a path, or a pattern such as ``runs/seed_{seed}/step_{step}.safetensors``
            when the model declares ``coordinates``.
        folder: The spec's folder.
        coordinates: One value for each coordinate of the pattern.

    Raises:
        CheckpointError: The checkpoint is an address, or a coordinate of the pattern has no value.
    """
    if model.checkpoint is None:
        return None
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", model.checkpoint):
        raise CheckpointError(
            f"the checkpoint of {model.name!r} is an address, not a file: {model.checkpoint}",
            todo="download it, and write the path of the file",
        )
    written = model.checkpoint
    if model.coordinates:
        written = filled(written, coordinates)
        missing = re.search(r"\{[^{}]*\}", written)
        if missing:
            raise CheckpointError(
                f"the checkpoint of {model.name!r} needs a value for {missing[0]}",
                expected=f"a pattern of {', '.join('{' + known + '}' for known in model.coordinates)}",
                found=model.checkpoint,
                todo="correct the pattern, or declare the coordinate",
            )
    return folder.absolute() / Path(written).expanduser()


def checkpoint_files(path: Path) -> list[Path]:
    """The files that belong to a checkpoint: itself, the shards that an index names, what is in a directory.

    Raises:
        CheckpointError: The checkpoint is not one (see ``recognise``), or a shard is missing or elsewhere.
    """
    found = recognise(path)
    if found == TRANSFORMERS:
        return sorted({*checkpoint_files(directory_weights(path)), *files_beside_weights(path)})
    if found not in {SAFETENSORS_INDEX, TORCH_INDEX}:
        return [path]
    shards = sorted(set(shard_of_tensor(path).values()))
    missing = [name for name in shards if not (path.parent / name).is_file()]
    if missing:
        raise CheckpointError(
            f"{len(missing)} of {len(shards)} shards are missing: {path.name}",
            expected=f"files in {path.parent}",
            found=f"not there: {', '.join(missing[:5])}",
            todo="copy the shards beside the index",
        )
    return [path, *(path.parent / name for name in shards)]


def shard_of_tensor(index: Path) -> dict[str, str]:
    """Tensor name to file name, as an index (``*.index.json``) gives them.

    Raises:
        CheckpointError: The index cannot be read, or names a file outside its own folder.
    """
    try:
        weight_map = json.loads(index.read_bytes())["weight_map"]
        shards = {str(tensor): str(name) for tensor, name in weight_map.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"the index cannot be read: {index.name}",
            where=str(index),
            expected='JSON with "weight_map": {tensor: file}',
            found=str(error),
            todo="copy it again from where the shards came from",
        ) from error
    for name in shards.values():
        if name in {"", ".", ".."} or Path(name).name != name or "\\" in name:
            raise CheckpointError(
                f"the index names a file outside its folder: {name!r}",
                where=str(index),
                expected="file names without folders",
                todo="do not use this checkpoint; find out where it came from",
            )
    return shards


def recognise(path: Path, declared: str | None = None) -> str:
    """The format of a checkpoint, by content: the name is only asked whether it says the same.

    Args:
        path: Absolute.
        declared: The spec's ``format``: ``safetensors``, ``torch`` or ``transformers``.

    Returns:
        ``safetensors``, ``torch``, ``safetensors_index``, ``torch_index``, ``transformers`` (a directory), or
        ``coco_results``, which holds no weights (see ``coco_results``).

    Raises:
        CheckpointError: The file is missing, empty, truncated, a Git LFS pointer, a web page, another kind of
            file, or not of the declared format.
    """
    if path.is_dir() and (declared == TRANSFORMERS or (path / "config.json").is_file()):
        found = TRANSFORMERS
    else:
        found = _format(path, read_head(path, "checkpoint", CheckpointError))
    if declared is not None and not found.startswith(declared):
        raise CheckpointError(
            f"the checkpoint is not of the declared format: {path.name}",
            where=str(path),
            expected=f"{declared}, as `format:` says",
            found=found,
            todo="correct the path, or write `format: " + found.removesuffix("_index") + "`",
        )
    if path.suffix == ".safetensors" and found != SAFETENSORS and declared is None:
        raise CheckpointError(
            f"a pickle under the name of a safetensors file: {path.name}",
            where=str(path),
            todo="write `format: torch` if that is meant; else find out where the file came from",
        )
    return found


def _format(path: Path, head: bytes) -> str:
    if _begins_like_safetensors(path, head):
        return SAFETENSORS
    if head.startswith(b"PK\x03\x04"):
        return _zip_format(path)
    if head.startswith(b"PK"):
        raise _foreign(path, "an empty or split zip archive")
    if head.startswith(b"\x80") and head[1] <= 5:
        return TORCH  # a pickle; whether torch.save wrote it is told by its header
    if path.name.endswith(".json") and head.lstrip().startswith(b"{"):
        return _index_format(path)
    if path.name.endswith(".json") and head.lstrip().startswith(b"["):
        return COCO_RESULTS
    for magic, kind in _FOREIGN_MAGIC.items():
        if head.startswith(magic):
            raise _foreign(path, kind)
    raise _foreign(path, f"neither a safetensors file nor one of torch.save; it begins with {head[:16]!r}")


def _begins_like_safetensors(path: Path, head: bytes) -> bool:
    # Eight bytes of length, of which the limit of the format leaves four zero, then JSON. Asked first: the
    # length may begin as pickles do (0x80), and no pickle looks like this.
    by_content = head[4:9] == b"\0\0\0\0{"
    by_name = path.suffix == ".safetensors" and (head[8:9] == b"{" or len(head) < 9)
    return by_content or by_name


def _zip_format(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint is truncated: {path.name}",
            where=str(path),
            expected="a zip archive with a directory at its end",
            found=f"{path.stat().st_size:,} bytes; {error}",
            todo="copy it again; if it is still being written, wait",
        ) from error
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        raise CheckpointError(
            f"the checkpoint is TorchScript, which is a program: {path.name}",
            where=str(path),
            todo=_SAVE_STATE_DICT,
        )
    if "archive_format" in inner or "archive_version" in inner or path.suffix == ".pt2":
        raise CheckpointError(
            f"the checkpoint is an exported program (torch.export): {path.name}",
            where=str(path),
            found="torch.export.load runs pickles of the archive",
            todo=_SAVE_STATE_DICT,
        )
    if "data.pkl" in inner:
        return TORCH
    if names and all(name.endswith(".npy") for name in names):
        raise _foreign(path, "a NumPy archive (.npz)")
    raise _foreign(path, f"a zip archive, but not one of torch.save; it holds {', '.join(names[:5])}")


def _index_format(path: Path) -> str:
    shards = set(shard_of_tensor(path).values())
    suffixes = {Path(name).suffix for name in shards}
    if suffixes == {".safetensors"}:
        return SAFETENSORS_INDEX
    if suffixes and suffixes <= {".bin", ".pt", ".pth"}:
        return TORCH_INDEX
    raise _foreign(path, f"an index of {', '.join(sorted(suffixes)) or 'no'} files")


def _foreign(path: Path, kind: str) -> CheckpointError:
    return CheckpointError(
        f"not a checkpoint that can be read: {path.name}",
        where=str(path),
        expected="a safetensors file, a state_dict of torch.save, or an index of either",
        found=kind,
        todo="correct the path, or " + _SAVE_STATE_DICT,
    )


@contextmanager
def unchanged(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Raises if a file is replaced, or written to, while the block runs.

    Hash and load inside one block, and what was loaded is what was hashed. A block around a whole evaluation
    also covers weights that stay mapped from the file.

    Raises:
        CheckpointError: Inode, size or modification time of a file differ afterwards.
    """
    before = [_identity(path) for path in files]
    yield files
    for path, was in zip(files, before, strict=True):
        if _identity(path) != was:
            raise CheckpointError(
                f"the checkpoint changed during the run: {path.name}",
                where=str(path),
                expected="a file that nobody writes to",
                found=f"{_size(was)} before, {_size(_identity(path))} after",
                todo="wait until training has written it, or evaluate a copy",
            )


def _identity(path: Path) -> tuple[int, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _size(identity: tuple[int, int, int, int] | None) -> str:
    return "no file" if identity is None else f"{identity[2]:,} bytes, inode {identity[1]}"


def checkpoint_digest(files: Sequence[Path], digest_of: Callable[[Path], str]) -> str:
    """The sha256 that ``sha256:`` in a spec pins.

    For one file its own sha256; for an index with shards the sha256 of what ``sha256sum`` prints for the
    index and its shards in the order of ``checkpoint_files``, so that it can be checked by hand.
    """
    if len(files) == 1:
        return digest_of(files[0])
    listing = "".join(f"{digest_of(path)}  {path.name}\n" for path in files)
    return hashlib.sha256(listing.encode()).hexdigest()


def check_digests(
    model: Model, files: Sequence[Path], hashed: Mapping[Path, str], digest_of: Callable[[Path], str]
) -> None:
    """Compares the files with the spec's ``sha256``, if it pins one, and with what was hashed before.

    Args:
        model: Whose checkpoint it is.
        files: As ``checkpoint_files`` gives them.
        hashed: The sha256 by file that the evaluation's key was made of; files that are not in it are not hashed.
        digest_of: Gives the sha256 of a file.

    Raises:
        CheckpointError: They differ.
    """
    if model.sha256 is not None:
        _demand(model.sha256, checkpoint_digest(files, digest_of), files[0], f"pinned for {model.name!r}")
    for path in files:
        if path in hashed:
            _demand(hashed[path], digest_of(path), path, "taken when the run was planned")


def _demand(expected: str, found: str, path: Path, whose: str) -> None:
    if found != expected.lower().removeprefix("sha256:"):
        raise CheckpointError(
            f"sha256 differs from the one {whose}: {path.name}",
            where=str(path),
            expected=expected,
            found=found,
            todo="restore the file that was meant; if the change was meant, pin its digest and run again",
        )
