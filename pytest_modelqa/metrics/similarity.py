"""Structural similarity of planes, at the speed of matrix multiplication. Runs in the worker.

With s = x + y and d = x − y, the factors of Wang et al. 2004, equation 13, are

    luminance = 1 − 2 μd² / (μs² + μd² + 2 c1),    contrast and structure = 1 − 2 σd² / (σs² + σd² + 2 c2),

where nearly equal numbers are subtracted only in d, which is exact, and in σd². So float32 will do, in less than half
the time: it measured 4e-7 beside float64 on photographs with noise, 8e-6 on an inverted one, and at most 3e-5 on flat
planes of different brightness.
Convolutions with one channel are slow on a CPU in every library; products with banded matrices are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

# Rows and columns of a strip: a longer strip wastes more of the band matrix, a shorter one more overlap.
_STRIP = 32
# Values that are worked on at a time: few enough to stay in the second-level cache of a CPU core, which measured
# twice as fast as whole batches, and enough to fill a GPU.
_VALUES_AT_ONCE = 2**17
_VALUES_AT_ONCE_ON_A_GPU = 2**24
# Beyond this many times the data's range, squares in float32 lose more digits than c2 allows.
_FLOAT32_REACH = 1.25


@dataclass(frozen=True)
class _Filter:
    """The window as matrices that slide it along rows and along columns, and the numbers of the formula.

    Attributes:
        constants: Twice c1 and c2, (2, 1, 1).
        centre: Taken off s before it is squared: a smaller square loses less when its mean is subtracted.
    """

    rows: torch.Tensor
    columns: torch.Tensor
    constants: torch.Tensor
    centre: float

    @property
    def margin(self) -> int:
        """Pixels that the window takes off a side."""
        return self.rows.shape[1] - self.rows.shape[0]


@dataclass(frozen=True)
class _Workspace:
    """Memory that every strip writes over: fresh pages for each would take a third of the time."""

    maps: torch.Tensor
    filtered_rows: torch.Tensor
    filtered: torch.Tensor


def similarity(
    x: torch.Tensor, y: torch.Tensor, data_range: float, window_size: int, sigma: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """SSIM, and its factor of contrast and structure alone, of each plane of (m, H, W): twice (m,), float64.

    Averaged over the positions where a Gaussian window lies inside the plane. The planes are at least as large as
    the window. In float32 on the CPU, unless they are of float64 or hold values far beyond the data's range.

    >>> plane = torch.arange(121.0).view(1, 11, 11) / 121
    >>> [part.item() for part in similarity(plane, plane, 1.0, 11, 1.5)]
    [1.0, 1.0]
    """
    ends = [end.item() for plane in (x, y) for end in plane.aminmax()] if len(x) else [0.0]
    # The middle of s, if the data begin at 0; else they are on both sides of it.
    centre = data_range if min(ends) > -data_range / 4 else 0.0
    planes = torch.full((2, len(x)), torch.nan, dtype=torch.float64, device=x.device)
    for kind, chosen in _kinds(x, y, ends, _FLOAT32_REACH * data_range):
        window = gaussian(window_size, sigma).to(x.device, kind)
        banded = band(window, min(_STRIP, max(x.shape[1:]) - window_size + 1))
        constants = 2 * torch.tensor([0.01, 0.03], dtype=kind, device=x.device).mul_(data_range).square_()
        kernel = _Filter(banded, banded.T.contiguous(), constants.view(2, 1, 1), centre)
        planes[:, chosen] = _of_planes(x[chosen], y[chosen], kernel)
    return planes[0], planes[1]


def gaussian(size: int, sigma: float) -> torch.Tensor:
    """The window: (size,) float64 with the sum 1."""
    offsets = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    weights = torch.exp(-0.5 * (offsets / sigma).square())
    return weights / weights.sum()


def band(window: torch.Tensor, rows: int) -> torch.Tensor:
    """The matrix (rows, rows + k − 1) that slides the window along a vector."""
    matrix = torch.zeros((rows, rows + len(window) - 1), dtype=window.dtype, device=window.device)
    # Rounded weights do not add up to 1, as a flat plane would show. The last one, the finest, makes up for it.
    window = window.clone()
    window[-1] += 1 - window.double().sum()
    for offset, weight in enumerate(window):
        matrix.diagonal(offset).fill_(weight)
    return matrix


def _kinds(
    x: torch.Tensor, y: torch.Tensor, ends: Sequence[float], reach: float
) -> Iterator[tuple[torch.dtype, slice | torch.Tensor]]:
    """Which planes are computed in which precision; of each plane by itself, whatever its batch."""
    # A GPU may round float32 products to TF32, and so may a CPU to bfloat16 where the user's code allows it.
    exact = torch.float64 in (x.dtype, y.dtype) or not x.is_cpu
    if exact or torch.get_float32_matmul_precision() != "highest":
        yield torch.float64, slice(None)
    elif all(abs(end) <= reach for end in ends):
        yield torch.float32, slice(None)
    else:
        within = _within(x, reach) & _within(y, reach)
        yield torch.float32, within
        yield torch.float64, ~within


def _within(planes: torch.Tensor, reach: float) -> torch.Tensor:
    return (planes.amax((1, 2)).double() <= reach) & (planes.amin((1, 2)).double() >= -reach)


def values_at_once(x: torch.Tensor) -> int:
    """How many values of a tensor on this device are worked on at a time."""
    return _VALUES_AT_ONCE * torch.get_num_threads() if x.is_cpu else _VALUES_AT_ONCE_ON_A_GPU


def _of_planes(x: torch.Tensor, y: torch.Tensor, kernel: _Filter) -> torch.Tensor:
    """Both factors of planes in the filter's precision: (2, m)."""
    height, width = x.shape[1:]
    step = max(1, values_at_once(x) // (width * min(height, _STRIP + kernel.margin)))
    space = _workspace(x, min(step, len(x)), kernel)
    kind = kernel.rows.dtype
    parts = [
        # Part by part: whole batches of float64 would take memory that the next batch needs.
        _of_part(x[start : start + step].to(kind), y[start : start + step].to(kind), kernel, space)
        for start in range(0, len(x), step)
    ]
    return torch.cat(parts, dim=1) if parts else x.new_empty((2, 0), dtype=torch.float64)


def _workspace(x: torch.Tensor, m: int, kernel: _Filter) -> _Workspace:
    height, width = x.shape[1:]
    strip = min(_STRIP, height - kernel.margin)
    return _Workspace(
        maps=kernel.rows.new_empty((strip + kernel.margin) * 4 * m * width),
        filtered_rows=kernel.rows.new_empty(strip * 4 * m * width),
        filtered=kernel.rows.new_empty(strip * 4 * m * (width - kernel.margin)),
    )


def _of_part(x: torch.Tensor, y: torch.Tensor, kernel: _Filter, space: _Workspace) -> torch.Tensor:
    """Both factors of some planes, strip by strip: (2, m)."""
    margin = kernel.margin
    rows, columns = x.shape[1] - margin, x.shape[2] - margin
    total = torch.zeros((2, len(x)), dtype=torch.float64, device=x.device)
    # Rows first, so that one product filters those of every plane.
    x, y = x.transpose(0, 1), y.transpose(0, 1)
    for top in range(0, rows, _STRIP):
        strip = slice(top, min(top + _STRIP, rows) + margin)
        moments = _filtered(x[strip], y[strip], kernel, space)
        means, squares = moments[:, :2], moments[:, 2:]
        squares.addcmul_(means, means, value=-1)
        means[:, 0].add_(kernel.centre)
        means.square_()
        # Of d over that of both, minus a half: (1 − 2 u)(1 − 2 v) = 4 (u − ½)(v − ½).
        shares = moments[:, 1::2]
        shares.div_(moments[:, 0::2].add_(shares).add_(kernel.constants)).sub_(0.5)
        total[1] -= 2 * shares[:, 1].sum(2).sum(0, dtype=torch.float64)
        total[0] += 4 * shares[:, 0].mul_(shares[:, 1]).sum(2).sum(0, dtype=torch.float64)
    return total / (rows * columns)


def _filtered(x: torch.Tensor, y: torch.Tensor, kernel: _Filter, space: _Workspace) -> torch.Tensor:
    """s, d, s² and d² under the window: (H, m, W) twice → (H − k + 1, 4, m, W − k + 1)."""
    height, m, width = x.shape
    rows, columns = height - kernel.margin, width - kernel.margin
    maps = _part_of(space.maps, height, 4, m, width)
    torch.add(x, y, out=maps[:, 0]).sub_(kernel.centre)
    torch.sub(x, y, out=maps[:, 1])
    torch.mul(maps[:, :2], maps[:, :2], out=maps[:, 2:])
    filtered_rows = _part_of(space.filtered_rows, rows, 4 * m * width)
    torch.mm(kernel.rows[:rows, :height], maps.view(height, -1), out=filtered_rows)
    filtered = _part_of(space.filtered, rows * 4 * m, columns)
    lines = filtered_rows.view(-1, width)
    for left in range(0, columns, _STRIP):
        size = min(_STRIP, columns - left)
        part = lines[:, left : left + size + kernel.margin]
        matrix = kernel.columns[: size + kernel.margin, :size]
        torch.mm(part, matrix, out=filtered[:, left : left + size])
    return filtered.view(rows, 4, m, columns)


def _part_of(memory: torch.Tensor, *shape: int) -> torch.Tensor:
    size = torch.Size(shape).numel()
    return memory[:size].view(shape)
