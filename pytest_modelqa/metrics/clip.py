"""Scores of clips as they move, and of how errors are distributed over samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..errors import OutputError

if TYPE_CHECKING:
    import torch


def temporal_error(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean absolute error of the differences between one frame and the next; float64, shape (n,), 0 is perfect.

    In units of the data. A clip whose frames are each near their target but flicker has a large one; a clip that
    stands still has the mean change of its target. The l1 form of the temporal difference of Chu, Xie, Mayer,
    Leal-Taixé, Thuerey: Learning temporal coherence via self-supervision for GAN-based video generation, ACM TOG
    39(4), 2020.

    Args:
        outputs: (n, T, C, H, W), T ≥ 2.
        targets: Of the same shape.

    Raises:
        OutputError: The shapes differ or are not of clips.

    >>> import torch
    >>> target = torch.tensor([0.0, 1.0, 2.0]).view(1, 3, 1, 1, 1)
    >>> temporal_error(target + 5, target), temporal_error(torch.zeros(1, 3, 1, 1, 1), target)
    (tensor([0.], dtype=torch.float64), tensor([1.], dtype=torch.float64))
    """
    if outputs.shape != targets.shape or outputs.ndim != 5 or outputs.shape[1] < 2:
        raise OutputError(
            "temporal_error compares clips",
            expected="outputs and targets of one shape (n, T, C, H, W), T at least 2",
            found=f"outputs of shape {tuple(outputs.shape)}, targets of shape {tuple(targets.shape)}",
            todo="leave this metric out for images",
        )
    # (out[t + 1] − out[t]) − (target[t + 1] − target[t]) is the change of the error from one frame to the next.
    change = (outputs.double() - targets.double()).diff(dim=1)
    scores: torch.Tensor = change.abs().flatten(1).mean(1)
    return scores


def mse_quantile(columns: Mapping[str, np.ndarray], *, quantile: float = 0.95) -> float:
    """The squared error that this share of the samples does not exceed, interpolated between samples; 1: the worst.

    A mean hides the few samples that a model fails on. Hyndman, Fan: Sample quantiles in statistical packages, 1996,
    definition 7, as numpy's ``quantile``.

    Args:
        columns: ``squared_error``, the mse of each sample.

    Raises:
        OutputError: There are no samples.

    >>> mse_quantile({"squared_error": np.array([0.0, 0.1, 0.2, 0.3, 1.0])}, quantile=0.75)
    0.3
    """
    errors = columns["squared_error"]
    if not len(errors):
        raise OutputError("there are no samples", expected="at least one", todo="look at the dataset")
    return float(np.quantile(errors.astype(np.float64), quantile))


def lpips(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The distance that the perceptual network gave each sample, float64, shape (n,); 0 is identical.

    Zhang, Isola, Efros, Shechtman, Wang: The unreasonable effectiveness of deep features as a perceptual metric, CVPR
    2018, where the network is one of theirs. The task ``reconstruction`` asks it (``tasks.perceptual``).

    >>> lpips({"lpips_distance": np.array([0.0, 0.25], dtype=np.float32)})
    array([0.  , 0.25])
    """
    distances: np.ndarray = columns["lpips_distance"].astype(np.float64)
    return distances
