"""YAML text as a tree of nodes: YAML 1.2 core scalars on the C parser's events, within a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from .nodes import Entry, Node, RefusedError
from .scalars import core_value, is_number
from .syntax import syntax_error

# What a spec of any honest size stays far below; beyond it stand the bombs.
DEEPEST = 40
MOST_NODES = 100_000
LONGEST_NUMBER = 100

# The pure parser is a state machine too, so it is only slower; it is there where libyaml is not.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Tell = Callable[..., None]


def compose(text: str, tell: Tell) -> Node | None:
    """The tree of a text, or None when it holds no document.

    One pass over the parser's events: nothing recurses, so that no input can overflow the stack, and the
    budget is on what the aliases expand to, so that a small file cannot become a large tree.

    Args:
        text: The file.
        tell: Called with the fields of a problem that leaves the rest of the file readable.

    Raises:
        RefusedError: The text is no YAML, or is beyond a limit, or uses what specs do not allow.
    """
    builder = _Builder(tell)
    for event in _events(text):
        builder.take(event)
    return builder.root


def _events(text: str) -> Iterator[Any]:
    parser = _Parser(text)
    try:
        while (event := parser.get_event()) is not None:
            yield event
    except yaml.MarkedYAMLError as error:
        raise syntax_error(text, error) from error
    except yaml.YAMLError as error:
        raise RefusedError("yaml-syntax", f"the file is not YAML: {error}") from error
    finally:
        parser.dispose()


@dataclass(slots=True)
class _Frame:
    """A collection that has begun and not ended."""

    node: Node
    anchor: str | None
    key: Node | None = None
    size: int = 1
    height: int = 1


class _Anchored(NamedTuple):
    """What an alias stands for: how many nodes it expands to, and in how many levels."""

    node: Node
    size: int
    height: int


@dataclass(slots=True)
class _Builder:
    """Builds the tree from events."""

    tell: Tell
    root: Node | None = None
    documents: int = 0
    nodes: int = 0
    frames: list[_Frame] = field(default_factory=list)
    # None while the anchor's value is still open.
    anchors: dict[str, _Anchored | None] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent:
            self._open(event, {})
        elif kind is yaml.SequenceStartEvent:
            self._open(event, [])
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            self._close()
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                raise RefusedError(
                    "second-document",
                    "the file holds a second YAML document",
                    _at(event),
                    expected="one spec in one file",
                    todo="remove the line '---', or move what follows it to a file of its own",
                )

    def _scalar(self, event: Any) -> None:
        self._refuse_tag(event)
        quoted = event.style is not None and event.style != ""
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if end.line == start.line else 1
        value = event.value if quoted else _plain_value(event)
        node = Node(value, start.line + 1, start.column + 1, max(1, width), event.value, quoted)
        self._count(1, node)
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(node, 1, 0)
        self._put(node, 1, 0)

    def _open(self, event: Any, value: Any) -> None:
        self._refuse_tag(event)
        node = _at(event)._replace(value=value)
        self._check_depth(1, node)
        self._count(1, node)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.frames.append(_Frame(node, event.anchor))

    def _close(self) -> None:
        frame = self.frames.pop()
        if frame.anchor:
            self.anchors[frame.anchor] = _Anchored(frame.node, frame.size, frame.height)
        self._put(frame.node, frame.size, frame.height)

    def _alias(self, event: Any) -> None:
        at = _at(event)
        if event.anchor not in self.anchors:
            raise RefusedError(
                "unknown-alias",
                f"*{event.anchor} refers to an anchor that does not exist",
                at,
                todo=f"mark the value that is meant with &{event.anchor} before this line",
            )
        target = self.anchors[event.anchor]
        if target is None:
            raise RefusedError(
                "alias-cycle",
                f"*{event.anchor} refers to the value that it stands in",
                at,
                todo="write the value out",
            )
        self._count(target.size, at)
        self._check_depth(target.height, at)
        self._put(target.node, target.size, target.height)

    def _put(self, node: Node, size: int, height: int) -> None:
        """Gives a finished node to the collection that is open."""
        if not self.frames:
            self.root = node
            return
        frame = self.frames[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        value = frame.node.value
        if isinstance(value, list):
            value.append(node)
        elif frame.key is None:
            frame.key = node
        else:
            self._entry(value, frame.key, node)
            frame.key = None

    def _entry(self, mapping: dict[str, Entry], key: Node, node: Node) -> None:
        if not isinstance(key.value, str):
            self._key_problem(key)
        elif key.value in mapping:
            first = mapping[key.value].key
            places = f"{first.line} and {key.line}"
            where = f"on line {key.line}" if first.line == key.line else f"on lines {places}"
            self.tell(
                "duplicate-key",
                f"'{key.value}' is given twice, {where}",
                key,
                expected="each key once: YAML readers keep only one of two, and not all the same one",
                todo="remove one, or give it another name",
            )
        else:
            mapping[key.value] = Entry(key, node)

    def _key_problem(self, key: Node) -> None:
        if isinstance(key.value, (dict, list)):
            what, todo = "a key is not a plain text", "write each key as a word followed by a colon"
        else:
            what = f"the key {key.text or 'null'} is not text"
            todo = f'write "{key.text}" in quotes if the key is meant'
            if isinstance(key.value, int) and not isinstance(key.value, bool):
                todo += "; a decimal comma (0,9) must be a point (0.9)"
        self.tell("key-not-text", what, key, todo=todo)

    def _check_depth(self, height: int, at: Node) -> None:
        if len(self.frames) + height > DEEPEST:
            raise RefusedError(
                "too-deep",
                "the spec is nested too deep",
                at,
                expected=f"at most {DEEPEST} levels, aliases written out",
                todo="a spec needs no more than seven; is this the file that you meant?",
            )

    def _count(self, size: int, at: Node) -> None:
        self.nodes += size
        if self.nodes > MOST_NODES:
            raise RefusedError(
                "too-many-values",
                "the spec holds too many values",
                at,
                expected=f"at most {MOST_NODES:,}, each alias counted as what it stands for",
                todo="split the spec, or write out fewer aliases",
            )

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            raise RefusedError(
                "tag",
                f"the tag {_shortened(event.tag)} is not allowed",
                _at(event),
                expected="plain values: a spec is data and runs nothing while it is read",
                todo="remove the tag",
            )


def _at(event: Any) -> Node:
    mark, end = event.start_mark, event.end_mark
    width = end.column - mark.column if end.line == mark.line else 1
    return Node(None, mark.line + 1, mark.column + 1, max(1, width))


def _plain_value(event: Any) -> Any:
    text = event.value
    # Converting a number of n digits takes n² steps, and Python refuses more than 4,300 of them.
    if len(text) > LONGEST_NUMBER and is_number(text):
        raise RefusedError(
            "number-too-long",
            f"a number has {len(text):,} characters",
            _at(event),
            expected=f"at most {LONGEST_NUMBER} characters",
            todo="write it shorter, or in quotes if it is text",
        )
    return core_value(text)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
