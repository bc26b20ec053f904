"""The task ``reconstruction`` with a perceptual network, which says how far apart two images look (LPIPS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ..errors import DatasetError, EvaluationError, OutputError
from .declarations import ReconstructionArgs
from .forward import as_input, at_least_float32, pick, tensor_field, to_device
from .protocol import Setting
from .reconstruction import Reconstruction

# Frames: those of a batch of clips are many more than its samples, and the network keeps features of every layer.
_AT_ONCE = 64
_TESTED = 8
# Of an image from itself; networks divide by norms and add an epsilon, the same on both sides.
_NOTHING = 1e-6


def reconstruction(args: ReconstructionArgs) -> Reconstruction:
    """The task: only one that names a perceptual network has to be fitted, that is to wait for another model."""
    return Reconstruction(args) if args.lpips is None else PerceptualReconstruction(args, args.lpips)


class PerceptualReconstruction(Reconstruction):
    """Keeps beside the rest what a network says of output and target, both scaled from the data range to −1 … 1."""

    def __init__(self, args: ReconstructionArgs, network: str) -> None:
        super().__init__(args)
        self._name = network
        self._network: torch.nn.Module | None = None
        self._black = 0.0

    def fit(self, setting: Setting) -> None:
        """Takes the network, and asks it about the first targets.

        Raises:
            DatasetError: The targets are neither from 0 nor around 0.
            EvaluationError: The network finds an image unlike itself, or like its negative: it measures no distance.
        """
        self._network = setting.models[self._name]
        self._black = self._black_of_the_range()
        with torch.inference_mode():
            batch = to_device(
                setting.samples.batch(range(min(_TESTED, len(setting.samples)))), setting.device
            )
            images = self._scaled(tensor_field(batch, self._target))
            same, other = self._distances(images, images), self._distances(images, -images)
        if not bool((same.abs() <= _NOTHING).all()) or not bool((other > _NOTHING).any()):
            raise EvaluationError(
                f"the perceptual network {self._name} measures no distance",
                expected="0 for an image and itself, and more for an image and its negative",
                found=f"up to {float(same.abs().max()):g}, and up to {float(other.max()):g}",
                todo="look at the network's checkpoint, and whether it gives a distance and no similarity",
            )

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``lpips_distance`` too, the network's of each sample."""
        distances = self._distances(self._scaled(outputs), self._scaled(targets))
        return {**super().predictions(outputs, targets), "lpips_distance": distances.cpu().numpy()}

    def _black_of_the_range(self) -> float:
        """Of the range itself: the least value that happens to be there would move with the dataset."""
        size, rounding = self._args.data_range, 1e-6 * self._args.data_range
        if self._lowest >= -rounding:
            return 0.0
        if max(-self._lowest, self._greatest) <= size / 2 + rounding:
            return -size / 2
        raise DatasetError(
            f"the field {self._target} cannot be scaled to −1 … 1 for the perceptual network",
            expected=f"values from 0 to {size:g}, or from {-size / 2:g} to {size / 2:g}, as data_range says",
            found=f"values from {self._lowest:g} to {self._greatest:g}",
            todo="let the loader give images that are not normalised otherwise, or correct args: {data_range: …}",
        )

    def _scaled(self, images: torch.Tensor) -> torch.Tensor:
        return (at_least_float32(images) - self._black) * (2 / self._args.data_range) - 1

    def _distances(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Float64, shape (n,); of clips the mean over their frames."""
        pairs = zip(_parts(outputs), _parts(targets), strict=True)
        return torch.cat([self._asked(*pair) for pair in pairs]).view(len(outputs), -1).mean(1)

    def _asked(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if self._network is None:
            raise EvaluationError("reconstruction needs its perceptual network before the first batch")
        returned = self._network(as_input(self._network, outputs), as_input(self._network, targets))
        distances = pick(returned, None)
        if distances.shape[:1] != outputs.shape[:1] or distances.numel() != len(outputs):
            raise OutputError(
                f"the perceptual network {self._name} does not give one distance an image",
                expected=f"shape ({len(outputs)},) or ({len(outputs)}, 1, 1, 1)",
                found=f"shape {tuple(distances.shape)}",
                todo="let it neither average over the batch nor keep positions (spatial)",
            )
        return distances.flatten().double()


def _parts(images: torch.Tensor) -> Sequence[torch.Tensor]:
    frames = _frames(images)
    return [frames[start : start + _AT_ONCE] for start in range(0, len(frames), _AT_ONCE)]


def _frames(images: torch.Tensor) -> torch.Tensor:
    """Images (n, H, W) or (n, C, H, W), or clips (n, T, C, H, W), as (frames, 3, H, W); grey ones three times.

    Raises:
        OutputError: They have neither 1 nor 3 channels.
    """
    frames = images.unsqueeze(1) if images.ndim == 3 else images.flatten(0, -4)
    if frames.shape[1] not in (1, 3):
        raise OutputError(
            "a perceptual network takes images of 1 or 3 channels",
            expected="shape (H, W), (1, H, W) or (3, H, W), and frames before them",
            found=f"{frames.shape[1]} channels",
            todo="leave lpips out of the evaluation's args",
        )
    return frames.expand(-1, 3, -1, -1)
