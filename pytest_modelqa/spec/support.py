"""Which keys of the language are known but have no machinery yet: the one list, shortened as it arrives."""

from __future__ import annotations

from .nodes import Node
from .problems import Problems
from .schema import CheckEntry, DatasetEntry, Entry, EvaluationEntry, ModelEntry

# Refused unless the value is the key's default.
NOT_SUPPORTED_YET: frozenset[str] = frozenset(
    {
        "model.gpus",
        "model.trust",
    }
)
KINDS: dict[str, type[Entry]] = {
    "model": ModelEntry,
    "dataset": DatasetEntry,
    "evaluation": EvaluationEntry,
    "check": CheckEntry,
}


def refuse_unsupported(
    entry: Entry, node: Node, kinds: tuple[str, ...], unsupported: frozenset[str], problems: Problems
) -> None:
    """Adds a problem for each key of an entry whose machinery does not exist: it is never ignored."""
    for key in entry.model_fields_set:
        known = next((kind for kind in kinds if f"{kind}.{key}" in unsupported), None)
        if known is None:
            continue
        default = type(entry).model_fields[key].get_default(call_default_factory=True)
        if getattr(entry, key) != default:
            problems.add(
                "not-supported-yet",
                f"not supported yet: {key}",
                node.value[key].key,
                expected="nothing, until this version can do it"
                if default in (None, {})
                else f"{key}: {default}",
                todo="remove the key; it would have no effect",
            )
