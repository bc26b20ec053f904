"""Scores of images and clips against their targets. Runs in the worker.

Every function takes outputs and targets of one shape, (n, H, W), (n, C, H, W) or (n, T, C, H, W) with
channels before height and width, and gives one float64 score a sample, of shape (n,). The value of a clip is
the mean over its frames of the value of each frame, as video quality is usually reported; a channel counts as
much as any other. Values are not rounded, nor clamped but for psnr. NaN in gives NaN out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from ..errors import OutputError

# How many values are worked on at a time: few enough to stay in the second-level cache of a CPU core, which
# measured twice as fast as whole batches, and enough to fill a GPU.
_VALUES_AT_ONCE = 2**16
_VALUES_AT_ONCE_ON_A_GPU = 2**24
# Rows and columns of a strip of SSIM: a longer strip wastes more of the band matrix, a shorter one more overlap.
_STRIP = 32
# Wang, Simoncelli, Bovik 2003, section 3.2.
_MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def mse(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean squared error over all values of a sample, in squared units of the data; 0 is perfect.

    Raises:
        OutputError: The shapes differ or are not of images.

    >>> mse(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.0, 0.5]]]))
    tensor([0.1250], dtype=torch.float64)
    """
    norm, values = _norm_of_error(outputs, targets, 2)
    return (norm.square() / values).mean(1)


def mae(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean absolute error over all values of a sample, in units of the data; 0 is perfect.

    Raises:
        OutputError: The shapes differ or are not of images.

    >>> mae(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.0, 0.5]]]))
    tensor([0.2500], dtype=torch.float64)
    """
    norm, values = _norm_of_error(outputs, targets, 1)
    return (norm / values).mean(1)


def psnr(
    outputs: torch.Tensor, targets: torch.Tensor, *, data_range: float, cap: float = 60.0
) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB: 10 log10(data_range² / mse), from 0 to ``cap``.

    The metric is the mean of the images' values, not the value of the mean squared error of all images; the
    two differ (by Jensen's inequality the former is never less). Identical images, whose ratio is infinite,
    count as ``cap``, and so does every better one, so that one perfect image cannot decide the mean. An image
    whose error is larger than the whole data range counts as 0. Scores with limits are what makes an exact bound
    on the mean possible, and a decision on a part of the samples.

    Raises:
        OutputError: The shapes differ or are not of images.

    >>> psnr(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.0, 0.5]]]), data_range=1.0)
    tensor([9.0309], dtype=torch.float64)
    """
    norm, values = _norm_of_error(outputs, targets, 2)
    ratio: torch.Tensor = 20.0 * torch.log10(data_range * math.sqrt(values) / norm)
    # An infinite error is no error of 0 dB: it stays no number, for whoever checks the scores.
    return torch.where(ratio.isneginf(), math.nan, ratio.clamp(min=0.0, max=cap)).mean(1)


def ssim(
    outputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    data_range: float,
    window_size: int = 11,
    sigma: float = 1.5,
) -> torch.Tensor:
    """Structural similarity, from −1 to 1 (identical), with a Gaussian window and K1 = 0.01, K2 = 0.03.

    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE TIP 13(4), 2004, equation 13, averaged
    over the positions where the window lies inside the image, over channels and over frames. With the default
    window it is scikit-image's ``structural_similarity(gaussian_weights=True, use_sample_covariance=False)``.
    All in float64: the variances are differences of nearly equal numbers, which float32 leaves wrong by up to
    2e-5.

    Raises:
        OutputError: The shapes differ, are not of images, or an image is smaller than the window.

    >>> image = torch.arange(121.0).view(1, 11, 11)
    >>> ssim(image, image, data_range=121.0), ssim(image, 121 - image, data_range=121.0)
    (tensor([1.], dtype=torch.float64), tensor([-0.9529], dtype=torch.float64))
    """
    outputs, targets = _frames(outputs, targets)
    _check_size("ssim", outputs, window_size)
    similarity, _ = _similarity(outputs.flatten(0, 2), targets.flatten(0, 2), data_range, window_size, sigma)
    return similarity.view(len(outputs), -1).mean(1)


