"""What all commands have in common."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_a_command_that_cannot_be_run_says_why_without_a_traceback(tmp_path: Path) -> None:
    package = tmp_path / "broken-0.1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 0.1\n", encoding="utf-8")
    (package / "entry_points.txt").write_text(
        "[pytest_modelqa.metrics]\nhardness = not_there:HARDNESS\n", encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest_modelqa.cli", "schema"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("entry point hardness cannot be imported: No module named 'not_there'\n")
    assert "Traceback" not in done.stderr
