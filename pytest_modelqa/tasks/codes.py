"""The task ``codes``: which codes of its codebook a model uses, and how far they tell classes apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import EvaluationError, OutputError
from .declarations import CodesArgs
from .forward import as_input, method_of, pick, run_model, tensor_field
from .judge import labels_of
from .protocol import Inspection, Setting

if TYPE_CHECKING:
    from ..datasets.samples import Samples


class Codes:
    """Keeps the codes of each sample, and features where the model has a method that gives them."""

    def __init__(self, args: CodesArgs) -> None:
        self._args = args
        self._setting: Setting | None = None
        self._untrained: torch.nn.Module | None = None
        self._width: int | None = None

    def prepare(self, samples: Samples) -> None:
        """Looks at the labels, where features are asked for.

        Raises:
            DatasetError: They are no class numbers.
        """
        if self._args.features_method is not None:
            labels_of(samples, self._args.label)

    def fit(self, setting: Setting) -> None:
        """Keeps what ``random_encoder`` needs."""
        self._setting = setting

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """Codes and features of a batch side by side, float64 (n, codes + features), as one tensor for all checks.

        Raises:
            OutputError: The codes are no integers ≥ 0, or the features no vector a sample.
        """
        image = tensor_field(batch, self._args.input)
        codes = pick(method_of(model, self._args.method)(as_input(model, image)), self._args.output)
        if codes.is_floating_point() or codes.is_complex() or codes.dtype == torch.bool or codes.ndim < 1:
            raise OutputError(
                "the codes are no integers",
                expected="indices into the codebook, shape (n, …), of an integer type",
                found=f"{codes.dtype}, shape {tuple(codes.shape)}",
                todo="name the method that gives indices: args: {method: …}, or the output: {output: …}",
            )
        if codes.numel() and int(codes.min()) < 0:
            raise OutputError(
                "there are codes below 0",
                expected="indices from 0 to the codebook's size − 1",
                found=f"{int(codes.min())}",
                todo="let the model count its codes from 0",
            )
        flat = codes.reshape(len(codes), -1).double()
        self._width = flat.shape[1]
        if self._args.features_method is None:
            return flat
        features = run_model(model, batch, self._args.input, None, self._args.features_method)
        return torch.cat([flat, features.reshape(len(features), -1).double()], 1)

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """The labels, or zeros where nobody asks for them."""
        if self._args.features_method is None:
            return torch.zeros(len(tensor_field(batch, self._args.input)), dtype=torch.int64)
        return tensor_field(batch, self._args.label, "label").long()

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """``random_encoder``: the codes and features of the same model before any training."""
        if name != "random_encoder" or self._setting is None:
            raise EvaluationError(f"codes has no baseline {name} before its model was loaded")
        if self._untrained is None:
            self._untrained = self._setting.untrained()
        return self.infer(self._untrained, batch)

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``label``, where features are asked for."""
        return {} if self._args.features_method is None else {"label": targets.cpu().numpy()}

    def sample_arrays(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """``codes`` (n, codes of a sample) int64, and ``features`` (n, d) float32."""
        values = outputs.cpu().numpy()
        kept = {"codes": values[:, : self._width].astype(np.int64)}
        if self._args.features_method is not None:
            kept["features"] = values[:, self._width :].astype(np.float32)
        return kept

    def set_arrays(self) -> Mapping[str, np.ndarray]:
        """None."""
        return {}

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """None."""
        return {}
