"""The summary table at the end of a run."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .conclusion import Planned, Result

_STYLES = {
    "PASS": "green",
    "FAIL": "bold red",
    "ERROR": "bold red",
    "WARN": "yellow",
    "INCONCLUSIVE": "yellow",
}
HEADINGS = ("check", "value", "bound", "margin", "n", "verdict")
# A log file has no width; wide enough that no name of ours is cut.
PLAIN_WIDTH = 160


def rows(planned: Sequence[Planned], results: Mapping[str, Result]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Each selected item as the group it belongs to (``spec :: case``) and the cells of its row."""
    for item in planned:
        if item.selected and item.kind != "goal":
            yield f"{item.spec} :: {item.case}", _cells(item, results.get(item.nodeid))
    # Goals only where they say something: one that is shown by an evaluation is shown by its checks above.
    for item in planned:
        result = results.get(item.nodeid)
        if item.selected and item.kind == "goal" and (result is None or result.status != "PASS"):
            yield f"{item.spec} :: {item.case}", _cells(item, result)


def _cells(item: Planned, result: Result | None) -> tuple[str, ...]:
    name = item.nodeid.rpartition("::")[2]
    if result is None:
        return name, "", "", "", "", "NOT RUN"
    verdict = result.verdict or {}
    shown = verdict.get("shown", {})
    cells = tuple(str(shown.get(column, "")) for column in ("value", "bound", "margin", "n"))
    return name, *cells, shown_status(result)


def shown_status(result: Result) -> str:
    """The status as the table shows it: a failed bound that does not block is a warning."""
    warned = result.status in ("FAIL", "INCONCLUSIVE") and not result.blocks
    return "WARN" if warned else result.status


def table(planned: Sequence[Planned], results: Mapping[str, Result], *, width: int, colours: bool) -> str:
    """The table as text, drawn with rich; plain where colours are off (a log, ``NO_COLOR``)."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    file = io.StringIO()
    console = Console(
        file=file,
        width=width if colours else PLAIN_WIDTH,
        force_terminal=colours,
        no_color=not colours,
        highlight=False,
    )
    drawn = Table(box=box.SIMPLE_HEAD if colours else box.ASCII2, show_edge=False, pad_edge=False)
    for heading in HEADINGS:
        drawn.add_column(
            heading, justify="right" if heading in ("value", "margin", "n") else "left", overflow="fold"
        )
    group = ""
    for item_group, cells in rows(planned, results):
        if item_group != group:
            group = item_group
            drawn.add_row(Text(group, style="bold"), *[""] * (len(HEADINGS) - 1))
        name, *values, status = cells
        drawn.add_row(Text("  " + name), *map(Text, values), Text(status, style=_STYLES.get(status, "")))
    if drawn.row_count:
        console.print(drawn)
    return file.getvalue()


def verdict_word(fields: Mapping[str, Any]) -> str:
    """What stands in place of PASSED or FAILED in a check's ``-v`` line: the value and the bound."""
    verdict = fields.get("verdict") or {}
    headline = str(verdict.get("headline") or "")
    status = str(fields["status"])
    if status in ("FAIL", "INCONCLUSIVE") and not fields["blocks"]:
        status = "WARN"
    return f"{status} {headline}".rstrip()
