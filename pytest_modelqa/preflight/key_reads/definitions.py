"""Definitions of functions and classes, and what the program's own decorators make of them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .calls import GIVES_CONFIG, call_function
from .values import Bound, Class, Frame, Function, Value

if TYPE_CHECKING:
    from .machine import Machine

_HOOK = "__init_subclass__"
# What these make of a function is decided where it is looked up.
_BINDING = ("property", "staticmethod", "classmethod", "setter", "overload")


def define(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """``def``, with its decorators."""
    made = Function(node, machine.frame.source, machine.frame.scopes, condition=machine.condition)
    machine.functions.append(made)
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    keeps = any(GIVES_CONFIG.search(mark) or any(word in mark for word in _BINDING) for mark in marks)
    function = made
    for decorator in reversed(node.decorator_list):
        wrapper = _decorated(machine, function, decorator)
        if isinstance(wrapper, Function) and wrapper is not function and not keeps:
            machine.undecorated[wrapper] = made
            function = wrapper
    machine.frame.names[node.name] = function


def _decorated(machine: Machine, thing: Function | Class, decorator: ast.expr) -> Value | None:
    """What a decorator among the sources gives; one of a library is taken to leave the thing what it is."""
    value = machine.evaluate(decorator)
    if not isinstance(value, Function | Bound):
        return None
    call = ast.copy_location(ast.Call(decorator, [], []), decorator)
    return machine.call_value(value, [thing], {}, [], call)


def define_class(machine: Machine, node: ast.ClassDef) -> None:
    """``class``, with its decorators: one that registers it is followed."""
    names: dict[str, Value] = {}
    bases = [machine.evaluate(base) for base in node.bases]
    made = Class(node, machine.frame.source, bases, names)
    machine.frames.append(Frame(machine.frame.source, (names, *machine.frame.scopes)))
    known = len(machine.functions)
    try:
        machine.run(node.body)
    finally:
        machine.frames.pop()
    for function in machine.functions[known:]:
        if function.around[0] is names:
            function.owner = made
            # A name of the class is not seen inside its methods.
            function.around = function.around[1:]
    machine.frame.names[node.name] = made
    hook = next((found for base in bases if isinstance(base, Class) and (found := base.lookup(_HOOK))), None)
    if isinstance(hook, Function):
        words = {word.arg: machine.evaluate(word.value) for word in node.keywords if word.arg is not None}
        call_function(machine, hook, [made], words)
    for decorator in reversed(node.decorator_list):
        _decorated(machine, made, decorator)
