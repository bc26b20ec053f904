"""Functions handed to a library that calls them: what executors and pools give them is known."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .lookups import items_of
from .values import UNKNOWN, Bound, Function, Partial, Value

if TYPE_CHECKING:
    from .machine import Machine

# ``pool.submit(f, a, b)`` is f(a, b), some time later.
_WITH_THE_REST = frozenset({"submit", "to_thread", "call_soon", "start_soon", "delayed"})
_WITH_EACH = frozenset({"map", "imap", "imap_unordered", "starmap"})


def called_later(machine: Machine, given: list[Value], node: ast.Call) -> bool:
    """Follows a function that a method of a known name is handed with its arguments; says whether there is one."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if not given or not isinstance(given[0], Function | Bound | Partial):
        return False
    function, rest = given[0], given[1:]
    if name in _WITH_THE_REST:
        machine.call_value(function, rest, {}, [], node)
    elif name in _WITH_EACH and rest:
        for item in items_of(machine, rest[0]) or [UNKNOWN]:
            args = items_of(machine, item) if name == "starmap" else [item]
            machine.call_value(function, args or [UNKNOWN], {}, [], node)
    return name in _WITH_THE_REST | _WITH_EACH
