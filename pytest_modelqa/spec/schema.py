"""What may be written in a spec: for each kind of entry a pydantic model with keys, types and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from .forms import (
    DEVICE_PATTERN,
    MEMORY_PATTERN,
    Attribute,
    Confidence,
    Count,
    Difference,
    Digest,
    Improvement,
    Limit,
    Mark,
    Name,
    Probability,
    Scalar,
    Text,
    Trend,
)


class Entry(BaseModel):
    """What all entries have in common: nothing is converted, and nothing unknown is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())


class Header(Entry):
    """The spec as a whole; the sections are read entry by entry."""

    # Required; the version is judged before anything else is, and with a message of its own.
    modelqa: Any = Field(default=1, description="The version of the spec language.")
    name: Name | None = Field(
        default=None,
        description="The spec's name; without it, the name of the file.",
        examples=["trajectories"],
    )
    description: str = Field(default="", description="What the experiment is, for those who read the report.")
    tags: list[Text] = Field(
        default=[], description="Words that pytest -k finds the spec by.", examples=[["vision", "release"]]
    )


class ModelTiny(Entry):
    """What preflight builds instead: a few seconds on a CPU."""

    build: Attribute | None = Field(default=None, description="Another builder.")
    args: dict[str, Any] | None = Field(
        default=None, description="Other arguments.", examples=[{"codes": 16}]
    )
    checkpoint: str | None = Field(default=None, description="Another checkpoint; null: random weights.")


class ConfigEntry(Entry):
    """The configuration that a model's own code reads, and the code that reads it."""

    file: Text | None = Field(default=None, description="A YAML, JSON or TOML file.")
    hydra_dir: Text | None = Field(default=None, description="In place of file: what hydra composes from.")
    name: Text | None = Field(default=None, description="With hydra_dir: the primary config.")
    overrides: list[Text] = Field(
        default=[], description="As hydra writes them.", examples=[["+train.epochs=9"]]
    )
    read_by: list[Text] = Field(default=[], description="The Python files that read it.")


class ModelEntry(Entry):
    """A model: how it is built and where its weights are."""

    build: Attribute | None = Field(
        default=None,
        description="module:attribute that makes the model; modules beside the spec come first. Needed, but with"
        " format: transformers.",
        examples=["model:VideoAutoencoder"],
    )
    args: dict[str, Any] = Field(
        default={}, description="Keyword arguments of the call.", examples=[{"codes": 256}]
    )
    checkpoint: Text | None = Field(
        default=None,
        description="A path from the spec's folder, or a pattern with {coordinates}; {step:06} fills up with zeros.",
        examples=["checkpoints/best.safetensors", "${env:CHECKPOINTS}/best.safetensors"],
    )
    coordinates: dict[str, list[Scalar]] = Field(
        default={},
        description="Makes the model a grid: the values of each name that stands in {} in the checkpoint.",
        examples=[{"step": [3000, 6000], "seed": [0, 1, 2]}],
    )
    format: Literal["safetensors", "torch", "transformers"] | None = Field(
        default=None,
        description="The checkpoint's format, where its content and name do not say it; transformers: a directory"
        " that holds configuration, weights and tokenizer.",
    )
    state_dict_key: Text | None = Field(
        default=None, description="Where in the checkpoint the weights are.", examples=["state_dict"]
    )
    sha256: Digest | None = Field(default=None, description="The digest that the checkpoint must have.")
    trust: Digest | None = Field(
        default=None, description="The sha256 of a checkpoint that is allowed to run its own code on loading."
    )
    allow_globals: list[Text] = Field(
        default=[],
        description="Exact names of globals that a pickled checkpoint may hold beside tensors.",
        examples=[["argparse.Namespace"]],
    )
    config: ConfigEntry | None = Field(
        default=None, description="The configuration that the model's own code reads, checked before any run."
    )
    reference_output: Text | None = Field(
        default=None, description="A recorded output that the model must reproduce."
    )
    tiny: ModelTiny | None = Field(default=None, description="What preflight builds instead.")
    gpus: Count = Field(default=1, description="How many GPUs the model needs.")
    gpu_memory: Annotated[str, StringConstraints(pattern=MEMORY_PATTERN)] | None = Field(
        default=None, description="The GPU memory that the model needs.", examples=["16 GB"]
    )


