"""What a name or key that is not known was probably meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

# Other tools' words for what this language spells in one way. Several of them mean opposite things in
# different tools (``relative`` alone means four), which is why none is a synonym here.
_BOUNDS = "write min, max, min_improvement, max_degradation or max_difference"
OTHER_WORDS: Mapping[str, str] = {
    "threshold": "write min: (at least) or max: (at most)",
    "value": "write min: (at least) or max: (at most)",
    "expected": "write min: (at least) or max: (at most)",
    "minimum": "write min:",
    "lower_bound": "write min:",
    "gte": "write min:",
    "ge": "write min:",
    "gt": "write min:",
    "at_least": "write min:",
    "maximum": "write max:",
    "upper_bound": "write max:",
    "lte": "write max:",
    "le": "write max:",
    "lt": "write max:",
    "at_most": "write max:",
    "relative": "write min_improvement_percent: or max_degradation_percent:",
    "absolute": "write min_improvement: or max_degradation:",
    "rtol": "write max_degradation_percent: (only worse counts) or max_difference: (either way)",
    "rel_tol": "write max_degradation_percent: (only worse counts) or max_difference: (either way)",
    "atol": "write max_degradation: (only worse counts) or max_difference: (either way)",
    "abs_tol": "write max_degradation: (only worse counts) or max_difference: (either way)",
    "min_change": _BOUNDS,
    "max_change": _BOUNDS,
    "max_drop": "write max_degradation:",
    "max_regression": "write max_degradation:",
    "percent_min_improvement": "write min_improvement_percent:",
    "percent_max_degradation": "write max_degradation_percent:",
    "vs": "write baseline:",
    "reference": "write baseline:",
    "compare_to": "write baseline:",
    "direction": "remove it: each metric knows its direction",
    "higher_is_better": "remove it: each metric knows its direction",
    "greater_is_better": "remove it: each metric knows its direction",
    "scale": "write unit: percent",
    "units": "write unit:",
    "monotone": "write trend: non_decreasing or increasing, with along:",
    "min_examples": "write min_samples:",
    "n_min": "write min_samples:",
    "slice": "write slices:",
    "per_slice": "write slices:",
    "group_by": "write slices:",
    "level": "write severity: (error or warn), or confidence:",
    "alpha": "write confidence: (1 − alpha)",
    "significance": "write confidence: (1 − the significance level)",
    "weights": "write checkpoint:",
    "ckpt": "write checkpoint:",
    "kwargs": "write args:",
    "params": "write args:",
    "parameters": "write args:",
    "arguments": "write args:",
    "class": "write build: module:attribute",
    "target": "write build: module:attribute",
    "loader": "write load: module:function",
    "data": "write dataset: in an evaluation, datasets: at the top",
    "max_samples": "write limit:",
    "num_samples": "write limit:",
    "markers": "write marks:",
    "metrics": "write checks:, a list of {metric: …, min: …}",
    "tests": "write checks:, a list of {metric: …, min: …}",
    "expect": "write checks:, a list of {metric: …, min: …}",
    "timeout": "write deadline: (seconds)",
    "dtype": "write precision:",
    "version": "write modelqa: 1 for the version of the language",
    "<<": "YAML 1.2 has no merge keys: write the keys out; defaults: holds those that evaluations and checks share",
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like this one, if any does.

    >>> nearest("treshold", ["metric", "threshold"]), nearest("xyz", ["metric"])
    ('threshold', None)
    """
    if len(word) > 60:
        return None
    folded = {name.lower().replace("-", "_"): name for name in known}
    close = difflib.get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.65)
    return folded[close[0]] if close else None


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


def meant_key(key: str, known: Iterable[str]) -> str:
    """What to do about an unknown key of the language's own entries.

    >>> meant_key("sevrity", ["metric", "severity"]), meant_key("treshold", ["metric"])
    ("did you mean 'severity'?", 'write min: (at least) or max: (at most)')
    """
    names = list(known)
    if key in OTHER_WORDS:
        return OTHER_WORDS[key]
    other_word = nearest(key, OTHER_WORDS) if nearest(key, names) is None else None
    return OTHER_WORDS[other_word] if other_word else did_you_mean(key, names)


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
    short = text if len(text) <= most else text[: most - 1] + "…"
    return "'" + "".join(c if c.isprintable() else " " for c in short) + "'"
