"""What the language must know of metrics and tasks: names, units, ranges, directions, arguments.

The spec package knows nothing of the rest, so the registries of metrics and tasks hand it these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class NoArgs(BaseModel):
    """The schema of something that takes no arguments."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True)
class NamesEntry:
    """Marks an argument as the name of an entry of the spec, so that it is checked when the spec is read.

    ``train: Annotated[str, NamesEntry("dataset")]``; a tuple of names, or ``str | None``, may be marked as well.
    The models and datasets that a task's arguments name are loaded beside its own (see ``tasks.protocol.Setting``).

    Attributes:
        other: It must be another than the evaluation's own: training data are never what is measured.
    """

    kind: Literal["model", "dataset", "evaluation"]
    other: bool = False


@dataclass(frozen=True)
class NamedEntry:
    """An entry of the spec that an argument names.

    Attributes:
        argument: The argument's name.
        place: Its place among the argument's names; 0 where there is one.
        other: See ``NamesEntry``.
    """

    argument: str
    place: int
    name: str
    kind: Literal["model", "dataset", "evaluation"]
    other: bool = False


def named_entries(schema: type[BaseModel], args: Mapping[str, Any]) -> Iterator[NamedEntry]:
    """Every entry that arguments name, where their schema marks them with ``NamesEntry``."""
    for argument, of in schema.model_fields.items():
        for marker in of.metadata:
            if isinstance(marker, NamesEntry):
                value = args.get(argument)
                for place, name in enumerate([value] if isinstance(value, str) else value or []):
                    yield NamedEntry(argument, place, name, marker.kind, marker.other)


@dataclass(frozen=True)
class MetricDeclaration:
    """A metric, without its code.

    Attributes:
        name: The field's word for it, as written in specs.
        summary: One line, without a full stop.
        unit: The unit of its values: ``dB``, ``fraction`` (0..1, may be written ``percent``), ``nats``,
            ``ms``, …; empty for a pure number.
        lower: The least legal value; may be ``-inf``.
        upper: The greatest legal value; may be ``inf``.
        higher_is_better: The direction. None for a metric without one (then only min, max, max_difference).
        version: Raised whenever the same inputs would give another value; part of every key.
        level: ``sample``: the value is the mean of a score column. ``set``: a function of the whole set.
        needs: ``outputs``: computed in the worker, on the device, batch by batch. ``predictions``: computed
            from the light columns of the records, at any time. ``model``: of the model itself (its size). ``run``:
            of this run on this machine (its time), measured anew in every run. Every task that runs a model offers
            the last two.
        scores: The family, which decides the interval: ``binary``, ``bounded``, ``unbounded`` or ``set``.
        function: ``module:attribute`` of the code, imported only where it runs.
        args: The schema of its own arguments.
        task_args: Names of the task's arguments that are handed to the function too (``data_range``).
        columns: For ``predictions`` metrics, the columns of the records that the function reads.
        tables: For set-level ``predictions`` metrics of side tables, the tables that the function reads (see
            ``metrics.side_tables``); ``slices: category`` is then by the classes of the rows.
        class_slices: A slice by the target's class is one class against the rest over the whole set
            (precision of class 3), not the metric on the samples of that class.
        class_share: Of one class, the value is a share of samples: of those whose ``label``, whose ``prediction`` or
            of which ``either`` is the class, those that are predicted right (of ``either`` the share s is Jaccard's
            index, and the value 2s / (1 + s), Dice's). So its interval is exact. None for what is no such share.
        bias: What is known of its value on few samples, for the reader of a check that has ``confidence`` in
            the value itself; empty where there is nothing to say.
        aspect: What it speaks of, for warnings: a gain in ``diversity`` says little without a check of ``quality``
            beside it. None for what is neither.
        tasks: Tasks that can compute it, beside those whose own declaration names it.
        size_dependent: A set-level value that changes with the number of samples alone, as the number of distinct
            words does: its uncertainty is freed of the groups' different sizes.
        same_columns: Columns that both sides of a paired comparison must have alike: a value per token compares two
            models only if they cut the texts into the same tokens.
        upper_argument: The argument of its own that lowers its upper limit (``cap``), or an empty text.
        described_by: For a number that this package does not know (another tool's, a series of a log): from its
            arguments the fields of this declaration that they state (``unit``, ``higher_is_better``, …), or None.
        named_by: Those of its arguments that stand in ids and sentences; None: all that are not their defaults.
    """

    name: str
    summary: str
    unit: str
    lower: float
    upper: float
    higher_is_better: bool | None
    version: int
    level: Literal["sample", "set"]
    needs: Literal["outputs", "predictions", "model", "run"]
    scores: Literal["binary", "bounded", "unbounded", "set"]
    function: str
    args: type[BaseModel] = NoArgs
    task_args: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    class_slices: bool = False
    class_share: Literal["label", "prediction", "either"] | None = None
    bias: str = ""
    aspect: Literal["quality", "diversity"] | None = None
    tasks: tuple[str, ...] = ()
    size_dependent: bool = False
    same_columns: tuple[str, ...] = ()
    upper_argument: str = ""
    described_by: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    named_by: tuple[str, ...] | None = None

    def limited(self, args: Mapping[str, Any]) -> MetricDeclaration:
        """The metric with the upper limit that its arguments give it, and whatever else they say of it."""
        stated = dict(self.described_by(args)) if self.described_by is not None else {}
        if self.upper_argument:
            stated["upper"] = float(args[self.upper_argument])
        return replace(self, **stated) if stated else self


@dataclass(frozen=True)
class TaskDeclaration:
    """A task, without its code.

    Attributes:
        name: As written under ``task:``.
        summary: One line, without a full stop.
        metrics: Names of the metrics that it can compute; the registry adds those that name this task.
        baselines: Names of the trivial baselines that it computes itself on the same samples (``constant``).
        implementation: ``module:attribute`` of the code, imported only where it runs.
        version: Raised whenever the same inputs would give other outputs; part of every key.
        args: The schema of its own arguments.
        columns_of: Columns that it keeps only where an argument is given: column to argument.
        needs_model: Whether the evaluation must name a model.
        needs_dataset: Whether the evaluation must name a dataset.
        accelerator: Whether it runs on an accelerator when there is one; otherwise its checks bear ``cpu``.
        reads_files: It runs no model, and reads what was written down: its code is ``tasks.protocol.ReadsFiles``,
            and ``path`` among its arguments names the file, with ``coordinates`` in braces if there are several.
        role_argument: For a task that reads what another tool measured of a model: the argument that says on which
            data (``source``: ``validation``, ``test`` or ``training``); empty where no model was measured.
    """

    name: str
    summary: str
    metrics: tuple[str, ...]
    baselines: tuple[str, ...]
    implementation: str
    version: int
    args: type[BaseModel] = NoArgs
    columns_of: Mapping[str, str] = field(default_factory=dict)
    needs_model: bool = True
    needs_dataset: bool = True
    accelerator: bool = True
    reads_files: bool = False
    role_argument: str = ""


@dataclass(frozen=True)
class Catalogue:
    """Every metric and task that is registered, by name."""

    metrics: Mapping[str, MetricDeclaration] = field(default_factory=dict)
    tasks: Mapping[str, TaskDeclaration] = field(default_factory=dict)
