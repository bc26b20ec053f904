"""The arguments of the built-in metrics, as specs write them; descriptions go into the JSON Schema."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .tokens import Tokens


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FrameArgs(_Args):
    """The arguments of mse and mae, and of every other metric of images."""

    frame: int | None = Field(
        None,
        ge=1,
        description="Measure this frame of each clip alone, counted from 1; without it, all of them.",
    )


class PsnrArgs(FrameArgs):
    """The arguments of psnr."""

    cap: float = Field(
        60.0,
        gt=0,
        le=100,
        allow_inf_nan=False,
        description="What a better or identical image counts as, in dB.",
    )


class SsimArgs(FrameArgs):
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


class QuantileArgs(_Args):
    """The arguments of mse_quantile."""

    quantile: float = Field(
        0.95, gt=0, le=1, description="The share of samples whose error is no larger; 1: the worst."
    )


class CodebookArgs(_Args):
    """The arguments of codebook_usage."""

    codebook_size: int = Field(ge=1, description="How many codes the codebook has.")


_EMPTY = "What becomes of a generation without a token: error, or it is left out."
_TOKENS = (
    "words: runs of letters and digits, and single other signs; whitespace: what white space parts; characters;"
    " 13a: as sacrebleu; nltk: nltk.word_tokenize."
)


class TextArgs(_Args):
    """The arguments of the metrics that count n-grams of texts."""

    tokens: Tokens = Field("words", description=_TOKENS)
    lowercase: bool = Field(False, description="Whether capitals count as small letters.")
    empty: Literal["error", "skip"] = Field("error", description=_EMPTY)


class RepetitionArgs(TextArgs):
    """The arguments of repetition."""

    n: int = Field(4, ge=1, le=20, description="Runs of so many tokens are looked for.")


class LengthArgs(_Args):
    """The arguments of length."""

    tokens: Tokens = Field("words", description=_TOKENS)


class PassAtKArgs(_Args):
    """The arguments of pass_at_k."""

    k: int = Field(1, ge=1, description="So many tries; at most the evaluation's generations of each prompt.")


class ExactMatchArgs(_Args):
    """The arguments of exact_match."""

    strip: bool = Field(True, description="Whether white space at both ends is left out.")
    lowercase: bool = Field(False, description="Whether capitals count as small letters.")


class BleuArgs(_Args):
    """The arguments of bleu."""

    tokenize: Literal["13a", "intl", "zh", "char", "none"] = Field(
        "13a", description="sacrebleu's tokenizer."
    )
    lowercase: bool = Field(False, description="Whether capitals count as small letters.")


class ChrfArgs(_Args):
    """The arguments of chrf."""

    word_order: int = Field(
        0, ge=0, le=4, description="Word n-grams beside those of characters; 2 is chrF++."
    )
    lowercase: bool = Field(False, description="Whether capitals count as small letters.")
