"""What a key that does not exist there was probably meant to be: misspelt, another tool's, or in the wrong entry."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .nodes import Node
from .schema import (
    SECTIONS,
    CheckEntry,
    DatasetEntry,
    DefaultsEntry,
    Entry,
    EvaluationEntry,
    Header,
    ModelEntry,
)
from .spelling import are_alike, did_you_mean, listed, nearest, shown

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
    "type": "write build: module:attribute",
    "target": "write build: module:attribute",
    "_target_": "write build: module:attribute",
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

# Where a key may have been meant to stand, by the entry that has it.
_OWNERS: Mapping[type[Entry], str] = {
    CheckEntry: "a check: {metric: …, min: …} in the list under checks:",
    EvaluationEntry: "an evaluation",
    ModelEntry: "a model",
    DatasetEntry: "a dataset",
}
# Whose arguments stand under ``args`` of an entry.
_ARGUMENTS: Mapping[type[Entry], str] = {
    CheckEntry: "the metric",
    EvaluationEntry: "the task",
    ModelEntry: "build",
    DatasetEntry: "load",
}


def meant_key(key: str, value: Node, schema: type[Entry]) -> str:
    """What to do about an unknown key of one of the language's own entries.

    >>> word = Node("x", 1, 1)
    >>> meant_key("sevrity", word, CheckEntry), meant_key("treshold", word, CheckEntry)
    ("did you mean 'severity'?", 'write min: (at least) or max: (at most)')
    >>> meant_key("checkpoint", word, EvaluationEntry), meant_key("metrics", word, CheckEntry)
    ('it belongs to a model', "did you mean 'metric'?")
    """
    known = [*schema.model_fields, *(SECTIONS if schema is Header else ())]
    if key.removesuffix("s") in known:
        return did_you_mean(key, known)
    if key in OTHER_WORDS:
        return _followed(OTHER_WORDS[key], known)
    if f"{key}s" in SECTIONS and schema is Header and isinstance(value.value, dict):
        return did_you_mean(key, known)
    owner = _owner(key)
    if schema is DefaultsEntry and owner is not None:
        return f"write it where it is meant: {key} has no default"
    if owner is not None:
        return f"it belongs to {owner}"
    begun = re.match(r"(\w+)[:\s]\s*(\S.*)", key)
    if begun and begun[1] in known:
        return f"write {begun[1]}: {shown(begun[2])}, with a colon and a space"
    if schema is CheckEntry and isinstance(value.value, dict):
        return f"write {{metric: {shown(key)}, …}}, with the keys below it beside it"
    return _other_word(key, known) or _among(key, known, schema)


def _owner(key: str) -> str | None:
    return next((words for other, words in _OWNERS.items() if key in other.model_fields), None)


def _followed(remedy: str, known: list[str]) -> str:
    """A remedy, with the entry that it can be followed in where that is another one."""
    keys = re.findall(r"(\w+):", remedy)
    owner = _owner(keys[0]) if keys and not set(keys) & set(known) else None
    return f"{remedy} in {owner}" if owner else remedy


def _other_word(key: str, known: list[str]) -> str | None:
    """The remedy for a misspelt word of another tool, where it can be followed in this entry."""
    word = nearest(key, OTHER_WORDS) if nearest(key, known) is None else None
    remedy = OTHER_WORDS[word] if word else ""
    return remedy if any(name in known for name in re.findall(r"(\w+):", remedy)) else None


def _among(key: str, known: list[str], schema: type[Entry]) -> str:
    of, close = _ARGUMENTS.get(schema), nearest(key, known)
    if of is None or not key.isidentifier() or (close is not None and are_alike(key, close)):
        return did_you_mean(key, known)
    args = f"write args: {{{shown(key)}: …}} for {of}"
    return f"did you mean '{close}'? or {args}" if close else f"{args}, or one of: {listed(known, most=5)}"
