"""What an expression of the program that is read may stand for, as far as the keys of a config are concerned."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

from ..composed import KeyPath

# More alternatives than this are one unknown.
_MOST_OPTIONS = 8


@dataclass(frozen=True)
class Unknown:
    """Anything. ``origin`` says what made it, where that matters."""

    origin: str = ""


@dataclass(frozen=True)
class Known:
    """A constant."""

    value: Any


@dataclass(frozen=True)
class NoneOf(Known):
    """The None that ``.get`` gives for a key that is not there."""

    path: KeyPath = ()


@dataclass(frozen=True)
class Part:
    """The part of the config at a path; the whole config at ()."""

    path: KeyPath


@dataclass(frozen=True)
class Absent:
    """What a read of a missing key would have given."""

    path: KeyPath


@dataclass(eq=False)
class Record:
    """Named values: a dict, an argparse Namespace, a structured config.

    Attributes:
        fields: What is known to be in it.
        required: Names that have no value unless another layer gives them one.
        schema: It describes what may be in it, as a dataclass does.
        open: More may be in it than is known.
        mirrored: The part of the config that it is a copy of.
        elements: Of a schema: what is in the lists and mappings that some of its fields hold.
    """

    fields: dict[Any, Value]
    required: frozenset[str] = frozenset()
    schema: bool = False
    open: bool = False
    mirrored: KeyPath | None = None
    elements: dict[str, Record] = field(default_factory=dict)


@dataclass(frozen=True)
class Layers:
    """Mappings merged over each other, the last on top."""

    layers: tuple[Value, ...]


@dataclass(eq=False)
class Items:
    """A list, tuple or set of which every item is known."""

    items: list[Value]


@dataclass(frozen=True)
class Either:
    """One of several."""

    options: tuple[Value, ...]


@dataclass(frozen=True)
class Library:
    """Something of a module that is not among the sources: ``omegaconf.OmegaConf.load``."""

    name: str


@dataclass(frozen=True)
class Method:
    """A method of a mapping, a list or a library's object, not called yet."""

    holder: Value
    name: str


@dataclass(eq=False)
class Parser:
    """An ``argparse.ArgumentParser``: what its namespace will hold."""

    namespace: Record
    merged: list[Value] = field(default_factory=list)
    defaults: Record = field(default_factory=lambda: Record({}))


@dataclass(frozen=True)
class OpenFile:
    """An opened file, or its text."""

    path: Value


@dataclass(eq=False)
class Source:
    """A parsed file of the program.

    Attributes:
        names: The names at its top, once they are known.
    """

    path: Path
    tree: ast.Module
    lines: list[str]
    names: dict[str, Value] = field(default_factory=dict)
    ran: bool = False


