from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelqa.errors import StoreError
from pytest_modelqa.records.digests import digest
from pytest_modelqa.records.record import Record, file_name
from pytest_modelqa.records.sealed import seal
from pytest_modelqa.records.sets import SetValue
from pytest_modelqa.records.store import Store

Keep = Callable[..., Record]
SOUND = SetValue(0.5, (0.25,) * 20, 3)


def test_scores_come_back_as_float64_in_order(store: Store, keep: Keep) -> None:
    record = keep(store)
    record.add_scores("accuracy.v1", np.array([True, False, True]))
    record.add_scores("mse.v1", np.array([0.1, 0.2, -0.0], dtype=np.float32))
    assert record.scores("accuracy.v1").dtype == np.float64
    assert record.scores("accuracy.v1").tolist() == [1.0, 0.0, 1.0]
    assert record.scores("mse.v1").tobytes() == np.array([0.1, 0.2, -0.0], np.float32).astype(float).tobytes()
    assert not record.has_scores("mse.v2")


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.0, np.nan, 2.0]),
        np.array([1.0, np.inf, 2.0]),
        np.array([1.0, 2.0]),
        np.zeros((3, 1)),
        np.array(["1", "2", "3"]),
        np.array([1, None, 2], dtype=object),
        np.zeros(3, dtype=complex),
        np.float64(3),
    ],
)
def test_scores_that_are_no_finite_number_per_sample_are_refused(
    values: np.ndarray, store: Store, keep: Keep
) -> None:
    record = keep(store)
    with pytest.raises(StoreError, match=r"ssim\.v1"):
        record.add_scores("ssim.v1", values)
    assert not record.has_scores("ssim.v1")


def test_the_number_of_wrong_scores_is_said(store: Store, keep: Keep) -> None:
    with pytest.raises(StoreError, match="2 of 3 scores of ssim are NaN or Inf"):
        keep(store).add_scores("ssim", np.array([np.nan, 1.0, -np.inf]))


def test_scores_that_are_there_stay(store: Store, keep: Keep) -> None:
    record = keep(store)
    before = record.scores("psnr.v1")
    record.add_scores("psnr.v1", before + 1)
    assert np.array_equal(record.scores("psnr.v1"), before)
    assert len(list((record.folder / "scores").rglob("*.parquet"))) == 1


def test_set_values_come_back_exactly(store: Store, keep: Keep) -> None:
    record = keep(store)
    values = {
        "walk": SetValue(0.1 + 0.2, (None, 1e-300, *(0.1,) * 18), 7),
        "": SetValue(-1e300, (0.5,) * 20, 0),
        "of another tool": SetValue(0.7, (None,) * 20, 1319, standard_error=0.0126),
        "ü / \n": SOUND,
    }
    record.add_set("f1.v1", "label", values)
    record.add_set("f1.v1", "Label", {})
    assert record.set_values("f1.v1", "label") == values
    assert record.set_values("f1.v1", "Label") == {}
    assert not record.has_set("f1.v1", "site")
    assert not record.has_set("f1.v2", "label")


def test_numpy_numbers_are_stored_as_numbers(store: Store, keep: Keep) -> None:
    record = keep(store)
    record.add_set("a", "", {"": SetValue(np.float32(0.1), (np.float64(0.5),) * 20, np.int64(3))})  # type: ignore[arg-type]
    assert record.set_values("a", "")[""] == SetValue(float(np.float32(0.1)), (0.5,) * 20, 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"value": float("nan")}, "nan"),
        ({"value": float("inf")}, "inf"),
        ({"left_out": (0.5,) * 19 + (float("nan"),)}, "20 left-out"),
        ({"left_out": (0.5,) * 19}, "19 left-out values"),
        ({"left_out": ()}, "0 left-out values"),
        ({"n": -1}, "-1 samples"),
        ({"standard_error": 0.0}, "standard error 0.0"),
        ({"standard_error": float("nan")}, "standard error nan"),
    ],
)
def test_unsound_set_values_are_refused(
    changes: dict[str, object], words: str, store: Store, keep: Keep
) -> None:
    record = keep(store)
    with pytest.raises(StoreError, match=rf"(?s)auroc\.v1 of turn.*found: .*{words}"):
        record.add_set("auroc.v1", "label", {"walk": SOUND, "turn": dataclasses.replace(SOUND, **changes)})
    assert not record.has_set("auroc.v1", "label")


def test_what_is_not_there_is_a_clear_error(store: Store, keep: Keep) -> None:
    record = keep(store)
    with pytest.raises(StoreError, match="the record has no scores of lpips") as caught:
        record.scores("lpips")
    assert "run again" in str(caught.value)
    with pytest.raises(StoreError, match="the record has no set-level values of f1 by label"):
        record.set_values("f1", "label")


