"""What each metric of texts is called, measures and needs."""

from __future__ import annotations

import math
from typing import Any

from ..spec.catalogue import MetricDeclaration
from .arguments import (
    BleuArgs,
    ChrfArgs,
    ExactMatchArgs,
    LengthArgs,
    PassAtKArgs,
    RepetitionArgs,
    TextArgs,
)

_GENERATED: dict[str, Any] = {
    "version": 1,
    "needs": "predictions",
    "tasks": ("text_generation",),
}
_WHOLE: dict[str, Any] = {**_GENERATED, "level": "set", "scores": "set"}
_PER_PROMPT: dict[str, Any] = {**_GENERATED, "level": "sample", "scores": "bounded"}
_DIVERSITY: dict[str, Any] = {"aspect": "diversity", "lower": 0.0, "unit": ""}
_TOKENS: dict[str, Any] = {**_DIVERSITY, "upper": 1.0, "columns": ("generations",), "args": TextArgs}
_FEATURES: dict[str, Any] = {**_DIVERSITY, "higher_is_better": True, "columns": ("features",)}
_REFERENCE: dict[str, Any] = {
    "aspect": "quality",
    "unit": "fraction",
    "lower": 0.0,
    "upper": 1.0,
    "higher_is_better": True,
    "columns": ("generations", "reference"),
}
_LIKELIHOOD: dict[str, Any] = {
    "aspect": "quality",
    "version": 1,
    "level": "set",
    "needs": "predictions",
    "scores": "set",
    "higher_is_better": False,
    "tasks": ("language_modeling",),
}
_SIZE_BIAS = "distinct n-grams become rarer as texts become more, so it compares sets of one size only"


def _distinct(n: int) -> tuple[MetricDeclaration, MetricDeclaration]:
    grams = {1: "tokens", 2: "pairs of tokens", 3: "runs of three tokens", 4: "runs of four tokens"}[n]
    return (
        MetricDeclaration(
            name=f"distinct_{n}",
            summary=f"different {grams} over all, in all generations together",
            higher_is_better=True,
            function=f"pytest_modelqa.metrics.text:distinct_{n}",
            bias=_SIZE_BIAS,
            size_dependent=True,
            **_WHOLE,
            **_TOKENS,
        ),
        MetricDeclaration(
            name=f"distinct_{n}_per_prompt",
            summary=f"different {grams} over all, in the generations of one prompt, the mean over prompts",
            higher_is_better=True,
            function=f"pytest_modelqa.metrics.text:distinct_{n}_per_prompt",
            **_PER_PROMPT,
            **_TOKENS,
        ),
    )


TEXT_METRICS: tuple[MetricDeclaration, ...] = (
    *(declaration for n in (1, 2, 3, 4) for declaration in _distinct(n)),
    MetricDeclaration(
        name="self_bleu",
        summary="mean BLEU-4 of each generation against all others",
        higher_is_better=False,
        function="pytest_modelqa.metrics.text:self_bleu",
        bias="the more texts there are, the more of a text is found in another one",
        size_dependent=True,
        **_WHOLE,
        **_TOKENS,
    ),
    MetricDeclaration(
        name="self_bleu_per_prompt",
        summary="mean BLEU-4 of each generation against the others of its prompt, the mean over prompts",
        higher_is_better=False,
        function="pytest_modelqa.metrics.text:self_bleu_per_prompt",
        **_PER_PROMPT,
        **_TOKENS,
    ),
    MetricDeclaration(
        name="semantic_diversity",
        summary="mean cosine distance of all pairs of generations, by their embeddings",
        upper=2.0,
        function="pytest_modelqa.metrics.embeddings:semantic_diversity",
        **_WHOLE,
        **_FEATURES,
    ),
    MetricDeclaration(
        name="semantic_diversity_per_prompt",
        summary="mean cosine distance of the generations of one prompt, the mean over prompts",
        upper=2.0,
        function="pytest_modelqa.metrics.embeddings:semantic_diversity_per_prompt",
        **_PER_PROMPT,
        **_FEATURES,
    ),
    MetricDeclaration(
        name="vendi_score_per_prompt",
        summary="effective number of different generations of one prompt, the mean over prompts",
        unit="",
        lower=1.0,
        upper=math.inf,
        higher_is_better=True,
        aspect="diversity",
        level="sample",
        scores="unbounded",
        columns=("features",),
        function="pytest_modelqa.metrics.embeddings:vendi_score_per_prompt",
        **_GENERATED,
    ),
    MetricDeclaration(
        name="pass_at_k",
        summary="chance that at least one of k generations passes the checker, the mean over prompts",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        aspect="quality",
        args=PassAtKArgs,
        columns=("passes",),
        function="pytest_modelqa.metrics.pass_at_k:pass_at_k",
        **_PER_PROMPT,
    ),
    MetricDeclaration(
        name="repetition",
        summary="share of a text's n-grams that stood in it before, the mean over texts and prompts",
        unit="fraction",
        lower=0.0,
        upper=1.0,
        higher_is_better=False,
        args=RepetitionArgs,
        columns=("generations",),
        function="pytest_modelqa.metrics.text:repetition",
        **_PER_PROMPT,
    ),
    MetricDeclaration(
        name="length",
        summary="tokens of a generation, the mean over texts and prompts",
        unit="tokens",
        lower=0.0,
        upper=math.inf,
        higher_is_better=None,
        level="sample",
        scores="unbounded",
        args=LengthArgs,
        columns=("generations",),
        function="pytest_modelqa.metrics.text:length",
        **_GENERATED,
    ),
    MetricDeclaration(
        name="exact_match",
        summary="share of the generations that equal a reference, the mean over prompts",
        args=ExactMatchArgs,
        function="pytest_modelqa.metrics.references:exact_match",
        **_PER_PROMPT,
        **_REFERENCE,
    ),
    MetricDeclaration(
        name="bleu",
        summary="BLEU-4 of the generations against their references, by sacrebleu",
        args=BleuArgs,
        function="pytest_modelqa.metrics.references:bleu",
        **_WHOLE,
        **_REFERENCE,
    ),
    MetricDeclaration(
        name="chrf",
        summary="chrF of the generations against their references, by sacrebleu",
        args=ChrfArgs,
        function="pytest_modelqa.metrics.references:chrf",
        **_WHOLE,
        **_REFERENCE,
    ),
    MetricDeclaration(
        name="perplexity",
        summary="exp of the mean of −ln p over all tokens of all texts",
        unit="",
        lower=1.0,
        upper=math.inf,
        columns=("nll", "tokens"),
        same_columns=("tokens",),
        function="pytest_modelqa.metrics.likelihood:perplexity",
        **_LIKELIHOOD,
    ),
    MetricDeclaration(
        name="bits_per_byte",
        summary="−log2 p of all texts over their bytes: the same for every tokenizer",
        unit="bits",
        lower=0.0,
        upper=math.inf,
        columns=("nll", "bytes"),
        function="pytest_modelqa.metrics.likelihood:bits_per_byte",
        **_LIKELIHOOD,
    ),
)
