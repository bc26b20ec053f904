"""A configuration as it is once composed: plain values, and what has none."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

KeyPath = tuple[str, ...]
_REFERENCE = re.compile(r"\$\{(\.*)([\w.\[\]-]+)\}")


class Nothing:
    """Stands for a key that is not there, since None is a value."""


NOTHING = Nothing()


@dataclass(frozen=True)
class Composed:
    """A configuration.

    Attributes:
        tree: Mappings, lists, texts, numbers, booleans and None; keys are texts.
        missing: Where the value is ``???``: whoever reads it is told that it is mandatory.
        unresolved: Where an interpolation has no value, and why.
        interpolations: Where a value is computed of others, and its text.
        computed: Where a resolver of hydra or of the program computes the value, which only the run can.
        for_hydra: Keys that hydra's own config is computed of.
    """

    tree: Any
    missing: frozenset[KeyPath]
    unresolved: Mapping[KeyPath, str]
    interpolations: Mapping[KeyPath, str]
    computed: frozenset[KeyPath] = frozenset()
    for_hydra: frozenset[KeyPath] = frozenset()

    def at(self, path: KeyPath) -> Any:
        """The value at a path, or ``NOTHING``.

        >>> Composed({"a": [{"b": 1}]}, frozenset(), {}, {}).at(("a", "0", "b"))
        1
        """
        node = self.tree
        for key in path:
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            else:
                return NOTHING
        return node

    def leaves(self) -> Iterator[KeyPath]:
        """The path of every value that is no mapping: what somebody wrote for somebody to read."""
        yield from _leaves(self.tree, ())

    def references(self, path: KeyPath) -> Iterator[KeyPath]:
        """The paths that the value at a path is computed of."""
        yield from references_in(self.interpolations.get(path, ""), path)

    def nearest(self, path: KeyPath) -> KeyPath | None:
        """The key that exists and looks most like one that does not.

        >>> config = Composed({"batch_size": {"training": 8}, "lr": 1}, frozenset(), {}, {})
        >>> config.nearest(("batch_size", "train"))
        ('batch_size', 'training')
        """
        known = {shown(each): each for each in _all(self.tree, ())}
        siblings = [name for name, each in known.items() if each[:-1] == path[:-1]]
        for names in (siblings, list(known)):
            close = difflib.get_close_matches(shown(path), names, n=1, cutoff=0.75)
            if close:
                return known[close[0]]
        same_name = [each for each in known.values() if each[-1] == path[-1]]
        return min(same_name, key=len) if same_name else None


def references_in(text: str, path: KeyPath) -> Iterator[KeyPath]:
    """The paths that an interpolation at a path names.

    >>> list(references_in("${root}/${.name}", ("val", "path")))
    [('root',), ('val', 'name')]
    """
    for dots, name in _REFERENCE.findall(text):
        keys = tuple(re.findall(r"[^.\[\]]+", name))
        base = path[: len(path) - len(dots)] if dots else ()
        yield (*base, *keys)


def _leaves(node: Any, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, key))
    elif path:
        yield path


def _all(node: Any, path: KeyPath) -> Iterator[KeyPath]:
    if path:
        yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _all(value, (*path, key))


def shown(path: KeyPath) -> str:
    """A path as hydra and OmegaConf write it.

    >>> shown(("stages", "0", "width"))
    'stages.0.width'
    """
    return ".".join(path) if path else "the config"


def to_json(composed: Composed) -> dict[str, Any]:
    """For the wire between the process that composes and the one that asks."""
    return {
        "tree": composed.tree,
        "missing": [list(path) for path in sorted(composed.missing)],
        "unresolved": [[list(path), why] for path, why in composed.unresolved.items()],
        "interpolations": [[list(path), text] for path, text in composed.interpolations.items()],
        "computed": [list(path) for path in sorted(composed.computed)],
        "for_hydra": [list(path) for path in sorted(composed.for_hydra)],
    }


def from_json(fields: Mapping[str, Any]) -> Composed:
    """The inverse of ``to_json``."""
    return Composed(
        fields["tree"],
        frozenset(tuple(path) for path in fields["missing"]),
        {tuple(path): why for path, why in fields["unresolved"]},
        {tuple(path): text for path, text in fields["interpolations"]},
        frozenset(tuple(path) for path in fields["computed"]),
        frozenset(tuple(path) for path in fields["for_hydra"]),
    )
