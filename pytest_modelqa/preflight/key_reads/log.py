"""What the reading of a program found: keys read, keys missing, and what could not be known."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..composed import KeyPath, shown


@dataclass(frozen=True, order=True)
class Place:
    """A line of the program."""

    file: str
    line: int
    text: str = field(compare=False, default="")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Miss:
    """A key that is read and is not there.

    Attributes:
        place: Where it is read first.
        why: ``""`` where there is no such key, else what is wrong with its value.
        condition: The condition under which it is read, where nobody knows whether it holds.
        deeper: Keys below it that are read of it.
        caller: The line that names the key, where a function is called that reads whatever it is given.
    """

    path: KeyPath
    place: Place
    why: str = ""
    condition: str = ""
    deeper: list[KeyPath] = field(default_factory=list, compare=False)
    caller: Place | None = None


@dataclass
class Log:
    """Filled while a program is followed.

    Attributes:
        reads: Keys that are read, and where; keys that may be missing (``.get`` with a default) as well.
        whole: Parts that are read with all that is below them.
        misses: By path.
        unknown: What could not be known, and where.
        refused: Keys that are given to a function or class that has no such parameter.
    """

    reads: dict[KeyPath, Place] = field(default_factory=dict)
    whole: dict[KeyPath, Place] = field(default_factory=dict)
    misses: dict[KeyPath, Miss] = field(default_factory=dict)
    unknown: dict[str, Place] = field(default_factory=dict)
    refused: dict[KeyPath, tuple[str, Place]] = field(default_factory=dict)

    def read(self, path: KeyPath, place: Place) -> None:
        """A key is read."""
        self.reads.setdefault(path, place)

    def read_whole(self, path: KeyPath, place: Place) -> None:
        """A part is read with all that is below it."""
        self.whole.setdefault(path, place)

    def miss(
        self, path: KeyPath, place: Place, why: str = "", condition: str = "", caller: Place | None = None
    ) -> None:
        """A key is read that is not there; a place without a condition says more than one with."""
        known = self.misses.get(path)
        if known is None or (known.condition and not condition):
            self.misses[path] = Miss(path, place, why, condition, known.deeper if known else [], caller)

    def deepen(self, path: KeyPath, deeper: KeyPath) -> None:
        """A key below a missing one is read."""
        if path in self.misses and deeper not in self.misses[path].deeper:
            self.misses[path].deeper.append(deeper)

    def refuse(self, path: KeyPath, by: str, place: Place) -> None:
        """A key is given to a function or class that has no such parameter."""
        self.refused.setdefault(path, (by, place))

    def note(self, what: str, place: Place) -> None:
        """Something that could not be known."""
        self.unknown.setdefault(what, place)

    def accept(self, trial: Log) -> None:
        """Takes over what a trial found."""
        for path, place in trial.reads.items():
            self.read(path, place)
        for path, place in trial.whole.items():
            self.read_whole(path, place)
        for path, miss in trial.misses.items():
            if path not in self.misses:
                self.misses[path] = miss
        for what, place in trial.unknown.items():
            self.note(what, place)
        self.refused = {**trial.refused, **self.refused}

    def as_notes(self, name: str) -> Log:
        """The same of a function that is called only if the program chooses it: what it lacks may not be missing."""
        unknown = dict(self.unknown)
        for path, miss in self.misses.items():
            unknown[f"whether {shown(path)} is read, which is not there: by {name}, if it is chosen"] = (
                miss.place
            )
        return Log(
            self.reads | {path: miss.place for path, miss in self.misses.items()}, self.whole, {}, unknown
        )

    def is_read(self, path: KeyPath) -> bool:
        """Whether the key, or what it is a part of, is read."""
        return path in self.reads or any(path[:length] in self.whole for length in range(len(path) + 1))
