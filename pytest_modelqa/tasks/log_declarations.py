"""The tasks that read files, and what they take."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..spec.catalogue import TaskDeclaration

_Values = Annotated[tuple[str | int | float, ...], Field(strict=False, min_length=1)]
_BRACES = re.compile(r"(?<!\$)\{([^{}]*)\}")


class _FileArgs(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: str = Field(
        min_length=1,
        description="The file, or the folder, from the spec's folder; {NAME} stands for a coordinate.",
    )
    coordinates: dict[str, _Values] = Field(
        {},
        description="Makes it a grid of files, one for each of the values, for at, along and over of the checks.",
    )

    @model_validator(mode="after")
    def _each_coordinate_names_files(self) -> _FileArgs:
        inside = set(_BRACES.findall(self.path))
        if inside != set(self.coordinates):
            raise ValueError(
                f"path has {{…}} for {', '.join(sorted(inside)) or 'none'}, "
                f"and coordinates has {', '.join(sorted(self.coordinates)) or 'none'}: they must be the same"
            )
        for name, values in self.coordinates.items():
            if len({str(value) for value in values}) < len(values):
                raise ValueError(f"the coordinate {name} has a value twice")
        return self


class TrainingLogArgs(_FileArgs):
    """The arguments of training_log."""

    format: Literal["csv", "jsonl", "trainer_state", "tensorboard", "wandb"] = Field(
        description="What wrote the log: rows of numbers, transformers' Trainer, TensorBoard, or W&B."
    )
    step: str | None = Field(
        None, description="The name of the step; without it a known one, such as step or epoch, or the row."
    )


class RecordedArgs(_FileArgs):
    """The arguments of recorded."""

    format: Literal["lm_eval", "inspect", "nemo", "coco", "mlflow", "json", "csv", "jsonl", "parquet"] = (
        Field(description="What wrote the results.")
    )
    source: Literal["validation", "test", "training"] = Field(
        description="On which data they were measured; training is no evidence for a release."
    )
    select: str | None = Field(
        None,
        description="Which part of them: the task of lm_eval, the score of inspect; unset: the only one.",
    )
    id: str = Field(
        "id", description="Of csv, jsonl and parquet: the column that says which sample a row is."
    )


FILE_TASKS: tuple[TaskDeclaration, ...] = (
    TaskDeclaration(
        name="training_log",
        summary="the log of a training run: losses over steps, and no model",
        metrics=(),
        baselines=(),
        implementation="pytest_modelqa.tasks.training_log:TrainingLog",
        version=2,
        args=TrainingLogArgs,
        needs_model=False,
        needs_dataset=False,
        accelerator=False,
        reads_files=True,
    ),
    TaskDeclaration(
        name="recorded",
        summary="what another tool measured of a model",
        metrics=(),
        baselines=(),
        implementation="pytest_modelqa.tasks.recorded:RecordedResults",
        version=2,
        args=RecordedArgs,
        needs_model=False,
        needs_dataset=False,
        accelerator=False,
        reads_files=True,
        role_argument="source",
    ),
)
