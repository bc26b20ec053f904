"""The models that a worker holds: the modules of a grid are built once, and only their weights are swapped."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import torch

from ..errors import EvaluationError
from ..models.coco_results import recorded_answers
from ..models.files import COCO_RESULTS, TRANSFORMERS, checkpoint_path, recognise
from ..models.loading import load_model, load_untrained, swap_weights
from ..spec.resolved import Model
from .engine import WorkOrder


class LoadedModels:
    """Holds the module of the last grid. Any other model is loaded anew: its code may have changed its state."""

    def __init__(self) -> None:
        self._grid: tuple[Model, str, str, Path] | None = None
        self._module: torch.nn.Module | None = None

    def get(self, order: WorkOrder, device: torch.device) -> torch.nn.Module:
        """The order's model with its weights, on the device, in ``eval()``.

        Raises:
            EvaluationError: See ``models.loading.load_model``.
        """
        job = order.job
        if job.model is None:
            raise EvaluationError("the evaluation names no model", todo="write model: NAME")
        identity = (job.model, str(device), job.evaluation.precision, job.folder)
        hashed = _hashed(order)
        path = checkpoint_path(job.model, job.folder, job.coordinates)
        found = recognise(path, job.model.format) if path is not None else None
        if path is not None and found == COCO_RESULTS:
            return recorded_answers(job.model, path, hashed).eval().to(device)
        if path is not None and found == TRANSFORMERS and job.rehearsal:
            # Here, because it takes 2 s to import.
            from ..models.tiny_directory import tiny_of_directory

            return (
                tiny_of_directory(path, job.model.name, zlib.crc32(job.model.name.encode())).eval().to(device)
            )
        if found == TRANSFORMERS:
            # Each directory of a grid has a configuration and a tokenizer of its own.
            return load_model(
                job.model, job.folder, str(device), job.evaluation.precision, job.coordinates, hashed=hashed
            )
        if job.rehearsal and path is None:
            seed = zlib.crc32(job.model.name.encode())
            return load_untrained(job.model, job.folder, str(device), job.evaluation.precision, seed)
        known, self._module = self._module if identity == self._grid else None, None
        if known is not None:
            swap_weights(known, job.model, job.folder, job.coordinates, hashed=hashed)
            module = known
        else:
            module = load_model(
                job.model, job.folder, str(device), job.evaluation.precision, job.coordinates, hashed=hashed
            )
        if job.model.coordinates:
            self._grid, self._module = identity, module
        return module


def _hashed(order: WorkOrder) -> Mapping[Path, str]:
    """What is loaded must still be what the key was made of."""
    return {order.job.folder / file.path: file.sha256 for file in order.inputs.get("checkpoint", ())}
