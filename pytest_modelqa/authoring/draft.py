"""What a drafted spec consists of, before its thresholds are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

BoundKind = Literal["min", "max", "min_improvement"]


@dataclass(frozen=True)
class DraftCheck:
    """A metric and the kind of its bound; the number is measured, unless ``bound`` says what it has to be."""

    metric: str
    kind: BoundKind
    args: Mapping[str, Any] = field(default_factory=dict)
    baseline: str | None = None
    slices: str | None = None
    bound: float | None = None


@dataclass(frozen=True)
class DraftEvaluation:
    """One evaluation. Its model or dataset is empty where its task needs none."""

    name: str
    task: str
    model: str
    dataset: str
    args: Mapping[str, Any]
    checks: tuple[DraftCheck, ...]


@dataclass(frozen=True)
class Draft:
    """A spec without numbers.

    Attributes:
        name: The spec's.
        origin: The experiment's folder, as the user called it.
        models: Name to entry; paths start from the experiment's folder.
        datasets: Name to entry.
        comments: Name of a model, dataset or evaluation to what stands behind it, or behind its arguments.
        files: What belongs to the spec, below the experiment's folder: code, checkpoints, data.
        notes: What a reader should know of how the draft came about.
    """

    name: str
    origin: str
    models: Mapping[str, Mapping[str, Any]]
    datasets: Mapping[str, Mapping[str, Any]]
    evaluations: tuple[DraftEvaluation, ...]
    comments: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """The number of a bound and where it came from.

    Attributes:
        bound: As it is written, in the metric's own unit.
        value: What was measured; with slices, in the worst of them.
        n: Samples behind the value.
        false_alarm: How often the same model would fail on other data like this; None: nothing is known of the noise.
    """

    bound: float
    value: float
    n: int
    false_alarm: float | None
