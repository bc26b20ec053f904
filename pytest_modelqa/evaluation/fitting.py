"""Which arguments make a class have the parameters of a checkpoint: by name and shape, on torch's meta device."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, EvaluationError
from ..models.checkpoint import read_header
from ..models.header import Header
from ..user_code import explained, import_attribute

# Of one class: each takes a millisecond on the meta device.
_MOST_BUILDS = 400
_SMALL = range(1, 17)


def fitting_model(
    path: Path, build: str, settings: Mapping[str, Any], folder: Path
) -> tuple[dict[str, Any], str | None] | None:
    """The arguments that fit, and where in the file the weights are; None where nothing was found that fits.

    Args:
        settings: What the experiment was configured with; tried first, where the names are those of parameters.
        folder: The experiment's, which is on ``sys.path``.

    Raises:
        CheckpointError: The file cannot be read.
        EvaluationError: The module raised while it was imported.
    """
    make = import_attribute(build, folder)
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):
        return None
    for key, shapes in _weights(path):
        for args in _arguments(signature, settings, shapes):
            if _built(make, args, folder) == shapes:
                return args, key
    return None


def _weights(path: Path) -> Iterator[tuple[str | None, dict[str, tuple[int, ...]]]]:
    """Each state_dict of a file: right in it, or under a key such as ``state_dict`` or ``ema.model``."""
    header = _header(path, None)
    keys: list[str | None] = [
        None,
        *(header.wrapped if header else ("state_dict", "model", "model_state_dict")),
    ]
    for key in keys:
        found = header if key is None else _header(path, key)
        if found is not None and found.tensors:
            yield key, {name: info.shape for name, info in found.tensors.items()}


def _header(path: Path, key: str | None) -> Header | None:
    try:
        return read_header(path, key)
    # Not of this form; whether the file can be read at all was asked when it was recognised.
    except CheckpointError:
        return None


def _arguments(
    signature: inspect.Signature, settings: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> Iterator[dict[str, Any]]:
    """None, those configured, then one or two whole numbers that stand in the shapes or are small."""
    parameters = [
        one
        for one in signature.parameters.values()
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    configured = {one.name: settings[one.name] for one in parameters if one.name in settings}
    required = {one.name for one in parameters if one.default is one.empty}
    differing = {
        name: value for name, value in configured.items() if signature.parameters[name].default != value
    }
    sizes = sorted({size for shape in shapes.values() for size in shape if 1 < size < 1_000_000})
    numbers = [one.name for one in parameters if _is_whole(one)]
    tried = 0
    for base in ({}, differing):
        if required <= base.keys():
            yield dict(base)
    for count in (1, 2):
        for names in itertools.combinations(numbers, count):
            base = {name: value for name, value in differing.items() if name not in names}
            if not required <= base.keys() | set(names):
                continue
            for values in itertools.product(
                *([*sizes, *(n for n in _SMALL if n not in sizes)] for _ in names)
            ):
                tried += 1
                if tried > _MOST_BUILDS:
                    return
                yield base | dict(zip(names, values, strict=True))


def _is_whole(parameter: inspect.Parameter) -> bool:
    """Whether a parameter is a whole number, by its default or its annotation."""
    default = parameter.default
    if default is parameter.empty:
        return parameter.annotation in (int, "int", parameter.empty)
    return isinstance(default, int) and not isinstance(default, bool)


def _built(make: Any, args: Mapping[str, Any], folder: Path) -> dict[str, tuple[int, ...]] | None:
    """Names and shapes of a build; None where the arguments do not make one."""
    import torch

    try:
        with torch.device("meta"), explained("it could not be built", folder):
            module = make(**args)
            if not isinstance(module, torch.nn.Module):
                return None
            return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    # A guess that does not build is no guess less.
    except EvaluationError:
        return None
