"""The engine ``inline``: evaluations run in the pytest process, so that a debugger can stop in a model's code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from .engine import Progress, WorkOrder
from .slots import device_slot

_T = TypeVar("_T")


class InlineEngine:
    """Runs each order where it is asked for; an exception of user code comes out as it is."""

    slots = 0

    def __init__(self) -> None:
        self._modules: dict[Path, dict[str, ModuleType]] = {}

    def run(self, order: WorkOrder, report: Callable[[Progress], None]) -> Path:
        """Runs one order in this process."""
        # Heavy: torch comes with it.
        from .execution import execute
        from .loaded_models import LoadedModels

        with device_slot(order.device, lambda: None), self._modules_of(order.job.folder):
            return execute(order, report, LoadedModels(), _InThisThread())

    def close(self) -> None:
        """Nothing to end."""

    @contextmanager
    def _modules_of(self, folder: Path) -> Iterator[None]:
        """Lets imports find this folder's modules, and hides them again: every folder has its own ``model.py``."""
        known = self._modules.setdefault(folder, {})
        shadowed = {name: sys.modules.pop(name) for name in known if name in sys.modules}
        sys.modules.update(known)
        sys.path.insert(0, str(folder))
        try:
            yield
        finally:
            sys.path.remove(str(folder))
            known.update({name: module for name, module in sys.modules.items() if _lies_in(module, folder)})
            for name in known:
                sys.modules.pop(name, None)
            sys.modules.update(shadowed)


class _InThisThread(Executor):
    """Runs at once what it is given: a debugger follows no other threads."""

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        future: Future[_T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).resolve().is_relative_to(folder.resolve())
