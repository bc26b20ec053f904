"""Which accelerators are at hand, found without torch: the pytest process never imports it."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from dataclasses import dataclass

from ..errors import DeviceError


@dataclass(frozen=True)
class Accelerator:
    """A GPU as this process may use it.

    Attributes:
        uuid: What ``CUDA_VISIBLE_DEVICES`` names it by; indices mean other devices under other masks.
        name: As the driver says it: ``NVIDIA H100 80GB HBM3``.
    """

    uuid: str
    name: str


# What CUDA_VISIBLE_DEVICES holds to leave no device.
_NO_DEVICES = ("", "-1", "NoDevFiles")
# Of nvidia-smi (its manual, "Return value"): no device was found; the driver is not loaded. Any other is a fault,
# such as a driver that does not fit its library, and no reason to run on the CPU without a word.
_NO_GPU = (6, 9)


@functools.cache
def accelerators() -> tuple[Accelerator, ...]:
    """The GPUs that this process may use, in the order of ``CUDA_VISIBLE_DEVICES``.

    Raises:
        DeviceError: ``CUDA_VISIBLE_DEVICES`` names a device that is not there. CUDA stops listing at the first
            invalid entry without a word, so ``0,-1,1`` would silently be one GPU.
    """
    mask = os.environ.get("CUDA_VISIBLE_DEVICES")
    # A driver that is broken matters only to those who would use it.
    return () if mask is not None and mask.strip() in _NO_DEVICES else masked(_installed(), mask)


def masked(installed: tuple[Accelerator, ...], mask: str | None) -> tuple[Accelerator, ...]:
    """The devices that a ``CUDA_VISIBLE_DEVICES`` of this value leaves.

    >>> gpus = (Accelerator("GPU-aa", "H100"), Accelerator("GPU-bb", "H100"))
    >>> [gpu.uuid for gpu in masked(gpus, "1,0")], masked(gpus, ""), len(masked(gpus, None))
    (['GPU-bb', 'GPU-aa'], (), 2)
    """
    if mask is None:
        return installed
    if mask.strip() in _NO_DEVICES:
        return ()
    return tuple(_named(entry.strip(), installed, mask) for entry in mask.split(","))


def _named(entry: str, installed: tuple[Accelerator, ...], mask: str) -> Accelerator:
    if entry.isdigit() and int(entry) < len(installed):
        return installed[int(entry)]
    if entry.startswith("MIG-") and installed:
        # A part of a GPU, which the query does not list. Where it is not there, torch finds no GPU: an error too.
        return Accelerator(entry, f"a part of {installed[0].name}")
    by_uuid = [gpu for gpu in installed if entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
    if len(by_uuid) == 1:
        return by_uuid[0]
    raise DeviceError(
        f"CUDA_VISIBLE_DEVICES names a device that is not there: {entry!r}",
        where=f"CUDA_VISIBLE_DEVICES={mask}",
        expected=f"indices below {len(installed)}, or the UUID of one of the {len(installed)} GPUs here",
        todo="correct or unset CUDA_VISIBLE_DEVICES (CUDA itself stops at the first invalid entry and says nothing)",
    )


def _installed() -> tuple[Accelerator, ...]:
    command = shutil.which("nvidia-smi")
    if command is None:
        return ()
    query = [command, "--query-gpu=uuid,name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeviceError(
            "the NVIDIA driver does not answer",
            where=" ".join(query),
            found=str(error),
            todo="run nvidia-smi by hand; set CUDA_VISIBLE_DEVICES= (empty) to run on the CPU",
        ) from error
    if answer.returncode in _NO_GPU:
        return ()
    if answer.returncode != 0:
        raise DeviceError(
            f"nvidia-smi ends with {answer.returncode}: whether there is a GPU is not known",
            where=" ".join(query),
            found=(answer.stdout + answer.stderr).strip()[:500] or None,
            todo="repair the driver; set CUDA_VISIBLE_DEVICES= (empty) to run on the CPU",
        )
    rows = (line.split(",", 1) for line in answer.stdout.splitlines() if "," in line)
    return tuple(Accelerator(uuid.strip(), name.strip()) for uuid, name in rows)


def device_for(wanted: str, *, gate: bool) -> str:
    """The device that an evaluation runs on: ``cpu``, ``cuda`` or ``cuda:N``.

    ``auto`` takes an accelerator where there is one. A device is never replaced by another without a word: with
    ``device: cuda``, or under ``--modelqa-gate``, no accelerator is an error and not a run on the CPU.

    Raises:
        DeviceError: The device wanted is not there.
    """
    if wanted == "cpu":
        return "cpu"
    present = accelerators()
    index = int(wanted.partition(":")[2] or 0)
    if index < len(present):
        return "cuda" if wanted == "auto" else wanted
    if wanted == "auto" and not gate:
        return "cpu"
    demanded = (
        "--modelqa-gate demands an accelerator" if wanted == "auto" else f"the spec says device: {wanted}"
    )
    mask = os.environ.get("CUDA_VISIBLE_DEVICES")
    raise DeviceError(
        "no accelerator is at hand" if not present else f"there is no {wanted}",
        expected=demanded,
        found=f"{len(present)} GPUs" + (f" (CUDA_VISIBLE_DEVICES={mask})" if mask is not None else ""),
        todo="run on a machine with a GPU, or write device: cpu where the evaluation needs none",
    )
