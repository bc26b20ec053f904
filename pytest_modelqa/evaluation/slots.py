"""Device slots: an OS lock for each device, shared by all processes of this user, so that no two runs share one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ..records.locks import holding


def device_slot(device: str, waiting: Callable[[float], None] | None = None) -> AbstractContextManager[None]:
    """Holds the slot of a device: ``cpu`` (all cores) or a GPU. The kernel frees it when the holder dies.

    Args:
        waiting: Called while another process holds it, with the seconds waited.

    Raises:
        StoreError: The folder for temporary files cannot be written.
    """
    folder = Path(tempfile.gettempdir()) / f"modelqa-slots-{os.getuid()}"
    return holding(folder / f"{device.replace(':', '-')}.lock", waiting)
