"""The files of the program that is read: parsed, and found by the names that they import each other by."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

from .values import Source


class Sources:
    """Parses each file once.

    Attributes:
        roots: The folders that a module may lie in, the nearest first.
        broken: Files that cannot be parsed, and why.
    """

    def __init__(self, roots: list[Path]) -> None:
        self.roots = roots
        self.broken: dict[Path, str] = {}
        self._parsed: dict[Path, Source | None] = {}

    def open(self, path: Path) -> Source | None:
        """A file, or None if it cannot be parsed."""
        path = path.resolve()
        if path not in self._parsed:
            self._parsed[path] = self._parse(path)
        return self._parsed[path]

    def _parse(self, path: Path) -> Source | None:
        try:
            text = path.read_text(encoding="utf-8")
            return Source(path, ast.parse(text), text.splitlines())
        except SyntaxError as error:
            self.broken[path] = f"line {error.lineno}: {error.msg}"
        except (OSError, ValueError) as error:
            self.broken[path] = str(error)
        return None

    def mentions(self, name: str, apart_from: ast.AST) -> bool:
        """Whether the program names something, other than inside of it, and so may choose it."""
        own = _named(apart_from)[name]
        return sum(_named(source.tree)[name] for source in self._parsed.values() if source is not None) > own

    def module(self, name: str, importer: Path, level: int = 0) -> Source | None:
        """The module that a file imports by a name, if it is a file beside it or beside the spec."""
        parts = name.split(".") if name else []
        if level:
            base = importer.parent
            for _ in range(level - 1):
                base = base.parent
            bases = [base]
        else:
            bases = [importer.parent, *self.roots]
        for base in bases:
            found = base.joinpath(*parts)
            for path in (found.parent / f"{found.name}.py", found / "__init__.py"):
                if (parts or path.name == "__init__.py") and is_file(path):
                    return self.open(path)
        return None


def is_file(path: Path) -> bool:
    """Whether there is such a file; a text that no file system takes for a name is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@cache
def _named(tree: ast.AST) -> Counter[str]:
    return Counter(
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
    )
