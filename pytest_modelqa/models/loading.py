"""Makes a model from its checkpoint: built, filled, verified, cast and moved. Runs in the worker only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import CheckpointError, EvaluationError
from ..records.digests import file_sha256
from ..spec.resolved import Model
from ..user_code import explained, import_attribute
from .building import build_complete, build_module, build_random, hidden_buffers
from .checkpoint import read_header, read_tensors
from .files import (
    NO_COORDINATES,
    NOTHING_HASHED,
    TRANSFORMERS,
    check_digests,
    checkpoint_files,
    checkpoint_path,
    recognise,
    unchanged,
)
from .finite import check_finite
from .fit import explain, misfit
from .header import Header, TensorInfo

__all__ = ["build_random", "import_attribute", "load_model", "load_untrained", "swap_weights"]

PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def load_model(
    model: Model,
    folder: Path,
    device: str,
    precision: str,
    coordinates: Mapping[str, Any] = NO_COORDINATES,
    *,
    hashed: Mapping[Path, str] = NOTHING_HASHED,
    digest_of: Callable[[Path], str] = file_sha256,
) -> nn.Module:
    """The model with the weights of its checkpoint, in ``eval()``, on the device, in the precision.

    Every parameter comes from the checkpoint; the files are the same when the last tensor was read as when
    the digest was taken. Tensors on the CPU stay mapped from the file: keep a block of ``files.unchanged``
    around the evaluation.

    Args:
        model: As the spec resolved it.
        folder: The spec's folder; the caller has put it on ``sys.path``.
        device: ``cpu``, ``cuda``, ``cuda:N``.
        precision: ``float32``, ``float16`` or ``bfloat16``; all floating-point tensors are cast to it.
        coordinates: One value for each coordinate of a grid.
        hashed: The sha256 by file that the evaluation's key was made of: what is loaded must still be that.
        digest_of: Gives the sha256 of a file.

    Raises:
        EvaluationError: The user's ``build`` raised.
        CheckpointError: The checkpoint is missing, damaged, refused, does not fit, or holds NaN or Inf.
    """
    if precision not in PRECISIONS:
        raise EvaluationError(
            f"unknown precision {precision!r}",
            expected=", ".join(PRECISIONS),
            todo="correct precision: in the spec",
        )
    path = checkpoint_path(model, folder, coordinates)
    if path is None:
        module = build_complete(model, folder)
    else:
        with unchanged(checkpoint_files(path)) as files:
            check_digests(model, files, hashed, digest_of)
            # Before anything is built: a checkpoint that cannot be read is told in milliseconds.
            header = read_header(path, model.state_dict_key, model.allow_globals, model.format)
            if recognise(path) == TRANSFORMERS:
                module = _of_directory(model, path, PRECISIONS[precision])
            else:
                module = build_module(model, folder)
                _fill(module, model, path, header, torch.device(device), PRECISIONS[precision])
    with explained(f"model {model.name!r} could not be moved to {device}", folder):
        move(module, torch.device(device), PRECISIONS[precision])
    return module.eval()


def load_untrained(model: Model, folder: Path, device: str, precision: str, seed: int = 0) -> nn.Module:
    """The model with its random initial values (see ``build_random``), on the device, in the precision.

    Raises:
        EvaluationError: ``build`` raised, or gave no module.
    """
    module = build_random(model, folder, seed)
    move(module, torch.device(device), PRECISIONS[precision])
    return module.eval()


def swap_weights(
    module: nn.Module,
    model: Model,
    folder: Path,
    coordinates: Mapping[str, Any],
    *,
    hashed: Mapping[Path, str] = NOTHING_HASHED,
    digest_of: Callable[[Path], str] = file_sha256,
) -> None:
    """Puts the weights of another checkpoint of the same grid into a module that ``load_model`` made.

    Device and dtypes stay. When it raises, the module is not to be used.

    Raises:
        CheckpointError: As ``load_model``.
    """
    path = checkpoint_path(model, folder, coordinates)
    first = next(module.parameters(), None)
    if path is None or first is None:
        raise CheckpointError(f"model {model.name!r} has no checkpoint to swap", todo="declare `checkpoint`")
    with unchanged(checkpoint_files(path)) as files:
        check_digests(model, files, hashed, digest_of)
        header = read_header(path, model.state_dict_key, model.allow_globals, model.format)
        _fill(module, model, path, header, first.device, None)


def _fill(
    module: nn.Module,
    model: Model,
    path: Path,
    header: Header,
    device: torch.device,
    precision: torch.dtype | None,
) -> None:
    demand_fit(module, model, path, header)
    state, tied = _state(module), _tied_names(module)
    read, versions = read_tensors(path, header.tensors.keys(), model.state_dict_key, model.allow_globals)
    tensors = {name: _cast(tensor, state.get(name), device, precision) for name, tensor in read.items()}
    parameters = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    check_finite(read, tensors, parameters, path)
    _share(tensors, tied, path)
    _forget(module)
    _assign(module, tensors, versions, model, path)
    _tie_again(module, tied)
    _check_filled(module, model, path)


def _of_directory(model: Model, path: Path, precision: torch.dtype) -> nn.Module:
    if model.build != TRANSFORMERS:
        raise CheckpointError(
            f"the checkpoint of {model.name!r} is a transformers directory, and the spec says how to build it",
            where=str(path),
            expected="format: transformers, and no build: config.json says what the model is",
            found=f"build: {model.build}",
            todo="remove build:, or name the safetensors file inside the directory",
        )
    # Here, because it takes 2 s to import.
    from .transformers_directory import load_directory

    return load_directory(path, model.name, precision)


def demand_fit(module: nn.Module, model: Model, path: Path, header: Header) -> None:
    """Compares names, shapes and kinds of dtypes before a tensor is read.

    Of a module that rewrites state_dicts as it loads them nothing is known before it has loaded one.

    Raises:
        CheckpointError: The checkpoint does not fit.
    """
    state = _state(module)
    expected = {name: _info(tensor) for name, tensor in state.items()}
    problem = misfit(expected, header, _tied_names(module), _dispensable(state))
    if problem and not adapts(module):
        raise explain(
            problem,
            expected,
            header,
            model=model.name,
            file=str(path),
            state_dict_key=model.state_dict_key,
        )


def demand_finite_weights(module: nn.Module, model: Model, path: Path, header: Header) -> None:
    """Reads every tensor of a checkpoint once.

    Raises:
        CheckpointError: One holds NaN, or a parameter Inf; or torch refuses the file.
    """
    read, _ = read_tensors(path, header.tensors.keys(), model.state_dict_key, model.allow_globals)
    parameters = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    check_finite(read, read, parameters, path)


def _state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in module.state_dict().items() if isinstance(value, torch.Tensor)}


def _info(tensor: torch.Tensor) -> TensorInfo:
    return TensorInfo(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def _tied_names(module: nn.Module) -> list[tuple[str, ...]]:
    """Groups of names under which one and the same parameter or buffer is known."""
    groups: dict[int, list[str]] = {}
    for named in (module.named_parameters, module.named_buffers):
        for name, tensor in named(remove_duplicate=False):
            groups.setdefault(id(tensor), []).append(name)
    return [tuple(names) for names in groups.values() if len(names) > 1]


def _dispensable(state: Mapping[str, torch.Tensor]) -> list[str]:
    # Files of torch < 0.4.1 lack the counters of batch norm; torch puts zero there, and eval() reads none.
    return [name for name in state if name.rpartition(".")[2] == "num_batches_tracked"]


def adapts(module: nn.Module) -> bool:
    """Whether the module rewrites state_dicts as it loads them, so that names cannot be compared before."""
    parts = list(module.modules())
    own = [part for part in parts if not type(part)._load_from_state_dict.__module__.startswith("torch.")]
    overridden = type(module).load_state_dict is not nn.Module.load_state_dict
    return overridden or bool(own) or any(part._load_state_dict_pre_hooks for part in parts)


def _cast(
    tensor: torch.Tensor, declared: torch.Tensor | None, device: torch.device, precision: torch.dtype | None
) -> torch.Tensor:
    """To the layout and dtype that the module declares, then to the precision; what is right is not copied."""
    if declared is not None:
        if declared.shape == () and tensor.shape == (1,):
            tensor = tensor.reshape(())
        # Saved in channels_last (EfficientNet's file is), a weight would choose other kernels than the copying
        # load_state_dict does (3e-6 in the outputs), and refuse to be viewed.
        if tensor.stride() != torch.empty_like(declared, device="meta").stride():
            tensor = torch.empty_like(declared, dtype=tensor.dtype, device=tensor.device).copy_(tensor)
        tensor = tensor.to(declared.dtype)
    return tensor.to(device, precision if precision is not None and tensor.is_floating_point() else None)


def _share(tensors: dict[str, torch.Tensor], tied: list[tuple[str, ...]], path: Path) -> None:
    """Gives each name of a tied group the one tensor of the group."""
    for names in tied:
        held = [name for name in names if name in tensors]
        for name in held[1:]:
            if not torch.equal(tensors[held[0]], tensors[name]):
                raise CheckpointError(
                    f"{held[0]!r} and {name!r} are one tensor in the model, but differ in the checkpoint",
                    where=str(path),
                    todo="build the model as it was trained: with or without tied weights",
                )
        for name in names if held else ():
            tensors[name] = tensors[held[0]]


def _assign(
    module: nn.Module, tensors: dict[str, torch.Tensor], versions: Any, model: Model, path: Path
) -> None:
    state: dict[str, Any] = dict(tensors)
    if versions is not None:
        state = _Versioned(state)
        state._metadata = versions
    try:
        module.load_state_dict(state, strict=True, assign=True)
    except Exception as error:
        raise CheckpointError(
            f"the checkpoint does not fit the model {model.name!r}: load_state_dict raised",
            where=str(path),
            found=f"{type(error).__name__}: {error}",
            todo="correct the checkpoint, or build and args in the spec",
        ) from error


class _Versioned(dict[str, Any]):
    """A state_dict with the module versions that torch's own converters look at."""

    _metadata: Any


