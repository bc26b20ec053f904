"""Scores of images and clips against their targets. Runs in the worker.

Every function takes outputs and targets of one shape, (n, H, W), (n, C, H, W) or (n, T, C, H, W) with
channels before height and width, and gives one float64 score a sample, of shape (n,). The value of a clip is
the mean over its frames of the value of each frame, as video quality is usually reported; a channel counts as
much as any other. With ``frame`` that frame alone, counted from 1, is measured. Values are not rounded, nor
clamped but for psnr. NaN in gives NaN out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from ..errors import OutputError
from .similarity import similarity, values_at_once

# Wang, Simoncelli, Bovik 2003, section 3.2.
_MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def mse(outputs: torch.Tensor, targets: torch.Tensor, *, frame: int | None = None) -> torch.Tensor:
    """Mean squared error over all values of a sample, in squared units of the data; 0 is perfect.

    Raises:
        OutputError: The shapes differ or are not of images.

    >>> mse(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.0, 0.5]]]))
    tensor([0.1250], dtype=torch.float64)
    """
    return _mean_error(outputs, targets, 2, frame).mean(1)


def mae(outputs: torch.Tensor, targets: torch.Tensor, *, frame: int | None = None) -> torch.Tensor:
    """Mean absolute error over all values of a sample, in units of the data; 0 is perfect.

    Raises:
        OutputError: The shapes differ or are not of images.

    >>> mae(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.0, 0.5]]]))
    tensor([0.2500], dtype=torch.float64)
    """
    return _mean_error(outputs, targets, 1, frame).mean(1)


def psnr(
    outputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    data_range: float,
    cap: float = 60.0,
    frame: int | None = None,
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
    ratio: torch.Tensor = 10.0 * torch.log10(data_range**2 / _mean_error(outputs, targets, 2, frame))
    # An infinite error is no error of 0 dB: it stays no number, for whoever checks the scores.
    return torch.where(ratio.isneginf(), math.nan, ratio.clamp(min=0.0, max=cap)).mean(1)


def ssim(
    outputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    data_range: float,
    window_size: int = 11,
    sigma: float = 1.5,
    frame: int | None = None,
) -> torch.Tensor:
    """Structural similarity, from −1 to 1 (identical), with a Gaussian window and K1 = 0.01, K2 = 0.03.

    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE TIP 13(4), 2004, equation 13, averaged
    over the positions where the window lies inside the image, over channels and over frames. With the default
    window it is scikit-image's ``structural_similarity(gaussian_weights=True, use_sample_covariance=False)``.
    On the CPU, images of float32 or less are worked on in float32, which measured 4e-7 beside float64 on photographs
    with noise and at most 3e-5 on flat images of different brightness; all others in float64.

    Raises:
        OutputError: The shapes differ, are not of images, or an image is smaller than the window.

    >>> image = torch.arange(121.0).view(1, 11, 11)
    >>> ssim(image, image, data_range=121.0), ssim(image, 121 - image, data_range=121.0)
    (tensor([1.], dtype=torch.float64), tensor([-0.9529], dtype=torch.float64))
    """
    outputs, targets = _frames(outputs, targets, frame)
    _check_size("ssim", outputs, window_size)
    planes, _ = similarity(outputs.flatten(0, 2), targets.flatten(0, 2), data_range, window_size, sigma)
    return planes.view(len(outputs), -1).mean(1)


def ms_ssim(
    outputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    data_range: float,
    window_size: int = 11,
    sigma: float = 1.5,
    frame: int | None = None,
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
    outputs, targets = _frames(outputs, targets, frame)
    scales = len(_MS_SSIM_WEIGHTS)
    _check_size("ms_ssim", outputs, window_size * 2 ** (scales - 1))
    kind = _kind(outputs, targets)
    x, y = outputs.flatten(0, 2).to(kind), targets.flatten(0, 2).to(kind)
    product = torch.ones(len(x), dtype=torch.float64, device=x.device)
    for scale, weight in enumerate(_MS_SSIM_WEIGHTS, start=1):
        whole, structure = similarity(x, y, data_range, window_size, sigma)
        factor = whole if scale == scales else structure
        product *= factor.clamp(min=0) ** weight
        x, y = torch.nn.functional.avg_pool2d(x, 2), torch.nn.functional.avg_pool2d(y, 2)
    return product.view(len(outputs), -1).mean(1)


def _check_size(metric: str, frames: torch.Tensor, least: int) -> None:
    height, width = frames.shape[3:]
    if min(height, width) < least:
        raise OutputError(
            f"images of {height}×{width} pixels are too small for {metric}",
            expected=f"at least {least}×{least} pixels, in arrays with the channels before them",
            found=f"outputs of shape {tuple(frames.shape[2:])} a frame",
            todo="give the check a smaller window, for example args: {window_size: 7}",
        )


def _mean_error(outputs: torch.Tensor, targets: torch.Tensor, order: int, frame: int | None) -> torch.Tensor:
    """The mean of |difference| to a power of 1 or 2 over each frame: (n, T), float64.

    Differences in at least float32, where those of near values are exact, and so are sums of them: torch adds in a
    cascade, which measured 7e-8 beside float64 for a million values.
    """
    outputs, targets = _frames(outputs, targets, frame)
    n, frames = outputs.shape[:2]
    x, y = outputs.reshape(n * frames, -1), targets.reshape(n * frames, -1)
    kind = _kind(x, y)
    parts = list(_parts(x, x.shape[1]))
    space = torch.empty_like(x[parts[0]], dtype=kind)
    totals = torch.cat([_total_error(x[part].to(kind), y[part].to(kind), order, space) for part in parts])
    return (totals / x.shape[1]).view(n, frames)


def _total_error(x: torch.Tensor, y: torch.Tensor, order: int, space: torch.Tensor) -> torch.Tensor:
    difference = torch.sub(x, y, out=space[: len(x)])
    powers = difference.mul_(difference) if order == 2 else difference.abs_()
    totals = powers.sum(1).double()
    # Squares of what is very large or small do not fit into float32.
    if not bool(((totals > 1e-25) & (totals < 1e35)).all()):
        totals = (x.double() - y.double()).abs_().pow_(order).sum(1)
    return totals


def _kind(x: torch.Tensor, y: torch.Tensor) -> torch.dtype:
    return torch.promote_types(torch.promote_types(x.dtype, y.dtype), torch.float32)


def _parts(rows: torch.Tensor, values: int) -> Iterator[slice]:
    """Runs of rows that are worked on at a time, where each means work on so many values."""
    step = max(1, values_at_once(rows) // values)
    return (slice(start, start + step) for start in range(0, len(rows), step))


def _frames(
    outputs: torch.Tensor, targets: torch.Tensor, frame: int | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as (n, T, C, H, W); of a clip one frame alone, where one is asked for."""
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
    if frame is not None and (len(shape) != 5 or frame > shape[1]):
        raise OutputError(
            f"there is no frame {frame} to measure",
            expected=f"clips of shape (n, T, C, H, W) of at least {frame} frames",
            found=f"shape {shape}",
            todo="correct args: {frame: …}, which counts from 1, or leave it out to measure all",
        )
    frames = shape[:1] + (1,) * (5 - len(shape)) + shape[1:]
    chosen = slice(None) if frame is None else slice(frame - 1, frame)
    return outputs.reshape(frames)[:, chosen], targets.reshape(frames)[:, chosen]
