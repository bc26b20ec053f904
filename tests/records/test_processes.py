"""Faults 125, 126 and 130, and nowhere to write: many writers, killed writers, full and read-only disks."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import pytest_modelqa
from pytest_modelqa.errors import StoreError
from pytest_modelqa.records.digests import digest
from pytest_modelqa.records.record import Record
from pytest_modelqa.records.store import Store

Keep = Callable[..., Record]
KEY = digest("an evaluation")
WRITER = Path(__file__).with_name("writer.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(pytest_modelqa.__file__).parents[1])}

spec = importlib.util.spec_from_file_location("writer", WRITER)
assert spec is not None
assert spec.loader is not None
writer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(writer)


def start(mode: str, store: Store, key: str = KEY) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(WRITER), mode, str(store.root), key],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outputs(processes: list[subprocess.Popen[str]]) -> list[str]:
    answers = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), answers
    return [out for out, _ in answers]


def in_the_making(store: Store) -> list[Path]:
    return list((store.root / ".drafts").iterdir())


def test_fault_125_of_eight_writers_of_one_key_one_makes_the_record(store: Store) -> None:
    said = outputs([start("write_once", store) for _ in range(8)])
    assert sorted(said) == [""] * 7 + ["made\n"]
    assert writer.check(store, KEY) == 1
    assert store.problems == in_the_making(store) == []


def test_fault_125_writers_without_the_lock_leave_one_whole_record(store: Store) -> None:
    outputs([start("write_at_once", store) for _ in range(4)])
    for number in range(5):
        assert writer.check(store, digest([KEY, number])) == 1
    assert store.problems == in_the_making(store) == []


def test_fault_126_a_writer_killed_at_any_step_leaves_a_record_whole_or_not_at_all(store: Store) -> None:
    (said,) = outputs([start("die_at_every_step", store)])
    steps = int(said)
    # Locks, folders, the table, the picture, the manifest, the move, scores and sets.
    assert steps > 20
    kept = [writer.check(store, digest([KEY, step])) for step in range(steps + 1)]
    # First nothing is kept, and from some step on everything.
    assert kept == sorted(kept)
    assert (kept[0], kept[-1]) == (0, 1)
    assert store.problems == []
    store.begin(KEY).discard()
    assert in_the_making(store) == []


def test_fault_126_kill_9_at_any_moment_leaves_no_wrong_value(store: Store) -> None:
    moments = random.Random(0)
    for _ in range(10):
        process = start("write_for_ever", store)
        assert process.stdout is not None
        assert process.stdout.readline() == "going\n"
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        process.communicate()
        for number in range(30):
            assert writer.check(store, digest(number)) <= 1
    assert store.problems == []
    writer.make(store, KEY)
    assert in_the_making(store) == []


def test_fault_130_the_lock_of_a_killed_process_is_free(store: Store) -> None:
    code = f"""
import os
from pathlib import Path
from pytest_modelqa.records.store import Store
store = Store(Path({str(store.root)!r}))
with store.lock({KEY!r}), store.begin({KEY!r}):
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=False).returncode == -9
    assert len(in_the_making(store)) == 1
    waited: list[float] = []
    with store.lock(KEY, waited.append):
        store.begin(KEY).discard()
    assert waited == in_the_making(store) == []


@contextlib.contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_table_that_cannot_be_written_is_a_clear_error_and_leaves_nothing(store: Store) -> None:
    values = np.random.default_rng(0).random(100_000)
    with no_file_longer_than(20_000), pytest.raises(StoreError) as caught, store.begin(KEY) as draft:
        draft.write_samples([str(number) for number in range(100_000)], {"x": values})
    assert caught.value.what == "cannot write samples.parquet: File too large"
    assert in_the_making(store) == []
    assert store.find(KEY) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "modelqa-test", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no permission to mount a small file system here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("room", [0, 4, 8, 16, 24, 32, 40])
def test_a_full_disk_is_a_clear_error_and_never_half_a_record(room: int, small_disk: Path) -> None:
    store = Store(small_disk / "store")
    writer.make(store, KEY)
    filler, other = small_disk / "filler", digest("another")
    with contextlib.suppress(OSError):
        filler.write_bytes(bytes(1 << 20))
    os.truncate(filler, max(0, filler.stat().st_size - room * 1024))
    with contextlib.suppress(StoreError):
        writer.make(store, other)
        assert room >= 16
    with pytest.raises(StoreError, match=r"cannot write .*: No space left on device") as caught:
        writer.make(store, digest("a large one"), rows=100_000)
    assert "free some space" in str(caught.value)
    # What was there is there; what was not written whole is not.
    assert writer.check(store, KEY) == 1
    assert writer.check(store, other) <= 1
    assert store.problems == []
    filler.unlink()
    writer.make(store, other)
    assert writer.check(store, other) == 1
    assert in_the_making(store) == []


def test_a_read_only_disk_still_serves_its_records(small_disk: Path) -> None:
    store = Store(small_disk / "store")
    record = writer.make(store, KEY)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert writer.check(store, KEY) == 1
    writes: list[Callable[[], object]] = [
        lambda: store.begin(KEY),
        lambda: store.lock(KEY).__enter__(),
        lambda: record.add_scores("other", np.zeros(50)),
        lambda: record.add_set("other", "", {}),
    ]
    for write in writes:
        with pytest.raises(StoreError, match=r"cannot write .*: Read-only file system") as caught:
            write()
        assert "make the folder writable" in str(caught.value)


def test_a_folder_of_another_user_still_serves_its_records() -> None:
    # Outside tmp_path, whose parents only their owner may enter.
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name) / "store")
        Path(name).chmod(0o755)
        record = writer.make(store, KEY)
        with as_somebody_else(Path(name)):
            assert writer.check(store, KEY) == 1
            for write in (
                lambda: store.begin(digest("x")),
                lambda: record.add_scores("other", np.zeros(50)),
                lambda: store.lock(KEY).__enter__(),
            ):
                with pytest.raises(StoreError, match=r"cannot write .*: Permission denied") as caught:
                    write()
                assert "make the folder writable" in str(caught.value)


@contextlib.contextmanager
def as_somebody_else(root: Path) -> Iterator[None]:
    """As a user who may read ``root`` and not write it."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        everything = [root, *root.rglob("*")]
        for path in everything:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            yield
        finally:
            for path in everything:
                path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_a_million_samples_are_judged_in_little_memory(store: Store) -> None:
    rows = 1_000_000
    writer.make(store, KEY, rows)
    code = f"""
from pathlib import Path
from pytest_modelqa.records.store import Store
(record,) = Store(Path({str(store.root)!r})).find({KEY!r})
assert record.scores("s").shape == record.column("x").shape == record.ids.shape == ({rows},)
print(Path("/proc/self/status").read_text())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, check=True, capture_output=True, text=True
    )
    # Not ru_maxrss: on Linux a child begins with its parent's.
    (peak,) = (line.split()[1] for line in done.stdout.splitlines() if line.startswith("VmHWM:"))
    # The design promises 300 MB for the whole pytest process, with both sides of a comparison.
    assert int(peak) / 1024 < 200
