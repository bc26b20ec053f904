from __future__ import annotations

import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from pytest_modelqa.errors import StoreError
from pytest_modelqa.records.atomic import write_atomically


def test_the_content_is_replaced_and_nothing_else_lies_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    for data in (b"one", b"", b"three"):
        write_atomically(path, data)
        assert path.read_bytes() == data
    assert [each.name for each in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_the_permissions_are_those_of_the_umask(umask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_reader_sees_one_content_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = {bytes([number]) * 200_000 for number in range(4)}
    write_atomically(path, next(iter(contents)))
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for data in contents:
                write_atomically(path, data)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        seen = {path.read_bytes() for _ in range(300)}
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert seen <= contents
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_content_and_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreError) as caught:
            write_atomically(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.what == "cannot write file: File too large"
    assert caught.value.where == str(path)
    assert "ulimit -f" in (caught.value.todo or "")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_file_where_a_folder_must_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("no folder")
    with pytest.raises(StoreError, match=r"cannot write file: (Not a directory|File exists)"):
        write_atomically(tmp_path / "folder" / "file", b"x")
