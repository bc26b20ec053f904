"""How pytest finds a spec's items: ``SpecFile`` → ``Case`` (preflight, an evaluation, controls, goals) → items."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .control_items import KnownBad, controls_are_asked
from .errors import ModelQAError, UsageError
from .gate import Gate
from .items import GATE, WAITING, Check, Goal, Item
from .preflight.questions import questions_of
from .preflight_items import Preflight, preflight_is_asked
from .spec import SpecError
from .spec.reading import SUFFIX
from .spec.resolved import Spec

__all__ = ["GATE", "WAITING", "Case", "SpecFile", "SpecWarning", "specs_below"]


class SpecFile(pytest.File):
    """One ``*.modelspec.yaml``."""

    def collect(self) -> Iterator[Case]:
        """One case for each evaluation, and one each for the preflight, the controls and the goals that there are.

        The whole plan is made here, whatever is selected later: a run of a part must know that it is one.
        """
        gate = self.config.stash[GATE]
        try:
            _demand_supported_distribution(self.config)
            self._demand_name()
            spec = gate.read(self.path)
            self._warn(spec)
        except (ModelQAError, pytest.PytestWarning) as problem:
            gate.cannot_read(self.path, str(problem))
            raise self.CollectError(str(problem)) from None
        self.extra_keyword_matches.update(spec.tags)
        for case in _cases(self, spec, gate):
            for item in case.collect():
                gate.plan(item.planned(spec))
            yield case

    def _demand_name(self) -> None:
        pattern = self.config.getini("modelqa_files")
        if not self.path.match(pattern):
            name = re.sub(r"\.modelspec\.ya?ml$", "", self.path.name, flags=re.IGNORECASE) + SUFFIX
            raise SpecError(
                "a file is called nearly like a spec, and would be passed over",
                where=str(self.path),
                expected=f"a name like {pattern}",
                todo=f"rename it {name}, or otherwise if it is none",
            )

    def _warn(self, spec: Spec) -> None:
        """Says what is legal in the spec and probably not meant.

        Raises:
            SpecError: A mark that pytest does not know, under ``--strict-markers``.
            PytestWarning: A warning, under ``-W error``.
        """
        for text in spec.warnings:
            self.warn(SpecWarning(text))
        for evaluation in spec.evaluations.values():
            for check in evaluation.checks:
                for mark in check.marks:
                    self._check_mark(mark, f"{self.path}:{check.position.line}")

    def _check_mark(self, mark: str, where: str) -> None:
        error = SpecError(
            f"pytest does not know the mark {mark!r}",
            where=where,
            expected="one of those that pytest --markers lists",
            todo=f"correct marks:, or declare it in pytest's configuration: markers = {mark}: WHAT IT IS FOR",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error", pytest.PytestUnknownMarkWarning)
            try:
                getattr(pytest.mark, mark)
            except pytest.fail.Exception:
                # Under --strict-markers, strict_markers or strict: which of them there are depends on pytest.
                raise error from None
            except pytest.PytestUnknownMarkWarning:
                self.warn(SpecWarning(f"{where}: {error.what}; {error.todo}"))


class SpecWarning(pytest.PytestWarning):
    """Something in a spec that is legal and probably not meant."""


class Case(pytest.Collector):
    """The items of an evaluation, the preflight, the controls or the goals. Records belong to the session."""

    def __init__(self, *, items: list[tuple[str, dict[str, Any]]], kind: type[Item], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._items = items
        self._kind = kind

    def collect(self) -> Iterator[Item]:
        """The items, in the order of the file."""
        for name, fields in self._items:
            yield self._kind.from_parent(self, name=name, **fields)


def specs_below(paths: Iterable[Path], pattern: str) -> list[Path]:
    """The spec files among these files and folders, two levels deep, as specs lie in a folder of their own.

    Hidden folders and virtual environments hold none.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir() and (path.name.startswith((".", "__")) or (path / "pyvenv.cfg").exists()):
            continue
        candidates = [path, *path.glob("*"), *path.glob("*/*")] if path.is_dir() else [path]
        found |= {file for file in candidates if file.match(pattern) and file.is_file()}
    return sorted(found)


def _demand_supported_distribution(config: pytest.Config) -> None:
    """Refuses xdist's modes under which a run would never end.

    In released xdist (3.8.0) a worker that dies hangs the run for ever under loadscope, loadfile and loadgroup
    (xdist#784, #1323, #1327, #1378); ``each`` would judge everything several times.

    Raises:
        UsageError: Another mode than load or worksteal was asked for.
    """
    mode = getattr(config, "workerinput", {}).get("modelqa", {}).get("dist", "load")
    if mode not in ("load", "worksteal"):
        why = "judges every check several times" if mode == "each" else "hangs when a worker dies"
        raise UsageError(
            f"--dist {mode} is not supported with model specs",
            expected="--dist load (the default of -n) or --dist worksteal",
            found=f"--dist {mode}, under which pytest-xdist {why}",
            todo="use -n N without --dist; an evaluation is made once whichever process asks for it",
        )


def _cases(parent: SpecFile, spec: Spec, gate: Gate) -> Iterator[Case]:
    """The preflight and the controls only where they are asked for: they belong to no release."""

    def case(name: str, kind: type[Item], items: Iterable[tuple[str, dict[str, Any]]]) -> Case:
        made: Case = Case.from_parent(parent, name=name, kind=kind, items=list(items))
        return made

    if preflight_is_asked(parent.config):
        questions = questions_of(spec, gate.catalogue)
        yield case(
            "preflight", Preflight, ((each.id, {"spec": spec, "question": each}) for each in questions)
        )
    for evaluation in spec.evaluations.values():
        common = {"spec": spec, "evaluation": evaluation}
        yield case(
            evaluation.name, Check, ((each.id, {**common, "check": each}) for each in evaluation.checks)
        )
    if spec.controls and controls_are_asked(parent.config):
        controls = spec.controls.values()
        yield case("controls", KnownBad, ((each.name, {"spec": spec, "control": each}) for each in controls))
    if spec.goals:
        goals = spec.goals.values()
        yield case("goals", Goal, ((each.name, {"spec": spec, "goal": each}) for each in goals))
