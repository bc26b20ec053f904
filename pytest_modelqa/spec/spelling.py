"""What a name that is not known was probably meant to be, and how messages write names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

OF_ONE_NUMBER = (
    "No task measures a regression: write each sample's error to a table and gate that with"
    " task: recorded (docs/recorded.md)"
)
"""What to do about ``task: regression``, and about a model that answers with one number."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like this one, if any does.

    >>> nearest("treshold", ["metric", "threshold"]), nearest("acc", ["accuracy"]), nearest("xyz", ["metric"])
    ('threshold', 'accuracy', None)
    """
    if len(word) > 60:
        return None
    folded = {name.lower().replace("-", "_"): name for name in known}
    own = word.lower().replace("-", "_")
    close = difflib.get_close_matches(own, folded, n=1, cutoff=0.65)
    begun = [name for name in folded if len(own) >= 3 and name.startswith(own)]
    found = close or (begun if len(begun) == 1 else [])
    return folded[found[0]] if found else None


def are_alike(word: str, other: str) -> bool:
    """Whether two words differ by a slip of the hand, and are not merely the nearest.

    >>> are_alike("sevrity", "severity"), are_alike("series", "slices")
    (True, False)
    """
    return difflib.SequenceMatcher(None, word.lower(), other).ratio() >= 0.75


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known.

    >>> did_you_mean("tset", ["test", "train"]), did_you_mean("x", ["test", "train"])
    ("did you mean 'test'?", 'write one of: test, train')
    """
    names = list(known)
    close = nearest(word, names)
    if close is not None:
        return f"did you mean '{close}'?"
    return f"write one of: {listed(names)}" if names else "there is none to name"


def listed(names: Iterable[str], most: int = 8) -> str:
    """Names for a message, not more than a reader will look through.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    every = list(names)
    if len(every) <= most:
        return ", ".join(every)
    return f"{', '.join(every[:most])} and {len(every) - most} more"


def with_article(noun: str) -> str:
    """The noun with ``a`` or ``an``."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def quoted(text: str, most: int = 60) -> str:
    """A text from a file, for a message: in quotes, printable, not long.

    >>> quoted("a\\tb"), quoted("x" * 100)[-3:]
    ("'a b'", "x…'")
    """
    return f"'{shown(text, most)}'"


def shown(text: str, most: int = 60) -> str:
    """The same without quotes, for what is to be written."""
    short = text if len(text) <= most else text[: most - 1] + "…"
    return "".join(c if c.isprintable() else " " for c in short)
