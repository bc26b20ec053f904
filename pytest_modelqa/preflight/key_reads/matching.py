"""The ``match`` statement."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .operators import truth
from .values import UNKNOWN

if TYPE_CHECKING:
    from .machine import Machine


def match(machine: Machine, node: ast.Match) -> None:
    """``match``: the one case that a known value takes, or each of them."""
    subject = machine.evaluate(node.subject)
    for case in node.cases:
        for name in (
            each for each in ast.walk(case.pattern) if isinstance(each, ast.MatchAs | ast.MatchStar)
        ):
            if name.name:
                machine.frame.names[name.name] = subject if name is case.pattern else UNKNOWN
    taken = _case(machine, node)
    ways = [(f"{ast.unparse(node.subject)} is {ast.unparse(case.pattern)}", case.body) for case in node.cases]
    if taken is not None:
        machine.run(node.cases[taken].body)
    else:
        machine.branch([*ways, ("", [ast.Pass()])])


def _case(machine: Machine, node: ast.Match) -> int | None:
    """The case that a known subject takes, where all patterns before it are constants."""
    for index, case in enumerate(node.cases):
        pattern = case.pattern
        if case.guard is not None:
            return None
        if isinstance(pattern, ast.MatchAs) and pattern.pattern is None:
            return index
        if not isinstance(pattern, ast.MatchValue):
            return None
        equal = ast.copy_location(ast.Compare(node.subject, [ast.Eq()], [pattern.value]), pattern)
        outcome = truth(machine, machine.evaluate(equal))
        if outcome is None:
            return None
        if outcome:
            return index
    return None
