"""Follows a program without running it: each statement once, with the config's values where they are known."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..composed import NOTHING, Composed, KeyPath
from .assignments import assign, forget
from .calls import call_value
from .catching import Ready, catches_imports, of_handlers, of_suppress
from .definitions import define, define_class
from .expressions import attribute, evaluate, subscript
from .imports import bind_import, bind_import_from, is_absent
from .log import Log, Miss, Place
from .lookups import items_of
from .matching import match
from .operators import truth
from .sources import Sources
from .values import FILES, UNKNOWN, Frame, Function, Instance, Known, Part, Source, Value, either

# A program of this many steps is not followed to its end; which is said.
MOST_STEPS = 200_000


class TooLongError(Exception):
    """The program has too many steps; never leaves this package."""


@dataclass
class Machine:
    """The state of following a program.

    Attributes:
        config: The config that it reads.
        file_name: The config's file, to tell it from others that the program opens.
        written: Keys that the program adds to the config.
        sets: Those among them that are added whatever the outcome of the conditions so far.
        perhaps: Those that are not, and the condition.
        removed: Keys that the program takes out of it.
        undecorated: What a decorator of the program's own was given, by what it made of it.
        handed: Functions that a library is handed, which calls them.
        tabled: Functions that stand in a dict, of which the program may choose another.
        called: The functions that were followed.
        functions: All functions that it makes.
        instances: The objects of classes of the sources that it makes.
        stored: What it puts into hydra's ConfigStore.
        kept: What results were computed of, kept alive.
        epoch: How often a name of another scope was given another config.
        ready: What the code around catches, the innermost last.
        ends: How each way of a branch ended last: by a return, a raise, or "" where it went on.
        ready_for_imports: How many ``try`` around go on without a package.
        dicts_with_attributes: Whether reading a missing attribute may raise a KeyError.
    """

    config: Composed
    file_name: str
    folder: Path
    sources: Sources
    log: Log = field(default_factory=Log)
    written: dict[KeyPath, Value] = field(default_factory=dict)
    sets: list[KeyPath] = field(default_factory=list)
    perhaps: dict[KeyPath, str] = field(default_factory=dict)
    removed: set[KeyPath] = field(default_factory=set)
    undecorated: dict[Function, Function] = field(default_factory=dict)
    handed: set[Function] = field(default_factory=set)
    tabled: set[Function] = field(default_factory=set)
    called: set[Function] = field(default_factory=set)
    functions: list[Function] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    results: dict[object, Value] = field(default_factory=dict)
    stored: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    kept: list[object] = field(default_factory=list)
    epoch: int = 0
    ready: list[Ready] = field(default_factory=list)
    ends: dict[int, str] = field(default_factory=dict)
    last_end: str = ""
    ready_for_imports: int = 0
    dicts_with_attributes: bool = False
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

    def lacks(self, path: KeyPath) -> bool:
        """Whether the config has no such key, whatever the program does with it."""
        return self.config.at(path) is NOTHING

    def root(self) -> Value:
        """The whole config."""
        return Part(())

    def place(self, node: ast.AST, frame: Frame | None = None) -> Place:
        """Where a node stands."""
        source, line = (frame or self.frame).source, getattr(node, "lineno", 0)
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
        ready, conditions = self.ready, self.conditions
        self.ready, self.conditions = [], []
        try:
            self.run(source.tree.body)
        finally:
            self.frames.pop()
            self.ready, self.conditions = ready, conditions

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
            define(self, node)
        elif isinstance(node, ast.ClassDef):
            define_class(self, node)
        elif isinstance(node, ast.Return):
            self.frame.returned.append(evaluate(self, node.value) if node.value else Known(None))
            self.last_end = "return"
            return False
        elif isinstance(node, ast.Raise):
            for part in (node.exc, node.cause):
                if part is not None:
                    evaluate(self, part)
            self.last_end = "raise"
            return False
        elif isinstance(node, ast.Continue | ast.Break):
            self.last_end = "break"
            return False
        elif isinstance(node, ast.If):
            return self._if(node)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._for(node)
        elif isinstance(node, ast.While):
            outcome = truth(self, evaluate(self, node.test))
            if outcome is not False:
                self.run(node.body)
            if outcome is not True:
                self.run(node.orelse)
        elif isinstance(node, ast.With | ast.AsyncWith):
            return self._with(node)
        elif isinstance(node, ast.Try | ast.TryStar):
            return self._try(node)
        elif isinstance(node, ast.Match):
            return match(self, node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bind_import(self, node) if isinstance(node, ast.Import) else bind_import_from(self, node)
            return not (self.ready_for_imports and is_absent(self, node))
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
        elif isinstance(node, ast.Global):
            self.frame.elsewhere |= dict.fromkeys(node.names, self.frame.source.names)
        elif isinstance(node, ast.Nonlocal):
            for name in node.names:
                around = next((scope for scope in self.frame.scopes[1:] if name in scope), None)
                if around is not None:
                    self.frame.elsewhere[name] = around

    def _if(self, node: ast.If) -> bool:
        outcome = truth(self, evaluate(self, node.test))
        if outcome is not None:
            return self.run(node.body if outcome else node.orelse)
        condition = ast.unparse(node.test)
        return self.branch([(condition, node.body), (f"not ({condition})", node.orelse)])

    def branch(self, ways: Sequence[tuple[str, Sequence[ast.stmt]]]) -> bool:
        """Follows each of several ways; what is known afterwards is what any of them leaves behind."""
        names = self.frame.names
        before, after, start = dict(names), [], len(self.sets)
        added: dict[KeyPath, list[str]] = {}
        for condition, body in ways:
            names.clear()
            names.update(before)
            with self.under(condition):
                goes_on = self.run(body)
                self.ends[id(body)] = "" if goes_on else self.last_end
                if goes_on:
                    after.append(dict(names))
                    for path in set(self.sets[start:]):
                        added.setdefault(path, []).append(condition)
            del self.sets[start:]
        for path, conditions in added.items():
            if len(conditions) == len(after):
                self.sets.append(path)
            elif path not in self.sets and self.lacks(path):
                self.perhaps[path] = conditions[0]
        names.clear()
        for left in after or [before]:
            for name, value in left.items():
                names[name] = either([names[name], value]) if name in names else value
        return bool(after)

    @contextmanager
    def ready_for(self, caught: frozenset[str]) -> Iterator[list[Miss]]:
        """Errors of these names are caught around what is followed inside; gives what they excuse."""
        ready = Ready(self.frame, caught)
        if caught:
            self.ready.append(ready)
        try:
            yield ready.excused
        finally:
            if caught:
                self.ready.pop()

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
        for item in [over if over == FILES else UNKNOWN] if items is None else items:
            assign(self, node.target, item)
            self.run(node.body)
        self.run(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        suppressed: frozenset[str] = frozenset()
        for item in node.items:
            value = evaluate(self, item.context_expr)
            suppressed |= of_suppress(item.context_expr)
            if item.optional_vars is not None:
                assign(self, item.optional_vars, value)
        with self.ready_for(suppressed):
            return self.run(node.body) or bool(suppressed)

    def _try(self, node: ast.Try | ast.TryStar) -> bool:
        self.ready_for_imports += (optional := catches_imports(node.handlers))
        with self.ready_for(of_handlers(node.handlers)) as excused:
            goes_on = self.run(node.body)
        self.ready_for_imports -= optional
        # What is certainly missing raises: what stands after it is not reached.
        if goes_on and not any(each.condition == self.condition for each in excused):
            goes_on = self.run(node.orelse)
        ways = [(f"except {ast.unparse(handler.type)}" if handler.type else "except", handler.body)
                for handler in node.handlers]  # fmt: skip
        if ways:
            # What is raised is a way of its own, beside the one on which nothing is.
            goes_on = self.branch([("", [ast.Pass()] if goes_on else [ast.Raise(None, None)]), *ways])
            if excused and all(self.ends.get(id(handler.body)) == "raise" for handler in node.handlers):
                for each in excused:
                    self.log.miss(each.path, each.place, each.why, each.condition)
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
