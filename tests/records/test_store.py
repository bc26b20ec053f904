from __future__ import annotations

import errno
import fcntl
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pytest_modelqa.errors import StoreError
from pytest_modelqa.records.digests import FileDigest, digest
from pytest_modelqa.records.manifest import Device, Manifest
from pytest_modelqa.records.store import Record, Store

Keep = Callable[..., Record]
MakeManifest = Callable[..., Manifest]
KEY = digest("an evaluation")


def test_a_store_that_is_not_there_has_no_records_and_is_not_made(store: Store) -> None:
    assert store.find(KEY) == []
    assert store.problems == []
    assert not store.root.exists()


def test_a_record_comes_back_whole(store: Store, keep: Keep, manifest: MakeManifest) -> None:
    kept = keep(store)
    (found,) = Store(store.root).find(KEY)
    assert found == kept
    assert found.ids.tolist() == ["a", "b", "c"]
    assert found.columns == ("label",)
    assert found.column("label").tolist() == [3, 1, 2]
    assert found.scores("psnr.v1").tolist() == [30.5, 28.25, 31.0]
    assert found.set_values("f1.v1", "")[""].value == 0.75
    assert [(path.name, path.read_bytes()) for path in found.pictures] == [("worst.png", b"a picture")]
    assert sorted(found.manifest.files) == ["pictures/worst.png", "samples.parquet"]
    assert found.manifest == manifest(files=found.manifest.files)
    assert found.folder == store.root / KEY[:2] / KEY / found.id


def test_a_record_without_samples_comes_back(store: Store, keep: Keep) -> None:
    keep(store, ids=[], labels=np.zeros(0), scores=np.zeros(0))
    (found,) = store.find(KEY)
    assert found.ids.tolist() == []
    assert found.scores("psnr.v1").shape == (0,)


def test_other_keys_are_not_found(store: Store, keep: Keep) -> None:
    keep(store)
    assert store.find(digest("another evaluation")) == []


def test_the_newest_comes_first(store: Store, keep: Keep) -> None:
    # As text, a whole second in Zulu time would come after its fractions.
    day = "2026-03-01T12:00:00"
    times = [f"{day}.5Z", f"{day}.25+00:00", f"{day}Z", "2025-12-31T23:59:59Z"]
    for number in (2, 0, 3, 1):
        keep(store, created=times[number], distributions={"torch": f"2.{number}"})
    assert [record.manifest.created for record in store.find(KEY)] == times


def test_only_the_wanted_are_read(store: Store, keep: Keep) -> None:
    cpu = keep(store)
    gpu = keep(store, device=Device("cuda", "NVIDIA H100"))
    (cpu.folder / "samples.parquet").write_bytes(b"damaged")
    assert store.find(KEY, lambda manifest: manifest.device.type == "cuda") == [gpu]
    assert store.problems == []
    assert store.find(KEY) == [gpu]
    assert len(store.problems) == 1


def test_a_record_that_is_there_wins(store: Store, keep: Keep) -> None:
    first = keep(store)
    second = keep(store, labels=np.array([9, 9, 9]), created="2026-05-01T00:00:00Z")
    assert second == first
    assert second.column("label").tolist() == [3, 1, 2]
    assert store.find(KEY) == [first]


def test_a_damaged_record_does_not_win(store: Store, keep: Keep) -> None:
    first = keep(store)
    (first.folder / "samples.parquet").write_bytes(b"damaged")
    second = keep(store, labels=np.array([9, 9, 9]))
    assert second.id == first.id
    assert Store(store.root).find(KEY) == [second]
    assert second.column("label").tolist() == [9, 9, 9]
    assert leftovers(store) == []


def test_a_part_does_not_stand_in_the_way_of_the_whole(store: Store, keep: Keep) -> None:
    part = keep(store, ids=["a", "b"], labels=np.array([3, 1]), scores=np.array([1.0, 2.0]), complete=False)
    whole = keep(store)
    assert sorted(record.id for record in store.find(KEY)) == sorted([part.id, whole.id])


def test_a_draft_is_seen_by_nobody(store: Store, manifest: MakeManifest) -> None:
    with store.begin(KEY) as draft:
        draft.write_samples(["a", "b", "c"], {})
        assert store.find(KEY) == []
    assert store.find(KEY) == []
    assert leftovers(store) == []


def test_a_draft_is_discarded_by_an_error(store: Store) -> None:
    with pytest.raises(StoreError), store.begin(KEY) as draft:
        draft.write_samples(["a", "a"], {})
    assert leftovers(store) == []


def test_discarding_twice_or_after_a_commit_does_nothing(
    store: Store, keep: Keep, manifest: MakeManifest
) -> None:
    draft = store.begin(KEY)
    draft.write_samples(["a", "b", "c"], {})
    record = draft.commit(manifest())
    draft.discard()
    draft.discard()
    assert store.find(KEY) == [record]


