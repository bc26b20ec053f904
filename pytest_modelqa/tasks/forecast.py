"""The task ``forecast``: the model is given the first frames of a clip and says how it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import DatasetError, EvaluationError, OutputError
from ..metrics.image import mse
from .declarations import ForecastArgs
from .examples import strips_of_examples
from .forward import as_input, at_least_float32, method_of, pick, tensor_field
from .image_field import look_at
from .protocol import Inspection

if TYPE_CHECKING:
    from ..datasets.samples import Samples


class Forecast:
    """Gives the model frames 1 to ``given`` of clips (n, T, C, H, W), and compares its frames with the rest."""

    def __init__(self, args: ForecastArgs) -> None:
        self._args = args
        self._lowest = 0.0

    def prepare(self, samples: Samples) -> None:
        """Goes over the clips once: their length, shape and range.

        Raises:
            DatasetError: The field holds no clips, clips of another length than stated, or values out of range.
        """
        looked = look_at(samples, self._args.input, self._args.data_range)
        length, shape = self._args.given + self._args.horizon, looked.mean.shape
        if len(shape) != 4 or shape[0] != length:
            raise DatasetError(
                f"the clips of the field {self._args.input} are not of the stated length",
                expected=f"shape ({length}, C, H, W) a sample: {self._args.given} frames given and "
                f"{self._args.horizon} to forecast",
                found=f"shape {shape}",
                todo="correct args: {given: …, horizon: …}, or cut the clips in the loader",
            )
        self._lowest = looked.lowest

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """The frames after those given, (n, horizon, C, H, W); the model is never shown them.

        Raises:
            OutputError: The outputs are not of that shape.
        """
        given = as_input(model, self._given(batch))
        outputs = at_least_float32(pick(method_of(model, self._args.method)(given), self._args.output))
        expected = tuple(self.targets(batch).shape)
        if tuple(outputs.shape) != expected:
            raise OutputError(
                "the outputs are not the frames that were asked for",
                expected=f"shape {expected}: {self._args.horizon} frames after the {self._args.given} given",
                found=f"shape {tuple(outputs.shape)}",
                todo="let the model return these frames alone, or correct args: {given: …, horizon: …}",
            )
        return outputs

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The frames to forecast, at least float32."""
        return at_least_float32(tensor_field(batch, self._args.input)[:, self._args.given :])

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """``persistence``: the last frame given, again and again."""
        if name != "persistence":
            raise EvaluationError(f"forecast has no baseline {name}")
        last = at_least_float32(self._given(batch)[:, -1:])
        return last.expand(-1, self._args.horizon, -1, -1, -1)

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``squared_error``, the mse of each sample; clips themselves are too large to be kept."""
        return {"squared_error": mse(outputs, targets).cpu().numpy()}

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """Strips of target, forecast and error of the worst, median and best samples, as PNG."""
        return strips_of_examples(inspection, self.targets, self._lowest, self._args.data_range)

    def _given(self, batch: Mapping[str, Any]) -> torch.Tensor:
        return tensor_field(batch, self._args.input)[:, : self._args.given]