def ms_ssim(
    outputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    data_range: float,
    window_size: int = 11,
    sigma: float = 1.5,
) -> torch.Tensor:
    """Structural similarity over five scales, from 0 to 1 (identical).

    Wang, Simoncelli, Bovik: Multi-scale structural similarity for image quality assessment, Asilomar 2003,
    equation 7 with its weights. The image is halved four times by means of 2×2 pixels (a last odd row or column
    is left out); the contrast and structure of the first four scales and the whole of ssim of the last are
    multiplied, each to the power of its weight. Negative factors, whose powers are undefined, count as 0. A
    channel's value is its own product; channels and frames are averaged.

    Raises:
        OutputError: The shapes differ, are not of images, or an image is smaller than 16 windows.

    >>> image = torch.arange(176.0 * 176).view(1, 176, 176)
    >>> ms_ssim(image, image, data_range=176.0**2)
    tensor([1.], dtype=torch.float64)
    """
    outputs, targets = _frames(outputs, targets)
    scales = len(_MS_SSIM_WEIGHTS)
    _check_size("ms_ssim", outputs, window_size * 2 ** (scales - 1))
    x, y = outputs.flatten(0, 2).double(), targets.flatten(0, 2).double()
    product = torch.ones(len(x), dtype=torch.float64, device=x.device)
    for scale, weight in enumerate(_MS_SSIM_WEIGHTS, start=1):
        similarity, structure = _similarity(x, y, data_range, window_size, sigma)
        factor = similarity if scale == scales else structure
        product *= factor.clamp(min=0) ** weight
        x, y = torch.nn.functional.avg_pool2d(x, 2), torch.nn.functional.avg_pool2d(y, 2)
    return product.view(len(outputs), -1).mean(1)


