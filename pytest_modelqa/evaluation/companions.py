"""Loads the other models and datasets that a task's arguments name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import torch

from ..datasets.loading import load_samples
from ..datasets.samples import Samples
from ..errors import EvaluationError
from ..models.files import checkpoint_files, checkpoint_path
from ..models.loading import load_model, load_untrained
from ..tasks.protocol import Setting
from .engine import WorkOrder
from .keys import checkpoint_of

# What measures is the same whatever precision the measured model runs in.
_PRECISION = "float32"


def setting_of(
    order: WorkOrder,
    model: torch.nn.Module,
    samples: Samples,
    device: torch.device,
    alive: Callable[[], None],
) -> Setting:
    """What a task that is fitted may use.

    Raises:
        EvaluationError: See ``models.loading.load_model`` and ``datasets.loading.load_samples``.
    """
    job = order.job
    if job.model is None:
        raise EvaluationError("the evaluation names no model", todo="write model: NAME")
    models = {}
    for name, companion in job.companions.models.items():
        alive()
        hashed = {job.folder / file.path: file.sha256 for file in order.inputs.get(checkpoint_of(name), ())}
        if job.rehearsal and companion.checkpoint is None:
            models[name] = load_untrained(companion, job.folder, str(device), _PRECISION)
        else:
            models[name] = load_model(companion, job.folder, str(device), _PRECISION, hashed=hashed)
    datasets = {}
    for name, dataset in job.companions.datasets.items():
        alive()
        datasets[name] = load_samples(dataset, job.folder)
    untrained = functools.partial(
        load_untrained, job.model, job.folder, str(device), job.evaluation.precision, job.evaluation.seed
    )
    return Setting(
        model=model,
        models=models,
        datasets=datasets,
        samples=samples,
        device=device,
        seed=job.evaluation.seed,
        untrained=untrained,
        alive=alive,
    )


def companion_checkpoints(order: WorkOrder) -> list[Path]:
    """The files of every other model's checkpoint."""
    models = order.job.companions.models.values()
    paths = [checkpoint_path(model, order.job.folder) for model in models]
    return [file for path in paths if path for file in checkpoint_files(path)]
