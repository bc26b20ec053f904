from __future__ import annotations

import os

import pytest

from pytest_modelqa.errors import CheckpointError, DatasetError
from pytest_modelqa.placeholders import read_head


def test_the_head_of_an_ordinary_file_is_its_first_512_bytes(tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(256)) * 4)
    assert read_head(tmp_path / "a", "data file", DatasetError) == bytes(range(256)) * 2


@pytest.mark.parametrize(("noun", "kind"), [("checkpoint", CheckpointError), ("data file", DatasetError)])
def test_the_message_and_its_class_are_of_what_the_file_should_be(tmp_path, noun, kind):
    with pytest.raises(kind, match=f"^{noun} is missing: a"):
        read_head(tmp_path / "a", noun, kind)


def test_a_folder_with_many_files_names_the_first(tmp_path):
    for number in range(7):
        (tmp_path / str(number)).touch()
    with pytest.raises(DatasetError) as caught:
        read_head(tmp_path / "x", "data file", DatasetError)
    assert caught.value.found == f"{tmp_path} holds 0, 1, 2, 3, 4 and 2 more"


def test_what_is_like_the_missing_file_is_named_before_the_rest(tmp_path):
    for name in (".cache", "a.py", "b.py", "c.py", "d.py", "e.py", "last.pt"):
        (tmp_path / name).touch()
    with pytest.raises(CheckpointError) as caught:
        read_head(tmp_path / "best.pt", "checkpoint", CheckpointError)
    assert caught.value.found == f"{tmp_path} holds last.pt, a.py, b.py, c.py, d.py and 2 more"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_says_so(tmp_path):
    (tmp_path / "a").write_text("x")
    (tmp_path / "a").chmod(0)
    with pytest.raises(DatasetError, match="data file cannot be read: a") as caught:
        read_head(tmp_path / "a", "data file", DatasetError)
    assert caught.value.found == "Permission denied"


def test_a_path_through_a_file_cannot_be_read(tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(DatasetError, match="data file cannot be read: b") as caught:
        read_head(tmp_path / "a" / "b", "data file", DatasetError)
    assert caught.value.found == "Not a directory"


def test_text_that_speaks_of_html_or_of_lfs_is_neither(tmp_path):
    for text in ("page: <html>", "the version https://git-lfs.github.com"):
        (tmp_path / "a").write_text(text)
        assert read_head(tmp_path / "a", "data file", DatasetError) == text.encode()
