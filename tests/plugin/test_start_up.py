"""What the plugin costs a session that has no spec."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

TELL = """
import sys

def pytest_unconfigure():
    heavy = "numpy pydantic pyarrow rich scipy torch yaml pytest_modelqa.gate pytest_modelqa.collection".split()
    print("loaded:", [name for name in heavy if name in sys.modules])
"""


def test_without_a_spec_nothing_is_loaded_and_nothing_is_said(
    tmp_path: Path, run_pytest: Callable[..., Any]
) -> None:
    (tmp_path / "conftest.py").write_text(TELL)
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n")
    # A plugin of another package that the tests need (hydra) loads yaml.
    run = run_pytest(tmp_path, "-s", "-p", "no:hydra_pytest")
    assert "loaded: []" in run.text
    assert run.exit_code == 0
    assert "GO" not in run.text
    assert not (tmp_path / ".modelqa").exists()


def test_a_broken_package_of_metrics_is_named_and_nothing_is_green(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    toy.write("packages/broken-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    toy.write(
        "packages/broken-1.0.dist-info/entry_points.txt", "[pytest_modelqa.metrics]\nfid = broken:FID\n"
    )
    path = os.pathsep.join([str(toy.folder / "packages"), os.environ.get("PYTHONPATH", "")])
    run = run_pytest(toy.folder, environment={"PYTHONPATH": path})
    assert "entry point fid cannot be imported: No module named 'broken'" in run.text
    assert run.exit_code != 0
    assert "GO:" not in run.text