def _tie_again(module: nn.Module, tied: list[tuple[str, ...]]) -> None:
    """Makes tied names one parameter again, which assigning each of them had parted."""
    for first, *others in tied:
        holder, _, name = first.rpartition(".")
        tensor = getattr(module.get_submodule(holder), name)
        for other in others:
            holder, _, name = other.rpartition(".")
            setattr(module.get_submodule(holder), name, tensor)


def _forget(module: nn.Module) -> None:
    """Takes the values of parameters and persistent buffers away, so that what is not filled is seen."""
    hidden = hidden_buffers(module).keys()
    for prefix, part in module.named_modules():
        start = f"{prefix}." if prefix else ""
        for name, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[name] = nn.Parameter(parameter.to("meta"), parameter.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None and start + name not in hidden:
                part._buffers[name] = buffer.to("meta")


def _check_filled(module: nn.Module, model: Model, path: Path) -> None:
    """Nothing is left without values."""
    empty = [name for name, tensor in (*module.named_parameters(), *module.named_buffers()) if tensor.is_meta]
    if empty:
        raise CheckpointError(
            f"{len(empty)} tensors of {model.name!r} did not come from the checkpoint",
            where=str(path),
            expected="every parameter from the checkpoint, every buffer with values",
            found=", ".join(empty[:5]),
            todo="do not override load_state_dict, or let it assign every parameter",
        )


def move(module: nn.Module, device: torch.device, precision: torch.dtype) -> None:
    """As ``Module.to``, which would cast complex tensors to real ones."""

    def moved(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(device, precision if tensor.is_floating_point() else None)

    module._apply(moved)  # type: ignore[no-untyped-call]
