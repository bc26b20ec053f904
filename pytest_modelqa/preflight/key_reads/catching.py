"""What the code around a read catches: whether it is ready for a key that is not there."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .log import Miss
from .values import Frame

if TYPE_CHECKING:
    from .machine import Machine

# A handler of these takes whatever goes wrong.
BROAD = frozenset({"Exception", "BaseException"})
_OF_ATTRIBUTES = {"AttributeError", "ConfigAttributeError", "OmegaConfBaseException"}
_OF_ITEMS = {"KeyError", "LookupError", "IndexError", "ConfigKeyError", "OmegaConfBaseException"}
_OF_VALUES = {
    "MissingMandatoryValue", "InterpolationResolutionError", "InterpolationKeyError",
    "InterpolationToMissingValueError", "OmegaConfBaseException", "ValueError",
}  # fmt: skip
CAUGHT = BROAD | _OF_ATTRIBUTES | _OF_ITEMS | (_OF_VALUES - {"ValueError"})
_EXITS = frozenset({"exit", "quit", "_exit", "abort"})


@dataclass(frozen=True, eq=False)
class Ready:
    """Errors that are caught.

    Attributes:
        frame: The function that the ``try`` stands in.
        names: Of the errors.
        excused: What is missing and may be, unless a handler passes the error on after all.
    """

    frame: Frame
    names: frozenset[str]
    excused: list[Miss] = field(default_factory=list)


def of_handlers(handlers: Sequence[ast.ExceptHandler]) -> frozenset[str]:
    """The errors after which a program goes on."""
    caught: set[str] = set()
    passed_on: set[str] = set()
    for handler in handlers:
        names = _named(handler.type)
        # The first handler that fits is the one that runs.
        if _ends(handler.body[-1]):
            passed_on |= names
        else:
            caught |= names - passed_on
    return frozenset(caught) if caught & CAUGHT else frozenset()


def catches_imports(handlers: Sequence[ast.ExceptHandler]) -> bool:
    """Whether a program goes on without a package that is not installed."""
    return any(
        _named(handler.type) & (BROAD | {"ImportError", "ModuleNotFoundError"}) for handler in handlers
    )


def of_suppress(context: ast.expr) -> frozenset[str]:
    """The errors that ``contextlib.suppress(…)`` takes."""
    if not (isinstance(context, ast.Call) and ast.unparse(context.func).endswith("suppress")):
        return frozenset()
    names = frozenset(name for arg in context.args for name in _named(arg))
    return names if names & CAUGHT else frozenset()


def _named(kind: ast.expr | None) -> set[str]:
    if kind is None:
        return {"BaseException"}
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return {ast.unparse(each).rpartition(".")[2] for each in kinds}


def _ends(last: ast.stmt) -> bool:
    """Whether a handler that ends so ends the program too, or passes the error on under another name."""
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return ast.unparse(last.value.func).rpartition(".")[2] in _EXITS
    if isinstance(last, ast.Assert):
        return isinstance(last.test, ast.Constant) and not last.test.value
    return isinstance(last, ast.Raise)


def catching(machine: Machine, node: ast.AST, why: str) -> Ready | None:
    """What around a read of a missing key is ready for it, if anything is."""
    for ready in reversed(machine.ready):
        if ready.names & (BROAD | _raised(machine, node, why, here=ready.frame is machine.frame)):
            return ready
    return None


def _raised(machine: Machine, node: ast.AST, why: str, *, here: bool) -> set[str]:
    if not here or machine.dicts_with_attributes:
        # Between the two, one error may become another.
        return set(CAUGHT)
    if "???" in why or "resolved" in why:
        return _OF_VALUES
    function = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    if isinstance(node, ast.Attribute) or function == "getattr":
        return _OF_ATTRIBUTES
    if isinstance(node, ast.Subscript):
        return _OF_ITEMS | ({"TypeError"} if why else set())
    return _OF_ATTRIBUTES | _OF_ITEMS | {"TypeError"}
