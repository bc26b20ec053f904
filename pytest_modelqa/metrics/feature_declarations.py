"""The metrics of features, of codes and of generated samples: names, units, ranges, directions."""

from __future__ import annotations

import math
from typing import Any

from ..spec.catalogue import MetricDeclaration
from .arguments import CodebookArgs, FrechetArgs, NeighboursArgs

_OF_SET: dict[str, Any] = {
    "version": 1,
    "level": "set",
    "needs": "predictions",
    "scores": "set",
}
_FEATURES: dict[str, Any] = {**_OF_SET, "tasks": ("sampling",)}
# No task keeps codes yet, so no task offers these.
_CODES = _OF_SET
_SAMPLING: dict[str, Any] = {
    "version": 1,
    "level": "sample",
    "needs": "predictions",
    "tasks": ("sampling",),
}
_RESEMBLANCE: dict[str, Any] = {
    **_FEATURES,
    "lower": 0.0,
    "higher_is_better": True,
    "columns": ("features", "reference_features"),
    "args": NeighboursArgs,
    "size_dependent": True,
}

FEATURE_METRICS: tuple[MetricDeclaration, ...] = (
    MetricDeclaration(
        name="frechet_distance",
        summary="Fréchet distance of the Gaussians fitted to features and reference features",
        unit="",
        lower=0.0,
        upper=math.inf,
        higher_is_better=False,
        args=FrechetArgs,
        columns=("features", "reference_features"),
        function="pytest_modelqa.metrics.features:frechet_distance",
        size_dependent=True,
        **_FEATURES,
    ),
    MetricDeclaration(
        name="improved_precision",
        summary="share of samples within the reach of real ones, by nearest neighbours",
        unit="fraction",
        upper=1.0,
        function="pytest_modelqa.metrics.features:improved_precision",
        **_RESEMBLANCE,
    ),
    MetricDeclaration(
        name="improved_recall",
        summary="share of real samples within the reach of samples, by nearest neighbours",
        unit="fraction",
        upper=1.0,
        function="pytest_modelqa.metrics.features:improved_recall",
        **_RESEMBLANCE,
    ),
    MetricDeclaration(
        name="density",
        summary="in the reach of how many real samples a sample lies, over the number expected",
        unit="",
        upper=math.inf,
        function="pytest_modelqa.metrics.features:density",
        **_RESEMBLANCE,
    ),
    MetricDeclaration(
        name="coverage",
        summary="share of real samples with a sample within their reach",
        unit="fraction",
        upper=1.0,
        function="pytest_modelqa.metrics.features:coverage",
        **_RESEMBLANCE,
    ),
    MetricDeclaration(
        name="vendi_score",
        summary="effective number of different samples, by the cosine of their features",
        unit="",
        lower=1.0,
        upper=math.inf,
        higher_is_better=True,
        columns=("features",),
        function="pytest_modelqa.metrics.features:vendi_score",
        size_dependent=True,
        aspect="diversity",
        **{**_FEATURES, "tasks": ("sampling", "text_generation")},
    ),
    MetricDeclaration(
        name="pairwise_distance",
        summary="mean Euclidean distance of all pairs of samples in feature space",
        unit="",
        lower=0.0,
        upper=math.inf,
        higher_is_better=True,
        columns=("features",),
        function="pytest_modelqa.metrics.features:pairwise_distance",
        **_FEATURES,
    ),
    MetricDeclaration(
        name="silhouette",
        summary="how well the classes are separated in feature space",
        unit="",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        columns=("features", "label"),
        function="pytest_modelqa.metrics.features:silhouette",
        **_CODES,
    ),
    MetricDeclaration(
        name="codebook_perplexity",
        summary="effective number of codes that are used",
        unit="",
        lower=1.0,
        upper=math.inf,
        higher_is_better=True,
        columns=("codes",),
        function="pytest_modelqa.metrics.codes:codebook_perplexity",
        size_dependent=True,
        **_CODES,
    ),
    MetricDeclaration(
        name="codebook_usage",
        summary="share of the codebook that is used at all",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        args=CodebookArgs,
        columns=("codes",),
        function="pytest_modelqa.metrics.codes:codebook_usage",
        size_dependent=True,
        **_CODES,
    ),
    MetricDeclaration(
        name="judge_accuracy",
        summary="share of samples that the judge takes for the class that was asked for",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        scores="binary",
        columns=("judge_prediction", "label"),
        function="pytest_modelqa.metrics.sampling:judge_accuracy",
        **_SAMPLING,
    ),
    MetricDeclaration(
        name="nearest_training_distance",
        summary="root mean squared difference from the nearest training sample",
        unit="",
        lower=0.0,
        upper=math.inf,
        higher_is_better=True,
        scores="unbounded",
        columns=("nearest_training",),
        function="pytest_modelqa.metrics.sampling:nearest_training_distance",
        **_SAMPLING,
    ),
)
