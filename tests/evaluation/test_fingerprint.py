"""What code an evaluation ran, when somebody edits it while it runs."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_modelqa.evaluation.fingerprint import changed, read_code, used_code

NAME = "edited_while_it_ran"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that was written a minute ago and is not imported yet."""
    path = tmp_path / f"{NAME}.py"
    path.write_text("FACTOR = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield path
    sys.modules.pop(NAME, None)


def reused(folder: Path, since: float) -> bool:
    """Whether records of the code that is loaded now would serve another run."""
    return changed(used_code(folder, since), {}, folder, folder / "memory") is None


def wait_for_the_clock() -> float:
    """A moment that is later than every file of now, for a file system that counts in ticks of 10 ms."""
    time.sleep(0.05)
    return time.time()


def test_code_that_stays_as_it_is_serves_another_run(module: Path) -> None:
    began = wait_for_the_clock()
    importlib.import_module(NAME)
    assert reused(module.parent, began)


def test_code_that_was_edited_after_its_import_serves_no_other_run(module: Path) -> None:
    began = wait_for_the_clock()
    importlib.import_module(NAME)
    module.write_text("FACTOR = 2\n")
    assert not reused(module.parent, began)


def test_code_that_was_edited_between_two_evaluations_of_one_process_serves_no_other_run(
    module: Path,
) -> None:
    began = wait_for_the_clock()
    importlib.import_module(NAME)
    read_code(began)  # the end of the first evaluation, failed or not
    module.write_text("FACTOR = 2\n")
    assert not reused(module.parent, wait_for_the_clock())


def test_code_that_was_edited_with_its_old_time_kept_serves_no_other_run(module: Path) -> None:
    before = module.stat()
    began = wait_for_the_clock()
    importlib.import_module(NAME)
    module.write_text("FACTOR = 2\n")
    os.utime(module, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not reused(module.parent, began)


def test_a_module_that_is_imported_anew_is_read_anew(module: Path) -> None:
    began = wait_for_the_clock()
    importlib.import_module(NAME)
    read_code(began)
    del sys.modules[NAME]
    module.write_text("FACTOR = 22\n")
    began = wait_for_the_clock()
    importlib.import_module(NAME)
    assert reused(module.parent, began)


def test_the_script_that_confines_programs_is_code_that_decides(tmp_path: Path) -> None:
    began = time.time()
    importlib.import_module("pytest_modelqa.checkers.python_tests")
    assert "pytest_modelqa/checkers/confined.py" in [file.path for file in used_code(tmp_path, began)]
