"""What an editor does with the items it discovers, after the plugin that VS Code's Python extension loads.

It builds a tree of what ``item.path``, ``item.location``, ``item.name`` and ``item.parent`` say, and runs items
again by their absolute path and the rest of the node id.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def items(toy: Any, pytester: pytest.Pytester) -> list[pytest.Item]:
    found, _ = pytester.inline_genitems()
    assert len(found) == 6
    return found


def test_every_item_has_a_place_in_its_file(items: list[pytest.Item], toy: Any) -> None:
    lines = (toy.folder / "toy.modelspec.yaml").read_text().splitlines()
    for item in items:
        file, line, _ = item.location
        assert (file, type(line)) == ("toy.modelspec.yaml", int)
        word = item.name.partition("-")[0]
        assert word in lines[line], f"{item.nodeid} is said to be in line {line + 1}"


def test_no_item_looks_like_a_parametrized_function(items: list[pytest.Item]) -> None:
    """Of an item with a ``callspec`` the extension splits the id at ``.py`` (vscode-python#22668)."""
    for item in items:
        assert not hasattr(item, "callspec")
        assert not isinstance(item.parent, pytest.Class | pytest.Module)
        assert "[" not in item.nodeid


def test_every_parent_of_an_item_is_in_its_file(items: list[pytest.Item], toy: Any) -> None:
    for item in items:
        assert isinstance(item.parent, pytest.Collector)
        assert isinstance(item.parent.path, Path)
        assert item.path == item.parent.path == toy.folder / "toy.modelspec.yaml"
        assert item.nodeid.startswith("toy.modelspec.yaml::")
        assert item.nodeid.endswith(f"::{item.parent.name}::{item.name}")


def test_an_item_runs_by_its_absolute_path(toy: Any, gate: Callable[..., Any]) -> None:
    run = gate(f"--rootdir={toy.folder}", f"{toy.folder}/toy.modelspec.yaml::classification::accuracy-min")
    assert run.statuses == {"classification::accuracy-min": "PASS"}
    assert run.last_line == "PARTIAL: 1 of 6 checks passed; not a release verdict"