def test_a_living_draft_is_not_swept(store: Store, manifest: MakeManifest) -> None:
    with store.begin(KEY) as one, store.begin(KEY) as other:
        other.write_samples(["a", "b", "c"], {})
        one.write_samples(["a", "b", "c"], {})
        assert one.commit(manifest()) == other.commit(manifest())


def test_another_thread_may_commit(store: Store, manifest: MakeManifest) -> None:
    draft = store.begin(KEY)
    draft.write_samples(["a", "b", "c"], {})
    other = threading.Thread(target=draft.commit, args=[manifest()])
    other.start()
    other.join()
    assert len(store.find(KEY)) == 1
    assert leftovers(store) == []


def test_fault_131_a_file_system_without_locks_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # As NFS without a lock daemon answers: the one thing here that no test machine can be relied on to have.
    def no_flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", no_flock)
    monkeypatch.setattr(warnings, "warn", lambda *_, **__: None)
    with pytest.raises(StoreError, match="file system of the store has no locks"):
        store.begin(KEY)


def test_two_that_commit_at_the_same_moment_agree(store: Store, manifest: MakeManifest) -> None:
    drafts = [store.begin(KEY), store.begin(KEY)]
    for draft in drafts:
        draft.write_samples(["a", "b", "c"], {})
    kept: list[Record] = []
    other = threading.Thread(target=lambda: kept.append(drafts[1].commit(manifest())))

    def interfere(event: str, arguments: tuple[object, ...]) -> None:
        # Just before the first is moved into its place, the second tries to be.
        if event == "os.rename" and Path(str(arguments[1])).parent.name == KEY and not other.ident:
            other.start()
            other.join(0.5)

    sys.addaudithook(interfere)
    kept.append(drafts[0].commit(manifest()))
    other.join()
    assert kept[0] == kept[1]
    assert store.find(KEY) == [kept[0]]


@pytest.mark.parametrize("name", ["../x.png", "a/b.png", "", ".hidden", "a b.png", "/x"])
def test_a_picture_cannot_leave_its_folder(name: str, store: Store) -> None:
    with store.begin(KEY) as draft, pytest.raises(StoreError, match="no file name for a picture"):
        draft.write_picture(name, b"x")


def test_a_manifest_that_does_not_fit_the_draft_is_refused(store: Store, manifest: MakeManifest) -> None:
    with store.begin(KEY) as draft:
        with pytest.raises(StoreError, match="disagree"):
            draft.commit(manifest())
        draft.write_samples(["a", "b", "c"], {})
        with pytest.raises(StoreError, match="disagree"):
            draft.commit(manifest(samples=4))
        with pytest.raises(StoreError, match="another key"):
            draft.commit(manifest(key=digest("another")))
        with pytest.raises(StoreError, match="created"):
            draft.commit(manifest(created="yesterday"))
    assert store.find(KEY) == store.find(digest("another")) == []


@pytest.mark.parametrize(
    "key", ["", "ab", "../../etc", digest("x")[:-1], digest("x").upper(), digest("x") + "\n"]
)
def test_what_is_no_key_is_refused_everywhere(key: str, store: Store) -> None:
    for use in (store.find, store.begin, store.lock):
        with pytest.raises(StoreError, match="no key"):
            use(key)


def test_who_waits_for_a_lock_is_told_how_long(store: Store) -> None:
    waited: list[float] = []
    inside = threading.Event()
    order: list[str] = []

    def hold() -> None:
        with store.lock(KEY):
            inside.set()
            while len(waited) < 2:
                time.sleep(0.01)
            order.append("first")

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(10)
    with store.lock(digest("another evaluation"), waited.append):
        assert waited == []
    with Store(store.root).lock(KEY, waited.append):
        order.append("second")
    holder.join()
    assert order == ["first", "second"]
    assert waited[0] < waited[1]


def test_a_lock_is_free_again_after_an_error(store: Store) -> None:
    waited: list[float] = []
    with pytest.raises(ZeroDivisionError), store.lock(KEY):
        raise ZeroDivisionError
    with store.lock(KEY, waited.append):
        assert waited == []


def test_code_is_kept_with_its_paths(store: Store, keep: Keep) -> None:
    code = (FileDigest("b/model.py", digest("b"), 1), FileDigest("a/model.py", digest("a"), 2))
    keep(store, code=code)
    (found,) = store.find(KEY)
    assert found.manifest.code == code


def leftovers(store: Store) -> list[Path]:
    """What lies in the store beside records and locks."""
    return [*(store.root / ".drafts").iterdir(), *store.root.rglob("*.tmp")]