def _similarity(
    x: torch.Tensor, y: torch.Tensor, data_range: float, window_size: int, sigma: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """SSIM, and its factor of contrast and structure alone, of each plane of (m, H, W): twice (m,)."""
    window = _gaussian(window_size, sigma).to(x.device)
    values = x.shape[2] * min(x.shape[1], _STRIP + window_size - 1)
    scores = [_similarity_of_part(x[part], y[part], window, data_range) for part in _parts(x, values)]
    similarity, structure = (torch.cat(kind) for kind in zip(*scores, strict=True))
    return similarity, structure


def _similarity_of_part(
    x: torch.Tensor, y: torch.Tensor, window: torch.Tensor, data_range: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """As ``_similarity``, strip by strip, so that the work stays in the cache."""
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    margin = len(window) - 1
    rows, columns = x.shape[1] - margin, x.shape[2] - margin
    band = _band(window, min(_STRIP, max(rows, columns)))
    total = torch.zeros((2, len(x)), dtype=torch.float64, device=x.device)
    for top in range(0, rows, _STRIP):
        strip = slice(top, min(top + _STRIP, rows) + margin)
        maps = torch.empty((4, len(x), strip.stop - top, x.shape[2]), dtype=torch.float64, device=x.device)
        maps[0], maps[1] = x[:, strip], y[:, strip]
        torch.mul(maps[0], maps[1], out=maps[2])
        torch.mul(maps[0], maps[0], out=maps[3]).addcmul_(maps[1], maps[1])
        mean_x, mean_y, mean_xy, mean_xx_yy = _blur(maps, band, margin)
        xy, xx_yy = mean_x * mean_y, mean_x.square().addcmul_(mean_y, mean_y)
        structure = mean_xy.sub_(xy).mul_(2).add_(c2).div_(mean_xx_yy.sub_(xx_yy).add_(c2))
        luminance = xy.mul_(2).add_(c1).div_(xx_yy.add_(c1))
        total[1] += structure.sum((1, 2))
        total[0] += luminance.mul_(structure).sum((1, 2))
    similarity, contrast_and_structure = total / (rows * columns)
    return similarity, contrast_and_structure


def _blur(maps: torch.Tensor, band: torch.Tensor, margin: int) -> torch.Tensor:
    """The separable filter where it fits inside: (4, m, H, W) → (4, m, H − k + 1, W − k + 1), H a strip.

    As products with banded matrices, which run at the speed of matrix multiplication where convolutions with
    one channel do not; columns in tiles, so that the band wastes little.
    """
    kinds, m, height, width = maps.shape
    rows, columns = height - margin, width - margin
    flat = maps.view(-1, width)
    blurred = torch.empty((len(flat), columns), dtype=maps.dtype, device=maps.device)
    to_columns = band.T.contiguous()
    for left in range(0, columns, _STRIP):
        size = min(_STRIP, columns - left)
        part = flat[:, left : left + size + margin]
        torch.mm(part, to_columns[: size + margin, :size], out=blurred[:, left : left + size])
    return torch.matmul(band[:rows, :height], blurred.view(kinds, m, height, columns))


def _check_size(metric: str, frames: torch.Tensor, least: int) -> None:
    height, width = frames.shape[3:]
    if min(height, width) < least:
        raise OutputError(
            f"images of {height}×{width} pixels are too small for {metric}",
            expected=f"at least {least}×{least} pixels, in arrays with the channels before them",
            found=f"outputs of shape {tuple(frames.shape[2:])} a frame",
            todo="give the check a smaller window, for example args: {window_size: 7}",
        )


def _gaussian(size: int, sigma: float) -> torch.Tensor:
    offsets = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    weights = torch.exp(-0.5 * (offsets / sigma).square())
    return weights / weights.sum()


def _band(window: torch.Tensor, rows: int) -> torch.Tensor:
    """The matrix (rows, rows + k − 1) that slides the window along a vector."""
    band = torch.zeros((rows, rows + len(window) - 1), dtype=window.dtype, device=window.device)
    for offset, weight in enumerate(window):
        band.diagonal(offset).fill_(weight)
    return band


def _norm_of_error(outputs: torch.Tensor, targets: torch.Tensor, order: int) -> tuple[torch.Tensor, int]:
    """The norm of the difference of each frame, (n, T), and how many values a frame has.

    Differences in at least float32, where those of near values are exact; sums in float64.
    """
    outputs, targets = _frames(outputs, targets)
    n, frames = outputs.shape[:2]
    x, y = outputs.reshape(n * frames, -1), targets.reshape(n * frames, -1)
    kind = torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)
    norms = [
        torch.linalg.vector_norm(x[part].to(kind) - y[part].to(kind), order, dim=1, dtype=torch.float64)
        for part in _parts(x, x.shape[1])
    ]
    return torch.cat(norms).view(n, frames), x.shape[1]


def _parts(rows: torch.Tensor, values: int) -> Iterator[slice]:
    """Runs of rows that are worked on at a time, where each means work on so many values."""
    at_once = _VALUES_AT_ONCE * torch.get_num_threads() if rows.is_cpu else _VALUES_AT_ONCE_ON_A_GPU
    step = max(1, at_once // values)
    return (slice(start, start + step) for start in range(0, len(rows), step))


def _frames(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as (n, T, C, H, W)."""
    if outputs.shape != targets.shape:
        raise OutputError(
            "the outputs are not of the targets' shape",
            expected=f"outputs of shape {tuple(targets.shape)}, as the targets",
            found=f"outputs of shape {tuple(outputs.shape)}",
            todo="let the model give back the targets' shape, or name another field in args: {target: FIELD}",
        )
    shape = tuple(outputs.shape)
    if len(shape) not in (3, 4, 5) or 0 in shape:
        raise OutputError(
            "the outputs are not images",
            expected="shape (n, H, W), (n, C, H, W) or (n, T, C, H, W), none of them 0",
            found=f"shape {shape}",
            todo="let the model return images, or choose one of its outputs with args: {output: …}",
        )
    frames = shape[:1] + (1,) * (5 - len(shape)) + shape[1:]
    return outputs.reshape(frames), targets.reshape(frames)
