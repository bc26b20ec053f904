"""The arguments of the built-in metrics, as specs write them; descriptions go into the JSON Schema."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PsnrArgs(_Args):
    """The arguments of psnr."""

    cap: float = Field(
        60.0,
        gt=0,
        le=100,
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


class NeighboursArgs(_Args):
    """The arguments of the metrics that count nearest neighbours."""

    neighbours: int = Field(5, ge=1, description="A sample reaches as far as its k-th nearest neighbour.")


class FrechetArgs(_Args):
    """The arguments of frechet_distance."""

    min_samples: int | None = Field(
        None, ge=2, description="Samples each set must have; without it, one more than dimensions."
    )


class CodebookArgs(_Args):
    """The arguments of codebook_usage."""

    codebook_size: int = Field(ge=1, description="How many codes the codebook has.")
