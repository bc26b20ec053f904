"""The task ``reconstruction``: the model gives back an image, or a clip of images, that has a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import DatasetError, EvaluationError, OutputError
from ..metrics.registry import metrics
from .declarations import ReconstructionArgs
from .forward import run_model, tensor_field, unusable_field
from .protocol import Inspection
from .strips import strip

if TYPE_CHECKING:
    from ..datasets.samples import Samples

_SAMPLES_AT_ONCE = 64
_STRIPS_OF_A_KIND = 3


class Reconstruction:
    """Compares images (n, H, W) or (n, C, H, W), or clips (n, T, C, H, W), with targets of the same shape.

    Targets must lie within the declared data range. Outputs are neither clamped nor rounded: a model that
    leaves the range is scored as it is.
    """

    def __init__(self, args: ReconstructionArgs) -> None:
        self._args = args
        self._target = args.target or args.input
        self._lowest = 0.0
        self._mean: torch.Tensor | None = None

    def prepare(self, samples: Samples) -> None:
        """Goes over the targets once: their shape and range, and their mean image.

        Raises:
            DatasetError: The field is missing, no image, not of one shape, not finite, or its values do not
                fit the data range.
        """
        mean = _RunningMean(self._target)
        for start in range(0, len(samples), _SAMPLES_AT_ONCE):
            indices = range(start, min(start + _SAMPLES_AT_ONCE, len(samples)))
            batch = samples.batch(indices)
            for field in (self._args.input, self._target):
                if not isinstance(batch.get(field), np.ndarray) or batch[field].dtype.kind not in "fiub":
                    raise unusable_field(batch, field)
            mean.add(batch[self._target], [samples.ids[index] for index in indices])
        _check_range(self._target, mean.least, mean.greatest, self._args.data_range)
        self._lowest = mean.least
        self._mean = torch.from_numpy(mean.value())

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """The model's images, of the targets' shape.

        Raises:
            OutputError: The outputs are not of the targets' shape.
        """
        outputs = run_model(model, batch, self._args.input, self._args.output)
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
        target = tensor_field(batch, self._target)
        return target.to(torch.promote_types(target.dtype, torch.float32))

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
        """None: images are too large to be kept."""
        return {}

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """Strips of target, output and error of the worst, median and best samples, as PNG."""
        score = _ranking_score(inspection.columns)
        if score is None:
            return {}
        column, goodness = score
        pictures = {}
        for kind, index in _chosen(goodness):
            batch, outputs = inspection.rerun([index])
            value = inspection.columns[column][index]
            caption = f"{inspection.ids[index]}  {column.split('.')[0]} {value:.4g}"
            target = self.targets(batch)[0].double().numpy()
            output = outputs[0].double().numpy()
            pictures[f"{kind}.png"] = strip(target, output, self._lowest, self._args.data_range, caption)
        return pictures


class _RunningMean:
    """The mean, least and greatest value of a field, batch by batch in float64."""

    def __init__(self, field: str) -> None:
        self._field = field
        self._sum: np.ndarray | None = None
        self._count = 0
        self.least = np.inf
        self.greatest = -np.inf

    def add(self, images: np.ndarray, ids: Sequence[str]) -> None:
        if images.ndim not in (3, 4, 5) or 0 in images.shape:
            raise DatasetError(
                f"the field {self._field} does not hold images",
                expected="shape (H, W), (C, H, W) or (T, C, H, W) a sample, none of them 0",
                found=f"shape {images.shape[1:]} in sample {ids[0]!r}",
                todo="name the field of images in the evaluation's args: {input: FIELD}",
            )
        if self._sum is None:
            self._sum = np.zeros(images.shape[1:])
        if images.shape[1:] != self._sum.shape:
            raise DatasetError(
                f"the images of the field {self._field} are not of one shape",
                expected=f"shape {self._sum.shape}, as the first sample",
                found=f"shape {images.shape[1:]} from sample {ids[0]!r}",
                todo="resize or cut the images in the loader",
            )
        finite = np.isfinite(images).all(axis=tuple(range(1, images.ndim)))
        if not finite.all():
            raise DatasetError(
                f"NaN or Inf in the field {self._field}",
                expected="finite images",
                found=f"first in sample {ids[int(np.flatnonzero(~finite)[0])]!r}",
                todo="correct or remove these samples",
            )
        self._sum += images.sum(axis=0, dtype=np.float64)
        self._count += len(images)
        self.least = min(self.least, float(images.min()))
        self.greatest = max(self.greatest, float(images.max()))

    def value(self) -> np.ndarray:
        if self._sum is None:
            raise DatasetError(f"there are no samples to take the field {self._field} from")
        return self._sum / self._count


def _check_range(field: str, least: float, greatest: float, data_range: float) -> None:
    """A wrong data range moves psnr by 20 log10 of the error: 48 dB for bytes taken for 0..1."""
    span = greatest - least
    message = {
        "expected": f"greatest − least value at most {data_range:g}, as data_range says",
        "found": f"values from {least:g} to {greatest:g}",
        "todo": "scale the images, or declare their range in the evaluation's args: {data_range: …}",
    }
    # 1e-6: rounding of images that were scaled in float32.
    if span > data_range * (1 + 1e-6):
        raise DatasetError(f"the field {field} is outside its declared data range", **message)
    # Dark images do not fill their range; a hundredth of it is a forgotten scaling (1 in 255).
    if 0 < span < data_range / 100:
        raise DatasetError(
            f"the field {field} fills less than a hundredth of its declared data range", **message
        )


def _ranking_score(columns: Mapping[str, np.ndarray]) -> tuple[str, np.ndarray] | None:
    """The column to rank samples by, psnr where there is one, and its values with the sign that makes more better."""
    known = metrics()
    candidates = [
        name
        for name in columns
        if "/" not in name and ".v" in name and known[name.split(".v")[0]].level == "sample"
    ]
    if not candidates:
        return None
    column = min(candidates, key=lambda name: not name.startswith("psnr."))
    sign = -1.0 if known[column.split(".v")[0]].higher_is_better is False else 1.0
    return column, sign * columns[column]


def _chosen(goodness: np.ndarray) -> list[tuple[str, int]]:
    """Which samples to draw: up to three each of the worst, the median and the best, none of them twice.

    >>> _chosen(np.array([3.0, 1.0, 2.0]))
    [('worst_1', 1), ('best_1', 0), ('median_1', 2)]
    """
    order = np.argsort(goodness, kind="stable")
    each = min(_STRIPS_OF_A_KIND, max(1, len(order) // 3))
    middle = len(order) // 2 - each // 2
    kinds = {
        "worst": order[:each],
        "best": order[::-1][:each],
        "median": order[middle : middle + each],
    }
    chosen: dict[int, str] = {}
    for kind, indices in kinds.items():
        for place, index in enumerate(indices, start=1):
            chosen.setdefault(int(index), f"{kind}_{place}")
    return [(name, index) for index, name in chosen.items()]
