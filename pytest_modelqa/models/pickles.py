"""Reads what a pickle says without running any of it: every global it names becomes an inert stand-in.

A pickle is a program. Here its machine runs with all imports taken out: no global is ever looked up, so
nothing of the file's choosing is called. What it would have called is listed, for the caller's allow-list.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Hashable
from pathlib import Path
from typing import Any, BinaryIO, Self

from ..errors import CheckpointError


class StandIn:
    """An object of a class that was not imported: remembers its name and what it was called with.

    Attributes:
        name: ``module.attribute`` of what stands here.
        called_with: The positional arguments of the call that would have made it.
    """

    name = ""
    called_with: tuple[Any, ...] = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Takes whatever the pickle passes."""
        made = super().__new__(cls)
        made.called_with = args
        return made

    def __call__(self, *args: Any, **kwargs: Any) -> StandIn:
        """What a call of an unknown thing would give is as unknown."""
        return self

    def __setstate__(self, state: Any) -> None:
        """The state is of no interest."""

    def append(self, item: Any) -> None:
        """As lists are filled."""

    def extend(self, items: Any) -> None:
        """As lists are filled."""

    def add(self, item: Any) -> None:
        """As sets are filled."""

    def __setitem__(self, key: Hashable, value: Any) -> None:
        """As mappings are filled."""


class PickledMapping(dict[Any, Any]):
    """A dict that takes the attributes which torch gives the OrderedDict of a state_dict."""

    def __setstate__(self, state: Any) -> None:
        """The versions of the modules are read by torch itself, later."""


# What is made for real: it only holds things.
_HOLDERS: dict[str, type] = {"collections.OrderedDict": PickledMapping, "builtins.set": set}


class InertUnpickler(pickle._Unpickler):
    """The standard library's pickle machine with inert globals.

    It is the one written in Python: the C one lets a few bytes (LONG_BINPUT) claim gigabytes for its memo.

    Attributes:
        globals: Every ``module.name`` that the pickle asked for, in order, and what stands for it.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.globals: dict[str, type] = {}

    def find_class(self, module: str, name: str) -> Any:
        """A stand-in class; the module is not imported."""
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        full_name = f"{module}.{name}"
        if full_name not in self.globals:
            self.globals[full_name] = _HOLDERS.get(full_name) or type(
                "StandIn", (StandIn,), {"name": full_name}
            )
        return self.globals[full_name]

    def persistent_load(self, pid: Any) -> Any:
        """The identifier itself: torch writes a storage as ``('storage', class, key, location, count)``."""
        return pid

    def get_extension(self, code: int) -> Any:
        """Refused: the extension registry of this process is none of the file's business."""
        raise pickle.UnpicklingError("extension codes are not allowed")


def load_inert(file: BinaryIO, path: Path) -> tuple[Any, list[str]]:
    """The next pickle of an open file: what it holds, and every global that it names.

    Raises:
        CheckpointError: The bytes are no whole pickle.
    """
    machine = InertUnpickler(file)
    try:
        return machine.load(), list(machine.globals)
    except (
        pickle.UnpicklingError,
        struct.error,
        EOFError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        OverflowError,
        AssertionError,
        RecursionError,
        MemoryError,
    ) as error:
        asked = f"; it asks for {', '.join(machine.globals)}" if machine.globals else ""
        raise CheckpointError(
            f"the checkpoint is damaged or truncated: {path.name}",
            where=str(path),
            found=f"a pickle that ends in {type(error).__name__}: {error}{asked}",
            todo="copy or save it again; if it is still being written, wait",
        ) from error
