"""A spec as the rest of the program sees it: defaults filled in, names checked, bounds in the own unit.

``read_spec`` makes these; a variant (a tiny model, a control) is made of them by ``replace``. Every object knows
where it stands in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

BoundKind = Literal[
    "min",
    "max",
    "range",
    "min_improvement",
    "min_improvement_percent",
    "max_degradation",
    "max_degradation_percent",
    "max_difference",
    "trend",
]
Role = Literal["train", "validation", "test"]
Severity = Literal["error", "warn"]


@dataclass(frozen=True)
class Position:
    """A place in a spec file; both numbers count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Bound:
    """The one bound of a check, in the metric's own unit whatever unit the spec was written in.

    Attributes:
        kind: The key it was written with; ``range`` is ``min`` together with ``max``.
        minimum: For ``min`` and ``range``.
        maximum: For ``max`` and ``range``.
        amount: For the bounds against a baseline: ≥ 0; percent kinds hold percent of |baseline|.
        trend: For ``trend``.
    """

    kind: BoundKind
    minimum: float | None = None
    maximum: float | None = None
    amount: float | None = None
    trend: Literal["non_decreasing", "increasing", "best_is_last"] | None = None

    @property
    def compares(self) -> bool:
        """Whether the bound needs a baseline."""
        return self.amount is not None


@dataclass(frozen=True)
class Check:
    """A metric and one bound: one pytest item.

    Attributes:
        id: Unique within its evaluation: ``psnr-min-by-label``.
        metric: The metric's name.
        args: The metric's own arguments, validated and with their defaults.
        bound: See ``Bound``.
        unit: The unit that values are shown in; ``percent`` for a fraction written in percent.
        baseline: A model, an evaluation, a recorded baseline, or one that the task computes.
        paired: Whether candidate and baseline are compared sample by sample.
        slices: Slice name to the values wanted, or to None for every value found in the data.
        min_samples: The value must have been measured on at least so many samples (in each slice).
        sentence: The check in words with its resolved numbers.
        marks: Its evaluation's and its own.
        position: Where the check begins in the file.
    """

    id: str
    metric: str
    args: Mapping[str, Any]
    bound: Bound
    unit: str
    baseline: str | None
    paired: bool
    slices: Mapping[str, tuple[str, ...] | None]
    at: Mapping[str, Any]
    along: str | None
    over: str | None
    tolerance: float | None
    confidence: float | None
    on_inconclusive: Literal["fail", "warn"]
    cluster: str | None
    min_samples: int
    severity: Severity
    marks: tuple[str, ...]
    sentence: str
    position: Position


@dataclass(frozen=True)
class Evaluation:
    """Model × dataset × task, with its checks.

    Attributes:
        args: The task's own arguments, validated and with their defaults.
        batch_size: A number of samples, or ``auto``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: ``float32``, ``float16`` or ``bfloat16``.
        deadline: Seconds that the evaluation may take, or None.
        coordinates: Of the files that its task reads in place of a model's checkpoint; a model has its own.
    """

    name: str
    task: str
    model: str | None
    dataset: str | None
    args: Mapping[str, Any]
    batch_size: int | Literal["auto"]
    device: str
    precision: str
    deterministic: bool
    seed: int
    repeats: int
    stop_early: Any
    deadline: float | None
    marks: tuple[str, ...]
    checks: tuple[Check, ...]
    position: Position
    coordinates: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelConfig:
    """The configuration that a model's own code reads; paths are relative to the spec's folder.

    Attributes:
        file: A YAML, JSON or TOML file, or None.
        hydra_dir: In place of a file, the folder that hydra composes from; ``name`` is its primary config.
        overrides: As hydra writes them: ``key=value``, ``+key=value``, ``++key=value``, ``~key``.
        read_by: The Python files that read it.
    """

    file: str | None
    hydra_dir: str | None
    name: str | None
    overrides: tuple[str, ...]
    read_by: tuple[str, ...]


