"""What GitHub shows of a run: annotations at the specs' lines, and Markdown for the job summary and a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..records.manifest import minute
from .conclusion import BAD, GOOD, Planned, Result
from .run_record import RunRecord
from .terminal import shown_status

# The comment of the last run is found by this and replaced, so that a pull request has one.
MARKER = "<!-- pytest-modelqa -->"
# GitHub refuses comments of more than 65,536 characters and summaries of more than 1 MiB.
_MOST_CHARACTERS = 60_000
# GitHub shows ten errors and ten warnings a step.
_MOST_ANNOTATIONS = 10
_ICONS = {"PASS": "✅", "FAIL": "❌", "ERROR": "❗", "WARN": "⚠️", "INCONCLUSIVE": "❔"}
_WORDS: Mapping[str, str] = {**dict.fromkeys(GOOD, "✅"), **dict.fromkeys(BAD, "❌")}


def workflow_commands(run: RunRecord, root: Path, workspace: Path | None) -> Iterator[str]:
    """Workflow commands that mark the line of each check that blocks or warns, and of what is wrong in a spec.

    Args:
        root: The folder that the paths of the specs are relative to.
        workspace: The checkout's folder: GitHub wants paths relative to it.
    """
    found: dict[str, list[str]] = {"error": [], "warning": []}
    for spec in run.specs:
        if spec.problem:
            line = re.search(r":(\d+):\d+\b", spec.problem)
            place = f"file={_property(_path(spec.path, root, workspace))},line={line[1] if line else 1}"
            found["error"].append(f"::error {place},title=spec::{_data(spec.problem)}")
    for item, result in _judged(run):
        if result is None or not (result.blocks or shown_status(result) == "WARN"):
            continue
        kind = "error" if result.blocks else "warning"
        headline = (result.verdict or {}).get("headline") or shown_status(result)
        place = f"file={_property(_path(item.spec, root, workspace))},line={item.line}"
        title = _property(f"{item.case}::{item.nodeid.rpartition('::')[2]}")
        found[kind].append(f"::{kind} {place},title={title}::{_data(str(headline))}")
    for commands in found.values():
        yield from commands[:_MOST_ANNOTATIONS]


def markdown(run: RunRecord, notices: Sequence[str]) -> str:
    """The run as a comment of a pull request, or a job summary: the verdict, then a table, what failed first."""
    conclusion = run.conclusion
    line = conclusion.line if conclusion else "INCOMPLETE: the run did not come to its end"
    icon = _WORDS.get(conclusion.word if conclusion else "", "⚠️")
    head = [MARKER, f"## {icon} {_text(line)}", ""]
    head += [f"> ⚠️ {_text(notice)}" for notice in notices]
    rows = [
        _row(item, result)
        for item, result in sorted(_judged(run), key=_rank)
        if item.kind != "goal" or result
    ]
    foot = ["", f"Run `{run.id}`, {minute(run.started)}{_commit(run.environment)}"]
    table = ["", "| | check | value | bound | margin | n |", "|---|---|--:|:--|--:|--:|"]
    left = _MOST_CHARACTERS - sum(map(len, [*head, *table, *foot]))
    shown: list[str] = []
    for row in rows:
        left -= len(row) + 1
        if left < 0:
            foot.insert(0, f"\n{len(rows) - len(shown)} more stand in the run record.")
            break
        shown.append(row)
    return "\n".join([*head, *(table if shown else []), *shown, *foot]) + "\n"


def _judged(run: RunRecord) -> list[tuple[Planned, Result | None]]:
    results = {result.nodeid: result for result in run.results}
    return [(item, results.get(item.nodeid)) for item in run.planned if item.selected]


def _rank(pair: tuple[Planned, Result | None]) -> int:
    _, result = pair
    if result is not None and result.blocks:
        return 0
    status = shown_status(result)
    return 3 if status == "PASS" else 2 if status == "WARN" else 1


def _row(item: Planned, result: Result | None) -> str:
    verdict: Mapping[str, object] = (result.verdict if result else None) or {}
    numbers = verdict.get("shown")
    shown: Mapping[str, object] = numbers if isinstance(numbers, Mapping) else {}
    status = shown_status(result)
    said = verdict.get("headline") if status == "ERROR" else None
    if item.kind == "goal" and status == "WARN":
        said = f"{item.nodeid.rpartition('::')[2]}: {verdict.get('headline')}"
    name = f"`{_code(item.case)}` {_text(str(said or verdict.get('sentence') or item.sentence))}"
    cells = [_text(str(shown.get(key, ""))) for key in ("value", "bound", "margin", "n")]
    return f"| {_ICONS.get(status, '➖')} {status} | {name} | {' | '.join(cells)} |"


def _commit(environment: Mapping[str, object]) -> str:
    commit = str(environment.get("commit") or "")
    return f", commit `{commit[:12]}{'-dirty' * commit.endswith('-dirty')}`" if commit else ""


def _text(text: str) -> str:
    """Words that stay words: no HTML, no link, no mention, no end of a table's cell.

    >>> _text("a|b <script> [x](y) @team")
    'a&#124;b &lt;script&gt; &#91;x&#93;(y) &#64;team'
    """
    for character in "&<>|[]@*`~\\":
        text = text.replace(character, f"\0{ord(character)}\1")
    text = text.replace("\0", "&#").replace("\1", ";")
    return " ".join(text.replace("&#60;", "&lt;").replace("&#62;", "&gt;").split())


def _code(text: str) -> str:
    return text.replace("`", "'").replace("|", "¦").replace("\n", " ")


def _path(spec: str, root: Path, workspace: Path | None) -> str:
    path = root / spec
    if workspace is not None and path.is_relative_to(workspace):
        return path.relative_to(workspace).as_posix()
    return spec


def _data(text: str) -> str:
    """As GitHub's workflow commands want a message (actions/toolkit, command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
