"""Looks at a field of images once: that it holds images of one shape within the declared range, and their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DatasetError
from .forward import unusable_field

if TYPE_CHECKING:
    from ..datasets.samples import Samples

_SAMPLES_AT_ONCE = 64


@dataclass(frozen=True)
class ImageField:
    """What holds for all images of a field.

    Attributes:
        lowest: Their least value, drawn as black.
        greatest: Their greatest value.
        mean: The mean image, float64, of the shape of one sample.
    """

    lowest: float
    greatest: float
    mean: np.ndarray


def look_at(samples: Samples, field: str, data_range: float, argument: str = "input") -> ImageField:
    """Goes over the images once; ``argument`` of the task says which field they are.

    Raises:
        DatasetError: The field is missing, no image, not of one shape, not finite, or out of the range.
    """
    mean = _RunningMean(field, argument)
    for start in range(0, len(samples), _SAMPLES_AT_ONCE):
        indices = range(start, min(start + _SAMPLES_AT_ONCE, len(samples)))
        batch = samples.batch(indices)
        demand_numbers(batch, field, argument)
        mean.add(batch[field], [samples.ids[index] for index in indices])
    _check_range(field, mean.least, mean.greatest, data_range)
    return ImageField(mean.least, mean.greatest, mean.value())


def demand_numbers(batch: Mapping[str, Any], field: str, argument: str) -> None:
    """Raises if a field of a batch is no array of numbers.

    Raises:
        DatasetError: It is not.
    """
    if not isinstance(batch.get(field), np.ndarray) or batch[field].dtype.kind not in "fiub":
        raise unusable_field(batch, field, argument)


class _RunningMean:
    """The mean, least and greatest value of a field, batch by batch in float64."""

    def __init__(self, field: str, argument: str) -> None:
        self._field = field
        self._argument = argument
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
                todo=f"name the field of images in the evaluation's args: {{{self._argument}: FIELD}}",
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
