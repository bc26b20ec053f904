"""Fills the template: one file that needs nothing else, in which no text of a user becomes markup."""

from __future__ import annotations

import base64
import functools
import hashlib
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from ...records.atomic import write_atomically
from ..history import History, history
from ..run_record import RunRecord
from .page import WORD_CLASS, page_of

_PARTS = files(__package__)


def write_report(run: RunRecord, folder: Path, output: Path | None = None) -> tuple[Path, History]:
    """Writes the report of a run, by default beside its ``run.json``.

    Args:
        folder: Of records and runs: ``.modelqa``.

    Returns:
        Where it is, and the history that it was drawn with.

    Raises:
        StoreError: It cannot be written.
    """
    past = history(run, folder / "runs")
    path = output or folder / "runs" / run.id / "report.html"
    text = render(run, folder / "store", past)
    # A file name that is no UTF-8 holds lone surrogates, which a page cannot.
    write_atomically(path, text.encode("utf-8", "replace"))
    return path, past


def render(run: RunRecord, store: Path, past: History) -> str:
    """The report as HTML."""
    # Written by us and safe as it is; that no other script can run, the policy in the page's head sees to.
    style, script = (Markup(_part(name)) for name in ("style.css", "script.js"))
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template().render(
        page=page_of(run, store, past), word_classes=WORD_CLASS, style=style, script=script, allowed=allowed
    )


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_part),
    )
    return environment.get_template("page.html.jinja")


@functools.cache
def _part(name: str) -> str:
    return (_PARTS / name).read_text(encoding="utf-8")
