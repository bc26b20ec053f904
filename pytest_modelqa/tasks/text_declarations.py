"""What each task of texts is called, takes and offers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..checkers.declarations import CheckerArgs
from ..spec.catalogue import NamesEntry, TaskDeclaration


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TextGenerationArgs(_Args):
    """The arguments of text_generation."""

    prompt: str = Field(
        "prompt",
        description="The dataset's field that the model continues: text, or a list of chat messages.",
    )
    reference: str | None = Field(
        None, description="The field of the right text, or a list of such, for exact_match, bleu and chrf."
    )
    generations: int = Field(1, ge=1, le=65535, description="How many texts are generated for each prompt.")
    max_new_tokens: int = Field(64, ge=1, description="A text is at most so many tokens long.")
    min_new_tokens: int = Field(0, ge=0, description="No text ends before so many tokens.")
    temperature: float = Field(
        1.0, ge=0, allow_inf_nan=False, description="Divides the logits; 0: always the most probable token."
    )
    top_p: float = Field(
        1.0, gt=0, le=1, description="Only the most probable tokens that make up this share are drawn."
    )
    top_k: int | None = Field(None, ge=1, description="Only so many of the most probable tokens are drawn.")
    stop: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        (), description="A text is cut before the first of these texts."
    )
    chat_template: bool | Literal["auto"] = Field(
        "auto", description="Whether prompts go through the tokenizer's chat template; auto: if it has one."
    )
    embedding_model: Annotated[str | None, NamesEntry("model")] = Field(
        None, description="The model that gives the generations' embeddings, for semantic_diversity."
    )
    checker: CheckerArgs | None = Field(
        None, description="What decides which generations pass, for pass_at_k."
    )

    @model_validator(mode="after")
    def _can_differ(self) -> TextGenerationArgs:
        if self.temperature == 0 and self.generations > 1:
            raise ValueError(
                "with temperature: 0 all generations of a prompt are the same: write generations: 1"
            )
        if self.min_new_tokens > self.max_new_tokens:
            raise ValueError("min_new_tokens exceeds max_new_tokens")
        if "" in self.stop:
            raise ValueError("stop holds an empty text, which every text begins with")
        return self


class LanguageModelingArgs(_Args):
    """The arguments of language_modeling."""

    text: str = Field("text", description="The dataset's field of the texts that are predicted.")
    context: int | None = Field(
        None, ge=2, description="Tokens that the model sees at once; without it, as many as it can take."
    )
    stride: int | None = Field(
        None,
        ge=1,
        description="New tokens of each further window of a long text; without it, half of the context.",
    )

    @model_validator(mode="after")
    def _windows_meet(self) -> LanguageModelingArgs:
        if self.context is not None and self.stride is not None and self.stride >= self.context:
            raise ValueError("stride must be less than context, so that each token has something before it")
        return self


TEXT_TASKS: tuple[TaskDeclaration, ...] = (
    TaskDeclaration(
        name="text_generation",
        summary="the model continues each prompt, several times if need be",
        metrics=(),
        baselines=(),
        implementation="pytest_modelqa.tasks.text_generation:TextGeneration",
        version=3,
        args=TextGenerationArgs,
        columns_of={"features": "embedding_model", "passes": "checker", "reference": "reference"},
    ),
    TaskDeclaration(
        name="language_modeling",
        summary="how probable the model takes each token of real texts to be",
        metrics=(),
        baselines=(),
        implementation="pytest_modelqa.tasks.language_modeling:LanguageModeling",
        version=1,
        args=LanguageModelingArgs,
    ),
)
