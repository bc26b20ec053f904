"""The tutorial, run from its first line to its last as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Files to write, as name and content; commands to run, as ``$`` and what is shown of them."""
    for language, title, content in BLOCK.findall(text):
        if title:
            yield title, content
        elif language == "console":
            for shown in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
                yield "$", shown


def missing(shown: list[str], output: str) -> str | None:
    """The first line that is shown and not printed, in their order; an ellipsis stands for anything."""
    lines = iter(" ".join(line.split()) for line in output.splitlines())
    for wanted in shown:
        parts = (re.escape(" ".join(part.split())) for part in wanted.split("…"))
        pattern = re.compile(" ?.*? ?".join(parts))
        if wanted.strip("… ") and not any(pattern.fullmatch(line) for line in lines):
            return wanted
    return None


def test_every_command_of_the_tutorial_does_what_it_shows(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{sysconfig.get_path('scripts')}"
    environment = {
        **inherited,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "CHECKOUT": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
        "COLUMNS": "160",
    }
    ran = 0
    for name, content in steps(text):
        if name != "$":
            (tmp_path / name).write_text(content, encoding="utf-8")
            continue
        command, *shown = content.splitlines()
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=300,
            check=False,
        )
        ran += 1
        lost = missing(shown, done.stdout)
        assert lost is None, f"$ {command}\n{done.stdout}\n\nnot as shown: {lost}"
        blocked = any(line.startswith("NO-GO") for line in shown)
        assert done.returncode == (1 if blocked else 0), f"$ {command}\n{done.stdout}"
    assert ran == len(re.findall(r"^\$ ", text, re.MULTILINE)) > 10
