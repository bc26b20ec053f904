"""Looks for weights that are no numbers, and for whole numbers that a cast changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch

from ..errors import CheckpointError


def check_finite(
    read: Mapping[str, torch.Tensor], cast: Mapping[str, torch.Tensor], parameters: set[str], path: Path
) -> None:
    """NaN is an error everywhere; Inf only in parameters, since masks are buffers of −inf.

    Raises:
        CheckpointError: There is one, or a whole number does not fit the model's dtype, where it would wrap around.
    """
    for name, tensor in cast.items():
        _check_whole_numbers(name, read[name], tensor, path)
        nan, infinite = _not_finite(tensor)
        if name not in parameters:
            infinite = 0
        if nan or infinite:
            from_cast = not any(_not_finite(read[name]))
            kinds = " and ".join(
                f"{count:,} {what}" for count, what in ((nan, "NaN"), (infinite, "Inf")) if count
            )
            raise CheckpointError(
                f"the checkpoint has {kinds} in {name!r}"
                + (f" once it is cast to {tensor.dtype}" if from_cast else ""),
                where=str(path),
                expected="finite weights",
                found=f"{nan + infinite:,} of {tensor.numel():,} values",
                todo="choose a wider `precision`"
                if from_cast
                else "the training diverged: take an earlier checkpoint",
            )


def _check_whole_numbers(name: str, read: torch.Tensor, cast: torch.Tensor, path: Path) -> None:
    if cast.dtype == read.dtype or cast.is_floating_point() or cast.is_complex() or not read.numel():
        return
    least, greatest = (0, 1) if cast.dtype == torch.bool else _limits(cast.dtype)
    # torch has no minimum of uint64.
    numbers = read.numpy(force=True)
    low, high = int(numbers.min()), int(numbers.max())
    if low < least or high > greatest:
        raise CheckpointError(
            f"numbers of {name!r} do not fit the model: it has {cast.dtype}, the checkpoint {read.dtype}",
            where=str(path),
            expected=f"numbers from {least:,} to {greatest:,}",
            found=f"from {low:,} to {high:,}",
            todo=f"declare {name!r} in the model as it was trained",
        )


def _limits(dtype: torch.dtype) -> tuple[int, int]:
    return torch.iinfo(dtype).min, torch.iinfo(dtype).max


def _not_finite(tensor: torch.Tensor) -> tuple[int, int]:
    """The numbers of NaN and of Inf."""
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return 0, 0
    if tensor.dtype.itemsize == 1:
        tensor = tensor.float()
    # One pass without a temporary (30 times faster than isfinite): NaN spreads to both ends.
    low, high = torch.aminmax(tensor)
    if math.isfinite(low.item()) and math.isfinite(high.item()):
        return 0, 0
    return int(tensor.isnan().sum()), int(tensor.isinf().sum())
