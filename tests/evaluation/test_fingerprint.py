"""What code an evaluation ran, when somebody edits it while it runs."""

from __future__ import annotations

import errno
import hashlib
import importlib
import os
import py_compile
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.evaluation.fingerprint import changed, read_code, used_code
from pytest_modelqa.records.digests import NOT_THERE, FileDigest

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


def test_code_that_is_gone_is_code_that_changed(module: Path) -> None:
    began = wait_for_the_clock()
    importlib.import_module(NAME)
    code = used_code(module.parent, began)
    module.unlink()
    assert changed(code, {}, module.parent, None) == f"./{NAME}.py is gone"


def test_two_records_of_code_that_was_edited_meanwhile_are_never_the_same_record(module: Path) -> None:
    """Of two records with one id the store keeps the first: the second run would be judged on its values."""
    digests = set()
    for factor in (2, 3):
        began = wait_for_the_clock()
        importlib.import_module(NAME)
        module.write_text(f"FACTOR = {factor}\n")
        (found,) = (file for file in used_code(module.parent, began) if f"{NAME}.py" in file.path)
        digests.add(found.sha256)
        del sys.modules[NAME]
    assert len(digests) == 2


READS = """\
import sys, time
from pathlib import Path
from pytest_modelqa.evaluation.fingerprint import used_code
from pytest_modelqa.evaluation.opened_files import declare, watch

folder = Path(sys.argv[1])
watch(folder)
since = time.time()
{code}
print(*(file.path + " " + file.sha256[:8] for file in used_code(folder, since)))
"""


def read_by(folder: Path, code: str, **environment: str) -> dict[str, str]:
    """What a process that runs this code has read below the folder: path to sha256."""
    command = [sys.executable, "-c", READS.format(code=code), str(folder)]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    ran = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=folder, env={**inherited, **environment}
    )
    words = ran.stdout.split()
    return {
        path: sha256
        for path, sha256 in zip(words[::2], words[1::2], strict=True)
        if not path.startswith("pytest_modelqa/")
    }


UNREGISTERED = """
from importlib.util import module_from_spec, spec_from_file_location as at
spec = at('settings', folder / 'settings.py'); spec.loader.exec_module(module_from_spec(spec))
"""


@pytest.mark.parametrize(
    "code",
    [
        "exec((folder / 'settings.py').read_text())",
        "import runpy; runpy.run_path(str(folder / 'settings.py'))",
        UNREGISTERED,
    ],
    ids=["exec", "runpy", "unregistered"],
)
def test_a_file_of_code_that_is_executed_and_not_imported_counts(tmp_path: Path, code: str) -> None:
    (tmp_path / "settings.py").write_text("SCALE = 1\n")
    # Its bytecode lies beside it, as after an earlier run.
    py_compile.compile(str(tmp_path / "settings.py"))
    wait_for_the_clock()
    assert list(read_by(tmp_path, code)) == ["./settings.py"]


@pytest.mark.parametrize(
    ("environment", "cached"),
    [
        ({}, "specs/__pycache__"),
        ({"PYTHONOPTIMIZE": "1"}, "specs/__pycache__"),
        ({"PYTHONPYCACHEPREFIX": "{elsewhere}"}, "elsewhere"),
        ({"PYTHONPYCACHEPREFIX": "./../elsewhere", "PYTHONOPTIMIZE": "2"}, "elsewhere"),
    ],
    ids=["plain", "optimised", "elsewhere", "relative"],
)
def test_executed_code_counts_wherever_its_bytecode_lies(
    tmp_path: Path, environment: dict[str, str], cached: str
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "settings.py").write_text("SCALE = 1\n")
    wait_for_the_clock()
    environment = {
        name: value.format(elsewhere=tmp_path / "elsewhere") for name, value in environment.items()
    }
    first = read_by(tmp_path / "specs", UNREGISTERED, **environment)
    assert list((tmp_path / cached).rglob("settings.*.pyc"))
    assert list(first) == ["./settings.py"]
    assert read_by(tmp_path / "specs", UNREGISTERED, **environment) == first


def test_what_is_installed_in_an_environment_beside_the_spec_is_known_by_its_versions(tmp_path: Path) -> None:
    file = tmp_path / ".venv" / "lib" / "site-packages" / "package" / "data.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    assert read_by(tmp_path, f"open({str(file)!r}).close()") == {}


READS_TWICE = """
open(folder / 'names.txt').close(); used_code(folder, since)
{between}
time.sleep(0.05); since = time.time()
open(folder / 'names.txt').close() if (folder / 'names.txt').exists() else None
{meanwhile}
"""
# By a rename, and not by this process: what it writes itself follows from its code.
WRITES_ANOTHER = "(folder / 'other').write_text('d'); (folder / 'other').rename(folder / 'names.txt')"
AND_BACK = (
    "time.sleep(0.05); since = time.time(); used_code(folder, since)\n"
    "(folder / 'other').write_text('a b c'); (folder / 'other').rename(folder / 'names.txt')"
)


