"""Calls the user's ``build`` to make a module, with as little work as the module allows.

On the meta device a module has shapes and no values, so nothing is initialised that a checkpoint would
overwrite: 15 ms in place of 3.5 s for 1 GiB of parameters (measured). What the module computes for itself and
keeps out of its state_dict must then come from a real build.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import CheckpointError, EvaluationError
from ..spec.resolved import Model
from ..user_code import call, import_attribute

_NESTING = 3


def build_module(model: Model, folder: Path) -> nn.Module:
    """A module whose state_dict is still without the checkpoint's values; everything else in it is real.

    Raises:
        EvaluationError: ``build`` raised, or gave no module; the message names the user's file and line.
        CheckpointError: The module computes something at random that its checkpoint will not hold.
    """
    # Not below: a module that is imported there would keep its constants without values.
    import_attribute(model.build, folder)
    try:
        with torch.device("meta"):
            module = _call(model, folder)
        if not hidden_buffers(module) and not plain_tensors(module):
            return module
    except EvaluationError:
        # Not every constructor works without values (``.item()``, NumPy); one that is wrong raises again.
        pass
    _clear_caches()
    module, again = build_real(model, folder), build_real(model, folder)
    _check_real(module, model)
    for name in _differing(hidden_buffers(module), hidden_buffers(again)):
        raise CheckpointError(
            f"model {model.name!r} makes the buffer {name!r} at random, and keeps it out of its checkpoint",
            expected="the same values in every build, or a persistent buffer",
            found="two builds that differ",
            todo="register it with persistent=True, and save the checkpoint again",
        )
    for name in _differing(plain_tensors(module), plain_tensors(again)):
        _take_values_away(module, name, model)
    return module


def build_real(model: Model, folder: Path) -> nn.Module:
    """The module as its constructor leaves it, on the CPU; the random state is given back as it was found.

    Raises:
        EvaluationError: ``build`` raised, or gave no module; the message names the user's file and line.
    """
    with torch.random.fork_rng(devices=[]):
        # Another state for each build, so that what is random is seen to be.
        torch.seed()
        return _call(model, folder)


def build_complete(model: Model, folder: Path) -> nn.Module:
    """The module of a model without a checkpoint: it has nothing to learn, and is the same in every build.

    Raises:
        EvaluationError: ``build`` raised, or gave no module.
        CheckpointError: It has parameters, or holds something that is random.
    """
    module, again = build_real(model, folder), build_real(model, folder)
    names = [name for name, _ in module.named_parameters()]
    if names:
        raise CheckpointError(
            f"model {model.name!r} has {len(names)} parameters and no checkpoint",
            expected="every parameter must come from a checkpoint",
            found=", ".join(names[:5]),
            todo="write `checkpoint:`; without it only models that have nothing to learn are measured",
        )
    _check_real(module, model)
    held, held_again = (dict(each.named_buffers()) | plain_tensors(each) for each in (module, again))
    for name in _differing(held, held_again):
        raise CheckpointError(
            f"model {model.name!r} makes {name!r} at random, and has no checkpoint that holds it",
            expected="the same values in every build",
            found="two builds that differ",
            todo="save its state_dict and write `checkpoint:`, or draw from a generator that build seeds",
        )
    return module


def build_random(model: Model, folder: Path, seed: int = 0) -> nn.Module:
    """The module with its random initial values, the same for the same seed, in ``eval()``.

    For preflight's tiny models and for controls; never for a measurement.

    Raises:
        EvaluationError: ``build`` raised, or gave no module.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _call(model, folder).eval()


def _call(model: Model, folder: Path) -> nn.Module:
    build = import_attribute(model.build, folder)
    module = call(build, model.args, model.build, f"model {model.name!r}", folder, EvaluationError)
    if not isinstance(module, nn.Module):
        raise EvaluationError(
            f"{model.build} did not give a torch module",
            expected="a torch.nn.Module",
            found=f"{type(module).__name__}",
            todo=f"correct `build` of model {model.name!r}, or return the module",
        )
    lazy = [name for name, parameter in module.named_parameters() if nn.parameter.is_lazy(parameter)]
    if lazy:
        raise EvaluationError(
            f"{model.build} leaves the sizes of {len(lazy)} parameters open",
            found=", ".join(lazy[:5]),
            todo="give the sizes: Linear(in_features, …) in place of LazyLinear(…)",
        )
    return module


def hidden_buffers(module: nn.Module) -> dict[str, torch.Tensor]:
    """The buffers that a module's state_dict leaves out (``persistent=False``), by name."""
    persistent = module.state_dict(keep_vars=True).keys()
    return {name: buffer for name, buffer in module.named_buffers() if name not in persistent}


def plain_tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """The tensors that are mere attributes of a module or of a part of it, in lists and dicts too, by name.

    What was computed from parameters is not among them (the ``weight`` of ``weight_norm``): it is computed
    again before it is used, or using it raises.
    """
    known = {id(tensor) for tensor in (*module.parameters(), *module.buffers())}
    return {
        f"{prefix}.{name}" if prefix else name: tensor
        for prefix, part in module.named_modules()
        for attribute, value in vars(part).items()
        if attribute not in {"_parameters", "_buffers", "_modules"}
        for name, tensor in _tensors_in(attribute, value, _NESTING)
        if id(tensor) not in known and tensor.grad_fn is None
    }


def _tensors_in(name: str, value: Any, depth: int) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield name, value
    elif depth and isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _tensors_in(f"{name}.{key}", inner, depth - 1)
    elif depth and isinstance(value, (list, tuple)):
        for position, inner in enumerate(value):
            yield from _tensors_in(f"{name}.{position}", inner, depth - 1)


def _clear_caches() -> None:
    """A cached table of positions, asked for on the meta device, would be given without values from then on."""
    for found in gc.get_objects():
        if (
            type(found) is functools._lru_cache_wrapper
        ):  # isinstance would ask strange objects for their class
            found.cache_clear()


def _check_real(module: nn.Module, model: Model) -> None:
    own = hidden_buffers(module) | plain_tensors(module)
    for name, tensor in own.items():
        if tensor.is_meta:
            raise EvaluationError(
                f"model {model.name!r} keeps {name!r} without values",
                found="a tensor on the meta device, as the constructor leaves it",
                todo="do not keep tensors in a cache of your own across builds, or make them anew",
            )


def _differing(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> list[str]:
    return [
        name
        for name, tensor in first.items()
        if name not in second or tensor.shape != second[name].shape or not torch.equal(tensor, second[name])
    ]


def _take_values_away(module: nn.Module, name: str, model: Model) -> None:
    """Leaves an attribute without values: what sets it before use (``spectral_norm``) works, what does not raises."""
    holder_name, _, attribute = name.rpartition(".")
    holder = dict(module.named_modules()).get(holder_name)
    if holder is None or not isinstance(vars(holder).get(attribute), torch.Tensor):
        raise CheckpointError(
            f"model {model.name!r} makes {name!r} at random, and keeps it out of its checkpoint",
            expected="the same values in every build, or a buffer",
            found="two builds that differ",
            todo="register it with register_buffer, and save the checkpoint again",
        )
    setattr(holder, attribute, vars(holder)[attribute].to("meta"))
