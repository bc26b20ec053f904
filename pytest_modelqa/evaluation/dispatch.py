"""Runs a work order the way its task asks for: with a model, or by reading what was written down."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from ..tasks.registry import tasks
from .engine import Report, WorkOrder

if TYPE_CHECKING:
    from .loaded_models import LoadedModels


def run_order(order: WorkOrder, report: Report, models: Callable[[], LoadedModels], pool: Executor) -> Path:
    """The folder of the record that the order asks for.

    Args:
        models: What earlier orders of this process loaded; only called for a task that runs a model, because torch
            comes with it.

    Raises:
        ModelQAError: See ``execution.execute`` and ``reading.read``.
    """
    if tasks()[order.job.evaluation.task].reads_files:
        from .reading import read

        return read(order, report)
    # Heavy: torch comes with it.
    from .execution import execute

    return execute(order, report, models(), pool)
