from __future__ import annotations

import json
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from pytest_modelqa.errors import CheckpointError
from pytest_modelqa.models.header import TensorInfo
from pytest_modelqa.models.safetensors_file import read_header, read_tensors

_DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.uint16,
    torch.uint32,
    torch.uint64,
    torch.bool,
    torch.complex64,
]


def _write(path, header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def _entry(begin=0, end=8, shape=(2,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return tmp_path_factory.mktemp("safetensors") / "a.safetensors"


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=10).filter(
            lambda name: name != "__metadata__"
        ),
        st.tuples(st.lists(st.integers(0, 4), max_size=3), st.sampled_from(_DTYPES)),
        max_size=5,
    )
)
def test_headers_are_what_torch_wrote(written, declared):
    save_file(
        {name: torch.zeros(shape, dtype=dtype) for name, (shape, dtype) in declared.items()},
        written,
        metadata={"epoch": "3"},
    )
    header = read_header(written)
    assert header.tensors == {
        name: TensorInfo(tuple(shape), str(dtype).removeprefix("torch."))
        for name, (shape, dtype) in declared.items()
    }
    assert header.metadata == {"epoch": "3"}
    assert header.size_bytes == sum(
        torch.zeros(shape, dtype=dtype).nbytes for shape, dtype in declared.values()
    )


def test_tensors_are_read_by_name(tmp_path):
    save_file({"a": torch.arange(3.0), "b": torch.ones(2, 2)}, tmp_path / "a.safetensors")
    read = read_tensors(tmp_path / "a.safetensors", ["b"])
    assert read.keys() == {"b"}
    assert torch.equal(read["b"], torch.ones(2, 2))


def test_fault_38_truncated_file_gives_both_numbers_of_bytes(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"w": torch.zeros(100)}, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert str(caught.value) == (
        f"the checkpoint is truncated: {len(whole) - 100:,} of {len(whole):,} bytes: a.safetensors\n"
        f"  where:     {path}\n"
        "  to do:     copy it again; if it is still being written, wait"
    )


def test_fault_38_truncation_at_every_byte_is_told(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"w": torch.zeros(2), "v": torch.zeros(1)}, path)
    whole = path.read_bytes()
    for kept in range(1, len(whole)):
        path.write_bytes(whole[:kept])
        with pytest.raises(CheckpointError, match=f"truncated: {kept} of"):
            read_header(path)


@pytest.mark.parametrize(
    ("header", "data", "found"),
    [
        (b"{", b"", "a header that is not JSON"),
        (b"[]", b"", "a header that is not a mapping"),
        (b"[" * 100_000, b"", "a header that is not JSON"),
        (b'{"w": {"dtype": "F32"}}', b"", "the entry of 'w' lacks shape, dtype or data_offsets"),
        (b'{"w": 3}', b"", "the entry of 'w' lacks shape, dtype or data_offsets"),
        (b'{"__metadata__": 3}', b"", "__metadata__ is not a mapping"),
        (b'{"w": {}, "w": {}}', b"", "'w' is given 2 times"),
        ({"w": _entry(shape=(-2,))}, bytes(8), "a shape or offset that is not a number ≥ 0"),
        ({"w": _entry(shape=(2.0,))}, bytes(8), "a shape or offset that is not a number ≥ 0"),
        ({"w": _entry(shape=(True, 2))}, bytes(8), "a shape or offset that is not a number ≥ 0"),
        ({"w": _entry(shape=(2**62,))}, bytes(8), "declares 18,446,744,073,709,551,616 bytes"),
        ({"w": _entry(end=12)}, bytes(12), "'w' declares 8 bytes (shape (2,), F32), has 12"),
        ({"v": _entry(), "w": _entry()}, bytes(16), "a hole or an overlap before 'w'"),
        ({"v": _entry(), "w": _entry(12, 20)}, bytes(20), "a hole or an overlap before 'w'"),
        ({"w": _entry()}, bytes(12), "4 bytes after the last tensor"),
    ],
)
def test_damaged_headers_are_refused_with_the_reason(tmp_path, header, data, found):
    path = _write(tmp_path / "a.safetensors", header, data)
    with pytest.raises(CheckpointError, match=r"the safetensors file is damaged: a.safetensors") as caught:
        read_header(path)
    assert found in caught.value.found


def test_a_header_beyond_the_limit_of_the_format_is_not_read(tmp_path):
    path = _write(tmp_path / "a.safetensors", {}, length=100_000_001)
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert caught.value.found == "a header of 100,000,001 bytes; the limit is 100,000,000"


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.data())
def test_whatever_is_accepted_the_safetensors_package_accepts_too(written, data):
    save_file({"w": torch.zeros(2, 2), "v": torch.zeros(3, dtype=torch.int8)}, written)
    content = bytearray(written.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    written.write_bytes(content)
    try:
        header = read_header(written)
    except CheckpointError:
        return
    try:
        with safe_open(written, framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError:
        # A dtype that is not known here is left to the package; its refusal becomes ours.
        with pytest.raises(CheckpointError):
            read_tensors(written, header.tensors)
    else:
        assert shapes == {name: info.shape for name, info in header.tensors.items()}
