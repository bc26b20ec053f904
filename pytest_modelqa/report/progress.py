"""What an item that waits shows: a line that rewrites itself on a terminal, elsewhere a line every 30 s."""

from __future__ import annotations

import time
from typing import Protocol

from ..evaluation.engine import Progress

LINE_EVERY_SECONDS = 30.0


class Terminal(Protocol):
    """The part of pytest's terminal reporter that is needed; it belongs to pytest's public plugin interface."""

    def rewrite(self, line: str, **markup: bool) -> None:
        """Writes over the current line."""
        ...

    def write_line(self, line: str | bytes, **markup: bool) -> None:
        """Writes a line of its own."""
        ...


class Waiting:
    """Shows what a waiting item waits for."""

    def __init__(self, terminal: Terminal | None, *, is_terminal: bool) -> None:
        self._terminal = terminal
        self._is_terminal = is_terminal
        self._rewritten = 0
        self._shown_at = time.monotonic()
        self._predicting: tuple[str, float] | None = None

    def show(self, name: str, progress: Progress) -> None:
        """Called twice a second while an item waits for evaluation ``name``."""
        if self._terminal is None:
            return
        text = f"  {name}: {self._text(name, progress)}"
        if self._is_terminal:
            self._terminal.rewrite(text.ljust(self._rewritten))
            self._rewritten = len(text)
        elif time.monotonic() - self._shown_at >= LINE_EVERY_SECONDS:
            self._shown_at = time.monotonic()
            self._terminal.write_line(text)

    def done(self) -> None:
        """Takes the line away."""
        if self._terminal is not None and self._rewritten:
            self._terminal.rewrite(" " * self._rewritten)
            self._terminal.rewrite("")
            self._rewritten = 0

    def _text(self, name: str, progress: Progress) -> str:
        if progress.stage != "predicting" or not progress.total:
            return progress.stage
        if self._predicting is None or self._predicting[0] != name:
            self._predicting = (name, time.monotonic())
        return rate(progress.done, progress.total, time.monotonic() - self._predicting[1])


def rate(done: int, total: int, seconds: float) -> str:
    """Samples done, samples per second and time left.

    >>> rate(250, 1000, 10.0)
    '250 of 1000 samples, 25.0 samples/s, 30 s left'
    >>> rate(0, 1000, 0.0)
    '0 of 1000 samples'
    """
    text = f"{done} of {total} samples"
    if not done or seconds <= 0:
        return text
    per_second = done / seconds
    return f"{text}, {per_second:.1f} samples/s, {(total - done) / per_second:.0f} s left"