def test_the_digest_of_the_ids_follows_the_ids_and_their_order(store: Store, keep: Keep) -> None:
    records = [
        keep(store, key=digest(name), ids=ids, labels=labels)
        for name, ids, labels in [
            ("same", "abc", np.array([1, 2, 3])),
            ("other values", "abc", np.array([4, 5, 6])),
            ("other order", "acb", np.array([1, 2, 3])),
            ("other ids", "abd", np.array([1, 2, 3])),
        ]
    ]
    first, second, *others = [record.ids_digest for record in records]
    assert first == second
    assert len({first, *others}) == 3


def test_scores_and_sets_of_another_record_are_not_taken(store: Store, keep: Keep) -> None:
    one = keep(store)
    other = keep(store, key=digest("another"), scores=np.array([1.0, 2.0, 3.0]))
    for name in ("scores", "sets"):
        shutil.rmtree(one.folder / name)
        shutil.copytree(other.folder / name, one.folder / name)
    assert not one.has_scores("psnr.v1")
    assert not one.has_set("f1.v1", "")
    one.add_scores("psnr.v1", np.array([7.0, 8.0, 9.0]))
    assert one.scores("psnr.v1").tolist() == [7.0, 8.0, 9.0]


def test_scores_and_sets_of_a_record_made_anew_are_not_taken(
    store: Store, keep: Keep, tmp_path: Path
) -> None:
    # The same id, but another run of an evaluation that is not deterministic.
    one = keep(store)
    again = keep(Store(tmp_path / "elsewhere"), labels=np.array([1, 1, 1]))
    assert one.id == again.id
    shutil.copytree(one.folder / "scores", again.folder / "scores", dirs_exist_ok=True)
    shutil.rmtree(again.folder / "sets")
    shutil.copytree(one.folder / "sets", again.folder / "sets")
    assert len(list((again.folder / "scores").rglob("*.parquet"))) == 2
    assert again.scores("psnr.v1").tolist() == [30.5, 28.25, 31.0]
    assert not again.has_set("f1.v1", "")


def test_scores_and_sets_under_another_name_are_not_taken(store: Store, keep: Keep) -> None:
    record = keep(store)
    (record.folder / "scores" / "psnr.v1").rename(record.folder / "scores" / "psnr.v2")
    (record.folder / "sets" / "f1.v1" / "%.json").rename(record.folder / "sets" / "f1.v1" / "label.json")
    (record.folder / "sets" / "f1.v2").mkdir()
    shutil.copy(record.folder / "sets" / "f1.v1" / "label.json", record.folder / "sets" / "f1.v2" / "%.json")
    assert not record.has_scores("psnr.v2")
    assert not record.has_set("f1.v1", "label")
    assert not record.has_set("f1.v2", "")


@pytest.mark.parametrize(
    "values",
    [
        [],
        {"": 0.5},
        {"": [0.5, [], 3]},
        {"": [0.5, [None] * 20]},
        {"": ["0.5", [None] * 20, 3]},
        {"": [0.5, "x" * 20, 3]},
    ],
)
def test_a_set_file_with_a_right_digest_and_a_wrong_form_is_not_taken(
    values: object, store: Store, keep: Keep
) -> None:
    record = keep(store)
    body = {"record": record.seal, "column": "f1.v1", "slice": "", "values": values}
    (record.folder / "sets" / "f1.v1" / "%.json").write_bytes(seal("set", 1, body))
    assert not record.has_set("f1.v1", "")


def test_a_set_file_is_json_that_a_person_can_read(store: Store, keep: Keep) -> None:
    record = keep(store)
    file = json.loads((record.folder / "sets" / "f1.v1" / "%.json").read_text())
    assert file["body"]["values"][""] == [0.75, [None] + [0.5] * 19, 3]


@given(st.text(), st.text())
def test_names_become_file_names_reversibly(one: str, other: str) -> None:
    try:
        encoded = file_name(one)
    except StoreError:
        assert len(one) > 16
        return
    assert unquote(encoded.removesuffix("%") if encoded == "%" else encoded, errors="surrogatepass") == one
    assert encoded == encoded.lower()
    assert encoded not in (".", "..")
    assert not set(encoded) & set('/\\\0:*?"<>| ')
    assert (file_name(other[:16]) == encoded) == (other[:16] == one)


def test_the_longest_name_fits_a_file_and_a_longer_one_is_said(store: Store, keep: Keep) -> None:
    record = keep(store)
    record.add_scores("x" * 200, np.zeros(3))
    assert record.has_scores("x" * 200)
    with pytest.raises(StoreError, match="too long"):
        record.add_scores("x" * 201, np.zeros(3))
