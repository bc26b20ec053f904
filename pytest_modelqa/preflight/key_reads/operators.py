"""Conditions and arithmetic, computed where both sides are known."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..composed import NOTHING, KeyPath
from .access import in_place_of
from .lookups import constant, contains, is_mapping
from .values import (
    UNKNOWN,
    Class,
    Either,
    Function,
    Instance,
    Items,
    Known,
    Layers,
    NoneOf,
    Record,
    Source,
    Value,
    either,
    merged,
)

if TYPE_CHECKING:
    from .machine import Machine

_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_COMPUTED: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip
_OF_SETS: Mapping[type[ast.operator], Callable[[bool], bool]] = {ast.BitAnd: bool, ast.Sub: operator.not_}
SIMPLE = (str, int, float, bool, type(None))
_LONGEST = 10_000


def truth(machine: Machine, value: Value) -> bool | None:
    """Whether a value counts as true; None where nobody knows."""
    known = constant(machine, value)
    if known is not NOTHING:
        return bool(known)
    if isinstance(value, Record | Layers):
        return True if isinstance(value, Record) and value.fields else None
    if isinstance(value, Function | Class | Source | Instance):
        return None if isinstance(value, Instance) else True
    if isinstance(value, Either):
        answers = {truth(machine, each) for each in value.options}
        return answers.pop() if len(answers) == 1 else None
    return None


def boolean(machine: Machine, node: ast.BoolOp) -> Value:
    """``a and b``, ``a or b``: what stands after a known outcome is not reached."""
    decisive = isinstance(node.op, ast.Or)
    options: list[Value] = []
    condition = ""
    absent: KeyPath | None = None
    for index, operand in enumerate(node.values):
        with machine.under(condition):
            value = machine.evaluate(operand)
        if absent is not None:
            value = in_place_of(absent, value)
        absent = value.path if decisive and isinstance(value, NoneOf) else None
        outcome = truth(machine, value)
        last = index == len(node.values) - 1
        if outcome is None or outcome is decisive or last:
            options.append(value)
        if outcome is False and not decisive:
            # Whatever stands before it, the whole is false.
            return value
        if outcome is decisive:
            break
        if outcome is None:
            text = ast.unparse(operand)
            condition = f"not ({text})" if decisive else text
    return either(options)


def negation(machine: Machine, node: ast.UnaryOp) -> Value:
    """``not a``, ``-a``."""
    value = machine.evaluate(node.operand)
    if isinstance(node.op, ast.Not):
        outcome = truth(machine, value)
        return UNKNOWN if outcome is None else Known(not outcome)
    known = constant(machine, value)
    if isinstance(node.op, ast.USub) and isinstance(known, (int, float)):
        return Known(-known)
    return UNKNOWN


def compare(machine: Machine, node: ast.Compare) -> Value:
    """``a == b``, ``a in b``, ``a is b``."""
    left = machine.evaluate(node.left)
    outcome: bool | None = True
    for operation, right_node in zip(node.ops, node.comparators, strict=True):
        right = machine.evaluate(right_node)
        one = _compared(machine, left, operation, right)
        outcome = False if one is False or outcome is False else (None if None in (one, outcome) else True)
        left = right
    return UNKNOWN if outcome is None else Known(outcome)


def _compared(machine: Machine, left: Value, operation: ast.cmpop, right: Value) -> bool | None:
    one, other = constant(machine, left), constant(machine, right)
    if isinstance(operation, ast.In | ast.NotIn):
        answer = contains(machine, right, one) if one is not NOTHING else None
        return answer if answer is None or isinstance(operation, ast.In) else not answer
    if isinstance(operation, ast.Is | ast.IsNot):
        if other is None and isinstance(left, Record | Layers | Items | Instance | Function | Class | Source):
            return isinstance(operation, ast.IsNot)
        if NOTHING in (one, other):
            return None
        return (one is other) == isinstance(operation, ast.Is)
    if one is NOTHING or other is NOTHING:
        return None
    try:
        return bool(_COMPARED[type(operation)](one, other))
    except TypeError:
        return None


def arithmetic(machine: Machine, node: ast.BinOp) -> Value:
    """``a + b``; mappings are merged by ``|``."""
    left, right = machine.evaluate(node.left), machine.evaluate(node.right)
    if isinstance(node.op, ast.BitOr) and (is_mapping(machine, left) or is_mapping(machine, right)):
        return merged([left, right])
    one, other = constant(machine, left), constant(machine, right)
    if isinstance(left, Items) and isinstance(right, Items) and isinstance(node.op, ast.Add):
        return Items([*left.items, *right.items])
    if isinstance(one, list) and isinstance(other, list) and type(node.op) in _OF_SETS:
        kept = [value for value in one if _OF_SETS[type(node.op)](value in other)]
        return Items([Known(value) for value in kept])
    compute = _COMPUTED.get(type(node.op))
    if compute is None or not (isinstance(one, SIMPLE) and isinstance(other, SIMPLE)):
        # pathlib: the name of the file is what counts.
        return Known(other) if isinstance(node.op, ast.Div) and isinstance(other, str) else UNKNOWN
    if isinstance(node.op, ast.Mult) and str in (type(one), type(other)):
        return UNKNOWN
    try:
        result = compute(one, other)
        # Python refuses to write out an integer of thousands of digits.
        return Known(result) if len(str(result)) <= _LONGEST else UNKNOWN
    except (TypeError, ValueError, ArithmeticError):
        return UNKNOWN


def conditional(machine: Machine, node: ast.IfExp) -> Value:
    """``a if b else c``."""
    outcome = truth(machine, machine.evaluate(node.test))
    if outcome is not None:
        return machine.evaluate(node.body if outcome else node.orelse)
    text = ast.unparse(node.test)
    with machine.under(text):
        first = machine.evaluate(node.body)
    with machine.under(f"not ({text})"):
        second = machine.evaluate(node.orelse)
    return either([first, second])


def text(machine: Machine, node: ast.JoinedStr) -> Value:
    """An f-string."""
    pieces: list[str] = []
    known = True
    for piece in node.values:
        if isinstance(piece, ast.FormattedValue):
            value = constant(machine, machine.evaluate(piece.value))
            said = _written(value) if piece.format_spec is None and piece.conversion == -1 else None
            known = known and said is not None
            pieces.append(said or "")
        elif isinstance(piece, ast.Constant):
            pieces.append(str(piece.value))
    return Known("".join(pieces)) if known else UNKNOWN


def _written(value: Any) -> str | None:
    """A plain value as text; None where it is none, or an integer of more digits than Python writes out."""
    try:
        return str(value) if isinstance(value, SIMPLE) else None
    except ValueError:
        return None