@pytest.mark.parametrize(
    ("between", "meanwhile"),
    [
        (WRITES_ANOTHER, ""),
        ("", WRITES_ANOTHER),
        (f"{WRITES_ANOTHER}\n{AND_BACK}", ""),
        ("(folder / 'names.txt').unlink()", ""),
    ],
    ids=["between", "during", "and back", "removed"],
)
def test_a_file_that_changed_since_it_was_first_read_stands_for_no_content(
    tmp_path: Path, between: str, meanwhile: str
) -> None:
    """The second evaluation may have read it again, or use what a module kept of it."""
    (tmp_path / "names.txt").write_text("a b c")
    wait_for_the_clock()
    found = read_by(tmp_path, READS_TWICE.format(between=between, meanwhile=meanwhile))
    assert found == {"./names.txt": "00000000"}


@pytest.mark.parametrize("between", ["", "(folder / 'names.txt').touch()"], ids=["untouched", "touched"])
@pytest.mark.parametrize("age", [0, 3600], ids=["new", "old"])
def test_a_file_that_kept_its_content_between_two_evaluations_stands_for_it(
    tmp_path: Path, between: str, age: int
) -> None:
    (tmp_path / "names.txt").write_text("a b c")
    os.utime(tmp_path / "names.txt", (time.time() - age, time.time() - age))
    wait_for_the_clock()
    found = read_by(tmp_path, READS_TWICE.format(between=between, meanwhile=""))
    assert found == {"./names.txt": hashlib.sha256(b"a b c").hexdigest()[:8]}


