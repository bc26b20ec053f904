"""The task ``reconstruction``: the model gives back an image, or a clip of images, that has a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import EvaluationError, OutputError
from ..metrics.image import mse
from .declarations import ReconstructionArgs
from .examples import strips_of_examples
from .forward import at_least_float32, run_model, tensor_field
from .image_field import demand_numbers, look_at
from .protocol import Inspection

if TYPE_CHECKING:
    from ..datasets.samples import Samples


class Reconstruction:
    """Compares images (n, H, W) or (n, C, H, W), or clips (n, T, C, H, W), with targets of the same shape.

    Targets must lie within the declared data range. Outputs are neither clamped nor rounded: a model that
    leaves the range is scored as it is.
    """

    def __init__(self, args: ReconstructionArgs) -> None:
        self._args = args
        self._target = args.target or args.input
        self._names_target = "input" if args.target is None else "target"
        self._lowest = self._greatest = 0.0
        self._mean: torch.Tensor | None = None

    def prepare(self, samples: Samples) -> None:
        """Goes over the targets once: their shape and range, and their mean image.

        Raises:
            DatasetError: The field is missing, no image, not of one shape, not finite, or its values do not
                fit the data range.
        """
        demand_numbers(samples.batch(range(min(1, len(samples)))), self._args.input, "input")
        looked = look_at(samples, self._target, self._args.data_range, self._names_target)
        self._lowest, self._greatest = looked.lowest, looked.greatest
        self._mean = torch.from_numpy(looked.mean)

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """The model's images, of the targets' shape.

        Raises:
            OutputError: The outputs are not of the targets' shape.
        """
        outputs = run_model(model, batch, self._args.input, self._args.output, self._args.method)
        expected = tuple(tensor_field(batch, self._target).shape)
        if tuple(outputs.shape) != expected:
            raise OutputError(
                "the outputs are not of the targets' shape",
                expected=f"outputs of shape {expected}, as the field {self._target}",
                found=f"outputs of shape {tuple(outputs.shape)}",
                todo="let the model return images of the target's shape, or choose another target or output",
            )
        return outputs

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The target images, at least float32."""
        return at_least_float32(tensor_field(batch, self._target))

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """``constant``: for every sample the mean image of the dataset's targets.

        Of all constant images it has the least squared error on this dataset, so a model that does not beat
        it has learned nothing about the single image.
        """
        if name != "constant" or self._mean is None:
            raise EvaluationError(f"reconstruction has no baseline {name} before its dataset was read")
        targets = self.targets(batch)
        return self._mean.to(targets).expand_as(targets)

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``squared_error``, the mse of each sample; images themselves are too large to be kept."""
        return {"squared_error": mse(outputs, targets).cpu().numpy()}

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """Strips of target, output and error of the worst, median and best samples, as PNG."""
        return strips_of_examples(inspection, self.targets, self._lowest, self._args.data_range)
