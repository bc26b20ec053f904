"""What computed an addition is believed of its own record only, and goes with the addition."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_modelqa.records.digests import FileDigest, digest
from pytest_modelqa.records.provenance import Provenance, forget, read_provenance, write_provenance
from pytest_modelqa.records.record import Record
from pytest_modelqa.records.store import Store

Keep = Callable[..., Record]
MADE = Provenance((FileDigest("./metric.py", digest("code"), 120),), {"sacrebleu": "2.5.1"})


def test_it_comes_back_as_it_was_written(store: Store, keep: Keep) -> None:
    record = keep(store)
    assert read_provenance(record, "f1.v1") is None
    write_provenance(record, "f1.v1", MADE)
    assert read_provenance(record, "f1.v1") == MADE
    assert read_provenance(record, "psnr.v1") is None


def test_that_of_another_record_or_a_damaged_one_is_none(store: Store, keep: Keep) -> None:
    record, other = keep(store), keep(store, distributions={})
    write_provenance(record, "f1.v1", MADE)
    (path,) = record.folder.glob("provenance/*.json")
    stranger = other.folder / "provenance" / path.name
    stranger.parent.mkdir()
    stranger.write_bytes(path.read_bytes())
    assert read_provenance(other, "f1.v1") is None
    path.write_bytes(path.read_bytes().replace(b"2.5.1", b"2.5.2"))
    assert read_provenance(record, "f1.v1") is None


@pytest.mark.parametrize("column", ["psnr.v1", "f1.v1"])
def test_what_is_forgotten_is_gone_and_nothing_else(column: str, store: Store, keep: Keep) -> None:
    record = keep(store)
    record.add_failures(column, "", {"": {"what": "undefined"}})
    for each in ("psnr.v1", "f1.v1"):
        write_provenance(record, each, MADE)
    forget(record, column)
    assert read_provenance(record, column) is None
    assert not record.failures(column, "")
    there = {"psnr.v1": record.has_scores("psnr.v1"), "f1.v1": record.has_set("f1.v1", "")}
    assert there == {name: name != column for name in there}
    assert store.find(record.manifest.key) == [record]
