"""Follows a program without running it: each statement once, with the config's values where they are known."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..composed import Composed, KeyPath
from .access import items_of
from .assignments import assign, bind_import, bind_import_from, forget
from .calls import call_value
from .expressions import attribute, evaluate, subscript
from .log import Log, Place
from .matching import match
from .operators import truth
from .sources import Sources
from .values import UNKNOWN, Class, Frame, Function, Instance, Known, Part, Source, Value, either

# A program of this many steps is not followed to its end; which is said.
MOST_STEPS = 200_000

# What reading a missing key raises; code that catches one of these is ready for it.
_CAUGHT = {
    "Exception", "BaseException", "LookupError", "KeyError", "AttributeError", "IndexError",
    "ConfigAttributeError", "ConfigKeyError", "OmegaConfBaseException", "MissingMandatoryValue",
    "InterpolationResolutionError", "InterpolationKeyError",
}  # fmt: skip


class TooLongError(Exception):
    """The program has too many steps; never leaves this package."""


@dataclass
class Machine:
    """The state of following a program.

    Attributes:
        config: The config that it reads.
        file_name: The config's file, to tell it from others that the program opens.
        written: Keys that the program adds to the config.
        called: The functions that were followed.
        functions: All functions that it makes.
        instances: The objects of classes of the sources that it makes.
        stored: What it puts into hydra's ConfigStore.
    """

    config: Composed
    file_name: str
    folder: Path
    sources: Sources
    log: Log = field(default_factory=Log)
    written: dict[KeyPath, Value] = field(default_factory=dict)
    called: set[Function] = field(default_factory=set)
    functions: list[Function] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    results: dict[object, Value] = field(default_factory=dict)
    stored: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    tolerant: int = 0
    conditions: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    @property
    def condition(self) -> str:
        """The innermost condition that nobody knows the outcome of."""
        return self.conditions[-1] if self.conditions else ""

    @property
    def frame(self) -> Frame:
        """What is being followed."""
        return self.frames[-1]

    def root(self) -> Value:
        """The whole config."""
        return Part(())

    def place(self, node: ast.AST) -> Place:
        """Where a node stands."""
        source, line = self.frame.source, getattr(node, "lineno", 0)
        name = source.path
        if name.is_relative_to(self.folder):
            name = name.relative_to(self.folder)
        text = source.lines[line - 1].strip() if 0 < line <= len(source.lines) else ""
        return Place(name.as_posix(), line, text)

    def lookup(self, name: str) -> Value | None:
        """What a name stands for."""
        for scope in self.frame.scopes:
            if name in scope:
                return scope[name]
        return None

    def run_module(self, source: Source) -> None:
        """Follows the top of a module, once."""
        if source.ran:
            return
        source.ran = True
        source.names.setdefault("__name__", Known("__main__"))
        self.frames.append(Frame(source, (source.names,)))
        tolerant, conditions = self.tolerant, self.conditions
        self.tolerant, self.conditions = 0, []
        try:
            self.run(source.tree.body)
        finally:
            self.frames.pop()
            self.tolerant, self.conditions = tolerant, conditions

    def step(self) -> None:
        """Counts a step.

        Raises:
            TooLongError: There were too many.
        """
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooLongError

    def run(self, body: Sequence[ast.stmt]) -> bool:
        """Follows statements; says whether what stands after them is reached."""
        return all(self.statement(statement) for statement in body)

    def statement(self, node: ast.stmt) -> bool:
        """Follows a statement; says whether the next one is reached."""
        self.step()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._define(node)
        elif isinstance(node, ast.ClassDef):
            self._define_class(node)
        elif isinstance(node, ast.Return):
            self.frame.returned.append(evaluate(self, node.value) if node.value else Known(None))
            return False
        elif isinstance(node, ast.Raise):
            for part in (node.exc, node.cause):
                if part is not None:
                    evaluate(self, part)
            return False
        elif isinstance(node, ast.Continue | ast.Break):
            return False
        elif isinstance(node, ast.If):
            return self._if(node)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._for(node)
        elif isinstance(node, ast.While):
            if truth(self, evaluate(self, node.test)) is not False:
                self.run(node.body)
            self.run(node.orelse)
        elif isinstance(node, ast.With | ast.AsyncWith):
            return self._with(node)
        elif isinstance(node, ast.Try | ast.TryStar):
            return self._try(node)
        elif isinstance(node, ast.Match):
            match(self, node)
        else:
            self._simple(node)
        return True

    def _simple(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Expr):
            evaluate(self, node.value)
        elif isinstance(node, ast.Assign):
            value = evaluate(self, node.value)
            for target in node.targets:
                assign(self, target, value)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                assign(self, node.target, evaluate(self, node.value))
        elif isinstance(node, ast.AugAssign):
            # The target is read as well.
            loaded = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
            assign(self, node.target, evaluate(self, loaded))
        elif isinstance(node, ast.Assert):
            with self.under(""):
                evaluate(self, node.test)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                forget(self, target)
        elif isinstance(node, ast.Import):
            bind_import(self, node)
        elif isinstance(node, ast.ImportFrom):
            bind_import_from(self, node)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            for name in node.names:
                for scope in self.frame.scopes[1:]:
                    if name in scope:
                        self.frame.names[name] = scope[name]
                        break

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        made = Function(node, self.frame.source, self.frame.scopes)
        self.functions.append(made)
        function: Value = made
        for decorator in reversed(node.decorator_list):
            function = self._decorated(function, decorator)
        self.frame.names[node.name] = function

    def _decorated(self, function: Value, decorator: ast.expr) -> Value:
        # A decorator of unknown doing is taken to leave the function what it is.
        evaluate(self, decorator)
        return function

    def _define_class(self, node: ast.ClassDef) -> None:
        names: dict[str, Value] = {}
        bases = [evaluate(self, base) for base in node.bases]
        made = Class(node, self.frame.source, bases, names)
        self.frames.append(Frame(self.frame.source, (names, *self.frame.scopes)))
        try:
            self.run(node.body)
        finally:
            self.frames.pop()
        for value in names.values():
            if isinstance(value, Function) and value.owner is None:
                value.owner = made
                # A name of the class is not seen inside its methods.
                value.around = value.around[1:]
        self.frame.names[node.name] = made

    def _if(self, node: ast.If) -> bool:
        outcome = truth(self, evaluate(self, node.test))
        if outcome is not None:
            return self.run(node.body if outcome else node.orelse)
        condition = ast.unparse(node.test)
        return self.branch([(condition, node.body), (f"not ({condition})", node.orelse)])

    def branch(self, ways: Sequence[tuple[str, Sequence[ast.stmt]]]) -> bool:
        """Follows each of several ways; what is known afterwards is what any of them leaves behind."""
        names = self.frame.names
        before, after = dict(names), []
        for condition, body in ways:
            names.clear()
            names.update(before)
            with self.under(condition):
                if self.run(body):
                    after.append(dict(names))
        names.clear()
        for left in after or [before]:
            for name, value in left.items():
                names[name] = either([names[name], value]) if name in names else value
        return bool(after)

    @contextmanager
    def under(self, condition: str) -> Iterator[None]:
        """What is followed inside happens only under a condition."""
        if condition:
            self.conditions.append(condition)
        try:
            yield
        finally:
            if condition:
                self.conditions.pop()

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        over = evaluate(self, node.iter)
        items = items_of(self, over)
        for item in [UNKNOWN] if items is None else items:
            assign(self, node.target, item)
            self.run(node.body)
        self.run(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        suppressed = False
        for item in node.items:
            value = evaluate(self, item.context_expr)
            text = ast.unparse(item.context_expr)
            suppressed |= "suppress(" in text and any(name in text for name in _CAUGHT)
            if item.optional_vars is not None:
                assign(self, item.optional_vars, value)
        self.tolerant += suppressed
        try:
            return self.run(node.body) or suppressed
        finally:
            self.tolerant -= suppressed

    def _try(self, node: ast.Try | ast.TryStar) -> bool:
        caught = any(_catches(handler) for handler in node.handlers)
        self.tolerant += caught
        try:
            goes_on = self.run(node.body)
        finally:
            self.tolerant -= caught
        if goes_on:
            goes_on = self.run(node.orelse)
        ways = [(f"except {ast.unparse(handler.type)}" if handler.type else "except", handler.body)
                for handler in node.handlers]  # fmt: skip
        if ways:
            # What is raised is a way of its own, beside the one on which nothing is.
            goes_on = self.branch([("", [ast.Pass()] if goes_on else [ast.Raise(None, None)]), *ways])
        return self.run(node.finalbody) and goes_on

    def evaluate(self, node: ast.expr) -> Value:
        """What an expression stands for."""
        return evaluate(self, node)

    def truth(self, value: Value) -> bool | None:
        """Whether a value counts as true; None where nobody knows."""
        return truth(self, value)

    def attribute(self, holder: Value, name: str, node: ast.AST, default: Value | None = None) -> Value:
        """``holder.name``."""
        return attribute(self, holder, name, node, default)

    def subscript(self, holder: Value, key: Any, node: ast.expr) -> Value:
        """``holder[key]``."""
        return subscript(self, holder, key, node)

    def call_value(
        self,
        function: Value,
        args: list[Value],
        kwargs: dict[str, Value],
        stars: list[Value],
        node: ast.Call,
    ) -> Value:
        """Calls whatever a name stands for."""
        return call_value(self, function, args, kwargs, stars, node)


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(ast.unparse(name).rpartition(".")[2] in _CAUGHT for name in names)
