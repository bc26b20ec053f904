from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_modelqa.errors import StoreError
from pytest_modelqa.records import tables

texts = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda text: not text.endswith("\0"))
names = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ["psnr.v1", "constant/psnr.v1", "x", "x.list", "x.list.element", "element", "id", "é"]
)
numbers = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="<")
    | hnp.integer_dtypes(endianness=">")
    | hnp.unsigned_integer_dtypes()
    | hnp.floating_dtypes(endianness="<", sizes=(16, 32, 64))
)


@st.composite
def sample_tables(draw: st.DrawFn) -> tuple[list[str], dict[str, np.ndarray]]:
    rows = draw(st.integers(0, 5))
    ids = draw(st.lists(texts, min_size=rows, max_size=rows, unique=True))
    shapes = st.just((rows,)) | st.tuples(st.just(rows), st.integers(1, 3))
    arrays = numbers.flatmap(lambda dtype: hnp.arrays(dtype, shapes)) | hnp.arrays(
        object, shapes, elements=texts
    )
    return ids, draw(st.dictionaries(names, arrays, max_size=4))


@settings(max_examples=150)
@given(sample_tables())
def test_columns_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[str], dict[str, np.ndarray]]
) -> None:
    ids, columns = table
    path = tmp_path_factory.getbasetemp() / "round-trip.parquet"
    with path.open("wb") as file:
        tables.write_samples_table(file, ids, columns)
    assert tables.read_column(path, tables.ID_COLUMN).tolist() == ids
    assert tables.column_names(path) == tuple(columns)
    for name, written in columns.items():
        read = tables.read_column(path, name)
        expected = written.astype(str) if written.dtype == object else written
        assert read.dtype.kind == expected.dtype.kind
        if read.dtype.kind != "U":
            assert read.dtype == written.dtype.newbyteorder("=")
        assert read.shape == written.shape
        # By bytes, so that NaN and −0.0 count.
        assert read.tolist() == expected.tolist() or read.tobytes() == expected.astype(read.dtype).tobytes()


def test_a_table_of_several_parts_comes_back_whole(tmp_path: Path) -> None:
    rows = 150_000
    ids = [f"sample-{number}" for number in range(rows)]
    words = np.array(["walk", "turn", "a longer one"])[np.arange(rows) % 3]
    pairs = np.arange(2 * rows, dtype=np.int32).reshape(rows, 2)
    path = tmp_path / "t.parquet"
    with path.open("wb") as file:
        tables.write_samples_table(file, ids, {"word": words, "pair": pairs})
    assert tables.read_column(path, tables.ID_COLUMN).tolist() == ids
    assert np.array_equal(tables.read_column(path, "word"), words)
    assert np.array_equal(tables.read_column(path, "pair"), pairs)


def test_the_file_is_ordinary_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with path.open("wb") as file:
        tables.write_samples_table(file, ["a", "b"], {"label": np.array([1, 2])})
    assert pq.read_table(path).to_pydict() == {"__id__": ["a", "b"], "label": [1, 2]}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros(3), "does not fit"),
        (np.zeros((2, 2, 2)), "does not fit"),
        (np.zeros((2, 0)), "does not fit"),
        (np.float64(1), "does not fit"),
        (np.zeros(2, dtype=complex), "complex128"),
        (np.zeros(2, dtype=np.longdouble), "float128|longdouble"),
        (np.array(["2026-01-01", "2026-01-02"], dtype="M8[D]"), "datetime64"),
        (np.array([b"a", b"b"]), "S1"),
        (np.array(["a", None], dtype=object), "no text"),
        (np.array(["a", 1.5], dtype=object), "no text"),
        (np.array(["a", "b\0"], dtype=object), "NUL"),
        (np.array(["a", "\ud800"], dtype=object), "Unicode"),
    ],
)
def test_a_column_that_would_not_come_back_is_refused_by_name(values: np.ndarray, words: str) -> None:
    with pytest.raises(StoreError, match=f"(?s)'site'.*({words})") as caught:
        tables.write_samples_table(io.BytesIO(), ["a", "b"], {"site": values})
    assert "'site'" in caught.value.what


def test_a_doubled_id_is_refused() -> None:
    with pytest.raises(StoreError, match="twice"):
        tables.write_samples_table(io.BytesIO(), ["a", "b", "a"], {})


def test_the_name_of_the_id_column_is_taken() -> None:
    with pytest.raises(StoreError, match="__id__"):
        tables.write_samples_table(io.BytesIO(), ["a"], {"__id__": np.zeros(1)})


def test_a_column_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with path.open("wb") as file:
        tables.write_samples_table(file, ["a"], {"label": np.zeros(1), "site": np.zeros(1)})
    with pytest.raises(StoreError, match="no column 'lable'") as caught:
        tables.read_column(path, "lable")
    assert caught.value.expected == "one of label, site"


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"\x89PNG\r\n"])
def test_what_is_no_parquet_is_a_store_error(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(data)
    for read in (tables.column_names, tables.read_notes, lambda path: tables.read_column(path, "x")):
        with pytest.raises(StoreError, match=r"cannot read t\.parquet"):
            read(path)
