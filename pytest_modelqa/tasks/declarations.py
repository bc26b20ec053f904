"""What each built-in task is called, takes and offers; a new task is a module and one entry here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..spec.catalogue import NamesEntry, TaskDeclaration
from .log_declarations import FILE_TASKS
from .text_declarations import TEXT_TASKS


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_OUTPUT = "Which tensor to take when the model returns several: the key of a dict, or the index of a tuple."


_METHOD = "The model's method that is called in place of the model itself."
_DATA_RANGE = "Greatest minus least legal value of a target: 1 for 0..1, 2 for -1..1, 255 for bytes."


class ReconstructionArgs(_Args):
    """The arguments of reconstruction."""

    input: str = Field("image", description="The dataset's field that the model is given.")
    target: str | None = Field(None, description="The field that it should give back; without it, its input.")
    data_range: float = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        description=_DATA_RANGE,
    )
    method: str | None = Field(None, description=_METHOD)
    output: str | int | None = Field(None, description=_OUTPUT)
    lpips: Annotated[str | None, NamesEntry("model")] = Field(
        None,
        description="The model that gives perceptual distances, for lpips: called with two batches of images in "
        "-1..1, such as the lpips package's LPIPS.",
    )


class ClassificationArgs(_Args):
    """The arguments of classification."""

    input: str = Field("image", description="The dataset's field that the model is given.")
    target: str = Field("label", description="The dataset's field of labels: integers from 0 to classes - 1.")
    method: str | None = Field(None, description=_METHOD)
    output: str | int | None = Field(None, description=_OUTPUT)
    outputs: Literal["logits", "probabilities"] = Field(
        "logits", description="Whether the model returns logits, or probabilities that sum to 1."
    )
    # A tuple in memory, a list in YAML, which the strict mode would refuse.
    class_names: Annotated[tuple[str, ...], Field(strict=False)] | None = Field(
        None, description="The classes' names in the order of their numbers; their count is checked too."
    )


class DetectionArgs(_Args):
    """The arguments of detection."""

    input: str = Field("image", description="The dataset's field that the model is given.")
    boxes: Literal["xyxy", "xywh"] = Field(
        "xyxy",
        description="What the model's boxes are: two corners, or left, top, width and height; in pixels.",
    )
    class_names: Annotated[tuple[str, ...], Field(strict=False)] | None = Field(
        None, description="The classes' names, where labels count from 0; a COCO file has its own."
    )
    masks: bool = Field(False, description="Keep masks beside the boxes, for metrics of masks.")


class CodesArgs(_Args):
    """The arguments of codes."""

    input: str = Field("image", description="The dataset's field that the model is given.")
    method: str | None = Field(
        None, description="The model's method that gives codes: integers (n, …) from 0."
    )
    output: str | int | None = Field(None, description=_OUTPUT)
    features_method: str | None = Field(
        None,
        description="The model's method that gives a feature vector a sample, for silhouette and fisher_ratio.",
    )
    label: str = Field("label", description="The dataset's field of classes, for the same two.")


class LinearProbeArgs(_Args):
    """The arguments of linear_probe."""

    train: Annotated[str, NamesEntry("dataset", other=True)] = Field(
        description="What the probe is fitted on."
    )
    input: str = Field("image", description="The datasets' field that the model is given.")
    target: str = Field("label", description="The datasets' field of labels: integers from 0 to classes - 1.")
    method: str | None = Field(None, description="The model's method that gives features (n, …).")
    output: str | int | None = Field(None, description=_OUTPUT)
    penalty: float = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        description="Strength of the penalty on squared weights: 1 / C of scikit-learn.",
    )
    class_names: Annotated[tuple[str, ...], Field(strict=False)] | None = Field(
        None, description="The classes' names in the order of their numbers; their count is checked too."
    )


class ForecastArgs(_Args):
    """The arguments of forecast."""

    input: str = Field("clip", description="The dataset's field of clips (T, C, H, W), T = given + horizon.")
    given: int = Field(ge=1, description="How many frames the model is shown.")
    horizon: int = Field(ge=1, description="How many frames after them it gives.")
    data_range: float = Field(1.0, gt=0, allow_inf_nan=False, description=_DATA_RANGE)
    method: str | None = Field(None, description=_METHOD)
    output: str | int | None = Field(None, description=_OUTPUT)


class SamplingArgs(_Args):
    """The arguments of sampling."""

    judge: Annotated[str, NamesEntry("model")] = Field(
        description="The model that judges: a classifier of the same classes, trained on real data."
    )
    judge_data: Annotated[str | None, NamesEntry("dataset")] = Field(
        None,
        description="Real samples that the judge has not seen, to test it on; without it, the evaluation's dataset.",
    )
    judge_min_accuracy: float = Field(
        0.95, ge=0, le=1, description="A judge that names fewer of them right judges nothing: an error."
    )
    judge_method: str | None = Field(
        None,
        description="The judge's method that gives features (n, d); without it, its logits are the features.",
    )
    judge_output: str | int | None = Field(None, description="Which of the judge's outputs are its logits.")
    features: Annotated[str | None, NamesEntry("model")] = Field(
        None,
        description="Another model that gives the features (n, d), such as an Inception network for FID; without it, "
        "the judge does.",
    )
    train: Annotated[str | None, NamesEntry("dataset", other=True)] = Field(
        None, description="What the generator was trained on, for nearest_training_distance."
    )
    samples: int = Field(500, ge=2, description="How many are drawn, the classes in turn.")
    noise: Annotated[tuple[int, ...], Field(strict=False)] = Field(
        description="The shape of one sample's noise; it follows from the seed and the sample's id alone."
    )
    distribution: Literal["normal", "uniform"] = Field(
        "normal", description="The noise's: standard normal, or uniform from 0 to 1."
    )
    input: str = Field("image", description="The datasets' field of real samples, which the judge is given.")
    label: str = Field("label", description="The datasets' field of classes: integers from 0.")
    method: str | None = Field(None, description=_METHOD)
    output: str | int | None = Field(None, description=_OUTPUT)


TASKS: tuple[TaskDeclaration, ...] = (
    TaskDeclaration(
        name="reconstruction",
        summary="the model gives back an image, or a clip of images, that is compared with a target",
        metrics=(),
        baselines=("constant",),
        implementation="pytest_modelqa.tasks.perceptual:reconstruction",
        version=1,
        args=ReconstructionArgs,
        columns_of={"lpips_distance": "lpips"},
    ),
    TaskDeclaration(
        name="classification",
        summary="the model gives a logit or a probability per class",
        metrics=(),
        baselines=("constant",),
        implementation="pytest_modelqa.tasks.classification:Classification",
        version=1,
        args=ClassificationArgs,
    ),
    TaskDeclaration(
        name="detection",
        summary="the model gives boxes with scores and labels for each image",
        metrics=(),
        baselines=(),
        implementation="pytest_modelqa.tasks.detection:Detection",
        version=1,
        args=DetectionArgs,
    ),
    TaskDeclaration(
        name="codes",
        summary="the model gives codes of a codebook, and features that may tell classes apart",
        metrics=(),
        baselines=("random_encoder",),
        implementation="pytest_modelqa.tasks.codes:Codes",
        version=1,
        args=CodesArgs,
    ),
    TaskDeclaration(
        name="linear_probe",
        summary="a linear classifier is fitted on the model's features, and measured",
        metrics=(),
        baselines=("raw_pixels", "random_encoder"),
        implementation="pytest_modelqa.tasks.linear_probe:LinearProbe",
        version=1,
        args=LinearProbeArgs,
    ),
    TaskDeclaration(
        name="forecast",
        summary="the model is given the first frames of a clip and says how it goes on",
        metrics=(),
        baselines=("persistence",),
        implementation="pytest_modelqa.tasks.forecast:Forecast",
        version=1,
        args=ForecastArgs,
    ),
    TaskDeclaration(
        name="sampling",
        summary="the model draws samples of given classes, which a judge looks at beside real ones",
        metrics=(),
        baselines=("real",),
        implementation="pytest_modelqa.tasks.sampling:Sampling",
        version=1,
        args=SamplingArgs,
        columns_of={"nearest_training": "train"},
    ),
    *TEXT_TASKS,
    *FILE_TASKS,
)
