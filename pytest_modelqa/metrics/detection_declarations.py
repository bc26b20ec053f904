"""What COCO's twelve metrics are called, measure and take."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..spec.catalogue import MetricDeclaration


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _ordered(area: tuple[float, float | None]) -> tuple[float, float | None]:
    if area[1] is not None and area[0] >= area[1]:
        raise ValueError("the least area must be below the greatest")
    return area


_Least = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Area = Annotated[tuple[_Least, _Least | None], Field(strict=False), AfterValidator(_ordered)]
_Threshold = Annotated[float, Field(gt=0, le=1)]
_Thresholds = Annotated[tuple[_Threshold, ...], Field(strict=False, min_length=1)]

_AREA = Field(
    None,
    description="Least and greatest area of the objects that count, in square pixels; null: no limit.",
)
_IOU_THRESHOLDS = Field(
    None, description="The overlaps that count as found; without it COCO's ten from 0.5 to 0.95."
)
_MAX_DETECTIONS = Field(
    100, ge=1, description="So many detections of an image and category count, those of greatest score."
)
_MASKS = Field(False, description="Overlaps and areas of masks, in place of those of boxes.")
_REFERENCE = Field(False, description="Compute it with pycocotools as well; an error where they differ.")


class AnyArgs(_Args):
    """The arguments of ap."""

    area: _Area | None = _AREA
    iou_thresholds: _Thresholds | None = _IOU_THRESHOLDS
    max_detections: int = _MAX_DETECTIONS
    reference: bool = _REFERENCE
    masks: bool = _MASKS


class ThresholdGivenArgs(_Args):
    """The arguments of ap50 and ap75."""

    area: _Area | None = _AREA
    max_detections: int = _MAX_DETECTIONS
    reference: bool = _REFERENCE
    masks: bool = _MASKS


class AreaGivenArgs(_Args):
    """The arguments of ap_small and the others that name an area range."""

    iou_thresholds: _Thresholds | None = _IOU_THRESHOLDS
    max_detections: int = _MAX_DETECTIONS
    reference: bool = _REFERENCE
    masks: bool = _MASKS


class NumberGivenArgs(_Args):
    """The arguments of ar_1, ar_10 and ar_100."""

    area: _Area | None = _AREA
    iou_thresholds: _Thresholds | None = _IOU_THRESHOLDS
    reference: bool = _REFERENCE
    masks: bool = _MASKS


_FOUND: dict[str, Any] = {
    "unit": "fraction",
    "lower": 0.0,
    "upper": 1.0,
    "higher_is_better": True,
    "version": 1,
    "level": "set",
    "needs": "predictions",
    "scores": "set",
    "columns": ("width", "height"),
    "tables": ("detections", "ground_truths"),
    "tasks": ("detection",),
}
# Measured: an interval for the AP of 500 images covered that of the large set in 2 to 60 of 100 trials, one for the
# paired difference of two models in 92 to 95 (AP of small objects) and 80 to 92 (AP).
_BIAS = (
    "average precision of few images is higher than that of many, so its interval lies too high: "
    "comparing with a baseline on the same images is more certain"
)
_SIZES = {
    "small": "objects of at most 32² pixels",
    "medium": "objects of 32² to 96² pixels",
    "large": "objects of at least 96² pixels",
}


def _metric(name: str, summary: str, args: type[BaseModel]) -> MetricDeclaration:
    function = f"pytest_modelqa.metrics.detection:{name}"
    bias = _BIAS if name.startswith("ap") else ""
    return MetricDeclaration(name=name, summary=summary, args=args, function=function, bias=bias, **_FOUND)


DETECTION_METRICS: tuple[MetricDeclaration, ...] = (
    _metric("ap", "average precision, the mean over IoU thresholds from 0.5 to 0.95", AnyArgs),
    _metric("ap50", "average precision at an IoU of 0.5", ThresholdGivenArgs),
    _metric("ap75", "average precision at an IoU of 0.75", ThresholdGivenArgs),
    *(_metric(f"ap_{size}", f"average precision of {what}", AreaGivenArgs) for size, what in _SIZES.items()),
    *(
        _metric(f"ar_{number}", f"average recall with {number} detections an image", NumberGivenArgs)
        for number in (1, 10, 100)
    ),
    *(_metric(f"ar_{size}", f"average recall of {what}", AreaGivenArgs) for size, what in _SIZES.items()),
)
