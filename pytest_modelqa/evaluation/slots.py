"""Device slots: an OS lock for each device, shared by all processes of this user, so that no two runs share one."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from ..records.locks import try_lock
from ..tasks.registry import tasks
from .devices import accelerators
from .engine import WorkOrder

_SECONDS_BETWEEN_TRIES = 0.2


@contextmanager
def device_slot(device: str, waiting: Callable[[], None]) -> Iterator[str]:
    """Holds the slot of a device and gives its name: ``cpu`` (all cores) or a GPU's UUID.

    ``cuda`` takes the first GPU that is free. The kernel frees a slot when its holder dies.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        waiting: Called now and then while others hold it.

    Raises:
        StoreError: The folder for temporary files cannot be written.
    """
    name, lock = _first_free(_names(device), waiting)
    try:
        yield name
    finally:
        lock.release()


@contextmanager
def slot_of(order: WorkOrder, waiting: Callable[[], None]) -> Iterator[str]:
    """The slot of an order's device; one that only reads a file waits for nobody."""
    if tasks()[order.job.evaluation.task].reads_files:
        yield "cpu"
        return
    with device_slot(order.device, waiting) as slot:
        yield slot


def _names(device: str) -> Sequence[str]:
    if device == "cpu":
        return ["cpu"]
    present = [accelerator.uuid for accelerator in accelerators()]
    _, _, index = device.partition(":")
    return [present[int(index)]] if index else present


def _first_free(names: Sequence[str], waiting: Callable[[], None]) -> tuple[str, FileLock]:
    folder = Path(tempfile.gettempdir()) / f"modelqa-slots-{os.getuid()}"
    while True:
        for name in names:
            lock = try_lock(folder / f"{name}.lock", 0)
            if lock is not None:
                return name, lock
        waiting()
        time.sleep(_SECONDS_BETWEEN_TRIES)
