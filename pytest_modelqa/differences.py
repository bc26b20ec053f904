"""``modelqa diff``: what changed from one run to another, as tables."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .report.conclusion import Planned, Result
from .report.run_record import RunRecord, read
from .report.terminal import shown_status
from .spec.numbers import format_difference

if TYPE_CHECKING:
    from rich.table import Table

ABSENT = "—"


@dataclass(frozen=True)
class Row:
    """One check of both runs, or of one of them.

    Attributes:
        statuses: In the first and in the second run; ``—`` where the run does not have the check.
        values: As they were shown.
        change: Of the value, where both have one in the same unit.
        bounds: As they were shown, with the numbers of the baselines.
        changed: What differs: ``verdict``, ``value``, ``bound``, ``baseline``, or nothing.
    """

    name: str
    statuses: tuple[str, str]
    values: tuple[str, str]
    change: str
    bounds: tuple[str, str]
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Differences:
    """What changed.

    Attributes:
        lines: The last lines of both runs.
        rows: Every check of either run, spec by spec.
        digests: Files that were measured: name, sha256 in the first and in the second run, where they differ. A file
            in the place of another is called ``OLD → NEW``.
        environment: Name, first, second, where they differ.
    """

    ids: tuple[str, str]
    lines: tuple[str, str]
    rows: tuple[Row, ...]
    digests: tuple[tuple[str, str, str], ...]
    environment: tuple[tuple[str, str, str], ...]


def compare(first: Path, second: Path) -> Differences:
    """Reads two runs and sets them side by side.

    Raises:
        RunRecordError: One of them cannot be read, or was changed after the run.
    """
    records = read(first), read(second)
    sides = [_checks(record) for record in records]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    return Differences(
        ids=(records[0].id, records[1].id),
        lines=(_last_line(records[0]), _last_line(records[1])),
        rows=tuple(_row(name, sides[0].get(name), sides[1].get(name)) for name in names),
        digests=tuple(dict.fromkeys(_changed_files(*records))),
        environment=tuple(_differing(_environment(records[0]), _environment(records[1]))),
    )


def text(found: Differences, *, width: int, colours: bool) -> str:
    """The differences as tables, drawn with rich; a check that did not change is counted and not shown."""
    from rich.console import Console

    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=colours, no_color=not colours, highlight=False)
    for name, line in zip(("A", "B"), _told(found), strict=True):
        console.print(f"{name}  {line}", markup=False)
    changed = [row for row in found.rows if row.changed]
    if changed:
        console.print()
        console.print(_checks_table(changed))
    alike = len(found.rows) - len(changed)
    if alike:
        console.print(f"{alike} of {len(found.rows)} checks are alike in both", markup=False)
    for title, rows in (("measured files", found.digests), ("environment", found.environment)):
        if rows:
            console.print()
            console.print(_pairs_table(title, rows))
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def _told(found: Differences) -> Iterator[str]:
    for run, line in zip(found.ids, found.lines, strict=True):
        yield f"{run}  {line}"


def _last_line(record: RunRecord) -> str:
    if not record.complete:
        return "INCOMPLETE: the run did not come to its end"
    return record.conclusion.line if record.conclusion else "no check was selected"


def _checks(record: RunRecord) -> dict[str, tuple[Planned, Result | None]]:
    """The selected items by spec and name; pytest's ids differ with the folder that it was started in."""
    results = {result.nodeid: result for result in record.results}
    return {
        f"{Path(item.spec).name}::{item.nodeid.split('::', 1)[-1]}": (item, results.get(item.nodeid))
        for item in record.planned
        if item.selected
    }


def _row(
    name: str, first: tuple[Planned, Result | None] | None, second: tuple[Planned, Result | None] | None
) -> Row:
    sides = [first, second]
    statuses = [shown_status(side[1]) if side else ABSENT for side in sides]
    shown = [_shown(side[1] if side else None) for side in sides]
    worst = [_worst(side[1] if side else None) for side in sides]
    values = [str(one.get("value", "")) for one in shown]
    bounds = [str(one.get("bound", "")) for one in shown]
    changed = []
    if statuses[0] != statuses[1]:
        changed.append("verdict")
    if _number(worst[0], "candidate") != _number(worst[1], "candidate"):
        changed.append("value")
    if worst[0].get("limit") != worst[1].get("limit"):
        changed.append("bound")
    if _number(worst[0], "baseline") != _number(worst[1], "baseline"):
        changed.append("baseline")
    return Row(
        name=name,
        statuses=(statuses[0], statuses[1]),
        values=(values[0], values[1]),
        change=_change(first, second, worst),
        bounds=(bounds[0], bounds[1]),
        changed=tuple(changed),
    )


