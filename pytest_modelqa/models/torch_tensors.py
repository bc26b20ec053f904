"""Reads the tensors of a file of ``torch.save``, with torch and only ever with ``weights_only=True``."""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..errors import CheckpointError
from .torch_file import SAVE_STATE_DICT, is_archive, select


def read_tensors(
    path: Path, names: Collection[str], state_dict_key: str | None = None, allow_globals: Sequence[str] = ()
) -> tuple[dict[str, torch.Tensor], Any]:
    """Tensors by name, mapped from the file, and the versions of the modules that wrote them.

    Raises:
        CheckpointError: torch refuses the file, or is of a version whose ``weights_only`` is unsafe.
    """
    refuse_unpatched(torch.__version__)
    allowed = list(_allowed_objects(allow_globals))
    try:
        with torch.serialization.safe_globals(allowed):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_archive(path))
    except MemoryError:
        raise
    except Exception as error:
        # torch raises eight kinds of errors here, and some of its texts recommend loading unsafely.
        raise CheckpointError(
            f"torch refuses the checkpoint: {path.name}",
            where=str(path),
            found=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}",
            todo="save it again; " + SAVE_STATE_DICT,
        ) from error
    selected = select(content, state_dict_key, path) if isinstance(content, Mapping) else {}
    strangers = [name for name in names if not isinstance(selected.get(name), torch.Tensor)]
    if strangers:
        raise CheckpointError(
            f"the checkpoint holds two different contents: {path.name}",
            where=str(path),
            found=f"{', '.join(strangers[:5])} are tensors by its header, but not as torch reads it",
            todo="do not use this file; find out where it came from",
        )
    versions = getattr(content, "_metadata", None) if state_dict_key is None else None
    return {name: selected[name] for name in names}, versions


def refuse_unpatched(version: str) -> None:
    """Raises for a torch whose ``weights_only=True`` can be attacked.

    CVE-2026-24747 (GHSA-63cw-57p8-fm3p): heap corruption by a crafted pickle, fixed in 2.10.0.

    Raises:
        CheckpointError: The version is below 2.10.

    >>> refuse_unpatched("2.13.0+cpu")
    """
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < (2, 10):
        raise CheckpointError(
            "pickled checkpoints are not read with this torch: CVE-2026-24747",
            expected="torch ≥ 2.10, where weights_only=True is repaired",
            found=f"torch {version}",
            todo="install a newer torch, or convert the checkpoint to safetensors",
        )


def _allowed_objects(names: Sequence[str]) -> Iterator[Any]:
    """The objects of ``allow_globals``, as torch wants them: with the name that the pickle uses."""
    for name in names:
        module_name, _, attribute = name.rpartition(".")
        try:
            yield getattr(importlib.import_module(module_name), attribute), name
        except (ImportError, AttributeError, ValueError) as error:
            raise CheckpointError(
                f"allow_globals names {name!r}, which cannot be imported",
                found=str(error),
                todo="correct the name, or install the package that it belongs to",
            ) from error
        if name == "numpy.dtype":
            # A pickled dtype is an object of one of these classes, which the pickle does not name.
            import numpy as np

            yield from {type(np.dtype(code)) for code in "?bhilqBHILQefdgFDGSUOV"}
