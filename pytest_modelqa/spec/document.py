"""The sections of a spec, entry by entry: a broken one keeps its name, so that others can be checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from .forms import EXPECTED_FORMS, NAME_PATTERN
from .hints import name_hint
from .nodes import Entry as KeyAndValue
from .nodes import Node, plain
from .problems import Problems
from .schema import (
    SECTIONS,
    BaselineEntry,
    CheckEntry,
    ControlEntry,
    DatasetEntry,
    DefaultsEntry,
    Entry,
    EvaluationEntry,
    Header,
    ModelEntry,
)
from .spelling import quoted, with_article
from .support import refuse_unsupported
from .unknown_keys import meant_key
from .validation import described, validated

_Schema = TypeVar("_Schema", bound=Entry)

# What stands beside the evaluations among a spec's pytest nodes.
RESERVED_EVALUATIONS = ("goals", "preflight", "controls")


@dataclass(frozen=True)
class Written(Generic[_Schema]):
    """An entry as it was written.

    Attributes:
        name: Its key, or a description where it stands in a list.
        key: The place that names it.
        node: Its value.
        entry: Validated, or None if it is broken.
        broken: Keys that are written and left out of ``entry``.
    """

    name: str
    key: Node
    node: Node
    entry: _Schema | None
    broken: frozenset[str] = frozenset()

    def has(self, key: str) -> bool:
        """Whether the key is written."""
        return isinstance(self.node.value, dict) and key in self.node.value

    def at(self, key: str) -> Node:
        """The place of a key's value, or of the entry where the key is not written."""
        return self.node.value[key].node if self.has(key) else self.key


@dataclass(frozen=True)
class Document:
    """A spec as written, validated entry by entry but not yet as a whole.

    Attributes:
        unreadable: The sections that are no mappings: nobody knows which names they were meant to give.
    """

    header: Written[Header]
    goals: Mapping[str, KeyAndValue]
    defaults: Written[DefaultsEntry]
    models: Mapping[str, Written[ModelEntry]]
    datasets: Mapping[str, Written[DatasetEntry]]
    baselines: Mapping[str, Written[BaselineEntry]]
    evaluations: Mapping[str, Written[EvaluationEntry]]
    checks: Mapping[str, tuple[Written[CheckEntry], ...]]
    controls: Mapping[str, Written[ControlEntry]]
    unreadable: frozenset[str]


def read_document(root: Node, unsupported: frozenset[str], problems: Problems) -> Document | None:
    """The entries of a spec; None when it is no mapping at all."""
    if not isinstance(root.value, dict):
        problems.add(
            "wrong-type",
            "the spec is not a mapping",
            root,
            expected="modelqa: 1, models:, datasets:, evaluations:",
            found=described(root),
        )
        return None
    reader = _Reader(root, unsupported, problems)
    header = reader.header()
    defaults = reader.defaults()
    evaluations = reader.entries("evaluations", "evaluation", EvaluationEntry)
    return Document(
        header,
        reader.goals(),
        defaults,
        reader.entries("models", "model", ModelEntry),
        reader.entries("datasets", "dataset", DatasetEntry),
        reader.entries("baselines", "baseline", BaselineEntry),
        evaluations,
        {name: reader.checks(name, evaluation) for name, evaluation in evaluations.items()},
        reader.controls(),
        frozenset(name for name in SECTIONS if not reader.is_readable(name)),
    )