def _change(first: Any, second: Any, worst: Sequence[Mapping[str, Any]]) -> str:
    numbers = [_number(one, "candidate") for one in worst]
    units = {(side[1].verdict or {}).get("unit") for side in (first, second) if side and side[1]}
    if numbers[0] is None or numbers[1] is None or len(units) != 1 or numbers[0] == numbers[1]:
        return ""
    change = numbers[1] - numbers[0]
    return f"{'+' if change > 0 else '−'}{format_difference(abs(change), str(units.pop()))}"


def _number(worst: Mapping[str, Any], side: str) -> float | None:
    one = worst.get(side)
    return None if one is None else float(one["value"])


def _shown(result: Result | None) -> Mapping[str, Any]:
    return ((result.verdict if result else None) or {}).get("shown") or {}


def _worst(result: Result | None) -> Mapping[str, Any]:
    return ((result.verdict if result else None) or {}).get("worst") or {}


def _files(record: RunRecord) -> dict[tuple[str, ...], dict[str, str]]:
    """What each side of each evaluation read, by kind: path, with the spec's folder, to sha256.

    One path may be of two sides: a recorded baseline was measured where the candidate's checkpoint lies now.
    """
    items = {item.nodeid: item for item in record.planned}
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for result in record.results:
        item = items.get(result.nodeid)
        for name, side in ((result.verdict or {}).get("evidence") or {}).items():
            for kind, files in {**side.get("inputs", {}), "code": side.get("code", ())}.items():
                if item is None:
                    continue
                of = "" if name.startswith("candidate") else side["name"]
                place = found.setdefault((Path(item.spec).name, item.case, name, of, kind), {})
                folder = Path(item.spec).parent
                place |= {(folder / file["path"]).as_posix(): str(file["sha256"])[:12] for file in files}
    return found


def _changed_files(first: RunRecord, second: RunRecord) -> Iterator[tuple[str, str, str]]:
    """The files of each side of an evaluation in both runs; one in the place of another is ``OLD → NEW``."""
    sides = _files(first), _files(second)
    ours_of_all, theirs_of_all = ({pair for one in side.values() for pair in one.items()} for side in sides)
    for place in dict.fromkeys([*sides[0], *sides[1]]):
        ours, theirs = (dict(side.get(place, {})) for side in sides)
        gone, new = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
        if len(gone) == len(new) == 1:
            pair = ours.pop(gone[0]), theirs.pop(new[0])
            if pair[0] != pair[1]:
                yield f"{gone[0]} → {new[0]}", *pair
        for path, old, other in _differing(ours, theirs):
            # Another side, or an evaluation that only one of the runs selected, read the same.
            there = other == ABSENT and (path, old) in theirs_of_all
            if not there and not (old == ABSENT and (path, other) in ours_of_all):
                yield path, old, other


def _environment(record: RunRecord) -> dict[str, str]:
    packages = record.environment.get("packages") or {}
    flat = {name: value for name, value in record.environment.items() if name != "packages"}
    flat |= packages
    flat |= {f"options: {name}": value for name, value in record.options.items()}
    flat |= {"devices": ", ".join(sorted(_devices(record)))}
    flat |= {f"spec {spec.path}": (spec.sha256 or "not read")[:12] for spec in record.specs}
    return {name: str(value) for name, value in flat.items()}


def _devices(record: RunRecord) -> set[str]:
    sides = [((result.verdict or {}).get("evidence") or {}) for result in record.results]
    return {side["device"]["name"] for one in sides for side in one.values() if "device" in side}


def _differing(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys([*first, *second]):
        pair = first.get(name, ABSENT), second.get(name, ABSENT)
        if pair[0] != pair[1]:
            yield name, *pair


def _checks_table(rows: Sequence[Row]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))
    drawn.add_column("check", overflow="fold")
    for name in ("verdict", "value", "change", "bound"):
        drawn.add_column(name, overflow="fold")
    specs = {row.name.partition("::")[0] for row in rows}
    for row in rows:
        style = "bold red" if row.statuses[1] not in ("PASS", ABSENT) and "verdict" in row.changed else ""
        drawn.add_row(
            Text(row.name if len(specs) > 1 else row.name.partition("::")[2]),
            Text(_arrow(row.statuses), style=style),
            Text(_arrow(row.values)),
            Text(row.change),
            Text(_arrow(row.bounds)),
        )
    return drawn


def _pairs_table(title: str, rows: Sequence[tuple[str, str, str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))
    for name in (title, "A", "B"):
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn


def _arrow(pair: tuple[str, str]) -> str:
    """One text where both are alike.

    >>> _arrow(("PASS", "FAIL")), _arrow(("PASS", "PASS"))
    ('PASS → FAIL', 'PASS')
    """
    return pair[0] if pair[0] == pair[1] else f"{pair[0] or ABSENT} → {pair[1] or ABSENT}"
