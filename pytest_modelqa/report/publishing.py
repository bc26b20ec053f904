"""What is written after the run record, for people: the HTML report, Markdown, and what GitHub is told.

Nothing here bears on the verdict: what cannot be written is said, and the run ends as it would have.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import StoreError
from ..records.atomic import storing, write_atomically
from .github import markdown, workflow_commands
from .history import History
from .run_record import RunRecord


def publish(run: RunRecord, folder: Path, root: Path, environment: Mapping[str, str]) -> list[str]:
    """Writes all of it beside ``run.json`` and gives back the lines that the terminal shows.

    Args:
        folder: Of records and runs: ``.modelqa``.
        root: The folder that the paths of the specs are relative to.
        environment: The process's variables, by which GitHub says that it is there.
    """
    if run.conclusion is None:
        # No item of any spec was selected: there is nothing to report on.
        return []
    lines = [f"damaged record passed over: {problem}" for problem in run.passed_over]
    past, told = _report(run, folder)
    lines += [f"creeping degradation: {sentence}" for sentence in past.creeping]
    text = markdown(run, past.creeping)
    comment = folder / "runs" / run.id / "comment.md"
    lines += _written(lambda: write_atomically(comment, text.encode("utf-8", "replace")))
    if environment.get("GITHUB_STEP_SUMMARY"):
        lines += _written(lambda: _append(Path(environment["GITHUB_STEP_SUMMARY"]), text))
    if environment.get("GITHUB_ACTIONS") == "true":
        workspace = environment.get("GITHUB_WORKSPACE")
        lines += workflow_commands(run, root, Path(workspace) if workspace else None)
    return [*lines, told]


def _report(run: RunRecord, folder: Path) -> tuple[History, str]:
    # Here and not above: it takes a tenth of a second, which a session without a spec must not pay.
    from .html.render import write_report

    try:
        path, past = write_report(run, folder)
    except StoreError as error:
        return History(), str(error)
    # Records may come from tasks and metrics of other packages: what cannot be drawn must not cost the verdict.
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        return History(), f"the report could not be drawn, a mistake in pytest-modelqa: {told}"
    return past, f"report: {path}"


def _append(path: Path, text: str) -> None:
    with storing(path), path.open("a", encoding="utf-8", errors="replace") as file:
        file.write(text)


def _written(write: Callable[[], None]) -> list[str]:
    """Nothing, or what hindered it."""
    try:
        write()
    except StoreError as error:
        return [str(error)]
    return []
