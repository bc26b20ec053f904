from __future__ import annotations

import csv
import io
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from pytest_modelqa.datasets.csv_file import read_csv
from pytest_modelqa.datasets.jsonl_file import read_jsonl
from pytest_modelqa.datasets.parquet_file import read_parquet
from pytest_modelqa.errors import DatasetError


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "table"


def _csv(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path)


def test_csv_columns_are_what_they_look_like(tmp_path):
    columns = _csv(
        tmp_path / "a.csv",
        "id,whole,number,text,code,gap,flag\n"
        "7,1,1e-3,walk,007,1,true\n"
        '8,-20,.5,"turn, left",010,,no\n'
        '9,0,3,"two\nlines",1,3,""\n',
    )
    assert columns["id"] == ["7", "8", "9"]
    assert columns["whole"].tolist() == [1, -20, 0]
    assert columns["whole"].dtype == np.int64
    assert columns["number"].tolist() == [0.001, 0.5, 3.0]
    assert columns["text"] == ["walk", "turn, left", "two\nlines"]
    assert columns["code"] == ["007", "010", "1"]
    assert columns["flag"] == ["true", "no", ""]
    assert columns["gap"].dtype == np.float64
    assert np.array_equal(columns["gap"], [1, np.nan, 3], equal_nan=True)


def test_csv_texts_that_pandas_would_change_stay_texts(tmp_path):
    texts = [
        "NA",
        "null",
        "None",
        "nan",
        "inf",
        "1_000",
        "0x10",
        "1,5",
        " 1",
        "12345678901234567890",
        "2024-01-01",
    ]
    written = io.StringIO()
    csv.writer(written).writerows([["a"], *([text] for text in texts)])
    assert _csv(tmp_path / "a.csv", written.getvalue())["a"] == texts
    for text in texts[:-2]:
        assert _csv(tmp_path / "b.csv", f'a,b\n"{text}",1\n')["a"] == [text]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**53), 2**53),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=5),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_csv_gives_back_what_the_csv_module_wrote(written, rows):
    with written.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_NONNUMERIC).writerows(
            [["i", "x", "t"], *([i, x, "t" + text] for i, x, text in rows)]
        )
    columns = read_csv(written)
    assert columns["i"].tolist() == [row[0] for row in rows]
    assert columns["x"].tolist() == [row[1] for row in rows]
    assert columns["t"] == ["t" + row[2] for row in rows]


def test_csv_texts_of_several_lines_are_whole_in_large_files_too(tmp_path):
    rows = 150_000  # more than one block of the reader
    columns = _csv(tmp_path / "a.csv", "a,b\n" + '"one\ntwo\nthree",1\n' * rows)
    assert columns["a"] == ["one\ntwo\nthree"] * rows


def test_csv_with_a_byte_order_mark_is_read(tmp_path):
    assert _csv(tmp_path / "a.csv", b"\xef\xbb\xbfa,b\n1,2\n").keys() == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b\n1,2\n3\n", "Expected 2 columns, got 1"),
        ("a,b\n1,2,3\n", "Expected 2 columns, got 3"),
        ("a,b,a\n1,2,3\n", "a header with a name twice: a"),
        ("a,,b\n1,2,3\n", "a header with an empty name"),
        ("naïve\n1\n".encode("latin-1"), "bytes that are not UTF-8"),
        (b"a\n\xff\n", "UTF"),
    ],
)
def test_damaged_csv_is_refused_with_the_reason(tmp_path, text, found):
    with pytest.raises(DatasetError, match=r"the \.csv file cannot be read: a\.csv") as caught:
        _csv(tmp_path / "a.csv", text)
    assert found in caught.value.found


def test_fault_63_a_csv_of_only_a_header_has_no_samples(load, tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n")
    with pytest.raises(DatasetError, match="dataset 'test' has 0 samples"):
        load(path="a.csv")


def test_fault_67_doubled_ids_of_a_csv_are_named(load, tmp_path):
    (tmp_path / "a.csv").write_text("id,b\n01,1\n1,2\n01,3\n")
    with pytest.raises(
        DatasetError, match="1 ids of dataset 'test' stand for more than one sample, first '01'"
    ):
        load(path="a.csv")


_VALUES = st.one_of(
    st.lists(st.integers(-9, 9), min_size=3, max_size=3),
    st.lists(st.floats(-1, 1), min_size=3, max_size=3),
    st.lists(st.text(max_size=3), min_size=3, max_size=3),
    st.lists(st.lists(st.integers(0, 9), max_size=2), min_size=3, max_size=3),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=3, max_size=3),
)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=3), _VALUES, min_size=1, max_size=3
    )
)
def test_jsonl_gives_back_what_the_json_module_wrote(written, fields):
    rows = [{name: values[row] for name, values in fields.items()} for row in range(3)]
    written.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    assert read_jsonl(written) == fields


