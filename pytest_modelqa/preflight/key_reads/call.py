"""A call of a library's function: what it is given."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .values import UNKNOWN, Value

if TYPE_CHECKING:
    from .log import Place
    from .machine import Machine


@dataclass(frozen=True)
class Call:
    """What a function of a library is given.

    Attributes:
        name: ``omegaconf.OmegaConf.load``.
        stars: The mappings given as ``**``.
    """

    machine: Machine
    name: str
    args: list[Value]
    kwargs: dict[str, Value]
    stars: list[Value]
    node: ast.Call

    @property
    def first(self) -> Value:
        """The first argument, by position or else by name."""
        return self.argument(0, next(iter(self.kwargs), ""))

    def argument(self, index: int, name: str) -> Value:
        """An argument by position or name."""
        return self.args[index] if index < len(self.args) else self.kwargs.get(name, UNKNOWN)

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.machine.place(self.node)
