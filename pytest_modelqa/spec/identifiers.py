"""Ids of checks: from what is measured and how, never from a threshold or a place in a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from .catalogue import MetricDeclaration
from .resolved import Bound


def check_id(
    metric: str,
    args: Mapping[str, Any],
    bound: Bound,
    baseline: str | None,
    slices: Mapping[str, tuple[str, ...] | None],
    at: Mapping[str, Any],
    along: str | None = None,
    over: str | None = None,
) -> str:
    """The id of a check, out of letters, digits, ``_``, ``.`` and ``-``.

    Args:
        metric: The metric's name.
        args: Those of its arguments that differ from their defaults.
        bound: Its kind stands in the id, its numbers do not: a changed threshold keeps the id.
        baseline: For bounds that compare.
        slices: Their names stand in the id.
        at: Picked coordinates.
        along: The coordinate of a trend.
        over: The coordinate that is averaged.

    >>> check_id("psnr", {}, Bound("min", minimum=25.0), None, {"label": None}, {})
    'psnr-min-by-label'
    >>> check_id("top_k_accuracy", {"k": 5}, Bound("max_degradation", amount=0.01), "v1", {}, {})
    'top_k_accuracy-k-5-max-degradation-vs-v1'
    """
    kind = bound.trend if bound.kind == "trend" and bound.trend else bound.kind
    parts = [metric]
    for name, value in sorted(args.items()):
        parts += [name, value_text(value)]
    parts.append(kind.replace("_", "-"))
    if baseline:
        parts += ["vs", baseline]
    for name in slices:
        parts += ["by", name]
    for name, value in at.items():
        parts += ["at", name, value_text(value)]
    for word, coordinate in (("along", along), ("over", over)):
        if coordinate:
            parts += [word, coordinate]
    return "-".join(sanitised(part) for part in parts)


def differing_args(schema: type[BaseModel], args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments whose values are not the schema's defaults."""
    if not args:
        return {}
    defaults = _defaults(schema)
    return {name: value for name, value in args.items() if name not in defaults or defaults[name] != value}


def naming_args(metric: MetricDeclaration, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that tell a check from others of its metric, for ids and sentences."""
    differing = differing_args(metric.args, args)
    if metric.named_by is None:
        return differing
    return {name: value for name, value in differing.items() if name in metric.named_by}


@lru_cache(maxsize=1024)
def _defaults(schema: type[BaseModel]) -> Mapping[str, Any]:
    fields = schema.model_fields.items()
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in fields
        if not field.is_required()
    }


def value_text(value: Any) -> str:
    """An argument's value, for an id or a sentence."""
    if isinstance(value, (list, tuple)):
        return "-".join(value_text(item) for item in value)
    if isinstance(value, Mapping):
        return "-".join(f"{key}-{value_text(item)}" for key, item in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    if value is None or isinstance(value, bool):
        return "none" if value is None else str(value).lower()
    return str(value)


def sanitised(text: str) -> str:
    """A text with every character that an id may not hold as an underscore.

    >>> sanitised("a b::c[1]")
    'a_b__c_1_'
    """
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)
