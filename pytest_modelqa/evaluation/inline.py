"""The engine ``inline``: evaluations run in the pytest process, so that a debugger can stop in a model's code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ModelQAError
from .engine import Report, WorkOrder
from .slots import slot_of
from .worker import explained

if TYPE_CHECKING:
    from .loaded_models import LoadedModels

_T = TypeVar("_T")


class InlineEngine:
    """Runs each order where it is asked for."""

    slots = 0

    def __init__(self, *, debugging: bool) -> None:
        """With ``debugging`` an exception of user code comes out as it is, so that pdb stops in it."""
        self._debugging = debugging
        self._modules: dict[Path, dict[str, ModuleType]] = {}

    def run(self, order: WorkOrder, report: Report) -> Path:
        """Runs one order in this process."""
        from .dispatch import run_order

        with slot_of(order, lambda: None), self._modules_of(order.job.folder):
            try:
                return run_order(order, report, _no_models, _InThisThread())
            except ModelQAError:
                raise
            except (Exception, SystemExit) as error:
                if self._debugging:
                    raise
                raise explained(error, order.job.folder) from error

    def close(self) -> None:
        """Nothing to end."""

    @contextmanager
    def _modules_of(self, folder: Path) -> Iterator[None]:
        """Lets imports find this folder's modules, and hides them again: every folder has its own ``model.py``."""
        known = self._modules.setdefault(folder, {})
        beside = {path.stem for path in folder.glob("*.py")}
        beside |= {path.parent.name for path in folder.glob("*/__init__.py")}
        shadowed = {
            name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in beside
        }
        sys.modules.update(known)
        sys.path.insert(0, str(folder))
        try:
            yield
        finally:
            sys.path.remove(str(folder))
            known.update({name: module for name, module in sys.modules.items() if _lies_in(module, folder)})
            for name in list(sys.modules):
                if name in known or name.partition(".")[0] in beside:
                    del sys.modules[name]
            sys.modules.update(shadowed)


def _no_models() -> LoadedModels:
    # Heavy: torch comes with it.
    from .loaded_models import LoadedModels

    return LoadedModels()


class _InThisThread(Executor):
    """Runs at once what it is given: a debugger follows no other threads."""

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        future: Future[_T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _lies_in(module: ModuleType, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    # An environment may lie beside the spec too: numpy cannot be loaded a second time.
    if not isinstance(file, str) or {"site-packages", "dist-packages"} & set(Path(file).parts):
        return False
    return Path(file).resolve().is_relative_to(folder.resolve())
