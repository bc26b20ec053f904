"""Names across the sections of a spec: each names one thing, and what is named exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from .catalogue import NamesEntry
from .document import Document, Written
from .nodes import Node, lookup
from .problems import Problems
from .schema import Entry
from .spelling import listed, nearest, quoted


@dataclass(frozen=True)
class Names:
    """Every name that a spec gives, with what it names: ``model``, ``dataset``, ``evaluation`` …"""

    kinds: Mapping[str, str]

    def of(self, *kinds: str) -> list[str]:
        """The names of these kinds of things, in the order of the file."""
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def check(self, name: str, kind: str, at: Node, user: str, problems: Problems) -> None:
        """Adds a problem unless a name is one of a kind of thing."""
        self.check_any(name, (kind,), (), at, user, problems)

    def check_any(
        self,
        name: str,
        kinds: tuple[str, ...],
        others: Sequence[str],
        at: Node,
        user: str,
        problems: Problems,
    ) -> None:
        """Adds a problem unless a name is one of some kinds of things, or one of some others.

        Args:
            name: As written.
            kinds: What it may name.
            others: Names from outside the spec that are legal too.
            at: Where it is written.
            user: Who names it, in words: ``the evaluation 'probe'``.
            problems: Gets what is wrong.
        """
        actual = self.kinds.get(name)
        if actual in kinds or name in others:
            return
        known = [*self.of(*kinds), *others]
        if actual is not None:
            problems.add(
                "wrong-kind",
                f"{user} names {quoted(name)}, which is {_article(actual)}",
                at,
                expected=_wanted(kinds, known),
            )
        else:
            close = nearest(name, known)
            problems.add(
                "unknown-name",
                f"{user} names {quoted(name)}, which does not exist",
                at,
                expected=_wanted(kinds, known),
                todo=f"did you mean '{close}'?" if close else None,
            )


def collect_names(document: Document, problems: Problems) -> Names:
    """The names of a document; one that is given twice is a problem."""
    kinds: dict[str, str] = {}
    places: dict[str, Node] = {}
    sections: tuple[tuple[str, Mapping[str, Written[Entry]]], ...] = (
        ("model", document.models),  # type: ignore[assignment]
        ("dataset", document.datasets),
        ("recorded baseline", document.baselines),
        ("evaluation", document.evaluations),
    )
    for kind, entries in sections:
        for name, written in entries.items():
            if name in kinds:
                problems.add(
                    "name-taken",
                    f"{quoted(name)} names both {_article(kinds[name])} and {_article(kind)}",
                    written.key,
                    expected="each name once in a spec, so that 'baseline: NAME' has one meaning",
                    found=f"{_article(kinds[name])} on line {places[name].line}",
                    todo="rename one of them",
                )
                continue
            kinds[name] = kind
            places[name] = written.key
    return Names(kinds)


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _wanted(kinds: tuple[str, ...], known: list[str]) -> str:
    words = " or ".join(_article(kind) for kind in kinds)
    return f"{words}: {listed(known)}" if known else f"{words}; there is none in this spec"


def check_named_args(
    schema: type[BaseModel],
    args: Mapping[str, Any],
    node: Node,
    user: str,
    names: Names,
    problems: Problems,
) -> None:
    """Adds a problem for each argument that its schema marks as a name, and that names nothing."""
    for key, field in schema.model_fields.items():
        for marker in field.metadata:
            if isinstance(marker, NamesEntry):
                value = args.get(key)
                for name in [value] if isinstance(value, str) else value or []:
                    names.check(name, marker.kind, lookup(node, (key,)), f"{key} in {user}", problems)
