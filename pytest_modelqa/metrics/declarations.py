"""What each built-in metric is called, measures and needs; a new metric is a function and one entry here."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..spec.catalogue import MetricDeclaration


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PsnrArgs(_Args):
    """The arguments of psnr."""

    cap: float = Field(
        100.0,
        gt=0,
        allow_inf_nan=False,
        description="What a better or identical image counts as, in dB.",
    )


class SsimArgs(_Args):
    """The arguments of ssim."""

    window_size: int = Field(11, ge=3, description="Side of the Gaussian window in pixels; odd.")
    sigma: float = Field(
        1.5, gt=0, allow_inf_nan=False, description="Standard deviation of the Gaussian window in pixels."
    )

    @model_validator(mode="after")
    def _window_has_a_centre(self) -> SsimArgs:
        if self.window_size % 2 == 0:
            raise ValueError("window_size must be odd, so that the window has a centre")
        return self


class TopKArgs(_Args):
    """The arguments of top_k_accuracy."""

    k: int = Field(5, ge=1, description="The label must be among the k classes with the largest outputs.")


class AverageArgs(_Args):
    """The arguments of precision, recall and f1."""

    average: Literal["macro", "micro", "weighted"] = Field(
        "macro",
        description="macro: the mean over classes; weighted: the mean weighted by the samples of each class;"
        " micro: all decisions pooled.",
    )
    zero_division: Literal["error", "zero"] = Field(
        "error",
        description="What a class counts as whose value is 0 / 0 (it is never predicted, or has no samples).",
    )


class BinsArgs(_Args):
    """The arguments of expected_calibration_error."""

    bins: int = Field(15, ge=1, description="Number of bins of equal width over the confidence.")


_IMAGE = "pytest_modelqa.metrics.image"
_CLASSIFICATION = "pytest_modelqa.metrics.classification"

METRICS: tuple[MetricDeclaration, ...] = (
    MetricDeclaration(
        name="psnr",
        summary="peak signal-to-noise ratio, the mean of the images' values",
        unit="dB",
        lower=-math.inf,
        upper=math.inf,
        higher_is_better=True,
        version=1,
        level="sample",
        needs="outputs",
        scores="unbounded",
        function=f"{_IMAGE}:psnr",
        args=PsnrArgs,
        task_args=("data_range",),
        tasks=("reconstruction",),
    ),
    MetricDeclaration(
        name="ssim",
        summary="structural similarity with a Gaussian window, the mean of the images' values",
        unit="",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        version=1,
        level="sample",
        needs="outputs",
        scores="bounded",
        function=f"{_IMAGE}:ssim",
        args=SsimArgs,
        task_args=("data_range",),
        tasks=("reconstruction",),
    ),
    MetricDeclaration(
        name="mse",
        summary="mean squared error of the pixels, in squared units of the data",
        unit="",
        lower=0.0,
        upper=math.inf,
        higher_is_better=False,
        version=1,
        level="sample",
        needs="outputs",
        scores="unbounded",
        function=f"{_IMAGE}:mse",
        tasks=("reconstruction",),
    ),
    MetricDeclaration(
        name="mae",
        summary="mean absolute error of the pixels, in units of the data",
        unit="",
        lower=0.0,
        upper=math.inf,
        higher_is_better=False,
        version=1,
        level="sample",
        needs="outputs",
        scores="unbounded",
        function=f"{_IMAGE}:mae",
        tasks=("reconstruction",),
    ),
    MetricDeclaration(
        name="accuracy",
        summary="share of samples whose largest output is the label's",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        version=1,
        level="sample",
        needs="outputs",
        scores="binary",
        function=f"{_CLASSIFICATION}:accuracy",
        tasks=("classification",),
    ),
    MetricDeclaration(
        name="top_k_accuracy",
        summary="share of samples whose label is among the k largest outputs",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        version=1,
        level="sample",
        needs="outputs",
        scores="binary",
        function=f"{_CLASSIFICATION}:top_k_accuracy",
        args=TopKArgs,
        tasks=("classification",),
    ),
    MetricDeclaration(
        name="log_loss",
        summary="mean of −ln of the probability given to the label",
        unit="nats",
        lower=0.0,
        upper=math.inf,
        higher_is_better=False,
        version=1,
        level="sample",
        needs="outputs",
        scores="unbounded",
        function=f"{_CLASSIFICATION}:log_loss",
        tasks=("classification",),
    ),
    MetricDeclaration(
        name="precision",
        summary="share of the predictions of a class that are right",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        version=1,
        level="set",
        needs="predictions",
        scores="set",
        function=f"{_CLASSIFICATION}:precision",
        args=AverageArgs,
        columns=("prediction", "label"),
        class_slices=True,
        tasks=("classification",),
    ),
    MetricDeclaration(
        name="recall",
        summary="share of the samples of a class that are predicted as it",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        version=1,
        level="set",
        needs="predictions",
        scores="set",
        function=f"{_CLASSIFICATION}:recall",
        args=AverageArgs,
        columns=("prediction", "label"),
        class_slices=True,
        tasks=("classification",),
    ),
    MetricDeclaration(
        name="f1",
        summary="harmonic mean of precision and recall of a class",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        version=1,
        level="set",
        needs="predictions",
        scores="set",
        function=f"{_CLASSIFICATION}:f1",
        args=AverageArgs,
        columns=("prediction", "label"),
        class_slices=True,
        tasks=("classification",),
    ),
    MetricDeclaration(
        name="balanced_accuracy",
        summary="mean over the classes of the share of their samples that are predicted right",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        version=1,
        level="set",
        needs="predictions",
        scores="set",
        function=f"{_CLASSIFICATION}:balanced_accuracy",
        columns=("prediction", "label"),
        tasks=("classification",),
    ),
    MetricDeclaration(
        name="expected_calibration_error",
        summary="how far confidence is from accuracy, averaged over bins of confidence",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=False,
        version=1,
        level="set",
        needs="predictions",
        scores="set",
        function=f"{_CLASSIFICATION}:expected_calibration_error",
        args=BinsArgs,
        columns=("prediction", "label", "confidence"),
        tasks=("classification",),
    ),
)
