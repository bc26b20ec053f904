"""Faults 127 and 128: a record that is cut, altered, foreign, newer or another's is made again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_modelqa.records.digests import digest
from pytest_modelqa.records.manifest import SCHEMA_VERSION, Device
from pytest_modelqa.records.record import Record
from pytest_modelqa.records.sealed import seal
from pytest_modelqa.records.store import Store

Keep = Callable[..., Record]
KEY = digest("an evaluation")
WHOLE = ("record.json", "samples.parquet", "pictures/worst.png")
ADDED = ("scores/psnr.v1/*.parquet", "sets/f1.v1/%.json")


def cuts(data: bytes) -> Iterator[bytes]:
    return (data[:size] for size in range(len(data)))


def flips(data: bytes) -> Iterator[bytes]:
    for position in range(len(data)):
        # Another bit at each byte; every bit is tried somewhere.
        yield data[:position] + bytes([data[position] ^ (1 << position % 8)]) + data[position + 1 :]


def longer(data: bytes) -> Iterator[bytes]:
    yield from (data + b"\0", data + b"\n{}", data + data, b"\n" + data)


DAMAGES = pytest.mark.parametrize(
    "damage", [cuts, flips, longer], ids=["127-cut", "127-flipped", "127-longer"]
)


def contents(record: Record) -> dict[str, object]:
    return {
        "manifest": record.manifest,
        "ids": record.ids.tolist(),
        "label": record.column("label").tolist(),
        "scores": record.scores("psnr.v1").tolist() if record.has_scores("psnr.v1") else None,
        "set": record.set_values("f1.v1", "") if record.has_set("f1.v1", "") else None,
        "pictures": [path.read_bytes() for path in record.pictures],
    }


@pytest.mark.parametrize("name", WHOLE)
@DAMAGES
def test_a_damaged_file_makes_the_record_a_miss(
    damage: Callable[[bytes], Iterator[bytes]], name: str, store: Store, keep: Keep
) -> None:
    record = keep(store)
    path, true = record.folder / name, contents(record)
    data = path.read_bytes()
    for damaged in damage(data):
        path.write_bytes(damaged)
        found = store.find(KEY)
        # Blanks in JSON may change: then the manifest is the same, and what was added is not taken.
        for each in found:
            assert name == "record.json"
            assert json.loads(damaged) == json.loads(data)
            assert contents(each) == true | {"scores": None, "set": None}
        if damage is cuts and damaged != data[:-1]:
            assert found == []
    path.unlink()
    assert store.find(KEY) == []
    path.write_bytes(data)
    assert [contents(each) for each in store.find(KEY)] == [true]


@pytest.mark.parametrize("pattern", ADDED)
@DAMAGES
def test_a_damaged_addition_is_a_miss_and_can_be_added_again(
    damage: Callable[[bytes], Iterator[bytes]], pattern: str, store: Store, keep: Keep
) -> None:
    record = keep(store)
    true = contents(record)
    (path,) = record.folder.glob(pattern)
    data = path.read_bytes()
    missing = true | {"scores" if pattern.startswith("scores") else "set": None}
    for damaged in damage(data):
        path.write_bytes(damaged)
        found = contents(record)
        assert found == missing or (found == true and json.loads(damaged) == json.loads(data))
    path.write_bytes(b"damaged")
    keep(store)
    assert contents(record) == true


@pytest.mark.parametrize("name", [*WHOLE, *ADDED])
def test_a_folder_in_the_place_of_a_file_is_a_miss(name: str, store: Store, keep: Keep) -> None:
    record = keep(store)
    true = contents(record)
    (path,) = record.folder.glob(name)
    path.unlink()
    path.mkdir()
    for each in store.find(KEY):
        assert name in ADDED
        assert contents(each) != true


@given(data=st.binary(max_size=200) | st.text().map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_foreign_files_are_a_miss(data: bytes, store: Store, keep: Keep) -> None:
    record = keep(store)
    for name in ("record.json", "sets/f1.v1/%.json", "samples.parquet"):
        before = (record.folder / name).read_bytes()
        (record.folder / name).write_bytes(data)
        assert all(not each.has_set("f1.v1", "") for each in store.find(KEY))
        (record.folder / name).write_bytes(before)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"1" * 10_000,
        b'{"modelqa": "record", "schema": 1, "sha256": null, "body": {"x": 1e999}}',
        b'{"modelqa": "record", "schema": 1, "sha256": null, "body": {"x": NaN}}',
        b'{"modelqa": "record", "schema": 1, "sha256": null, "body": null}',
        b'{"modelqa": "record"}',
        b"null",
        b"\xff\xfe",
        seal("set", 1, {}),
        seal("record", 1, {}),
    ],
    ids=range(11),
)
def test_a_hostile_manifest_is_a_miss_and_is_listed(data: bytes, store: Store, keep: Keep) -> None:
    record = keep(store)
    (record.folder / "record.json").write_bytes(data)
    assert store.find(KEY) == []
    assert store.find(KEY) == []
    (problem,) = store.problems
    assert problem.startswith(f"{record.folder.relative_to(store.root)}: ")


def test_a_newer_schema_is_a_miss_and_is_listed(store: Store, keep: Keep) -> None:
    record = keep(store)
    newer = seal("record", SCHEMA_VERSION + 1, record.manifest.to_json() | {"more": 1})
    (record.folder / "record.json").write_bytes(newer)
    assert store.find(KEY) == []
    assert "another schema version" in store.problems[0]


def test_what_does_not_belong_beside_records_is_listed_and_left_alone(store: Store, keep: Keep) -> None:
    record = keep(store)
    foreign = record.folder.parent / "lost+found"
    foreign.mkdir()
    (record.folder.parent / ".DS_Store").write_bytes(b"x")
    assert store.find(KEY) == [record]
    assert len(store.problems) == 1
    assert "lost+found" in store.problems[0]
    keep(store, device=Device("cuda", "NVIDIA H100"))
    assert foreign.exists()


@pytest.mark.parametrize("what", ["key", "record"], ids=["128-keys", "128-records"])
def test_folders_of_two_models_that_were_swapped_are_a_miss(what: str, store: Store, keep: Keep) -> None:
    one = keep(store)
    other = keep(store, key=KEY if what == "record" else digest("another model"), distributions={})
    first, second = (
        (one.folder, other.folder) if what == "record" else (one.folder.parent, other.folder.parent)
    )
    shutil.move(first, store.root / "aside")
    shutil.move(second, first)
    shutil.move(store.root / "aside", second)
    assert store.find(one.manifest.key) == store.find(other.manifest.key) == []
    assert all("another's place" in problem for problem in store.problems)
    # Made again, each is itself again.
    again = keep(store)
    assert again in store.find(KEY)


def test_a_file_in_the_place_of_the_folder_of_a_key_is_a_miss(store: Store) -> None:
    (store.root / KEY[:2]).mkdir(parents=True)
    (store.root / KEY[:2] / KEY).write_text("x")
    assert store.find(KEY) == []
    assert "cannot be listed" in store.problems[0]


def test_a_manifest_cannot_name_a_file_elsewhere(store: Store, keep: Keep, tmp_path: Path) -> None:
    record = keep(store)
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"a picture")
    body = record.manifest.to_json()
    body["files"] = {"../../../../outside.png": digest("x")}
    (record.folder / "record.json").write_bytes(seal("record", SCHEMA_VERSION, body))
    assert store.find(KEY) == []
    assert "plain file names" in store.problems[0]
