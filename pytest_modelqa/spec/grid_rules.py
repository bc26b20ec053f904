"""Rules about coordinates: what their values are, and which of them a check picks, orders or averages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .catalogue import MetricDeclaration
from .document import Written
from .grid import LAST, declared, width_of_zeros
from .layers import place_of
from .nodes import Node, lookup
from .problems import Problems
from .resolved import Check
from .scalars import is_number
from .schema import CheckEntry, DefaultsEntry
from .spelling import listed, nearest, quoted

Coordinates = Mapping[str, Sequence[Any]]


def check_values(name: str, values: Node, problems: Problems) -> None:
    """Adds a problem for each value that would stand in a file's name otherwise than it is written.

    ``[0100, 1e3]`` are the numbers 100 and 1000.0, and no file is called so.
    """
    for place in values.value if isinstance(values.value, list) else ():
        if not isinstance(place.value, (str, dict, list)) and place.text != str(place.value):
            problems.add(
                "ambiguous-value",
                f"{place.text} of the coordinate {quoted(name)} would be read as {place.value}",
                place,
                expected="the value as it stands in the file's name",
                todo=f'write {_as_number(place.value)}{_filled_up(name, [place.text])}, or "{place.text}" in quotes',
            )


def _filled_up(name: str, texts: Sequence[str]) -> str:
    """Where numbers stand in the file's name with zeros before them: what writes these."""
    width = width_of_zeros(texts)
    return f" and, in the path, {{{name}:0{width}}}, which fills it up with zeros" if width else ""


def _as_number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_grid(
    check: Check,
    written: Written[CheckEntry],
    defaults: Written[DefaultsEntry],
    coordinates: Coordinates,
    problems: Problems,
) -> None:
    """Adds a problem where a check names coordinates that its model does not have."""
    named = [("along", check.along), ("over", check.over), *(("at", name) for name in check.at)]
    for key, name in named:
        if name is not None and name not in coordinates:
            close = nearest(name, coordinates)
            problems.add(
                "unknown-coordinate",
                f"{key} of {written.name} names {quoted(name)}, which is no coordinate of the model",
                _place_in(key, name, written, defaults),
                expected=f"one of: {listed(coordinates)}" if coordinates else "a model with coordinates",
                todo=f"did you mean '{close}'?" if close else None,
            )
    uses = [name for _, name in named if name is not None]
    for name in dict.fromkeys(name for name in uses if uses.count(name) > 1):
        problems.add(
            "contradiction",
            f"{written.name} uses the coordinate {quoted(name)} twice",
            written.key,
            expected="each coordinate picked, ordered or averaged: one of the three",
        )
    for name, value in check.at.items():
        if name in coordinates:
            _check_picked(name, value, coordinates[name], written, defaults, problems)
    if check.bound.kind == "trend":
        _check_along(check.along, written, defaults, coordinates, problems)


def _place_in(key: str, name: str, *layers: Written[Any]) -> Node:
    """Where a check names a coordinate: the name itself, where it is a key (of ``at``)."""
    node = place_of(key, *layers)
    return node.value[name].key if isinstance(node.value, dict) and name in node.value else node


def _check_picked(
    name: str,
    value: Any,
    values: Sequence[Any],
    written: Written[CheckEntry],
    defaults: Written[DefaultsEntry],
    problems: Problems,
) -> None:
    at = lookup(place_of("at", written, defaults), (name,))
    if declared(values, value) is not None:
        return
    if value != LAST:
        problems.add(
            "unknown-coordinate",
            f"at of {written.name} picks {name} {at.text}, which the model does not declare",
            at,
            expected=f"{LAST}, or one of: {listed(str(item) for item in values)}",
            todo=_what_was_picked(value, values),
        )
    elif not _are_numbers(values):
        problems.add(
            "bad-coordinate",
            f"at of {written.name} picks the {LAST} {name}, and the values of {name} are not all numbers",
            at,
            # As text step_900 comes after step_1000.
            expected="numbers, of which the largest is the last",
            found=_in_words(name, values),
            todo=_write_numbers(name, values, "them")
            + f", or pick one by its name: at: {{{name}: {_quoted(values[-1])}}}",
        )


def _what_was_picked(value: Any, values: Sequence[Any]) -> str | None:
    if value in ("best", "max", "min"):
        # The best of several is partly luck (winner's curse: Andrews, Kitagawa, McCloskey, QJE 2024).
        return (
            "choose it on other data and name its value here; the best of several on the data that judge it is "
            "partly luck"
        )
    alike = next((item for item in values if str(item) == str(value)), None)
    if alike is not None:
        return "write it as under coordinates, " + (
            "in quotes" if isinstance(alike, str) else "without quotes"
        )
    close = nearest(str(value), [LAST, *(str(item) for item in values)]) if isinstance(value, str) else None
    return f"did you mean '{close}'?" if close else None


def _check_along(
    along: str | None,
    written: Written[CheckEntry],
    defaults: Written[DefaultsEntry],
    coordinates: Coordinates,
    problems: Problems,
) -> None:
    """Adds a problem unless a trend says along which coordinate, whose values put checkpoints in an order."""
    if along is None:
        problems.add(
            "missing-key",
            f"{written.name} is a trend, and does not say along which coordinate",
            written.at("trend"),
            expected=f"along: one of {listed(coordinates)}" if coordinates else "a model with coordinates",
        )
        return
    values = coordinates.get(along)
    if values is None or (_are_numbers(values) and len(values) > 1):
        return
    problems.add(
        "bad-coordinate",
        f"{written.name} is a trend along {quoted(along)}, which puts no checkpoints in order",
        place_of("along", written, defaults),
        expected="two numbers or more that differ, such as training steps",
        found=_in_words(along, values),
        todo=_write_numbers(along, values, "the steps")
        if len(values) > 1
        else "declare the earlier checkpoints too, or write min: instead of trend:",
    )


def _write_numbers(name: str, values: Sequence[Any], them: str) -> str:
    zeros = _filled_up(name, values) if all(isinstance(value, str) for value in values) else ""
    return f"write {int(values[0])} …{zeros}" if zeros else f"write {them} as numbers"


def _are_numbers(values: Sequence[Any]) -> bool:
    """Whether values are finite numbers that differ."""
    numbers = {value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)}
    # To Python 1 and 1.0 are one key, and NaN comes after nothing.
    return len(numbers) == len(values) and all(math.isfinite(number) for number in numbers)


def _in_words(name: str, values: Sequence[Any]) -> str:
    return f"{name}: [{', '.join(_quoted(value) for value in values)}]"


def _quoted(value: Any) -> str:
    """Text in quotes where it would be a number without them."""
    return f'"{value}"' if isinstance(value, str) and is_number(value) else str(value)


def check_tolerance(
    check: Check,
    written: Written[CheckEntry],
    defaults: Written[DefaultsEntry],
    metric: MetricDeclaration,
    problems: Problems,
) -> None:
    """Adds a problem where no drop that the metric can make exceeds the tolerance."""
    reach = metric.upper - metric.lower
    if check.tolerance is None or check.tolerance < reach:
        return
    problems.add(
        "cannot-fail",
        f"the tolerance of {written.name} is as large as the range of {metric.name}: no drop exceeds it",
        place_of("tolerance", written, defaults),
        expected=f"less than {reach:g} {metric.unit}".rstrip(),
        todo="write unit: percent, if percentage points are meant"
        if metric.unit == "fraction" and check.unit != "percent"
        else None,
    )
