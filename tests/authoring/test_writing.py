"""The text of a draft, and the files beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelqa.authoring.writing import flow, place_files, take_away
from pytest_modelqa.errors import UsageError
from pytest_modelqa.spec.composing import compose
from pytest_modelqa.spec.nodes import plain


@pytest.mark.parametrize(
    "entry",
    [
        {"a": "true", "b": "1e3", "c": "no", "d": "a: b", "e": "x, y", "f": "#", "g": "", "h": "10:30"},
        {"path": "runs/my run/{seed}.pt", "args": {"names": ["a", "b c"], "deep": {"x": None, "y": True}}},
        {"min": 0.1, "max": 1e-07, "n": 12, "load": "data:digits", "files": ["data/*.npz"]},
    ],
)
def test_what_is_written_is_read_as_it_was_meant(entry: dict[str, object]) -> None:
    root = compose(flow(entry), lambda *args, **labels: pytest.fail(str((args, labels))))
    assert root is not None
    assert plain(root) == entry


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    (tmp_path / "runs" / "data").mkdir(parents=True)
    (tmp_path / "runs" / "model.py").write_text("new")
    (tmp_path / "runs" / "data" / "a.npz").write_bytes(b"data")
    return tmp_path / "runs"


def test_files_lie_beside_the_spec_as_they_lay_in_the_experiment(experiment: Path, tmp_path: Path) -> None:
    placed = place_files([experiment / "model.py", experiment / "data"], experiment, tmp_path / "spec")
    assert (tmp_path / "spec" / "data" / "a.npz").read_bytes() == b"data"
    assert (len(placed.files), placed.notes) == (2, ())
    take_away(placed)
    assert not [path for path in (tmp_path / "spec").rglob("*") if path.is_file()]


def test_a_large_file_is_linked_and_this_is_said(experiment: Path, tmp_path: Path) -> None:
    with (experiment / "large.safetensors").open("wb") as file:
        file.truncate(21_000_000)
    placed = place_files([experiment / "large.safetensors"], experiment, tmp_path / "spec")
    target = tmp_path / "spec" / "large.safetensors"
    assert target.is_symlink()
    assert target.stat().st_size == 21_000_000
    assert "21 MB" in placed.notes[0]
    take_away(placed)
    assert (experiment / "large.safetensors").exists()


def test_what_is_there_is_neither_overwritten_nor_taken_for_the_experiments(
    experiment: Path, tmp_path: Path
) -> None:
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "model.py").write_text("old")
    with pytest.raises(UsageError, match="another file is in the place of one"):
        place_files([experiment / "data", experiment / "model.py"], experiment, tmp_path / "spec")
    assert not (tmp_path / "spec" / "data").exists()
    # In place: the experiment's folder is the spec's.
    assert place_files([experiment / "model.py"], experiment, experiment).files == ()