@dataclass(eq=False)
class Function:
    """A function or lambda of the sources, with the names around it, and the condition under which it is made."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    source: Source
    around: tuple[dict[str, Value], ...]
    owner: Class | None = None
    condition: str = ""

    @property
    def name(self) -> str:
        """How it is called."""
        return "lambda" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(eq=False)
class Class:
    """A class of the sources."""

    node: ast.ClassDef
    source: Source
    bases: list[Value]
    names: dict[str, Value]

    @property
    def name(self) -> str:
        """How it is called."""
        return self.node.name

    def lookup(self, name: str) -> Value | None:
        """An attribute of the class or of a base among the sources."""
        if name in self.names:
            return self.names[name]
        for base in self.bases:
            found = base.lookup(name) if isinstance(base, Class) else None
            if found is not None:
                return found
        return None

    def lineage(self) -> Iterable[Class]:
        """The class and those of its bases that are among the sources."""
        yield self
        for base in self.bases:
            if isinstance(base, Class):
                yield from base.lineage()

    def from_libraries(self) -> list[str]:
        """The names of bases that are not among the sources."""
        return [base.name for each in self.lineage() for base in each.bases if isinstance(base, Library)]


@dataclass(eq=False)
class Instance:
    """An object of a class of the sources."""

    of: Class
    attributes: dict[str, Value] = field(default_factory=dict)
    mirrored: KeyPath | None = None


@dataclass(frozen=True)
class Bound:
    """A method of an object, of the class itself (``super()`` and classmethods), not called yet."""

    function: Function
    first: Value


@dataclass(eq=False)
class Partial:
    """A function or class with some of its arguments, not called yet."""

    function: Value
    args: list[Value]
    kwargs: dict[str, Value]
    stars: list[Value]


@dataclass(frozen=True)
class Super:
    """``super()`` inside a method."""

    of: Class
    instance: Value


@dataclass(eq=False)
class Frame:
    """A function that is being followed, or the top of a module.

    Attributes:
        scopes: Names, the innermost first.
        returned: What its return statements give.
        method: The class and the object, in a method: for ``super()``.
        elsewhere: Names that ``global`` and ``nonlocal`` say belong to another scope.
        call: Where it is called, in the frame before.
    """

    source: Source
    scopes: tuple[dict[str, Value], ...]
    returned: list[Value] = field(default_factory=list)
    method: tuple[Class, Value] | None = None
    yields: list[Value] = field(default_factory=list)
    elsewhere: dict[str, dict[str, Value]] = field(default_factory=dict)
    call: ast.AST | None = None

    @property
    def names(self) -> dict[str, Value]:
        """The innermost names."""
        return self.scopes[0]


Value = Union[  # noqa: UP007 - the names below are not defined yet where they are used above
    Unknown, Known, Part, Absent, Record, Layers, Items, Either, Library, Method, Parser, OpenFile,
    Source, Function, Class, Instance, Bound, Partial, Super,
]  # fmt: skip
UNKNOWN = Unknown()
# One of the files of a folder.
FILES = Unknown("files")


def either(values: Iterable[Value]) -> Value:
    """One of these values.

    >>> either([Known(1), Known(1)])
    Known(value=1)
    """
    options: list[Value] = []
    for value in values:
        for option in value.options if isinstance(value, Either) else (value,):
            if not any(same(option, other) for other in options):
                options.append(option)
    if len(options) == 1:
        return options[0]
    # What is known of an alternative is still worth following beside one that is not.
    return Either(tuple(options)) if 0 < len(options) <= _MOST_OPTIONS else UNKNOWN


def merged(layers: Iterable[Value]) -> Value:
    """Mappings merged over each other; one that stands there twice counts where it stands last.

    >>> merged([Part(("a",)), Part(("b",)), Part(("a",))])
    Layers(layers=(Part(path=('b',)), Part(path=('a',))))
    """
    flat = [each for layer in layers for each in (layer.layers if isinstance(layer, Layers) else (layer,))]
    kept = [each for i, each in enumerate(flat) if not any(same(each, later) for later in flat[i + 1 :])]
    if len(kept) > 1:
        return Layers(tuple(kept))
    return kept[0] if kept else Record({})


def same(one: Value, other: Value) -> bool:
    """Whether two values are the same; 1 and True are not."""
    if isinstance(one, Known) and isinstance(other, Known):
        return type(one.value) is type(other.value) and bool(one.value == other.value)
    return one is other or (type(one) is type(other) and one == other)


def holds_config(value: Value, depth: int = 4) -> list[KeyPath]:
    """The paths of the parts of the config that a value is made of."""
    if isinstance(value, Part):
        return [value.path]
    inner: Iterable[Value] = ()
    if isinstance(value, Either):
        inner = value.options
    elif isinstance(value, Layers):
        inner = value.layers
    elif isinstance(value, Items):
        inner = value.items
    elif isinstance(value, Record):
        inner = value.fields.values()
    # Not objects of the program's own classes: what their methods read is followed.
    return [path for each in inner for path in holds_config(each, depth - 1)] if depth else []
