"""``--modelqa-set a.b.c=value``: assignments from the command line, typed and validated like the file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from .composing import compose
from .nodes import Entry, Node, RefusedError
from .resolved import Spec
from .schema import SECTIONS
from .spelling import did_you_mean, listed, nearest


@dataclass(frozen=True)
class Override:
    """One assignment.

    Attributes:
        text: As given.
        path: Left of the first ``=``.
        value: Right of it, read as YAML.
    """

    text: str
    path: str
    value: Node


def parse_override(text: str) -> Override:
    """An assignment as given on the command line.

    Raises:
        UsageError: It has no path or no ``=``, or its value is not YAML.
    """
    path, equals, value = text.partition("=")
    parts = path.split(".")
    if not equals or not all(part.strip() == part != "" for part in parts):
        raise UsageError(
            f"--modelqa-set {text} is no assignment",
            expected="a.b.c=value, such as models.candidate.checkpoint=runs/best.safetensors",
            todo="write the path, = and the value, without spaces around =",
        )
    if len(parts) == 1 or (len(parts) == 2 and parts[0] != "defaults" and not value):
        raise UsageError(
            f"--modelqa-set {text} names no entry of a spec",
            expected="a path of at least two parts, such as models.candidate.checkpoint or defaults.seed",
        )
    return Override(text, path, _value(text, value))


def _value(text: str, value: str) -> Node:
    def refuse(code: str, what: str, at: Node, **labels: str) -> None:
        raise RefusedError(code, what, at, **labels)

    try:
        node = compose(value, refuse)
    except RefusedError as error:
        raise UsageError(
            f"the value of --modelqa-set {text} cannot be read: {error.what}",
            todo=error.labels.get("todo"),
        ) from error
    return node if node is not None else Node(None, 1, 1)


def entries_of(spec: Spec) -> list[str]:
    """The first two parts of each path that an assignment to this spec may have, but for ``defaults``."""
    return [
        f"{section}.{name}"
        for section in SECTIONS
        if section != "defaults"
        for name in getattr(spec, section)
    ]


def without_place(text: str, entries: Collection[str]) -> UsageError:
    """What is said of an assignment that no spec has a place for, with the path that was probably meant.

    Args:
        text: As given.
        entries: Of all specs that were collected.
    """
    path, _, value = text.partition("=")
    meant = _meant(path, entries)
    return UsageError(
        f"--modelqa-set {text}: no spec that was collected has this",
        todo=f"did you mean {meant}={value}?"
        if meant
        else f"correct the path, or collect the spec that it is meant for; there are {_beside(path, entries)}",
    )


def _meant(path: str, entries: Collection[str]) -> str | None:
    """The path with its first two parts as a spec has them, where they look like it."""
    section, _, rest = path.partition(".")
    found = section if section in SECTIONS else nearest(section, SECTIONS)
    if found is None or found == "defaults":
        return found and f"{found}.{rest}"
    name, dot, rest = rest.partition(".")
    # Names may hold dots, and nobody knows how many parts of a misspelt one belong to it.
    known = [entry for entry in _of(found, entries) if "." not in entry]
    close = name if name in known else nearest(name, known)
    return f"{found}.{close}{dot}{rest}" if close else None


def _of(section: str, entries: Collection[str]) -> list[str]:
    return sorted(entry.removeprefix(f"{section}.") for entry in entries if entry.startswith(f"{section}."))


def _beside(path: str, entries: Collection[str]) -> str:
    section = path.partition(".")[0]
    names = [f"{section}.{name}" for name in _of(section, entries)]
    return listed(names or SECTIONS)


def applied(root: Node, overrides: list[Override], path: Path) -> tuple[Node, list[Override]]:
    """The tree with the assignments made, and those that apply to it.

    An assignment applies when the first two parts of its path exist, or when it begins with ``defaults``.

    Raises:
        UsageError: A path goes on below a value that is no mapping or list.
    """
    used = []
    for override in overrides:
        keys = _keys(root, override.path)
        if keys is not None:
            root = _assigned(root, keys, override, root, path)
            used.append(override)
    return root, used


def _keys(root: Node, path: str) -> list[str] | None:
    """The path's parts; None when it does not apply. Names may hold dots, so the longest known one counts."""
    parts = path.split(".")
    keys: list[str] = []
    node: Node | None = root
    while parts:
        known = node.value if node is not None and isinstance(node.value, dict) else {}
        length = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in known), 0)
        if length == 0 and len(keys) < 2 and (keys or parts)[0] != "defaults":
            return None
        key = ".".join(parts[: max(1, length)])
        keys.append(key)
        parts = parts[max(1, length) :]
        if length:
            node = known[key].node
        elif (
            node is not None and isinstance(node.value, list) and key.isdigit() and int(key) < len(node.value)
        ):
            node = node.value[int(key)]
        else:
            node = None
    return keys


def _assigned(node: Node, keys: list[str], override: Override, place: Node, path: Path) -> Node:
    """The tree with one assignment; what an alias shares stays as it was elsewhere."""
    if not keys:
        return _placed(override.value, place, override.text)
    key, rest = keys[0], keys[1:]
    if isinstance(node.value, list):
        return _assigned_in_list(node, key, rest, override, path)
    if not isinstance(node.value, dict) and node.value is not None:
        raise UsageError(
            f"--modelqa-set {override.text} sets '{key}' in a value that has no keys",
            where=f"{path}:{node.line}:{node.column}",
            found=node.text,
            todo=f"set it as a whole: {_whole(override, keys)}",
        )
    entries: Mapping[str, Entry] = node.value or {}
    if key in entries:
        name, child = entries[key].key, entries[key].node
    else:
        name = place._replace(value=key, text=key, override=override.text)
        child = Node(None, place.line, place.column, place.width)
    return node._replace(value={**entries, key: Entry(name, _assigned(child, rest, override, child, path))})


def _whole(override: Override, rest: list[str]) -> str:
    """The assignment to the value that has no keys, of a mapping that has the one that was meant.

    >>> _whole(parse_override("evaluations.a.stop_early.wrong_pass=0.1"), ["wrong_pass"])
    "'evaluations.a.stop_early={wrong_pass: 0.1}'"
    """
    tail = "." + ".".join(rest)
    value = override.text.partition("=")[2]
    for key in reversed(rest):
        value = f"{{{key}: {value}}}"
    return f"'{override.path.removesuffix(tail)}={value}'"


def _assigned_in_list(node: Node, key: str, rest: list[str], override: Override, path: Path) -> Node:
    if not key.isdigit() or int(key) >= len(node.value):
        numbers = [str(number) for number in range(len(node.value))]
        raise UsageError(
            f"--modelqa-set {override.text} names no element of the list",
            where=f"{path}:{node.line}:{node.column}",
            expected="a number from 0",
            found=key,
            todo=did_you_mean(key, numbers) if numbers else None,
        )
    items = list(node.value)
    items[int(key)] = _assigned(items[int(key)], rest, override, items[int(key)], path)
    return node._replace(value=items)


def _placed(value: Node, place: Node, text: str) -> Node:
    """The value, standing where it was put."""
    content = value.value
    if isinstance(content, dict):
        content = {
            key: Entry(_placed(entry.key, place, text), _placed(entry.node, place, text))
            for key, entry in content.items()
        }
    elif isinstance(content, list):
        content = [_placed(item, place, text) for item in content]
    return value._replace(
        value=content, line=place.line, column=place.column, width=place.width, override=text
    )