def test_two_records_of_a_file_that_changed_are_never_the_same_record(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("a b c")
    wait_for_the_clock()
    code = (
        "import os; open(folder / 'names.txt').close(); digests = []\n"
        "time.sleep(0.05); os.utime(folder / 'names.txt')\n"
        "for since in (since, since, since + 1):\n"
        "    digests.append([file.sha256 for file in used_code(folder, since) if 'names' in file.path])\n"
        "assert digests[0] == digests[1] != digests[2]"
    )
    assert read_by(tmp_path, code) == {"./names.txt": "00000000"}


def test_a_file_that_only_the_evaluation_before_declared_counts(tmp_path: Path) -> None:
    """And what that one read as its data is no side file of the next one."""
    for name in ("mine.txt", "both.txt"):
        (tmp_path / name).write_text(name)
    wait_for_the_clock()
    code = (
        "declare([folder / 'mine.txt', folder / 'both.txt'])\n"
        "open(folder / 'mine.txt').close(); open(folder / 'both.txt').close()\n"
        "declare([]); open(folder / 'both.txt').close()"
    )
    assert list(read_by(tmp_path, code)) == ["./both.txt"]


def test_what_a_module_read_when_it_was_imported_counts_for_who_does_not_declare_it(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "keeps.py").write_text("TEXT = open(__file__.replace('keeps.py', 'mine.txt')).read()")
    code = (
        "sys.path.insert(0, str(folder)); declare([folder / 'mine.txt']); import keeps\n"
        "assert 'mine.txt' not in str(used_code(folder, since)); declare([])"
    )
    assert "./mine.txt" in read_by(tmp_path, code)


def test_declared_files_cost_nothing_however_many_were_opened(tmp_path: Path) -> None:
    """A data set is 20,000 images; every evaluation of a worker asks what was opened."""
    for number in range(40):
        (tmp_path / f"{number}.txt").touch()
    code = (
        "from pytest_modelqa.evaluation import opened_files\n"
        "files = [folder / f'{number}.txt' for number in range(40)]; declare(files); counts = []\n"
        "for some in (files[:1], files):\n"
        "    for file in some: open(file).close()\n"
        "    calls = []; sys.setprofile(lambda *call: calls.append(call))\n"
        "    opened_files.opened(folder); opened_files.sources(folder); sys.setprofile(None)\n"
        "    counts.append(len(calls))\n"
        "assert counts[0] == counts[1], counts"
    )
    assert read_by(tmp_path, code) == {}


def test_a_link_that_leads_to_another_file_is_code_that_changed(tmp_path: Path, monkeypatch: Any) -> None:
    """As ``current -> releases/42`` does: the file that was imported is still there, and as it was."""
    folder = tmp_path / "specs"
    folder.mkdir()
    for version in (1, 2):
        (tmp_path / f"{NAME}_{version}.py").write_text(f"FACTOR = {version}\n")
    link = folder / f"{NAME}.py"
    link.symlink_to(tmp_path / f"{NAME}_1.py")
    began = wait_for_the_clock()
    monkeypatch.syspath_prepend(folder)
    importlib.import_module(NAME)
    code = used_code(folder, began)
    assert changed(code, {}, folder, None) is None
    link.unlink()
    link.symlink_to(tmp_path / f"{NAME}_2.py")
    assert changed(code, {}, folder, None) == f"./{NAME}.py changed"
    del sys.modules[NAME]


def test_a_file_that_is_a_link_or_is_reached_through_one_counts(tmp_path: Path) -> None:
    """As data under version control elsewhere, and checkouts below a linked home folder."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "names.txt").write_text("a b c")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "names.txt").symlink_to(tmp_path / "elsewhere" / "names.txt")
    (tmp_path / "linked").symlink_to(tmp_path / "specs")
    wait_for_the_clock()
    for folder in ("specs", "linked"):
        found = read_by(tmp_path / folder, "open(folder / 'names.txt').close()")
        assert list(found) == ["./names.txt"]


def test_the_script_that_confines_programs_is_code_that_decides(tmp_path: Path) -> None:
    began = time.time()
    importlib.import_module("pytest_modelqa.checkers.python_tests")
    assert "pytest_modelqa/checkers/confined.py" in [file.path for file in used_code(tmp_path, began)]


@pytest.mark.parametrize(
    "code",
    [
        # How numpy.memmap opens a file unless it is told otherwise.
        "open(folder / 'names.txt', 'r+b').close()",
        "text = (folder / 'names.txt').read_text(); (folder / 'names.txt').write_text(text)",
        "import sqlite3; sqlite3.connect(folder / 'names.txt').close()",
        "import ctypes\ntry: ctypes.CDLL(str(folder / 'names.txt'))\nexcept OSError: pass",
    ],
    ids=["to be changed", "and written again", "sqlite", "library"],
)
def test_a_file_counts_however_it_is_opened_to_be_read(tmp_path: Path, code: str) -> None:
    (tmp_path / "names.txt").write_text("a b c")
    assert list(read_by(tmp_path, code)) == ["./names.txt"]


@pytest.mark.parametrize("mode", ["w", "a", "x", "w+", "a+"])
def test_a_file_that_was_made_here_follows_from_the_code(tmp_path: Path, mode: str) -> None:
    code = f"open(folder / 'names.txt', {mode!r}).close(); open(folder / 'names.txt').close()"
    looks_first = "try: open(folder / 'names.txt')\nexcept FileNotFoundError: pass\n"
    assert read_by(tmp_path, code) == {}
    (tmp_path / "names.txt").unlink()
    assert read_by(tmp_path, looks_first + code) == {}


def test_of_a_module_in_an_archive_the_archive_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "elsewhere.zip", "w") as archive:
        archive.writestr("packed.py", "")
    (tmp_path / "specs").mkdir()
    code = f"sys.path.insert(0, {str(tmp_path / 'elsewhere.zip')!r}); import packed"
    assert str(tmp_path / "elsewhere.zip") in read_by(tmp_path / "specs", code)


def test_where_an_editor_starts_python_from_decides_no_value(tmp_path: Path) -> None:
    (tmp_path / "editor").mkdir()
    (tmp_path / "editor" / "sitecustomize.py").touch()
    code = (
        "from pytest_modelqa.evaluation.fingerprint import used_distributions\n"
        "assert 'sitecustomize' in str(used_code(folder, since)) and 'PYTHONPATH' not in used_distributions()"
    )
    (tmp_path / "specs").mkdir()
    read_by(tmp_path / "specs", code, PYTHONPATH=str(tmp_path / "editor"))


def test_a_file_that_was_looked_for_in_vain_is_measured_with_once_it_is_there(tmp_path: Path) -> None:
    found = read_by(tmp_path, "try: open(folder / 'names.txt')\nexcept FileNotFoundError: pass")
    assert found == {"./names.txt": NOT_THERE[:8]}
    code = (FileDigest("./names.txt", NOT_THERE, 0),)
    assert changed(code, {}, tmp_path, None) is None
    (tmp_path / "names.txt").touch()
    assert changed(code, {}, tmp_path, None) == "./names.txt is new"


def test_a_text_that_was_tried_as_a_path_is_no_file_that_is_missing(tmp_path: Path) -> None:
    assert read_by(tmp_path, "try: open(folder / ('a long text, ' * 500))\nexcept OSError: pass") == {}


def test_a_file_in_a_folder_that_nobody_may_enter_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "names.txt").touch()

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    assert changed((FileDigest("./closed/names.txt", NOT_THERE, 0),), {}, tmp_path, None) is None


TRIES = """\
import sys
sys.path[:0] = [str(folder), str(folder.parent / 'elsewhere')]
import tries
from pytest_modelqa.evaluation.fingerprint import used_distributions
used_code(folder, since)
assert used_distributions()["local_settings"] == "not installed"
assert used_distributions()["framework"] == "not installed"
assert used_distributions()["PYTHONPATH"] == "not set"
"""


def test_what_would_be_imported_first_counts_as_long_as_it_is_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "specs"
    for file, text in {
        "specs/tries.py": "try: import local_settings\nexcept ImportError: pass\n"
        "try: import framework.part\nexcept ImportError: pass\nimport helper, package.part",
        "specs/package/__init__.py": "",
        "specs/package/part.py": "",
        "elsewhere/helper.py": "",
    }.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    found = read_by(folder, TRIES, PYTHONPATH="")
    assert {path for path, sha256 in found.items() if sha256 == NOT_THERE[:8]} == {
        "./tries/__init__.py",
        "./package/part/__init__.py",
        "./local_settings.py",
        "./local_settings/__init__.py",
        "./framework/part.py",
        "./framework/part/__init__.py",
        "./helper.py",
        "./helper/__init__.py",
    }
