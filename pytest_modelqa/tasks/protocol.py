"""What a task is: how a model is run on a batch, and what of its outputs is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import torch

    from ..datasets.samples import Samples


@dataclass(frozen=True)
class Inspection:
    """What a task may look at to draw its pictures.

    Attributes:
        ids: The sample ids, in order.
        columns: Every column of the records, by name; scores under the metric's column name.
        tables: The side tables of a task that keeps any (see ``KeepsTables``).
        rerun: Runs the model again on a few samples (by index): gives the batch and the outputs, on the CPU.
    """

    ids: Sequence[str]
    columns: Mapping[str, np.ndarray]
    rerun: Callable[[Sequence[int]], tuple[Mapping[str, Any], torch.Tensor]]
    tables: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """What a task that is fitted may use, before the first batch.

    Attributes:
        model: The model that is evaluated, on the device, in ``eval()``.
        models: Those that the task's arguments name (``NamesEntry("model")``), by name: on the same device, in
            ``eval()``, always in float32, since they measure and are not measured.
        datasets: Those that the arguments name, by name.
        samples: What will be inferred.
        device: Where everything runs.
        seed: The evaluation's.
        untrained: Builds the evaluated model with random values in place of its checkpoint's, the same each time.
        alive: To be called now and then by what takes long: a slow fit is no hang.
    """

    model: torch.nn.Module
    models: Mapping[str, torch.nn.Module]
    datasets: Mapping[str, Samples]
    samples: Samples
    device: torch.device
    seed: int
    untrained: Callable[[], torch.nn.Module]
    alive: Callable[[], None]


class Task(Protocol):
    """Runs in the worker. Constructed as ``Task(args)`` with its validated arguments."""

    def prepare(self, samples: Samples) -> None:
        """Looks at the dataset once, before any inference: the fields it needs, the number of classes.

        Raises:
            DatasetError: A field is missing, or its shape, range or labels cannot be evaluated.
        """
        ...

    def infer(self, model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.Tensor:
        """The model's outputs for a batch whose arrays are tensors on the model's device: shape (n, …).

        Called under ``inference_mode``, with the model in ``eval()``.

        Raises:
            OutputError: The outputs are not of the shape that the targets ask for.
        """
        ...

    def targets(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """What the outputs are compared with: shape (n, …)."""
        ...

    def baseline_outputs(self, name: str, batch: Mapping[str, Any]) -> torch.Tensor:
        """The outputs of a trivial baseline of this task (``constant``) on the same batch."""
        ...

    def predictions(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """The light columns kept in the records, each of shape (n,) or (n, few)."""
        ...

    def pictures(self, inspection: Inspection) -> Mapping[str, bytes]:
        """At most 12 small pictures by file name (``.png``, ``.jpg``, ``.svg``), ≤ 3 MB in all."""
        ...


@runtime_checkable
class KeepsTables(Protocol):
    """A task that keeps rows which are no samples, such as boxes, for metrics that name them as ``tables``."""

    def side_tables(
        self, outputs: torch.Tensor, targets: torch.Tensor
    ) -> Mapping[str, Mapping[str, np.ndarray]]:
        """The rows of one batch: table to columns of one length, also where there are no rows.

        The column ``sample`` is the index of the row's sample within the batch.
        """
        ...


@runtime_checkable
class IsFitted(Protocol):
    """A task that needs the model, or the models and datasets that its arguments name, before the first batch."""

    def fit(self, setting: Setting) -> None:
        """Called once, after ``prepare``: fits a probe on training data, asks how good a judge is.

        Raises:
            EvaluationError: What was named cannot be used: a judge that fails its own test, a dataset without labels.
        """
        ...


@runtime_checkable
class MakesSamples(Protocol):
    """A task that makes its own samples and takes the evaluation's dataset for what they are compared with."""

    def make_samples(self, dataset: Samples, seed: int) -> Samples:
        """The samples to infer: ids, labels and noise that follow from the seed and the sample's id alone.

        So every checkpoint and every baseline gets the same, whatever the batch size.

        Raises:
            DatasetError: The dataset cannot serve as reference.
        """
        ...


@runtime_checkable
class KeepsArrays(Protocol):
    """A task that keeps what is too wide for a column: features, codes; metrics read them by name as ``columns``."""

    def sample_arrays(self, outputs: torch.Tensor, targets: torch.Tensor) -> Mapping[str, np.ndarray]:
        """Of one batch, each of shape (n, …). Called for the outputs of trivial baselines too."""
        ...

    def set_arrays(self) -> Mapping[str, np.ndarray]:
        """Those whose rows are no samples, such as ``reference_features``; asked for once, after the last batch."""
        ...


@dataclass(frozen=True)
class Reading:
    """What a task found in files.

    Attributes:
        ids: One per sample, unique; empty where the files hold no samples.
        fields: What samples can be sliced by, each of shape (n,).
        content: What the functions of its metrics are given.
        notes: What a reader of a verdict should know of the files.
        tables: Rows that are no samples and that reports draw, by name and column; no metric reads them.
    """

    ids: tuple[str, ...]
    fields: Mapping[str, np.ndarray]
    content: Any
    notes: tuple[str, ...]
    tables: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)


class ReadsFiles(Protocol):
    """A task without a model: it reads what training or another tool wrote. Constructed as ``Task(args)``.

    Its metrics are functions ``f(content, **args)``: a per-sample one gives a score for each id, a set-level one a
    ``records.store.SetValue``.
    """

    def files(self, folder: Path, coordinates: Mapping[str, Any]) -> tuple[Path, ...]:
        """The files to read: their bytes belong to the evaluation's key.

        Args:
            folder: The spec's; relative paths start there.
            coordinates: Replace their names in braces in the path.

        Raises:
            DatasetError: A file is missing, or it is not clear which one is meant.
        """
        ...

    def read(self, files: Sequence[Path]) -> Reading:
        """What stands in the files.

        Raises:
            EvaluationError: A file is damaged, or is not of its format.
        """
        ...
