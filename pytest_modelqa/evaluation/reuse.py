"""Whether the store already holds records that may serve this run."""

from __future__ import annotations

from pathlib import Path

from ..records.manifest import Manifest
from ..records.store import Record, Store
from .devices import accelerators
from .fingerprint import changed


def reusable(
    store: Store, key: str, folder: Path, *, wanted: str, device: str, memory: Path, whole: bool
) -> Record | None:
    """The best record of this key whose code and packages are as they were, or None.

    Records of the device at hand come first, then those of another accelerator. Records of a CPU never serve a
    run that has a GPU, because there the question is what the GPU computes; and where the spec says
    ``device: cpu``, no others do.

    Args:
        wanted: The spec's ``device``.
        device: The device that the evaluation would run on here.
        whole: Leave out records of a part of the samples.
    """
    records = [
        record
        for record in store.find(key, lambda manifest: _serves(manifest, wanted, device, whole))
        if changed(record.manifest.code, record.manifest.distributions, folder, memory) is None
    ]
    return min(
        records, key=lambda record: (_distance(record, device), -record.manifest.samples), default=None
    )


def _serves(manifest: Manifest, wanted: str, device: str, whole: bool) -> bool:
    if whole and not manifest.complete:
        return False
    measured_on_cpu = manifest.device.type == "cpu"
    if wanted == "cpu":
        return measured_on_cpu
    return device == "cpu" or not measured_on_cpu


def _distance(record: Record, device: str) -> int:
    """0 for the device at hand; min() keeps the first of equals, which is the newest."""
    if device == "cpu":
        return 0 if record.manifest.device.type == "cpu" else 1
    index = int(device.partition(":")[2] or 0)
    return 0 if record.manifest.device.name == accelerators()[index].name else 1
