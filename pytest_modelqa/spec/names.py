"""Names across the sections of a spec: each names one thing, and what is named exists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from .catalogue import named_entries
from .document import Document, Written
from .nodes import Node, lookup
from .problems import Problems
from .spelling import listed, nearest, quoted, with_article


@dataclass(frozen=True)
class Names:
    """Every name that a spec gives.

    Attributes:
        kinds: Name to what it names: ``model``, ``dataset``, ``evaluation`` or ``recorded baseline``.
        unknowable: The kinds whose section could not be read: any name may be one of them.
    """

    kinds: Mapping[str, str]
    unknowable: frozenset[str]

    def of(self, *kinds: str) -> list[str]:
        """The names of these kinds of things, in the order of the file."""
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def check(self, name: str, kind: str, at: Node, user: str, problems: Problems) -> None:
        """Adds a problem unless a name is one of a kind of thing."""
        self.check_any(name, (kind,), self.of(kind), at, user, problems)

    def check_any(
        self,
        name: str,
        kinds: tuple[str, ...],
        choices: Sequence[str],
        at: Node,
        user: str,
        problems: Problems,
    ) -> None:
        """Adds a problem unless a name is one of several.

        Args:
            name: As written.
            kinds: What it may name, in words.
            choices: The names that are legal.
            at: Where it is written.
            user: Who names it, in words: ``the evaluation 'probe'``.
            problems: Gets what is wrong.
        """
        if name in choices or not self.unknowable.isdisjoint(kinds):
            return
        actual = self.kinds.get(name)
        if actual is not None:
            problems.add(
                "wrong-kind",
                f"{user} names {quoted(name)}, which is {with_article(actual)}",
                at,
                expected=_wanted(kinds, choices),
            )
        else:
            close = nearest(name, choices)
            problems.add(
                "unknown-name",
                f"{user} names {quoted(name)}, which does not exist",
                at,
                expected=_wanted(kinds, choices),
                todo=f"did you mean '{close}'?" if close else None,
            )


def collect_names(document: Document, problems: Problems) -> Names:
    """The names of a document; one that is given twice is a problem."""
    kinds: dict[str, str] = {}
    places: dict[str, Node] = {}
    sections: Mapping[str, tuple[str, Mapping[str, Written[Any]]]] = {
        "models": ("model", document.models),
        "datasets": ("dataset", document.datasets),
        "baselines": ("recorded baseline", document.baselines),
        "evaluations": ("evaluation", document.evaluations),
    }
    for kind, entries in sections.values():
        for name, written in entries.items():
            if name in kinds:
                problems.add(
                    "name-taken",
                    f"{quoted(name)} names both {with_article(kinds[name])} and {with_article(kind)}",
                    written.key,
                    expected="each name once in a spec, so that 'baseline: NAME' has one meaning",
                    found=f"{with_article(kinds[name])} on line {places[name].line}",
                    todo="rename one of them",
                )
                continue
            kinds[name] = kind
            places[name] = written.key
    return Names(kinds, frozenset(sections[section][0] for section in sections.keys() & document.unreadable))


def _wanted(kinds: tuple[str, ...], known: Sequence[str]) -> str:
    *others, last = [with_article(kind) for kind in kinds]
    words = f"{', '.join(others)} or {last}" if others else last
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
    for entry in named_entries(schema, args):
        at = lookup(node, (entry.argument, entry.place))
        names.check(entry.name, entry.kind, at, f"{entry.argument} in {user}", problems)


def check_other_entries(
    schema: type[BaseModel],
    args: Mapping[str, Any],
    node: Node,
    user: str,
    own: str | None,
    problems: Problems,
) -> None:
    """Adds a problem for each argument that must name another entry than ``own``, and does not."""
    for entry in named_entries(schema, args):
        if entry.other and entry.name == own:
            problems.add(
                "contradiction",
                f"{entry.argument} in {user} names {quoted(entry.name)}, which is what the evaluation measures on",
                lookup(node, (entry.argument, entry.place)),
                expected="training data, which are never what is measured",
                todo=f"name another {entry.kind}",
            )