@dataclass(frozen=True)
class Model:
    """How a model is built and loaded.

    Attributes:
        build: ``module:attribute``; modules beside the spec come first. ``transformers`` for a directory of it.
        args: Keyword arguments of the call.
        checkpoint: A path (relative to the spec's folder) or a pattern with coordinates; None for a
            model that has no parameters.
        coordinates: Coordinate name to its declared values, in the order written.
        sha256: The digest that the checkpoint must have.
        trust: The sha256 of a checkpoint that is allowed to run its own code on loading.
        allow_globals: Exact names of the globals that a pickled state_dict may hold beside tensors.
        config: What preflight compares with the code that reads it; the worker does not open it.
        tiny: What preflight builds instead: any of ``build``, ``args``, ``checkpoint``.
    """

    name: str
    build: str
    args: Mapping[str, Any]
    checkpoint: str | None
    coordinates: Mapping[str, tuple[Any, ...]]
    format: str | None
    state_dict_key: str | None
    sha256: str | None
    trust: str | None
    allow_globals: tuple[str, ...]
    config: ModelConfig | None
    reference_output: str | None
    tiny: Mapping[str, Any] | None
    gpus: int
    gpu_memory: str | None
    position: Position


@dataclass(frozen=True)
class Dataset:
    """How data is read.

    Attributes:
        load: ``module:function``, or None when ``path`` is read by its format.
        path: A file or folder relative to the spec's folder, read by its suffix, or None.
        files: Patterns of the files that ``load`` reads: their content belongs to the evaluation's key.
        sha256: In place of ``files``: a digest that names the data.
        role: Which part of the data this is. Only ``validation`` and ``test`` are evidence for a release.
        limit: Only the first so many samples.
    """

    name: str
    load: str | None
    path: str | None
    args: Mapping[str, Any]
    files: tuple[str, ...]
    sha256: str | None
    role: Role
    split: str | None
    limit: int | None
    tiny: Mapping[str, Any] | None
    position: Position


@dataclass(frozen=True)
class RecordedBaseline:
    """A baseline measured earlier: ``baselines: {NAME: {recorded: PATH}}``."""

    name: str
    recorded: str
    position: Position


@dataclass(frozen=True)
class Goal:
    """What the experiment set out to show, and the evaluation that shows it (None: nobody said)."""

    name: str
    evaluation: str | None
    position: Position


@dataclass(frozen=True)
class Control:
    """A known-bad model in an evaluation, and the checks that must fail it.

    Attributes:
        model: None: the evaluation's own model, with random weights.
        fails: Ids of checks; empty: at least one of severity ``error``.
    """

    name: str
    evaluation: str
    model: str | None
    fails: tuple[str, ...]
    position: Position


@dataclass(frozen=True)
class Spec:
    """One ``*.modelspec.yaml``, resolved.

    Attributes:
        path: The file, absolute.
        sha256: Of the file's bytes.
        overrides: The ``--modelqa-set`` assignments that apply to this spec, as given.
        proposed: Bounds that ``modelqa new`` took from what the model itself reached, and that nobody agreed with.
        warnings: What is legal and probably not meant, each as one line with its place.
        rehearsal: Cut down by preflight: a model without a checkpoint runs with random weights. Nothing that is
            measured so is evidence.
    """

    path: Path
    sha256: str
    name: str
    description: str
    tags: tuple[str, ...]
    goals: Mapping[str, Goal]
    models: Mapping[str, Model]
    datasets: Mapping[str, Dataset]
    baselines: Mapping[str, RecordedBaseline]
    evaluations: Mapping[str, Evaluation]
    overrides: tuple[str, ...]
    proposed: int = 0
    warnings: tuple[str, ...] = ()
    rehearsal: bool = False
    controls: Mapping[str, Control] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return self.path.parent

    def limited(self, limit: int) -> Spec:
        """The spec with every dataset cut to its first samples."""
        cut = {
            name: replace(each, limit=min(limit, each.limit or limit)) for name, each in self.datasets.items()
        }
        return replace(self, datasets=cut)
