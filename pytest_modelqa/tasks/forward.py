"""Gives fields of a batch to a model, and takes the one tensor that is meant out of what it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import DatasetError, EvaluationError, OutputError
from ..spec.spelling import nearest

if TYPE_CHECKING:
    from ..datasets.samples import Samples


# As many as fit any device that runs the model at all; what a task runs itself is small beside the evaluation.
_AT_ONCE = 64


def run_model(
    model: torch.nn.Module,
    batch: Mapping[str, Any],
    field: str,
    output: str | int | None,
    method: str | None = None,
) -> torch.Tensor:
    """The model's output for one field of the batch, shape (n, …), at least float32.

    Fractional fields, bytes and booleans are given in the model's own precision, unscaled; other integers
    (tokens) as they are.

    Raises:
        DatasetError: The field is not there or is no array.
        EvaluationError: The model has no such method.
        OutputError: The model returns no tensor, or several and ``output`` picks none.
    """
    returned = method_of(model, method)(as_input(model, tensor_field(batch, field)))
    return at_least_float32(pick(returned, output))


def method_of(model: torch.nn.Module, method: str | None) -> Callable[..., Any]:
    """The model itself, or one of its methods.

    Raises:
        EvaluationError: It has no such method, or no ``forward``.
    """
    found: Any = model if method is None else getattr(model, method, None)
    if not callable(found):
        raise EvaluationError(
            f"the model has no method {method!r}",
            expected=f"a method {method} of {type(model).__name__}, as the evaluation's args say",
            todo="correct args: {method: …}, or add the method to the model",
        )
    # torch's own stands in for a missing one, and raises when torch's own __call__ calls it.
    unwritten = type(model).__call__ is torch.nn.Module.__call__
    if method is None and unwritten and getattr(model.forward, "__func__", None) is torch.nn.Module.forward:
        raise EvaluationError(
            f"class {type(model).__name__} has no forward",
            where=_place_of(type(model)),
            expected="def forward(self, …), which gives the model's output",
            todo="add it, or name another method: args: {method: …} in the evaluation",
        )
    called: Callable[..., Any] = found
    return called


def _place_of(kind: type) -> str | None:
    try:
        return f"{inspect.getfile(kind)}:{inspect.getsourcelines(kind)[1]}"
    except (OSError, TypeError):  # made where there is no file
        return None


def as_input(model: torch.nn.Module, values: torch.Tensor) -> torch.Tensor:
    """Fractional numbers, bytes and booleans in the model's own precision; other integers as they are."""
    if values.is_floating_point() or values.dtype in (torch.uint8, torch.bool):
        return values.to(precision_of(model))
    return values


def at_least_float32(outputs: torch.Tensor) -> torch.Tensor:
    """Half precision as float32, float64 as it is; integers as float32 too."""
    return outputs.to(torch.promote_types(outputs.dtype, torch.float32))


def batches_of(samples: Samples, device: torch.device) -> Iterator[dict[str, Any]]:
    """Every sample of a dataset in order, batch by batch, as tensors on the device."""
    for start in range(0, len(samples), _AT_ONCE):
        yield to_device(samples.batch(range(start, min(start + _AT_ONCE, len(samples)))), device)


def tensor_field(batch: Mapping[str, Any], field: str, argument: str = "input") -> torch.Tensor:
    """A field of a batch of tensors; ``argument`` of the task says which one it is.

    Raises:
        DatasetError: The field is not there or is no array.
    """
    value = batch.get(field)
    if not isinstance(value, torch.Tensor):
        raise unusable_field(batch, field, argument)
    return value


def to_device(batch: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """The batch with its numeric arrays as tensors on the device; everything else as it is."""
    return {
        # torch takes no numbers of another byte order, which a loader's own `batch` may give.
        name: torch.from_numpy(np.ascontiguousarray(value, value.dtype.newbyteorder("="))).to(device)
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
        else value
        for name, value in batch.items()
    }


def unusable_field(batch: Mapping[str, Any], field: str, argument: str | None) -> DatasetError:
    """The error for a field that is missing or no array of numbers.

    Args:
        argument: Of the task, the one that names the field or has its name as default; None: no argument does.
    """
    if field not in batch:
        close = nearest(field, batch)
        return DatasetError(
            f"the dataset has no field {field}" + (f", which is the task's {argument}" if argument else ""),
            expected=f"a field {field} in every sample",
            found=f"the fields {', '.join(sorted(batch))}",
            todo=f"write args: {{{argument}: {close or 'FIELD'}}} in the evaluation, or correct the dataset"
            if argument
            else "correct the dataset" + (f": did you mean {close!r}?" if close else ""),
        )
    return DatasetError(
        f"the field {field} is not an array of numbers",
        expected="numbers of one shape for all samples",
        found=type(batch[field]).__name__,
        todo="let the dataset give samples of one shape",
    )


def precision_of(model: torch.nn.Module) -> torch.dtype:
    """The type of the model's first fractional parameter or buffer; float32 for a model without any."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.float32


def pick(returned: Any, output: str | int | None) -> torch.Tensor:
    """The tensor itself, or the one under a key or index of what the model returned.

    Raises:
        OutputError: There is no such tensor.

    >>> pick({"image": torch.zeros(1), "loss": torch.ones(1)}, "image")
    tensor([0.])
    """
    if output is None:
        chosen = returned
    elif isinstance(returned, Mapping):
        chosen = returned.get(output)
    elif isinstance(output, str):
        chosen = getattr(returned, output, None)
    elif isinstance(returned, (tuple, list)) and -len(returned) <= output < len(returned):
        chosen = returned[output]
    else:
        chosen = None
    if isinstance(chosen, torch.Tensor):
        return chosen
    wanted = "a tensor" if output is None else f"a tensor under {output!r}"
    raise OutputError(
        f"the model does not return {wanted}",
        expected=wanted,
        found=_described(returned),
        todo="say which one is meant in the evaluation's args: {output: KEY or INDEX}",
    )


def _described(returned: Any) -> str:
    if isinstance(returned, Mapping):
        return f"a {type(returned).__name__} with the keys {', '.join(map(repr, returned))}"
    if isinstance(returned, (tuple, list)):
        return f"a {type(returned).__name__} of {', '.join(type(part).__name__ for part in returned)}"
    if isinstance(returned, torch.Tensor):
        return f"a single tensor of shape {tuple(returned.shape)}"
    return f"a {type(returned).__name__}"
