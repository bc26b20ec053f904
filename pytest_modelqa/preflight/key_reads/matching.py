"""The ``match`` statement."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .access import read_key
from .lookups import constant, contains, is_mapping, items_of
from .operators import truth
from .values import UNKNOWN, Value, either

if TYPE_CHECKING:
    from .machine import Machine


def match(machine: Machine, node: ast.Match) -> bool:
    """``match``: the one case that a known value takes, or each that it may; says whether what follows is reached."""
    subject = machine.evaluate(node.subject)
    possible: list[ast.match_case] = []
    certain = False
    for case in node.cases:
        names: dict[str, Value] = {}
        fits = _fits(machine, subject, case.pattern, names)
        if fits is False:
            continue
        for name, value in names.items():
            # Two cases may give the same name to different things.
            before = machine.frame.names.get(name) if possible else None
            machine.frame.names[name] = value if before is None else either([before, value])
        if case.guard is not None:
            passes = truth(machine, machine.evaluate(case.guard))
            if passes is False:
                continue
            fits = fits if passes else None
        possible.append(case)
        if fits:
            certain = True
            break
    if certain and len(possible) == 1:
        return machine.run(possible[0].body)
    ways = [(f"{ast.unparse(node.subject)} is {ast.unparse(case.pattern)}", case.body) for case in possible]
    return machine.branch(ways if certain else [*ways, ("", [ast.Pass()])])


def _fits(machine: Machine, subject: Value, pattern: ast.pattern, names: dict[str, Value]) -> bool | None:
    """Whether a value fits a pattern, None where nobody knows; ``names`` are those that the pattern gives."""
    if isinstance(pattern, ast.MatchAs):
        fits = True if pattern.pattern is None else _fits(machine, subject, pattern.pattern, names)
        if pattern.name:
            names[pattern.name] = subject
        return fits
    if isinstance(pattern, ast.MatchOr):
        answers = {_fits(machine, subject, each, names) for each in pattern.patterns}
        return True if True in answers else None if None in answers else False
    if isinstance(pattern, ast.MatchSingleton | ast.MatchValue):
        value = pattern.value if isinstance(pattern, ast.MatchValue) else ast.Constant(pattern.value)
        one, other = constant(machine, subject), constant(machine, machine.evaluate(value))
        if not isinstance(one, _PLAIN) or not isinstance(other, _PLAIN):
            return False if is_mapping(machine, subject) and isinstance(other, _PLAIN) else None
        return one is other if isinstance(pattern, ast.MatchSingleton) else one == other
    if isinstance(pattern, ast.MatchMapping):
        return _fits_mapping(machine, subject, pattern, names)
    if isinstance(pattern, ast.MatchSequence):
        items = None if is_mapping(machine, subject) else items_of(machine, subject)
        if items is not None and not any(isinstance(each, ast.MatchStar) for each in pattern.patterns):
            pairs = list(zip(items, pattern.patterns, strict=False))
            return len(items) == len(pattern.patterns) and _all(
                [_fits(machine, item, each, names) for item, each in pairs]
            )
    for each in ast.walk(pattern):
        if isinstance(each, ast.MatchAs | ast.MatchStar) and each.name:
            names[each.name] = UNKNOWN
    return None


def _fits_mapping(
    machine: Machine, subject: Value, pattern: ast.MatchMapping, names: dict[str, Value]
) -> bool | None:
    answers: list[bool | None] = [True if is_mapping(machine, subject) else None]
    for key_node, inner in zip(pattern.keys, pattern.patterns, strict=True):
        key = constant(machine, machine.evaluate(key_node))
        there = contains(machine, subject, key)
        if there is False:
            return False
        value = read_key(machine, subject, key, key_node, default=UNKNOWN)
        answers += [there, _fits(machine, value, inner, names)]
    if pattern.rest:
        names[pattern.rest] = UNKNOWN
    return _all(answers)


def _all(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


_PLAIN = (str, int, float, bool, type(None))