class DatasetTiny(Entry):
    """What preflight reads instead."""

    args: dict[str, Any] | None = Field(default=None, description="Other arguments.")
    path: Text | None = Field(default=None, description="Another file or folder.")
    limit: Count | None = Field(default=None, description="Only the first so many samples.")


class DatasetEntry(Entry):
    """A dataset: how its samples are read, and what they are for."""

    load: Attribute | None = Field(
        default=None, description="module:function that reads the samples.", examples=["data:trajectories"]
    )
    path: Text | None = Field(
        default=None,
        description="In place of load: a file or folder, read by its suffix.",
        examples=["data/test.npz"],
    )
    args: dict[str, Any] = Field(
        default={}, description="Keyword arguments of the call.", examples=[{"split": "test"}]
    )
    files: list[Text] = Field(
        default=[],
        description="Patterns of the files that load reads: their content belongs to the evaluation's key.",
        examples=[["data/*.npz"]],
    )
    sha256: Digest | None = Field(
        default=None, description="In place of files: a digest that names the data."
    )
    role: Literal["train", "validation", "test"] = Field(
        description="Which part of the data this is; only validation and test are evidence for a release."
    )
    split: Text | None = Field(
        default=None, description="The part of the data to read, where a format has parts."
    )
    limit: Count | None = Field(default=None, description="Only the first so many samples.")
    tiny: DatasetTiny | None = Field(default=None, description="What preflight reads instead.")


class BaselineEntry(Entry):
    """A baseline that was measured earlier."""

    recorded: Text = Field(
        description="The file that holds its numbers.", examples=["baselines/three_scale.json"]
    )


class ControlEntry(Entry):
    """A known-bad model, and the checks that must fail it: they show that the checks can fail."""

    evaluation: Name = Field(description="The evaluation that it is put into.", examples=["classification"])
    model: Name | None = Field(
        default=None,
        description="A name from models; without it, the evaluation's own model with random weights.",
        examples=["undertrained"],
    )
    fails: list[Name] = Field(
        default=[],
        description="Ids of the checks that must fail; without it, at least one of severity: error.",
        examples=[["accuracy-min"]],
    )


class StopEarly(Entry):
    """How often a decision on part of the samples may be wrong."""

    wrong_pass: Probability = Field(description="How often a model that should fail may pass.")
    wrong_fail: Probability = Field(description="How often a model that should pass may fail.")


class EvaluationOptions(Entry):
    """The keys of an evaluation that ``defaults`` may hold as well."""

    task: Name | None = Field(
        default=None, description="How the model is run on a batch.", examples=["classification"]
    )
    model: Name | None = Field(default=None, description="A name from models.", examples=["candidate"])
    dataset: Name | None = Field(default=None, description="A name from datasets.", examples=["test"])
    baseline: Name | None = Field(
        default=None, description="What comparing checks compare with, unless they say otherwise."
    )
    batch_size: Count | Literal["auto"] = Field(
        default="auto", description="Samples in a batch; auto: as many as fit.", examples=["auto", 64]
    )
    device: Annotated[str, StringConstraints(pattern=DEVICE_PATTERN)] = Field(
        default="auto", description="Where it runs; auto: the accelerator, or the CPU where there is none."
    )
    precision: Literal["float32", "float16", "bfloat16"] = Field(
        default="float32", description="The type that the model's parameters are cast to."
    )
    deterministic: bool = Field(default=True, description="Whether to use deterministic algorithms only.")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=0, description="Seeds every generator.")
    repeats: Count = Field(default=1, description="How often it is run, each time with another seed.")
    stop_early: Literal["certain"] | StopEarly | None = Field(
        default=None, description="Stops once all its checks are decided."
    )
    deadline: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="Seconds that it may take.", examples=[600]
    )
    marks: list[Mark] = Field(default=[], description="pytest marks of its checks.", examples=[["slow"]])


