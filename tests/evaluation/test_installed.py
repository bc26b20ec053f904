"""What tells one content of an installed package from another when its version does not."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
from pathlib import Path

import pytest

from pytest_modelqa.evaluation.installed import SEARCH_PATH, version_of

FOLDER = {"url": "file:///src/package", "dir_info": {}}
COMMIT = {"url": "https://host/package", "vcs_info": {"vcs": "git", "commit_id": "0" * 40}}
RECORD = """\
package_of_ours/__init__.py,sha256=aaaa,5
package_of_ours/__pycache__/__init__.cpython-311.pyc,,
package_of_ours-0.1.dist-info/RECORD,,
package_of_ours-0.1.dist-info/direct_url.json,sha256=cccc,50
../../../bin/ours,sha256=dddd,200
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def installed(site: Path, source: object, record: str = RECORD, version: str = "0.1") -> str:
    """The version of a package that was installed so, in the place of what was there."""
    folder = site / "package_of_ours-0.1.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package-of-ours\nVersion: {version}\n")
    (folder / "RECORD").write_text(record)
    (folder / "direct_url.json").unlink(missing_ok=True)
    if source is not None:
        (folder / "direct_url.json").write_text(json.dumps(source))
    return version_of("package-of-ours")


@pytest.mark.parametrize("source", [FOLDER, COMMIT], ids=["folder", "commit"])
def test_a_package_that_was_not_installed_from_an_index_is_known_by_its_content(
    site: Path, source: object
) -> None:
    before = installed(site, source)
    assert before.startswith("0.1 (sha256 ")
    assert installed(site, source, RECORD.replace("aaaa", "bbbb")) != before


def test_where_it_was_installed_from_and_how_is_not_its_content(site: Path) -> None:
    other = RECORD.replace("cccc", "eeee").replace("dddd", "ffff").replace("cpython-311", "cpython-312")
    assert installed(site, FOLDER) == installed(site, COMMIT, other)
    lines = "".join(reversed(RECORD.splitlines(keepends=True)))
    assert installed(site, FOLDER) == installed(site, FOLDER, lines)


def test_an_editable_package_is_known_by_where_it_lies(site: Path) -> None:
    here = {"url": "file:///src/here", "dir_info": {"editable": True}}
    before = installed(site, here)
    assert before == installed(site, here, RECORD.replace("aaaa", "bbbb"))
    assert before != installed(site, {**here, "url": "file:///src/there"})


def test_a_package_of_an_index_is_known_by_its_version(site: Path) -> None:
    assert installed(site, None) == installed(site, None, RECORD.replace("aaaa", "bbbb")) == "0.1"
    assert version_of("numpy") == importlib.metadata.version("numpy")


def test_the_search_path_counts_as_folders_and_not_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = []
    for path in ("", "src", str(tmp_path / "src"), "src:lib", "lib:src"):
        monkeypatch.setenv(SEARCH_PATH, path)
        found.append(version_of(SEARCH_PATH))
    assert found[0] == "not set"
    assert found[1] == found[2]
    assert len(set(found)) == 4
    assert "src" not in "".join(found)


def test_a_module_that_was_sought_is_seen_once_a_package_of_another_name_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    before = version_of("module_that_was_sought")
    (site / "module_that_was_sought.py").touch()
    importlib.invalidate_caches()
    assert before == "not installed" != version_of("module_that_was_sought")
