"""What a promoted baseline replaces: nothing better and nothing else without leave, and nothing without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import BaselineError
from ..spec.catalogue import MetricDeclaration
from ..spec.numbers import format_value
from .file import BaselineFile, MetricFile, parse


def demand_replaceable(
    path: Path, after: BaselineFile, known: Mapping[str, MetricDeclaration], *, lower: bool
) -> None:
    """A baseline of that name may only be raised, and stays one of the same thing, unless somebody says otherwise.

    Args:
        known: The metrics by the names that they have in the file.
        lower: Somebody says otherwise.

    Raises:
        BaselineError: It would be lowered, or become one of something else.
    """
    if lower or not path.exists():
        return
    before = parse(path)
    why = [*_other(before, after), *_worse(before, after, known)]
    if why:
        raise BaselineError(
            f"{after.name} would be {'replaced' if any(_other(before, after)) else 'lowered'}: {why[0]}",
            where=str(path),
            found="; ".join(why),
            todo="promote under another --name, or say that it is meant: --lower",
        )


def replaced(before: BaselineFile) -> str:
    """Which one is replaced: ``replaces the one of 2026-11-20, run 20261120-…: first release``."""
    when, run = (str(before.made_by.get(name) or "") for name in ("promoted_from", "run"))
    origin = ", ".join([*([when[:10]] if when else []), *([f"run {run}"] if run else [])])
    return (
        f"replaces the one{f' of {origin}' if origin else ''}{f': {before.reason}' if before.reason else ''}"
    )


def was(before: BaselineFile | None, name: str, after: MetricFile) -> str:
    """What a value was before: ``, was 26.90 dB``; empty where there was none."""
    old = before.metrics.get(name) if before is not None else None
    return "" if old is None else f", was {format_value(_in_unit_of(after, old), after.unit)}"


def _other(before: BaselineFile, after: BaselineFile) -> Iterator[str]:
    for what in ("task", "dataset", "split", "source"):
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            yield f"it is of {what} {old or '(none)'}, this of {new or '(none)'}"


def _worse(
    before: BaselineFile, after: BaselineFile, known: Mapping[str, MetricDeclaration]
) -> Iterator[str]:
    for name, old in before.metrics.items():
        declaration, new = known.get(name), after.metrics.get(name)
        if new is None:
            yield f"{name} is no longer in it"
        elif declaration is not None and declaration.higher_is_better is not None:
            value = _in_unit_of(new, old)
            if (new.value - value) * (1 if declaration.higher_is_better else -1) < -1e-12:
                yield f"{name} from {format_value(value, new.unit)} to {format_value(new.value, new.unit)}"


def _in_unit_of(new: MetricFile, old: MetricFile) -> float:
    """The older value as the newer file would write it: people write percent, runs fractions."""
    return old.value * (0.01 if old.unit == "percent" and new.unit == "fraction" else 1.0)
