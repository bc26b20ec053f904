"""A grid of checkpoints: which of its members a check speaks of, and how they are called."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Coordinates = Mapping[str, Any]
LAST = "last"
# A coordinate in the pattern of a path: {step}, or {step:06} for whole numbers that are filled up with zeros.
PLACEHOLDER = re.compile(r"\{([^{}:]*)(?::0([1-9])d?)?\}")


def members(coordinates: Mapping[str, tuple[Any, ...]], at: Mapping[str, Any]) -> tuple[Coordinates, ...]:
    """The members of a grid that a check speaks of, in the order in which the spec declares the values.

    Args:
        coordinates: Name to declared values.
        at: What the check picks; ``last`` is the largest declared value, unless a value is called so.

    >>> members({"step": (3000, 6000), "seed": (0, 1)}, {"step": "last"})
    ({'step': 6000, 'seed': 0}, {'step': 6000, 'seed': 1})
    >>> members({}, {})
    ({},)
    """
    picked = {
        name: (_picked(values, at[name]),) if name in at else values for name, values in coordinates.items()
    }
    return tuple(dict(zip(picked, values, strict=True)) for values in itertools.product(*picked.values()))


def filled(pattern: str, coordinates: Coordinates) -> str:
    """A path's pattern with the values of its coordinates; other braces stay as they are.

    >>> filled("seed_{seed}/step_{step:06}.pt", {"seed": 1, "step": 3000})
    'seed_1/step_003000.pt'
    """

    def value(match: re.Match[str]) -> str:
        name, width = match.groups(default="0")
        return str(coordinates[name]).zfill(int(width)) if name in coordinates else match[0]

    return PLACEHOLDER.sub(value, pattern)


def width_of_zeros(texts: Iterable[str]) -> int | None:
    """The width that fills numbers up to these texts, for ``{step:06}``; None where none does, or none is needed.

    >>> width_of_zeros(["000020", "000400"]), width_of_zeros(["20", "400"]), width_of_zeros(["1e3"])
    (6, None, None)
    """
    every = list(texts)
    width = max((len(text) for text in every if text.startswith("0")), default=0)
    fits = all(text.isdecimal() and str(int(text)).zfill(width) == text for text in every)
    return width if fits and 1 < width < 10 else None


def refilled(pattern: str, coordinates: Coordinates, exists: Callable[[str], bool]) -> tuple[str, str] | None:
    """The placeholders that lead to a file where those of the pattern lead to none, and the path that they give.

    >>> refilled("step_{step}.pt", {"step": 20}, {"step_000020.pt"}.__contains__)
    ('{step:06}', 'step_000020.pt')
    """
    numbers = [
        name
        for name, _ in PLACEHOLDER.findall(pattern)
        if type(value := coordinates.get(name)) is int and value >= 0
    ]
    names = list(dict.fromkeys(numbers))
    for widths in itertools.product(("", *range(2, 10)), repeat=len(names)):
        other = pattern
        written = [
            f"{{{name}:0{width}}}" if width else f"{{{name}}}"
            for name, width in zip(names, widths, strict=True)
        ]
        for name, placeholder in zip(names, written, strict=True):
            other = re.sub(rf"\{{{re.escape(name)}(:[^{{}}]*)?\}}", placeholder, other)
        path = filled(other, coordinates)
        if exists(path):
            return ", ".join(placeholder for placeholder in written if placeholder not in pattern), path
    return None


def write_instead(placeholders: str, key: str) -> str:
    """What to do about a pattern whose numbers are not written as those of the files.

    >>> write_instead("{step:06}", "path:"), write_instead("{step}", "path:")
    ('write {step:06} in path:, which fills up with zeros', 'write {step} in path:, which adds no zeros')
    """
    return (
        f"write {placeholders} in {key}, which "
        + ("fills up with" if ":" in placeholders else "adds no")
        + " zeros"
    )


def named(coordinates: Iterable[tuple[str, Any]]) -> str:
    """``step=3000, seed=1``."""
    return ", ".join(f"{name}={value}" for name, value in coordinates)


def without(coordinates: Coordinates, *names: str | None) -> tuple[tuple[str, Any], ...]:
    """The coordinates that are not named: what members of one series have in common."""
    return tuple((name, value) for name, value in coordinates.items() if name not in names)


def _picked(values: tuple[Any, ...], wanted: Any) -> Any:
    chosen = declared(values, wanted)
    return max(values) if chosen is None else chosen


def declared(values: Iterable[Any], wanted: Any) -> Any:
    """The value of a coordinate as it is declared (1000 for 1000.0), or None; ``true`` is not 1.

    >>> declared((1000, 2000), 1000.0), declared((0, 1), True), declared(("best", "last", "swa"), "last")
    (1000, None, 'last')
    """
    same = (
        value for value in values if value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
    )
    return next(same, None)
