"""What can be wrong in a spec: problems with a stable code and a place, and the error that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ModelQAError
from .codes import CODES
from .nodes import Node
from .resolved import Position

# A file with more problems than this has one cause; the rest would cost time and hide it.
MOST_PROBLEMS = 50
_EXCERPT_WIDTH = 100


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        code: One of ``CODES``; listed with examples in ``docs/errors.md``.
        what: One sentence without a full stop, subject first.
        at: The part of the file that it is about; None when it is about the file as a whole.
    """

    code: str
    what: str
    at: Node | None = None
    expected: str | None = None
    found: str | None = None
    todo: str | None = None

    def __post_init__(self) -> None:
        assert self.code in CODES, self.code

    @property
    def position(self) -> Position | None:
        """Where it is."""
        return Position(self.at.line, self.at.column) if self.at else None

    @property
    def order(self) -> tuple[int, int]:
        """Problems are told in the order of the file."""
        return (self.at.line, self.at.column) if self.at else (0, 0)


class TooManyProblemsError(Exception):
    """Ends the reading of a file in which nearly everything is wrong; never leaves this package."""


@dataclass
class Problems:
    """Collects what is wrong, so that one run tells all of it."""

    found: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    told: set[tuple[str, str, tuple[int, int]]] = field(default_factory=set, repr=False)

    def add(
        self,
        code: str,
        what: str,
        at: Node | None = None,
        *,
        expected: str | None = None,
        found: str | None = None,
        todo: str | None = None,
    ) -> None:
        """Adds a problem.

        Raises:
            TooManyProblemsError: There are ``MOST_PROBLEMS`` of them.
        """
        problem = Problem(code, what, at, expected, found, todo)
        # Defaults and aliases are read once for each place that uses them: one mistake is told once.
        same = (code, what, problem.order)
        if same in self.told:
            return
        self.told.add(same)
        self.found.append(problem)
        if len(self.found) >= MOST_PROBLEMS:
            raise TooManyProblemsError

    def warn(self, code: str, what: str, at: Node, *, todo: str | None = None) -> None:
        """Adds something legal that is probably not meant."""
        self.warnings.append(Problem(code, what, at, todo=todo))


def without_consequences(problems: Sequence[Problem]) -> list[Problem]:
    """Without what follows from a decimal comma: ``{min: 0,9}`` is a min of 0 and a key 9; only the key is told."""
    cut = {problem.order[0] for problem in problems if problem.code == "key-not-text"}
    follows = ("out-of-range", "cannot-fail", "no-improvement", "contradiction")
    return [problem for problem in problems if problem.code not in follows or problem.order[0] not in cut]


class SpecError(ModelQAError):
    """A spec that cannot be used, with every problem of the file.

    Attributes:
        problems: In the order of the file; empty in an error that was read back from JSON.
    """

    problems: tuple[Problem, ...] = ()


def spec_error(path: Path, lines: Sequence[str], problems: Sequence[Problem]) -> SpecError:
    """The error that tells these problems, each with two lines of the source."""
    ordered = sorted(problems, key=lambda problem: problem.order)
    blocks = [_block(path, lines, problem) for problem in ordered]
    if len(blocks) == 1:
        error = blocks[0]
    else:
        more = " or more" if len(problems) >= MOST_PROBLEMS else ""
        error = SpecError(
            f"{len(blocks)}{more} problems in {path.name}; the first: {blocks[0].what}",
            details="\n\n".join(str(block) for block in blocks),
        )
    error.problems = tuple(ordered)
    return error


def told_in_a_line(path: Path, problem: Problem) -> str:
    """A warning as one line: place, sentence, what to do."""
    todo = f"; {problem.todo}" if problem.todo else ""
    return f"{_where(path, problem)}: {problem.what}{todo} [{problem.code}]"


def _block(path: Path, lines: Sequence[str], problem: Problem) -> SpecError:
    return SpecError(
        f"{problem.what} [{problem.code}]",
        where=_where(path, problem),
        expected=problem.expected,
        found=problem.found,
        todo=problem.todo,
        details=_excerpt(lines, problem.at) if problem.at else None,
    )


def _where(path: Path, problem: Problem) -> str:
    if problem.at is None:
        return str(path)
    place = f"{path}:{problem.at.line}:{problem.at.column}"
    return f"{place}, as set by --modelqa-set {problem.at.override}" if problem.at.override else place


def _excerpt(lines: Sequence[str], at: Node) -> str | None:
    """The line before, the line itself and a caret below the place.

    >>> print(_excerpt(["checks:", "  - {metric: psnr, min: no}"], Node("no", 2, 25, 2)))
        1 | checks:
        2 |   - {metric: psnr, min: no}
          |                         ^^
    """
    if not 1 <= at.line <= len(lines):
        return None
    # Long lines (a bomb is one line of 200 KB) are shown around the place.
    start = max(0, at.column - _EXCERPT_WIDTH * 3 // 4)
    shown = [number for number in (at.line - 1, at.line) if number >= 1]
    rows = [
        f"{number:5} | {_printable(lines[number - 1][start : start + _EXCERPT_WIDTH])}" for number in shown
    ]
    left = at.column - 1 - start
    caret = "^" * max(1, min(at.width, _EXCERPT_WIDTH - left))
    return "\n".join([*(row.rstrip() for row in rows), f"      | {' ' * left}{caret}"])


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " if letter == "\t" else "\ufffd" for letter in text)