def test_jsonl_fields_become_arrays_where_they_are_numbers(load, tmp_path):
    rows = [
        {"id": f"q{i}", "question": "why?", "box": [i, i, 1, 2], "score": i / 2, "tags": ["a"] * i}
        for i in range(3)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    samples = load(path="a.jsonl")
    batch = samples.batch([1, 2])
    assert samples.ids == ("q0", "q1", "q2")
    assert batch["box"].tolist() == [[1, 1, 1, 2], [2, 2, 1, 2]]
    assert batch["tags"] == [["a"], ["a", "a"]]
    assert samples.scalars.keys() == {"question", "score"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"a": 1', "Expecting"),
        ("[1]", "a list"),
        ('{"a": 1, "a": 2}', "'a' is given 2 times"),
        ('{"b": 1}', "names that differ from the first line: a, b"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": ' + "[" * 100_000, "recursion"),
    ],
)
def test_a_line_that_is_no_sample_is_named(tmp_path, line, found):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n' + line + "\n")
    with pytest.raises(DatasetError) as caught:
        read_jsonl(path)
    assert caught.value.what == "line 3 of a.jsonl is no sample"
    assert caught.value.where == f"{path}:3"
    assert found in caught.value.found


def test_parquet_columns_keep_their_types(tmp_path):
    table = pa.table(
        {
            "whole": pa.array([1, 2, 3], pa.int32()),
            "number": pa.array([0.5, None, 1.5], pa.float32()),
            "gap": pa.array([1, None, 3], pa.int64()),
            "flag": [True, False, True],
            "text": ["a", "b", "c"],
            "coded": pa.array(["x", "y", "x"]).dictionary_encode(),
            "box": pa.array([[0, 1], [2, 3], [4, 5]], pa.list_(pa.float32(), 2)),
            "ragged": [[1], [], [2, 3]],
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    fields = read_parquet(tmp_path / "a.parquet")
    assert fields["whole"].dtype == np.int32
    assert np.array_equal(fields["number"], [0.5, np.nan, 1.5], equal_nan=True)
    assert np.array_equal(fields["gap"], [1, np.nan, 3], equal_nan=True)
    assert fields["flag"].tolist() == [True, False, True]
    assert fields["text"] == ["a", "b", "c"]
    assert fields["coded"] == ["x", "y", "x"]
    assert fields["box"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert fields["box"].dtype == np.float32
    assert fields["ragged"] == [[1], [], [2, 3]]


def test_a_missing_list_of_a_fixed_size_is_missing_or_pyarrow_is_too_old(tmp_path):
    gaps = pa.array([[0, 1], None, [4, 5]], pa.list_(pa.float32(), 2))
    parquet.write_table(pa.table({"gaps": gaps}), tmp_path / "a.parquet")
    if int(pa.__version__.partition(".")[0]) >= 26:
        assert read_parquet(tmp_path / "a.parquet")["gaps"] == [[0, 1], None, [4, 5]]
    else:
        with pytest.raises(DatasetError, match="install a later pyarrow") as caught:
            read_parquet(tmp_path / "a.parquet")
        assert "Expected all lists to be of size=2" in caught.value.found


def test_parquet_rows_become_samples(load, tmp_path):
    table = pa.table({"id": [5, 6], "pixels": [[1, 2], [3, 4]], "label": [0, 1], "split": ["a", "b"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    samples = load(path="a.parquet", split="b")
    assert samples.ids == ("6",)
    assert samples.batch([0])["pixels"].tolist() == [[3, 4]]


@pytest.mark.parametrize("kept", [10, 100, -5])
def test_truncated_parquet_is_refused(tmp_path, kept):
    parquet.write_table(pa.table({"a": list(range(100))}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:kept])
    with pytest.raises(DatasetError, match=r"the \.parquet file is damaged or truncated: a\.parquet"):
        read_parquet(tmp_path / "a.parquet")


def test_a_format_that_is_not_known_lists_those_that_are(load, tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(DatasetError, match=r"the format of dataset 'test' is not known: a\.xlsx") as caught:
        load(path="a.xlsx")
    assert caught.value.expected.startswith("one of .npz, .jsonl, .csv, .parquet, ")


def test_args_that_a_format_does_not_know_are_named(load, tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(DatasetError, match="has args that its format does not know: mode"):
        load(path="a.csv", args={"mode": "L"})


def test_a_dataset_that_says_nothing_is_told_what_to_write(load):
    with pytest.raises(DatasetError, match="neither where its data lie nor how they are read"):
        load()