@dataclass(frozen=True)
class _Reader:
    root: Node
    unsupported: frozenset[str]
    problems: Problems

    def header(self) -> Written[Header]:
        known = {key: entry for key, entry in self.root.value.items() if key in Header.model_fields}
        for key, entry in self.root.value.items():
            if key not in known and key not in SECTIONS:
                self.problems.add(
                    "unknown-key",
                    f"the spec has an unknown key {quoted(key)}",
                    entry.key,
                    todo=meant_key(key, entry.node, Header),
                )
        node = self.root._replace(value=known)
        self._check_version(known.get("modelqa"))
        return Written(
            "the spec", self.root, node, validated(Header, node, self.root, "the spec", self.problems)
        )

    def _check_version(self, written: KeyAndValue | None) -> None:
        if written is None:
            self.problems.add(
                "missing-key",
                "the spec does not say which version of the language it is written in",
                self.root,
                todo="write modelqa: 1 as its first line",
            )
        elif type(written.node.value) is not int or written.node.value != 1:
            newer = type(written.node.value) is int and written.node.value > 1
            self.problems.add(
                "wrong-version",
                "the spec is written in another version of the language",
                written.node,
                expected="modelqa: 1",
                found=described(written.node),
                todo="install a newer pytest-modelqa" if newer else "write modelqa: 1",
            )

    def defaults(self) -> Written[DefaultsEntry]:
        entry = self.root.value.get("defaults")
        if entry is None or entry.node.value is None:
            return Written("defaults", self.root, self.root._replace(value={}), DefaultsEntry())
        valid = validated(DefaultsEntry, entry.node, entry.key, "defaults", self.problems)
        broken: frozenset[str] = frozenset()
        if valid is None:
            # What is right of the defaults still counts, or every evaluation would seem to lack it.
            valid, broken = _valid_part(entry.node)
        refuse_unsupported(valid, entry.node, ("evaluation", "check"), self.unsupported, self.problems)
        return Written("defaults", entry.key, entry.node, valid, broken)

    def controls(self) -> Mapping[str, Written[ControlEntry]]:
        entry = self.root.value.get("controls")
        if entry and entry.node.value and "spec.controls" in self.unsupported:
            self.problems.add(
                "not-supported-yet",
                "not supported yet: controls",
                entry.key,
                todo="remove the section; it would have no effect",
            )
            return {}
        return self.entries("controls", "control", ControlEntry)

    def is_readable(self, section: str) -> bool:
        """Whether a section is a mapping, empty or missing."""
        entry = self.root.value.get(section)
        return entry is None or entry.node.value is None or isinstance(entry.node.value, dict)

    def section(self, name: str) -> Mapping[str, KeyAndValue]:
        """The keys and values of a section; one that is empty or missing has none."""
        entry = self.root.value.get(name)
        if entry is None or entry.node.value is None:
            return {}
        if isinstance(entry.node.value, dict):
            return dict(entry.node.value)
        self.problems.add(
            "wrong-type",
            f"{name} is not a mapping",
            entry.node,
            expected="name: {…}",
            found=described(entry.node),
            todo="write a name and a colon before each entry, without a dash",
        )
        return {}

    def goals(self) -> Mapping[str, KeyAndValue]:
        goals = self.section("goals")
        for name, (key, _) in goals.items():
            self._check_name(name, "goal", key)
        return goals

    def entries(self, section: str, kind: str, schema: type[_Schema]) -> Mapping[str, Written[_Schema]]:
        """Every entry of a section, by name."""
        written = {}
        for name, (key, node) in self.section(section).items():
            self._check_name(name, kind, key)
            entry = validated(schema, node, key, f"the {kind} {quoted(name)}", self.problems)
            if entry is not None:
                refuse_unsupported(entry, node, (kind,), self.unsupported, self.problems)
            written[name] = Written(name, key, node, entry)
        return written

    def _check_name(self, name: str, kind: str, key: Node) -> None:
        if not re.fullmatch(NAME_PATTERN, name):
            self.problems.add(
                "bad-name",
                f"{quoted(name)} cannot be the name of {with_article(kind)}",
                key,
                expected=EXPECTED_FORMS[NAME_PATTERN] + ": it becomes part of pytest's node ids",
                todo=name_hint(name),
            )
        elif kind == "evaluation" and name in RESERVED_EVALUATIONS:
            self.problems.add(
                "bad-name",
                f"an evaluation cannot be called {name}",
                key,
                expected=f"another name: the tests of a spec's {name} are called so",
            )

    def checks(self, name: str, evaluation: Written[EvaluationEntry]) -> tuple[Written[CheckEntry], ...]:
        """The checks of an evaluation."""
        if not isinstance(evaluation.node.value, dict) or "checks" not in evaluation.node.value:
            return ()
        node = evaluation.node.value["checks"].node
        if not isinstance(node.value, list):
            return ()
        written = []
        for number, item in enumerate(node.value, start=1):
            what = f"check {number} of {name}"
            entry = validated(CheckEntry, item, item, what, self.problems)
            if entry is not None:
                refuse_unsupported(entry, item, ("check",), self.unsupported, self.problems)
            written.append(Written(what, item, item, entry))
        return tuple(written)


def _valid_part(node: Node) -> tuple[DefaultsEntry, frozenset[str]]:
    """The defaults without the keys that are wrong, and those keys."""
    values = plain(node) if isinstance(node.value, dict) else {}
    try:
        return DefaultsEntry.model_validate(values), frozenset()
    except ValidationError as error:
        broken = frozenset(str(details["loc"][0]) for details in error.errors() if details["loc"])
        rest = {key: value for key, value in values.items() if key not in broken}
        return DefaultsEntry.model_validate(rest), broken
