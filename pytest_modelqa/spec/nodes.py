"""Values that know where they stand in a file."""

from __future__ import annotations

from typing import Any, NamedTuple


class Node(NamedTuple):
    """A value and its place.

    Attributes:
        value: A scalar; or ``Entry`` by key; or a list of nodes.
        line: Counts from 1.
        column: Counts from 1.
        width: How many columns to underline.
        text: A scalar as written, without its quotes.
        quoted: Whether a scalar stood in quotes (or in a block).
        override: The ``--modelqa-set`` assignment that the value comes from.
    """

    value: Any
    line: int
    column: int
    width: int = 1
    text: str = ""
    quoted: bool = False
    override: str | None = None


class Entry(NamedTuple):
    """A key of a mapping and its value."""

    key: Node
    node: Node


class RefusedError(Exception):
    """YAML that is not read any further; carries the fields of a problem, and never leaves this package."""

    def __init__(self, code: str, what: str, at: Node | None = None, **labels: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.at = at
        self.labels = labels


def plain(node: Node) -> Any:
    """The values alone: dicts, lists, scalars."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(entry.node) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def lookup(node: Node, path: tuple[str | int, ...]) -> Node:
    """The node at a path, or the nearest one above it that there is."""
    for part in path:
        value = node.value
        if isinstance(value, dict) and part in value:
            node = value[part].node
        elif isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value):
            node = value[part]
        else:
            break
    return node
