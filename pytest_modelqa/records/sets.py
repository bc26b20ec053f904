"""The values of set-level metrics, and their form in JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import StoreError
from .digests import GROUPS


@dataclass(frozen=True)
class SetValue:
    """A set-level metric on one slice.

    Attributes:
        value: In the metric's own unit; finite.
        left_out: The values without group 0 … 19 (see ``digests.group_of``); None where there is none.
        n: Samples in the slice.
        standard_error: As another tool measured it, where nothing was left out; else None.
    """

    value: float
    left_out: tuple[float | None, ...]
    n: int
    standard_error: float | None = None


def sets_to_json(metric: str, values: Mapping[str, SetValue]) -> dict[str, Any]:
    """As a JSON object: slice value to ``[value, left_out, n]``, and the standard error where there is one.

    Raises:
        StoreError: A value is not finite, or there are not 20 left-out values.
    """
    return {name: _entry(f"{metric} of {name or 'the whole set'}", each) for name, each in values.items()}


def sets_from_json(value: Any) -> dict[str, SetValue]:
    """The values that ``sets_to_json`` described.

    Raises:
        StoreError: It is not of that form.
    """
    if not isinstance(value, dict) or not all(map(_is_entry, value.values())):
        raise StoreError("these are no values of a set-level metric", found=repr(value)[:200])
    return {name: SetValue(entry[0], tuple(entry[1]), *entry[2:]) for name, entry in value.items()}


def _entry(what: str, each: SetValue) -> list[Any]:
    entry = [
        float(each.value),
        [None if value is None else float(value) for value in each.left_out],
        int(each.n),
        *([] if each.standard_error is None else [float(each.standard_error)]),
    ]
    if not _is_entry(entry):
        raise StoreError(
            f"{what} cannot be stored",
            expected=f"a finite value, {GROUPS} left-out values that are finite or None, a count of samples",
            found=f"{each.value}, {len(each.left_out)} left-out values, {each.n} samples"
            + ("" if each.standard_error is None else f", standard error {each.standard_error}"),
        )
    return entry


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, list) or len(entry) not in (3, 4):
        return False
    value, left_out, n, *error = entry
    return (
        _is_finite(value)
        and all(_is_finite(each) and each > 0 for each in error)
        and isinstance(left_out, list)
        and len(left_out) == GROUPS
        and all(each is None or _is_finite(each) for each in left_out)
        and isinstance(n, int)
        and not isinstance(n, bool)
        and n >= 0
    )


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)
