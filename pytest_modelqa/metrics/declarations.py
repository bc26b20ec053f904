"""What each built-in metric is called, measures and needs; a new metric is a function and one entry here."""

from __future__ import annotations

import math
from typing import Any

from ..spec.catalogue import MetricDeclaration
from .arguments import (
    AverageArgs,
    BinsArgs,
    PsnrArgs,
    SsimArgs,
    TopKArgs,
)
from .detection_declarations import DETECTION_METRICS
from .feature_declarations import FEATURE_METRICS
from .performance_declarations import PERFORMANCE_METRICS
from .text_declarations import TEXT_METRICS

# What the metrics of a family have in common.
_IMAGE: dict[str, Any] = {
    "version": 2,
    "level": "sample",
    "needs": "outputs",
    "tasks": ("reconstruction",),
}
_LOGITS: dict[str, Any] = {
    "version": 1,
    "level": "sample",
    "needs": "outputs",
    "tasks": ("classification",),
}
_LABELS: dict[str, Any] = {
    "unit": "fraction",
    "lower": 0.0,
    "upper": 1.0,
    "version": 1,
    "level": "set",
    "needs": "predictions",
    "scores": "set",
    "tasks": ("classification",),
}

METRICS: tuple[MetricDeclaration, ...] = (
    MetricDeclaration(
        name="psnr",
        summary="peak signal-to-noise ratio, the mean of the images' values",
        unit="dB",
        lower=0.0,
        upper=100.0,
        higher_is_better=True,
        scores="bounded",
        args=PsnrArgs,
        task_args=("data_range",),
        function="pytest_modelqa.metrics.image:psnr",
        upper_argument="cap",
        **{**_IMAGE, "version": 3},
    ),
    MetricDeclaration(
        name="ssim",
        summary="structural similarity with a Gaussian window, the mean of the images' values",
        unit="",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        scores="bounded",
        args=SsimArgs,
        task_args=("data_range",),
        function="pytest_modelqa.metrics.image:ssim",
        **_IMAGE,
    ),
    MetricDeclaration(
        name="ms_ssim",
        summary="structural similarity over five scales, the mean of the images' values",
        unit="",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        scores="bounded",
        args=SsimArgs,
        task_args=("data_range",),
        function="pytest_modelqa.metrics.image:ms_ssim",
        **_IMAGE,
    ),
    MetricDeclaration(
        name="mse",
        summary="mean squared error of the pixels, in squared units of the data",
        unit="",
        lower=0.0,
        upper=math.inf,
        higher_is_better=False,
        scores="unbounded",
        function="pytest_modelqa.metrics.image:mse",
        **_IMAGE,
    ),
    MetricDeclaration(
        name="mae",
        summary="mean absolute error of the pixels, in units of the data",
        unit="",
        lower=0.0,
        upper=math.inf,
        higher_is_better=False,
        scores="unbounded",
        function="pytest_modelqa.metrics.image:mae",
        **_IMAGE,
    ),
    MetricDeclaration(
        name="accuracy",
        summary="share of samples whose largest output is the label's",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        scores="binary",
        function="pytest_modelqa.metrics.classification:accuracy",
        **_LOGITS,
    ),
    MetricDeclaration(
        name="top_k_accuracy",
        summary="share of samples whose label is among the k largest outputs",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        scores="binary",
        args=TopKArgs,
        function="pytest_modelqa.metrics.classification:top_k_accuracy",
        **_LOGITS,
    ),
    MetricDeclaration(
        name="log_loss",
        summary="mean of −ln of the probability given to the label",
        unit="nats",
        lower=0.0,
        upper=math.inf,
        higher_is_better=False,
        scores="unbounded",
        function="pytest_modelqa.metrics.classification:log_loss",
        **_LOGITS,
    ),
    MetricDeclaration(
        name="precision",
        summary="share of the predictions of a class that are right",
        higher_is_better=True,
        args=AverageArgs,
        columns=("prediction", "label"),
        class_slices=True,
        function="pytest_modelqa.metrics.classification:precision",
        **_LABELS,
    ),
    MetricDeclaration(
        name="recall",
        summary="share of the samples of a class that are predicted as it",
        higher_is_better=True,
        args=AverageArgs,
        columns=("prediction", "label"),
        class_slices=True,
        function="pytest_modelqa.metrics.classification:recall",
        **_LABELS,
    ),
    MetricDeclaration(
        name="f1",
        summary="harmonic mean of precision and recall of a class",
        higher_is_better=True,
        args=AverageArgs,
        columns=("prediction", "label"),
        class_slices=True,
        function="pytest_modelqa.metrics.classification:f1",
        **_LABELS,
    ),
    MetricDeclaration(
        name="balanced_accuracy",
        summary="mean over the classes of the share of their samples that are predicted right",
        higher_is_better=True,
        columns=("prediction", "label"),
        function="pytest_modelqa.metrics.classification:balanced_accuracy",
        **_LABELS,
    ),
    MetricDeclaration(
        name="expected_calibration_error",
        summary="how far confidence is from accuracy, averaged over bins of confidence",
        higher_is_better=False,
        args=BinsArgs,
        columns=("prediction", "label", "confidence"),
        function="pytest_modelqa.metrics.classification:expected_calibration_error",
        **_LABELS,
    ),
    *FEATURE_METRICS,
    *DETECTION_METRICS,
    *TEXT_METRICS,
    *PERFORMANCE_METRICS,
)
