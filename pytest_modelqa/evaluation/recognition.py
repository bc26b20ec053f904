"""Which task a model is of: by what it answers when it is given the fields of a few samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import EvaluationError, ModelQAError
from ..spec.spelling import OF_ONE_NUMBER, listed
from ..tasks.forward import to_device
from ..user_code import explained
from .probing import FoundTask

_LOOKED_AT = 256
_BATCH = 4


def recognised(model: torch.nn.Module, samples: Any, notes: list[str]) -> FoundTask | None:
    """The task, its arguments and what the choice of metrics depends on; None where no field leads to one.

    Args:
        model: In ``eval()``, on the CPU.
        samples: See ``datasets.samples.Samples``.
        notes: Where an answer is not understood, what it was.
    """
    batch = to_device(samples.batch(list(range(min(_BATCH, len(samples))))), torch.device("cpu"))
    for name, value in batch.items():
        if not isinstance(value, torch.Tensor) or value.ndim < 2:
            continue
        try:
            given = value if value.dtype == torch.int64 else value.float()
            with explained(f"the model does not take {name}", Path.cwd()):
                output = model(given)
        except EvaluationError as error:
            notes.append(f"{error.what}: {error.found}")
            continue
        found = _task_of(name, output, batch, samples)
        if found is not None:
            return found
        notes.append(
            f"what the model answers to {name} belongs to no task that is known: {_described(output)}"
        )
    if not any(isinstance(value, torch.Tensor) and value.ndim > 1 for value in batch.values()):
        notes.append(
            f"no field is given to the model: {listed(batch)} hold one value a sample each; what takes a row of them"
            " needs a loader that gives the row as one field"
        )
    return None


def _described(output: Any) -> str:
    """What an answer looks like, and what may be done with one that no task takes."""
    shapes = [tuple(tensor.shape[1:]) for _, tensor in _tensors(output) if tensor.ndim]
    if shapes and all(shape in ((), (1,)) for shape in shapes):
        return f"one number a sample. {OF_ONE_NUMBER}"
    return f"{listed(map(str, shapes))} a sample" if shapes else f"a {type(output).__name__}"


def _task_of(name: str, output: Any, batch: Mapping[str, Any], samples: Any) -> FoundTask | None:
    if _is_detections(output) and "boxes" in batch:
        return FoundTask(0, 0, "detection", _unless({"input": (name, "image")}), {})
    for key, tensor in _tensors(output):
        chosen = {} if key is None else {"output": key}
        found = _reconstruction(name, tensor, batch, samples) or _classification(name, tensor, batch, samples)
        if found is not None:
            task, args, facts = found
            return FoundTask(0, 0, task, {**args, **chosen}, facts)
    return None


def _tensors(output: Any) -> Iterator[tuple[str | int | None, torch.Tensor]]:
    """The tensors of an answer, each with the key that picks it."""
    if isinstance(output, torch.Tensor):
        yield None, output
    elif isinstance(output, Mapping):
        yield from ((key, value) for key, value in output.items() if isinstance(value, torch.Tensor))
    elif isinstance(output, (tuple, list)):
        yield from ((index, value) for index, value in enumerate(output) if isinstance(value, torch.Tensor))


def _is_detections(output: Any) -> bool:
    return (
        isinstance(output, Sequence)
        and len(output) > 0
        and all(isinstance(one, Mapping) and {"boxes", "scores", "labels"} <= set(one) for one in output)
    )


def _reconstruction(
    name: str, tensor: torch.Tensor, batch: Mapping[str, Any], samples: Any
) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
    if tensor.ndim < 3 or not tensor.is_floating_point():
        return None
    # Another field of that shape is what it should give back: a noisy input has a clean target.
    same = [
        field
        for field, value in batch.items()
        if isinstance(value, torch.Tensor) and value.shape == tensor.shape
    ]
    others = [field for field in same if field != name]
    if not same:
        return None
    target = others[0] if others and not torch.equal(batch[others[0]], batch[name]) else name
    values = _values(samples, target)
    low, high = float(values.min()), float(values.max())
    given = (
        255.0
        if high > 2 and low >= 0 and high <= 255
        else 2.0
        if low < 0 and low >= -1 and high <= 1
        else 1.0
    )
    if high - low > given:
        given = float(np.ceil(high - low))
    args = _unless(
        {
            "input": (name, "image"),
            "target": (None if target == name else target, None),
            "data_range": (given, 1.0),
        }
    )
    height, width = tensor.shape[-2:]
    return "reconstruction", args, {"height": int(height), "width": int(width)}


def _classification(
    name: str, tensor: torch.Tensor, batch: Mapping[str, Any], samples: Any
) -> tuple[str, dict[str, Any], dict[str, Any]] | None:
    if tensor.ndim != 2 or tensor.shape[1] < 2 or not tensor.is_floating_point():
        return None
    classes = int(tensor.shape[1])
    whole = {
        field: values
        for field, values in samples.scalars.items()
        if values.dtype.kind in "iu" and len(values) and values.min() >= 0 and values.max() < classes
    }
    if not whole:
        return None
    label = next(
        (field for field in ("label", "labels", "target", "class", "y") if field in whole), next(iter(whole))
    )
    sums_to_one = bool(((tensor.sum(1) - 1).abs() < 1e-3).all() and (tensor >= 0).all())
    outputs = "probabilities" if sums_to_one else "logits"
    args = _unless({"input": (name, "image"), "target": (label, "label"), "outputs": (outputs, "logits")})
    counts = np.bincount(whole[label], minlength=classes)
    return (
        "classification",
        args,
        {"classes": classes, "least": int(counts[counts > 0].min()), "label": label},
    )


def _values(samples: Any, field: str) -> np.ndarray:
    count = min(_LOOKED_AT, len(samples))
    try:
        return np.asarray(samples.batch(list(range(count)))[field])
    except ModelQAError:
        return np.asarray(samples.batch([0])[field])


def _unless(chosen: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    """The arguments that are not their defaults.

    >>> _unless({"input": ("image", "image"), "target": ("y", "label")})
    {'target': 'y'}
    """
    return {name: value for name, (value, default) in chosen.items() if value != default}
