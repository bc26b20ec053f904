"""Reads a checkpoint of any format, in one file or in shards: headers without torch, tensors with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError
from . import safetensors_file, torch_file
from .directory_files import directory_weights
from .files import (
    SAFETENSORS,
    TORCH,
    TRANSFORMERS,
    checkpoint_files,
    recognise,
    shard_of_tensor,
)
from .header import Header, TensorInfo

if TYPE_CHECKING:
    import torch


def read_header(
    path: Path,
    state_dict_key: str | None = None,
    allow_globals: Sequence[str] = (),
    declared_format: str | None = None,
) -> Header:
    """The names, shapes and dtypes of a checkpoint, without torch and without running a pickle.

    Args:
        path: Absolute: a safetensors file, a file of ``torch.save``, an index of either, or a transformers directory.
        state_dict_key: Dotted key of the mapping that holds the weights, and prefix of their names.
        allow_globals: Exact names of globals that a pickle may name besides tensors.
        declared_format: ``safetensors``, ``torch`` or ``transformers``, to refuse everything else.

    Raises:
        CheckpointError: See ``files.recognise`` and the module of each format.
    """
    found = recognise(path, declared_format)
    if found == TRANSFORMERS:
        return read_header(directory_weights(path), state_dict_key, allow_globals)
    if found == SAFETENSORS:
        return _under_prefix(safetensors_file.read_header(path), state_dict_key, path)
    if found == TORCH:
        return torch_file.read_header(path, state_dict_key, allow_globals)
    shards = checkpoint_files(path)[1:]
    headers = [read_header(shard, state_dict_key, allow_globals, declared_format) for shard in shards]
    tensors = {name: info for header in headers for name, info in header.tensors.items()}
    listed = shard_of_tensor(path).keys()
    differing = sorted(tensors.keys() ^ listed) if state_dict_key is None else []
    if differing:
        raise CheckpointError(
            f"the index and its shards do not agree: {path.name}",
            where=str(path),
            expected=f"the {len(listed)} tensors of the index",
            found=f"{len(tensors)} tensors in {len(shards)} shards; in one only: {', '.join(differing[:5])}",
            todo="copy index and shards again, from one source",
        )
    return Header(tensors, headers[0].metadata if headers else {})


def read_tensors(
    path: Path,
    names: Collection[str],
    state_dict_key: str | None = None,
    allow_globals: Sequence[str] = (),
) -> tuple[dict[str, torch.Tensor], Any]:
    """Tensors by name, and torch's record of module versions where the file has one.

    The tensors are mapped from the file where the format allows it. Call ``read_header`` first: it explains
    what this would only refuse.

    Raises:
        CheckpointError: The file is refused.
    """
    found = recognise(path)
    if found == SAFETENSORS:
        prefix = "" if state_dict_key is None else state_dict_key + "."
        read = safetensors_file.read_tensors(path, [prefix + name for name in names])
        return {name.removeprefix(prefix): tensor for name, tensor in read.items()}, None
    if found == TORCH:
        from . import torch_tensors

        return torch_tensors.read_tensors(path, names, state_dict_key, allow_globals)
    tensors: dict[str, torch.Tensor] = {}
    for shard in checkpoint_files(path)[1:]:
        inside = read_header(shard, state_dict_key, allow_globals).tensors
        wanted = [name for name in names if name in inside]
        tensors |= read_tensors(shard, wanted, state_dict_key, allow_globals)[0]
    return tensors, None


def _under_prefix(header: Header, prefix: str | None, path: Path) -> Header:
    if prefix is None:
        return header
    selected: Mapping[str, TensorInfo] = torch_file.select(header.tensors, prefix, path)
    return Header(selected, header.metadata)
