"""What an item that waits shows: a line that rewrites itself on a terminal, elsewhere a line every 30 s."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import pytest

LINE_EVERY_SECONDS = 30.0

_ERASE_LINE = "\r\x1b[K"
_UP = "\x1b[A"


class Progress(Protocol):
    """How far an evaluation is: what it does, and how many of its samples are done (a total of 0: not known)."""

    @property
    def stage(self) -> str:
        """What it does now: ``loading model``, ``predicting``."""
        ...

    @property
    def done(self) -> int:
        """Samples done."""
        ...

    @property
    def total(self) -> int:
        """Samples in all."""
        ...


class Writer(Protocol):
    """The part of pytest's ``TerminalWriter`` that is needed."""

    @property
    def fullwidth(self) -> int:
        """Columns of the terminal."""
        ...

    @property
    def width_of_current_line(self) -> int:
        """Columns written since the last line break."""
        ...


class Reporter(Protocol):
    """The part of pytest's terminal reporter that is needed."""

    def write_line(self, line: str) -> None:
        """Writes a line of its own."""
        ...


@dataclass(frozen=True)
class Screen:
    """Where progress is shown.

    Attributes:
        uncaptured: pytest captures what is written while an item is set up; inside this it reaches the screen.
        is_terminal: Whether lines can be rewritten.
    """

    reporter: Reporter
    writer: Writer
    uncaptured: Callable[[], AbstractContextManager[None]]
    is_terminal: bool


def screen_of(config: pytest.Config) -> Screen | None:
    """The screen that pytest writes to; None without its reporter."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return None
    capture = config.pluginmanager.getplugin("capturemanager")
    return Screen(
        reporter=reporter,
        writer=config.get_terminal_writer(),
        uncaptured=capture.global_and_fixture_disabled if capture else nullcontext,
        is_terminal=bool(reporter.isatty),
    )


class Waiting:
    """Shows what a waiting item waits for; without a screen (in a worker of xdist) nothing."""

    def __init__(self, screen: Screen | None) -> None:
        self._screen = screen
        self._column: int | None = None
        self._shown_at = time.monotonic()
        # Whose samples were first seen, when, and how many were done by then.
        self._predicting: tuple[str, float, int] | None = None

    def show(self, name: str, progress: Progress) -> None:
        """Called twice a second while an item waits for evaluation ``name``."""
        if self._screen is None:
            return
        text = f"  {name}: {self._text(name, progress)}"
        with self._screen.uncaptured():
            if self._screen.is_terminal:
                self._rewrite(text, self._screen.writer)
            elif time.monotonic() - self._shown_at >= LINE_EVERY_SECONDS:
                self._shown_at = time.monotonic()
                self._screen.reporter.write_line(text)

    def done(self) -> None:
        """Takes the line away: the cursor is where pytest left it."""
        if self._screen is None or self._column is None:
            return
        with self._screen.uncaptured():
            _write(f"{_ERASE_LINE}{_UP}\x1b[{self._column + 1}G")
        self._column = None

    def _rewrite(self, text: str, writer: Writer) -> None:
        """Below the line that pytest is writing, past its back: it must find that line as it left it."""
        if self._column is None:
            self._column = writer.width_of_current_line % writer.fullwidth
            _write("\n")
        _write(_ERASE_LINE + text[: writer.fullwidth - 1])

    def _text(self, name: str, progress: Progress) -> str:
        if progress.stage != "predicting" or not progress.total:
            return progress.stage
        if self._predicting is None or self._predicting[0] != name:
            self._predicting = (name, time.monotonic(), progress.done)
        _, since, before = self._predicting
        return rate(progress.done, progress.total, time.monotonic() - since, before)


def rate(done: int, total: int, seconds: float, before: int = 0) -> str:
    """Samples done, samples per second and time left.

    Args:
        seconds: Since ``before`` samples were done.

    >>> rate(250, 1000, 10.0)
    '250 of 1000 samples, 25.0 samples/s, 30 s left'
    >>> rate(624, 1000, 1e-6, before=624)
    '624 of 1000 samples'
    """
    text = f"{done} of {total} samples"
    if done <= before or seconds <= 0:
        return text
    per_second = (done - before) / seconds
    return f"{text}, {per_second:.1f} samples/s, {(total - done) / per_second:.0f} s left"


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
