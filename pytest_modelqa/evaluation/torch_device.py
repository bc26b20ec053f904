"""The torch device that an evaluation runs on, and torch's global state around it."""

from __future__ import annotations

import os
import random
import sys

import numpy as np
import torch

from ..errors import DeviceError
from ..records.manifest import Device


def prepare(wanted: str, *, seed: int, deterministic: bool) -> torch.device:
    """The device asked for, with seeds set; never another one.

    Raises:
        DeviceError: torch cannot use that device.
    """
    if wanted != "cpu" and not torch.cuda.is_available():
        raise DeviceError(
            "torch cannot use the GPU",
            expected=f"a run on {wanted}",
            found=f"torch {torch.__version__}, built for CUDA {torch.version.cuda or '(none: a CPU build)'}",
            todo="install a torch build that fits the driver, or write device: cpu",
        )
    device = torch.device(wanted)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    _demand_determinism(deterministic)
    # TF32 rounds float32 to 10 bits of mantissa; torch's default has it on for convolutions (measured, 2.13).
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    return device


def _demand_determinism(deterministic: bool) -> None:
    """What ``torch.use_deterministic_algorithms`` does, without loading torch's compiler for its one setting.

    That import took as long again as torch itself in every worker: 1.6 s of CPU, 823 modules (torch 2.13).
    """
    torch.set_deterministic_debug_mode("error" if deterministic else "default")
    # Read by the compiler when a model loads it later; where it is loaded already, it is told.
    os.environ["TORCHINDUCTOR_DETERMINISTIC"] = "1" if deterministic else "0"
    compiler = sys.modules.get("torch._inductor.config")
    if compiler is not None:
        setattr(compiler, "deterministic", deterministic)  # noqa: B010 - mypy knows no such attribute


def describe(device: torch.device) -> Device:
    """The device for the record.

    >>> describe(torch.device("cpu"))
    Device(type='cpu', name='cpu')
    """
    if device.type == "cuda":
        return Device("cuda", torch.cuda.get_device_name(device))
    return Device("cpu", "cpu")
