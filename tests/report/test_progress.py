"""What is shown while an item waits, on a terminal and elsewhere, and what is left of it afterwards."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_modelqa.evaluation.engine import Progress
from pytest_modelqa.report import progress
from pytest_modelqa.report.progress import Screen, Waiting, rate

PREDICTING = Progress("predicting", 250, 1000)


@dataclass
class Lines:
    """A reporter and a writer of a terminal with 60 columns of which 7 are written."""

    written: list[str] = field(default_factory=list)
    fullwidth: int = 60
    width_of_current_line: int = 7

    def write_line(self, line: str) -> None:
        self.written.append(line)


def waiting(lines: Lines, *, is_terminal: bool) -> Waiting:
    return Waiting(Screen(reporter=lines, writer=lines, uncaptured=nullcontext, is_terminal=is_terminal))


def displayed(output: str, columns: int = 60) -> list[str]:
    """The screen after this output: a terminal as far as progress needs one."""
    rows, row, column = [""], 0, 0
    for code, text in re.findall(r"(\x1b\[\d*[A-Za-z]|\r|\n)|([^\x1b\r\n]+)", output):
        if code == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
            column = 0
        elif code == "\r":
            column = 0
        elif code.endswith("K"):
            rows[row] = rows[row][:column]
        elif code.endswith("A"):
            row -= 1
        elif code.endswith("G"):
            column = int(code[2:-1]) - 1
        elif text:
            assert column + len(text) <= columns, "the line would wrap"
            rows[row] = (rows[row].ljust(column)[:column] + text) + rows[row][column + len(text) :]
            column += len(text)
    return rows


def test_on_a_terminal_one_line_is_written_over_and_then_taken_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = waiting(Lines(), is_terminal=True)
    sys.stdout.write("a::b c ")
    shown.show("images", Progress("loading model"))
    shown.show("images", Progress("starting"))
    output = capsys.readouterr().out
    assert displayed(output) == ["a::b c ", "  images: starting"]
    shown.done()
    sys.stdout.write("PASS")
    assert displayed(output + capsys.readouterr().out) == ["a::b c PASS", ""]


def test_a_line_longer_than_the_terminal_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    shown = waiting(Lines(), is_terminal=True)
    shown.show("an evaluation with a name", Progress("waiting for another process that evaluates it"))
    assert (
        displayed(capsys.readouterr().out)[-1]
        == "  an evaluation with a name: waiting for another process that"[:59]
    )


def test_without_anything_shown_nothing_is_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    shown = waiting(Lines(), is_terminal=True)
    shown.done()
    shown.show("images", Progress("starting"))
    shown.done()
    once = capsys.readouterr().out
    shown.done()
    assert once
    assert capsys.readouterr().out == ""


def test_elsewhere_a_line_is_written_every_thirty_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    lines = Lines()
    shown = waiting(lines, is_terminal=False)
    for _ in range(130):
        shown.show("images", Progress("loading model"))
        now += 0.5
    shown.done()
    assert lines.written == ["  images: loading model"] * 2
    assert capsys.readouterr().out == ""


def test_how_fast_it_goes_is_counted_from_the_first_prediction(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    shown = waiting(Lines(), is_terminal=True)
    shown.show("images", Progress("loading model"))
    now += 100
    shown.show("images", Progress("predicting", 0, 1000))
    now += 10
    shown.show("images", PREDICTING)
    assert displayed(capsys.readouterr().out, 80)[-1] == (
        "  images: 250 of 1000 samples, 25.0 samples/s, 30 s left"
    )
    # Another evaluation has a clock of its own.
    shown.show("labels", Progress("predicting", 10, 1000))
    assert displayed(capsys.readouterr().out)[-1] == "  labels: 10 of 1000 samples"


def test_without_a_screen_nothing_happens(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Waiting(None)
    shown.show("images", PREDICTING)
    shown.done()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (0, 100, 5.0, "0 of 100 samples"),
        (5, 100, 0.0, "5 of 100 samples"),
        (50, 100, 10.0, "50 of 100 samples, 5.0 samples/s, 10 s left"),
        (100, 100, 10.0, "100 of 100 samples, 10.0 samples/s, 0 s left"),
    ],
)
def test_rate(done: int, total: int, seconds: float, said: str) -> None:
    assert rate(done, total, seconds) == said


def test_samples_done_before_anybody_looked_are_no_speed() -> None:
    assert rate(624, 2000, 1e-6, before=624) == "624 of 2000 samples"
    assert rate(724, 1024, 10.0, before=624) == "724 of 1024 samples, 10.0 samples/s, 30 s left"


CONFTEST = """
import sys
from pytest_modelqa.evaluation.engine import Progress
from pytest_modelqa.report.progress import screen_of
from pytest_modelqa.report.progress import Waiting

def pytest_runtest_setup(item):
    waiting = Waiting(screen_of(item.config))
    print("what the item prints is captured")
    waiting.show("images", Progress("loading model"))
    waiting.show("images", Progress("predicting", 250, 1000))
    waiting.done()
"""


def test_it_reaches_the_terminal_past_pytests_capture_and_leaves_pytests_lines_alone(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (tmp_path / "test_a.py").write_text("def test_one(): pass\ndef test_two(): pass\n", encoding="utf-8")
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": "60", "TERM": "xterm", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "pytest", "-v", "--no-header", "-p", "no:cacheprovider", "test_a.py"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL
    ) as process:
        os.close(slave)
        output = b""
        # At its end a pseudo-terminal gives an error on Linux, and nothing elsewhere.
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:
                break
            if not part:
                break
            output += part
    os.close(master)
    text = output.decode().replace("\r\n", "\n")
    assert process.returncode == 0
    assert "  images: 250 of 1000 samples" in text
    assert "captured" not in text
    rows = [row.rstrip() for row in displayed(text, 80)]
    assert [row for row in rows if row.startswith("test_a.py")] == [
        f"{'test_a.py::test_one PASSED':<52} [ 50%]",
        f"{'test_a.py::test_two PASSED':<52} [100%]",
    ]
    assert not any("images" in row for row in rows)
