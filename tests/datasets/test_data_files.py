from __future__ import annotations

import hashlib

import numpy as np
import pytest

from pytest_modelqa.datasets.files import data_digest, data_files
from pytest_modelqa.errors import DatasetError
from pytest_modelqa.records.digests import file_sha256

_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"


@pytest.fixture
def folder(tmp_path):
    for name in ("data/b.npz", "data/a.npz", "data/deep/c.npz", "data/.hidden", "other.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def _names(files, folder):
    return [path.relative_to(folder).as_posix() for path in files]


def test_nothing_declared_is_none_and_a_digest_alone_is_no_files(make_dataset, folder):
    assert data_files(make_dataset(load="data:load"), folder) is None
    assert data_files(make_dataset(load="data:load", sha256="0" * 64), folder) == ()


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["data/*.npz"], ["data/a.npz", "data/b.npz"]),
        (["data/b.npz", "data/*.npz", "other.txt"], ["data/a.npz", "data/b.npz", "other.txt"]),
        (["data/**/*.npz"], ["data/a.npz", "data/b.npz", "data/deep/c.npz"]),
        (["data"], ["data/a.npz", "data/b.npz", "data/deep/c.npz"]),
        (["./data/../other.txt"], ["data/../other.txt"]),
    ],
)
def test_patterns_give_sorted_files_each_once(make_dataset, folder, patterns, expected):
    assert _names(data_files(make_dataset(load="d:l", files=tuple(patterns)), folder), folder) == expected


def test_an_absolute_pattern_is_taken_as_it_is(make_dataset, folder):
    files = data_files(make_dataset(load="d:l", files=(f"{folder}/data/a.*",)), folder / "data" / "deep")
    assert files == (folder / "data" / "a.npz",)


def test_a_path_counts_with_the_files_beside_it(make_dataset, folder):
    dataset = make_dataset(path="data/deep", files=("other.txt",))
    assert _names(data_files(dataset, folder), folder) == ["data/deep/c.npz", "other.txt"]


def test_linked_folders_are_followed_but_not_round_and_round(make_dataset, folder):
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "d.npz").write_text("d")
    (folder / "data" / "linked").symlink_to(folder / "elsewhere")
    (folder / "data" / "up").symlink_to(folder / "data")
    assert _names(data_files(make_dataset(path="data"), folder), folder) == [
        "data/a.npz",
        "data/b.npz",
        "data/deep/c.npz",
        "data/linked/d.npz",
    ]


def test_a_pattern_that_matches_nothing_is_an_error(make_dataset, folder):
    with pytest.raises(DatasetError) as caught:
        data_files(make_dataset(load="d:l", files=("data/*.npz", "dta/*.npz")), folder)
    assert str(caught.value) == (
        "no file matches 'dta/*.npz' of dataset 'test'\n"
        f"  expected:  files at {folder}/dta/*.npz\n"
        "  to do:     correct the pattern under `files`, or make the data"
    )


def test_a_missing_path_is_an_error(make_dataset, folder):
    with pytest.raises(DatasetError, match=r"data file is missing: x\.csv"):
        data_files(make_dataset(path="x.csv"), folder)


def test_a_git_lfs_pointer_among_the_data_is_named(make_dataset, folder):
    (folder / "data" / "b.npz").write_text(_POINTER)
    with pytest.raises(DatasetError) as caught:
        data_files(make_dataset(load="d:l", files=("data/*.npz",)), folder)
    assert caught.value.what == "data file is a Git LFS pointer, not the file itself: b.npz"
    assert caught.value.todo == "run git lfs pull"


def test_the_digest_of_several_files_is_that_of_the_listing_of_sha256sum(make_dataset, folder):
    files = data_files(make_dataset(load="d:l", files=("data/*.npz",)), folder)
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("data/a.npz", "data/b.npz")}
    listing = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    assert data_digest(files, file_sha256, folder) == hashlib.sha256(listing.encode()).hexdigest()
    assert data_digest(files[:1], file_sha256, folder) == digests["data/a.npz"]


def test_data_that_differ_from_the_pinned_digest_are_refused(load, tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(2))
    pinned = file_sha256(tmp_path / "a.npz")
    assert len(load(path="a.npz", sha256=pinned)) == 2
    np.savez(tmp_path / "a.npz", x=np.ones(2))
    with pytest.raises(DatasetError) as caught:
        load(path="a.npz", sha256=pinned)
    assert caught.value.what == "sha256 differs from the one pinned for dataset 'test'"
    assert caught.value.found == f"{file_sha256(tmp_path / 'a.npz')} of 1 files"
