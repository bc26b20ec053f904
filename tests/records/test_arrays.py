from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pytest_modelqa.errors import StoreError
from pytest_modelqa.records.arrays import OF_SAMPLES, OF_SET
from pytest_modelqa.records.manifest import Manifest
from pytest_modelqa.records.store import Record, Store

from .conftest import IDS, KEY

FEATURES = np.arange(12, dtype=np.float32).reshape(3, 4)
REFERENCE = np.linspace(0, 1, 10).reshape(5, 2)


@pytest.fixture
def record(store: Store, manifest: Callable[..., Manifest]) -> Record:
    with store.begin(KEY) as draft:
        draft.write_samples(IDS, {})
        draft.write_sample_array("raw_pixels/features", FEATURES)
        draft.write_set_array("reference_features", REFERENCE)
        return draft.commit(manifest())


def test_arrays_come_back_as_they_were_written(record: Record) -> None:
    features = record.array("raw_pixels/features")
    assert (features.dtype, features.tolist()) == (np.dtype(np.float32), FEATURES.tolist())
    assert np.array_equal(record.array("reference_features"), REFERENCE)
    assert list(record.sample_arrays()) == ["raw_pixels/features"]


def test_it_is_known_whether_an_array_is_of_samples(record: Record) -> None:
    assert record.has_array("raw_pixels/features", OF_SAMPLES)
    assert not record.has_array("raw_pixels/features", OF_SET)
    assert record.has_array("reference_features", OF_SET)
    with pytest.raises(StoreError, match="the record has no array of codes"):
        record.array("codes")


def test_writing_to_an_array_changes_no_record(record: Record) -> None:
    record.array("reference_features")[:] = 7
    assert np.array_equal(record.array("reference_features"), REFERENCE)


def test_a_damaged_array_makes_the_record_one_that_is_not_there(store: Store, record: Record) -> None:
    path = record.folder / "set_arrays" / "reference_features.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    assert store.find(KEY) == []
    path.write_bytes(content[:20])
    with pytest.raises(StoreError, match=r"cannot read reference_features\.npy"):
        record.array("reference_features")


@pytest.mark.parametrize("values", [np.zeros((2, 4)), np.float64(1), np.array(["a", "b", "c"])])
def test_what_has_no_row_of_numbers_for_each_sample_is_refused(store: Store, values: np.ndarray) -> None:
    with store.begin(KEY) as draft:
        draft.write_samples(IDS, {})
        with pytest.raises(StoreError, match="features"):
            draft.write_sample_array("features", values)


def test_no_array_has_rows_of_samples_that_are_not_written_yet(store: Store) -> None:
    with store.begin(KEY) as draft, pytest.raises(StoreError, match="does not fit the samples"):
        draft.write_sample_array("features", FEATURES)