class EvaluationEntry(EvaluationOptions):
    """A model on a dataset, and what must hold of it. Its checks are read one by one."""

    args: dict[str, Any] = Field(default={}, description="The task's own arguments.")
    checks: list[Any] = Field(default=[], description="What must hold; each is one pytest item.")


class CheckOptions(Entry):
    """The keys of a check that ``defaults`` may hold as well."""

    metric: Name | None = Field(default=None, description="What is measured.", examples=["accuracy"])
    unit: Text | None = Field(
        default=None,
        description="The unit that the bound is written in: the metric's own, or percent for a fraction.",
    )
    baseline: Name | None = Field(
        default=None,
        description="What it compares with: a model, an evaluation, a recorded baseline or the task's own.",
    )
    paired: bool = Field(
        default=True, description="Whether both sides are the same samples; false: they are different ones."
    )
    slices: Text | dict[str, list[Scalar] | None] | None = Field(
        default=None,
        description="Must hold in every slice: a field of the data, or fields with the wanted values.",
        examples=["label", {"label": ["walk", "turn"]}],
    )
    at: dict[str, Scalar] = Field(
        default={},
        description="Picks from a grid; last is the largest declared value.",
        examples=[{"step": "last"}],
    )
    along: Name | None = Field(
        default=None, description="The coordinate that orders a trend.", examples=["step"]
    )
    over: Name | None = Field(
        default=None, description="The coordinate whose mean is taken, with the error between its values."
    )
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None, description="The drop that a trend may have."
    )
    confidence: Confidence | None = Field(
        default=None,
        description="Without it, a check speaks of this test set; with it, of data like this.",
        examples=[0.95],
    )
    on_inconclusive: Literal["fail", "warn"] = Field(
        default="fail", description="What a check does that cannot be decided."
    )
    cluster: Text | None = Field(
        default=None, description="A field of the data whose samples belong together."
    )
    min_samples: Count = Field(
        default=1, description="The value must have been measured on at least so many samples."
    )
    severity: Literal["error", "warn"] = Field(
        default="error", description="Whether not holding fails the gate."
    )
    marks: list[Mark] = Field(default=[], description="pytest marks.", examples=[["slow"]])


class CheckEntry(CheckOptions):
    """A metric and one bound."""

    args: dict[str, Any] = Field(default={}, description="The metric's own arguments.", examples=[{"k": 5}])
    id: Name | None = Field(
        default=None, description="The check's own name, where the derived one is not unique."
    )
    min: Limit = Field(default=None, description="The value is at least this, in the metric's unit.")
    max: Limit = Field(default=None, description="The value is at most this, in the metric's unit.")
    min_improvement: Improvement = Field(
        default=None, description="Better than the baseline by at least this, which is more than 0."
    )
    min_improvement_percent: Improvement = Field(
        default=None,
        description="Better than the baseline by at least so many percent of its absolute value.",
    )
    max_degradation: Difference = Field(
        default=None, description="Worse than the baseline by at most this; 0: never worse."
    )
    max_degradation_percent: Difference = Field(
        default=None, description="Worse than the baseline by at most so many percent of its absolute value."
    )
    max_difference: Difference = Field(
        default=None, description="Differs from the baseline by at most this, either way."
    )
    trend: Trend = Field(default=None, description="How the value develops along a coordinate.")

    BOUND_KEYS: ClassVar[tuple[str, ...]] = (
        "min",
        "max",
        "min_improvement",
        "min_improvement_percent",
        "max_degradation",
        "max_degradation_percent",
        "max_difference",
        "trend",
    )


class DefaultsEntry(EvaluationOptions, CheckOptions):
    """What evaluations and checks are, unless they say otherwise."""


# In the order in which a spec is written; the entry of a section, or None where it is no mapping of entries.
SECTIONS: Mapping[str, type[Entry] | None] = {
    "goals": None,
    "defaults": DefaultsEntry,
    "models": ModelEntry,
    "datasets": DatasetEntry,
    "baselines": BaselineEntry,
    "evaluations": EvaluationEntry,
    "controls": ControlEntry,
}
