"""What the tests of many processes run: ``python writer.py MODE ROOT KEY``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet  # noqa: F401  (before any fork, so that the children need not)

from pytest_modelqa.records.digests import digest
from pytest_modelqa.records.manifest import Device, Manifest, now_utc
from pytest_modelqa.records.store import Record, SetValue, Store


def value_of(key: str) -> float:
    return float(int(key[:6], 16))


def make(store: Store, key: str, rows: int = 50) -> Record:
    """Keeps a record whose every number is ``value_of(key)``."""
    manifest = Manifest(key, {}, now_utc(), Device("cpu", "x"), (), {}, {}, rows, True, {})
    with store.begin(key) as draft:
        draft.write_samples([str(row) for row in range(rows)], {"x": np.full(rows, value_of(key))})
        draft.write_picture("a.png", key.encode())
        record = draft.commit(manifest)
    record.add_scores("s", np.full(rows, value_of(key)))
    record.add_set("f", "", {"": SetValue(value_of(key), (None,) * 20, rows)})
    return record


def check(store: Store, key: str) -> int:
    """The number of whole records of a key, after looking at every value in them."""
    found = store.find(key)
    for record in found:
        assert set(record.column("x")) == {value_of(key)}
        assert not record.has_scores("s") or set(record.scores("s")) == {value_of(key)}
        assert not record.has_set("f", "") or record.set_values("f", "")[""].value == value_of(key)
        assert [path.read_bytes() for path in record.pictures] == [key.encode()]
    return len(found)


def write_once(root: Path, key: str) -> None:
    """As a run does: looks, and makes what is missing under the lock."""
    store = Store(root)
    with store.lock(key):
        if not store.find(key):
            print("made", flush=True)
            make(store, key)
    assert check(store, key) == 1


def write_at_once(root: Path, key: str) -> None:
    """Without the lock: several make the same record, and one of them wins."""
    store = Store(root)
    for number in range(5):
        make(store, digest([key, number]))
        assert check(store, digest([key, number])) == 1


def write_for_ever(root: Path, _: str) -> None:
    """Until it is killed."""
    number = 0
    while True:
        make(Store(root), digest(number % 30), rows=2000)
        if number == 0:
            print("going", flush=True)
        number += 1


def die_at_every_step(root: Path, key: str) -> None:
    """Kills a child at its first, second, third … step on the file system until one comes through."""
    step = 0
    while True:
        child = os.fork()
        if child == 0:
            _kill_at(step)
            make(Store(root), digest([key, step]))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        assert os.WTERMSIG(status) == 9, status
        step += 1
    print(step, flush=True)


def _kill_at(step: int) -> None:
    left = step

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "fcntl.flock"):
            if left == 0:
                os.kill(os.getpid(), 9)
            left -= 1

    sys.addaudithook(count)


if __name__ == "__main__":
    modes = {mode.__name__: mode for mode in (write_once, write_at_once, write_for_ever, die_at_every_step)}
    modes[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
