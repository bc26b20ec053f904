"""The summary table at the end of a run: a row for each selected item, under its spec and its case."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .conclusion import Planned, Result
from .goals import with_goals

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {"PASS": "green", "FAIL": "bold red", "ERROR": "bold red"}
COLUMNS = ("value", "bound", "margin", "n")
# A log file has no width; wide enough that no name of ours is cut.
PLAIN_WIDTH = 160
# Below this the numbers of a check stand under its name.
_ROWS_FROM_WIDTH = 76
# In a narrower terminal names would be broken for the sake of a number that value and bound show too.
_MARGIN_FROM_WIDTH = 100


def table(planned: Sequence[Planned], results: Mapping[str, Result], *, width: int, colours: bool) -> str:
    """The table as text, drawn with rich; plain where colours are off (a log, ``NO_COLOR``)."""
    from rich.console import Console

    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=colours,
        no_color=not colours,
        highlight=False,
        soft_wrap=False,
    )
    results = with_goals(planned, results.values())
    columns = [name for name in COLUMNS if name != "margin" or console.width >= _MARGIN_FROM_WIDTH]
    selected = [item for item in planned if item.selected and not _goes_without_saying(item, results)]
    for number, (spec, group) in enumerate(groupby(selected, lambda item: item.spec)):
        if number:
            console.print()
        console.print(spec, style="bold", markup=False)
        items = list(group)
        # Questions of the preflight have no numbers to stand in columns.
        asks = all(item.kind == "preflight" for item in items)
        wide = console.width >= _ROWS_FROM_WIDTH and not asks
        console.print(_table(items, results, columns) if wide else _list(items, results))
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def _goes_without_saying(item: Planned, results: Mapping[str, Result]) -> bool:
    """A goal passes where all of its evaluation's checks did, and those rows say it."""
    result = results.get(item.nodeid)
    return item.kind == "goal" and result is not None and result.status == "PASS"


def _table(items: Sequence[Planned], results: Mapping[str, Result], columns: Sequence[str]) -> RenderableType:
    from rich import box
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1))
    drawn.add_column("check", overflow="fold")
    for name in columns:
        drawn.add_column(name, justify="left" if name == "bound" else "right", no_wrap=True)
    drawn.add_column("verdict", no_wrap=True)
    said = ""
    for case, members in groupby(items, lambda item: item.case):
        drawn.add_row(Text(case, style="bold"))
        for item in members:
            result = results.get(item.nodeid)
            shown = _shown(result)
            status = shown_status(result)
            cells = [Text(str(shown.get(name, ""))) for name in columns]
            called = Padding.indent(Text(_name(item, shown)), 2)
            drawn.add_row(called, *cells, Text(status, style=_STYLES.get(status, "yellow")))
            for text, style in _findings(result):
                drawn.add_row(Padding.indent(Text(text, style=style), 4))
            reason = _reason(result)
            # What all checks of an evaluation could not be judged for is said once.
            if reason and reason != said:
                drawn.add_row(Padding.indent(Text(reason, style="red"), 4))
            said = reason
    return drawn


def _list(items: Sequence[Planned], results: Mapping[str, Result]) -> RenderableType:
    """The verdict before the name, the numbers beneath it."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    drawn: list[RenderableType] = []
    said = ""
    for case, members in groupby(items, lambda item: item.case):
        drawn.append(Text(case, style="bold"))
        for item in members:
            result = results.get(item.nodeid)
            shown = _shown(result)
            status = shown_status(result)
            head = Text.assemble((status, _STYLES.get(status, "yellow")), f" {_name(item, shown)}")
            drawn.append(Padding.indent(head, 2))
            if shown:
                numbers = f"{shown['value']} {shown['bound']}, {shown['margin']}, n {shown['n']}"
                drawn.append(Padding.indent(Text(numbers), 4))
            for text, style in _findings(result):
                drawn.append(Padding.indent(Text(text, style=style), 4))
            reason = _reason(result)
            if reason and reason != said:
                drawn.append(Padding.indent(Text(reason, style="red"), 4))
            said = reason
    return Group(*drawn)


def _name(item: Planned, shown: Mapping[str, Any]) -> str:
    """With slices the row shows the worst of them, so it says which."""
    name = item.nodeid.rpartition("::")[2]
    return f"{name} ({shown['slice']})" if shown.get("slice") else name


def _shown(result: Result | None) -> Mapping[str, Any]:
    verdict = (result.verdict if result else None) or {}
    shown: Mapping[str, Any] = verdict.get("shown", {})
    return shown


def _findings(result: Result | None) -> list[tuple[str, str]]:
    """What the preflight found, a line each: errors and warnings with what to do about them."""
    found: Sequence[Mapping[str, Any]] = ((result.verdict if result else None) or {}).get("findings", ())
    styles = {"error": "red", "warning": "yellow", "note": "dim"}
    lines = []
    for each in found:
        todo = each.get("todo") if each["severity"] != "note" else None
        what = each["what"] if each["severity"] == "error" else f"{each['severity']}: {each['what']}"
        lines.append((what + (f" → {todo}" if todo else ""), styles[each["severity"]]))
    return lines


def _reason(result: Result | None) -> str:
    """Why there is no value."""
    is_error = result is not None and result.status == "ERROR" and result.verdict
    return str(is_error.get("headline", "")) if is_error else ""


def shown_status(result: Result | None) -> str:
    """The status as people see it: a bound that was not met and does not block is a warning."""
    if result is None:
        return "NOT RUN"
    warned = result.status in ("FAIL", "INCONCLUSIVE") and not result.blocks
    return "WARN" if warned else result.status


def verdict_word(result: Result) -> str:
    """What stands in place of PASSED or FAILED in a check's ``-v`` line: the verdict and its headline."""
    return f"{shown_status(result)} {(result.verdict or {}).get('headline') or ''}".rstrip()
