from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pytest_modelqa.datasets.npz_file import read_npz
from pytest_modelqa.errors import DatasetError


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return tmp_path_factory.mktemp("npz") / "a.npz"


@settings(max_examples=80, derandomize=True, deadline=None)
@given(
    arrays.arrays(
        st.one_of(arrays.floating_dtypes(), arrays.integer_dtypes(), arrays.unicode_string_dtypes(max_len=4)),
        arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4),
    ),
    st.booleans(),
    st.booleans(),
)
def test_arrays_are_what_numpy_reads(written, array, compressed, fortran_order):
    (np.savez_compressed if compressed else np.savez)(
        written, x=np.asarray(array, order="F" if fortran_order else "C")
    )
    read = read_npz(written)["x"]
    assert read.dtype == array.dtype
    assert np.array_equal(read, array, equal_nan=array.dtype.kind == "f")


def test_arrays_that_are_not_compressed_are_mapped(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(1000.0), y=np.arange(10))
    read = read_npz(tmp_path / "a.npz")
    assert isinstance(read["x"], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        read["x"][0] = 1


def test_the_fields_become_samples(load, tmp_path):
    np.savez(tmp_path / "a.npz", image=np.arange(12.0).reshape(3, 4), label=[2, 0, 1], id=["c", "a", "b"])
    samples = load(path="a.npz")
    assert samples.ids == ("c", "a", "b")
    assert samples.scalars["label"].tolist() == [2, 0, 1]
    assert not isinstance(samples.scalars["label"], np.memmap)
    assert samples.batch([2, 0])["image"].tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]


def test_the_split_is_a_field(load, tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(5), split=["train", "test", "train", "test", "test"])
    samples = load(path="a.npz", split="test", limit=2)
    assert (samples.ids, samples.available) == (("1", "3"), 3)
    assert samples.batch([1])["x"].tolist() == [3]
    with pytest.raises(DatasetError, match="has no sample in split 'tset'") as caught:
        load(path="a.npz", split="tset")
    assert caught.value.found == "splits test, train"
    np.savez(tmp_path / "b.npz", x=np.arange(5))
    with pytest.raises(DatasetError, match="has no field `split` to find 'test' in"):
        load(path="b.npz", split="test")


def test_fault_40_object_arrays_are_refused_and_do_not_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return os.system, (f"touch '{tmp_path}/executed'",)

    np.savez(tmp_path / "a.npz", x=np.array([Payload()], dtype=object))
    (tmp_path / "executed").unlink(missing_ok=True)
    with pytest.raises(DatasetError) as caught:
        read_npz(tmp_path / "a.npz")
    assert caught.value.what == "a.npz holds Python objects, which are pickles, in 'x'"
    assert not (tmp_path / "executed").exists()
    with np.load(tmp_path / "a.npz", allow_pickle=True) as unsafe:  # the tripwire works
        assert unsafe["x"] is not None
    assert (tmp_path / "executed").exists()


def _forge(path, shape, data=b"", compression=zipfile.ZIP_STORED, descr="'<f8'"):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(
            "x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data
        )
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_fault_48_an_array_that_claims_745_gib_is_refused_before_it_is_allocated(tmp_path, compression):
    path = _forge(tmp_path / "a.npz", "(100000000000,)", b"12345678", compression)
    program = (
        "import resource, sys; from pathlib import Path; from pytest_modelqa.datasets.npz_file import read_npz\n"
        "from pytest_modelqa.errors import DatasetError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "try: read_npz(Path(sys.argv[1]))\n"
        "except DatasetError as error: print(error.what)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == "the array 'x' declares 800,000,000,128 bytes, the file has 136: a.npz\n"


def test_fault_48_a_directory_that_claims_what_no_deflate_stream_can_hold_is_refused(tmp_path):
    claimed = 0xFFFFFFF8  # the largest that is no zip64, and a multiple of 8
    path = _forge(tmp_path / "a.npz", f"({(claimed - 128) // 8},)", b"12345678", zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = claimed.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="the array 'x' declares 4,294,967,288 bytes, the file has"):
        read_npz(path)


@pytest.mark.parametrize(
    ("shape", "descr"),
    [
        ("(-1,)", "'<f8'"),
        ("3", "'<f8'"),
        ("(3,)", "'nonsense'"),
        ("(3,)", "__import__('os')"),
        ("(", "'<f8'"),
    ],
)
def test_damaged_array_headers_are_refused(tmp_path, shape, descr):
    with pytest.raises(DatasetError, match=r"the \.npz file is damaged or truncated: a\.npz"):
        read_npz(_forge(tmp_path / "a.npz", shape, bytes(24), descr=descr))


def test_too_few_bytes_for_the_shape_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="declares 152 bytes, the file has 136"):
        read_npz(_forge(tmp_path / "a.npz", "(3,)", bytes(8)))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_given_twice_is_refused(tmp_path):
    path = _forge(tmp_path / "a.npz", "(1,)", bytes(8))
    with zipfile.ZipFile(path) as archive:
        content = archive.read("x.npy")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", content)
    with pytest.raises(DatasetError) as caught:
        read_npz(path)
    assert caught.value.found == "BadZipFile: a name is given twice"


def test_a_member_that_is_no_array_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(1))
    with pytest.raises(DatasetError) as caught:
        read_npz(tmp_path / "a.npz")
    assert caught.value.found == "'data.pkl' in it is no array"


@pytest.mark.parametrize("compressed", [True, False])
def test_truncation_at_every_byte_is_an_error(tmp_path, compressed):
    saved = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(saved, x=np.arange(4.0), y=np.arange(3))
    whole = saved.getvalue()
    path = tmp_path / "a.npz"
    for kept in range(0, len(whole), 1 if compressed else 7):
        path.write_bytes(whole[:kept])
        with pytest.raises(DatasetError):
            read_npz(path)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.data())
def test_damage_gives_arrays_of_the_right_size_or_an_error_of_ours(written, data):
    (np.savez_compressed if data.draw(st.booleans()) else np.savez)(written, x=np.arange(4.0), y=np.arange(3))
    damaged = bytearray(written.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    written.write_bytes(damaged)
    try:
        read = read_npz(written)
    except DatasetError:
        return
    assert sum(array.nbytes for array in read.values()) <= 64


def test_a_large_file_is_read_by_batches_without_its_memory(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((64, 1 << 20), dtype=np.uint8))
    program = (
        "import resource, sys, numpy as np; from pathlib import Path\n"
        "from pytest_modelqa.datasets.npz_file import read_npz\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "x = read_npz(Path(sys.argv[1]))['x']; print(int(x[[3, 5]].sum()))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.npz")], capture_output=True, text=True, check=True
    )
    total, grown_kib = map(int, run.stdout.split())
    assert total == 0
    assert grown_kib < 32 * 1024
