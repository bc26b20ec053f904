from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modelqa.errors import EvaluationError, StoreError
from pytest_modelqa.records.digests import digest, file_sha256, group_of

MIB = 1 << 20
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)

_on_open: list[Callable[[str], None]] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _on_open:
        _on_open[0](str(arguments[0]))


sys.addaudithook(_audit)


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 17])
def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path, size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    path = tmp_path / "file"
    path.write_bytes(data)
    assert file_sha256(path) == file_sha256(path, tmp_path / "memory") == hashlib.sha256(data).hexdigest()


def test_a_file_modified_just_now_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * MIB))
    file_sha256(path, tmp_path / "memory")
    assert not (tmp_path / "memory").exists()


def test_the_digest_of_a_large_file_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path, memory = tmp_path / "file", tmp_path / "memory"
    path.write_bytes(bytes(2 * MIB))
    time.sleep(2.1)
    true = file_sha256(path, memory)
    (note,) = memory.iterdir()
    known = json.loads(note.read_bytes())

    # A planted digest comes back: the file was not read again.
    planted = digest("planted")
    check = digest([known["identity"], planted])
    note.write_text(json.dumps(known | {"sha256": planted, "check": check}))
    assert file_sha256(path, memory) == planted

    # One that does not fit its own check is not believed.
    note.write_text(json.dumps(known | {"sha256": planted}))
    assert file_sha256(path, memory) == true

    # Another content of the same size, with the times put back, is noticed.
    note.write_text(json.dumps(known | {"sha256": planted, "check": check}))
    times = path.stat()
    with path.open("r+b") as file:
        file.write(b"\1")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file_sha256(path, memory) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"identity": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_memory_costs_a_reading_and_nothing_else(damage: bytes, tmp_path: Path) -> None:
    # A file of the installation: old enough to be remembered, and never written.
    path, memory = Path(pyarrow.lib.__file__), tmp_path / "memory"
    assert path.stat().st_size >= MIB
    true = file_sha256(path, memory)
    (note,) = memory.iterdir()
    note.write_bytes(damage)
    assert file_sha256(path, memory) == true
    assert json.loads(note.read_bytes())["sha256"] == true


def test_a_memory_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "memory").write_text("a file in the folder's place")
    path = Path(pyarrow.lib.__file__)
    assert file_sha256(path, tmp_path / "memory") == file_sha256(path)


@pytest.mark.parametrize("changes", [1, 100])
def test_a_file_that_changes_while_it_is_read_is_read_again_or_refused(changes: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    left = changes

    def append(opened: str) -> None:
        nonlocal left
        if opened == str(path) and left:
            left -= 1
            hook = _on_open.pop()
            with path.open("ab") as file:
                file.write(b"x")
            _on_open.append(hook)

    _on_open.append(append)
    try:
        if changes == 1:
            assert file_sha256(path) == hashlib.sha256(bytes(100) + b"x").hexdigest()
        else:
            with pytest.raises(EvaluationError, match="file changes while it is read"):
                file_sha256(path)
    finally:
        _on_open.clear()


def test_a_missing_file_is_said_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"cannot read best\.safetensors: No such file") as caught:
        file_sha256(tmp_path / "best.safetensors")
    assert caught.value.where == str(tmp_path / "best.safetensors")


@given(json_values, json_values)
def test_values_have_the_same_digest_exactly_when_their_json_is_the_same(one: object, other: object) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest(one) == digest(other)) == same
    assert digest(one) == digest(json.loads(json.dumps(one)))


def test_the_digest_is_sha256_of_compact_sorted_json() -> None:
    text = '{"a":[1,2.0,"\\u00fc"],"b":null}'
    assert digest({"b": None, "a": (1, 2.0, "ü")}) == hashlib.sha256(text.encode()).hexdigest()


def test_values_that_differ_in_type_alone_differ_in_digest() -> None:
    values = [
        1,
        1.0,
        True,
        "1",
        [1],
        None,
        0,
        False,
        0.0,
        -0.0,
        "",
        [],
        {},
        {"0": 1},
        {0: 1},
        {0.0: 1},
        {False: 1},
    ]
    assert len({digest(value) for value in values}) == len(values)


def test_numpy_scalars_count_as_the_numbers_they_are() -> None:
    assert digest([np.int64(3), np.float64(0.1), np.bool_(True)]) == digest([3, 0.1, True])
    assert digest(np.float32(0.1)) != digest(0.1)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {"a": [float("-inf")]}, {1, 2}, b"x", Path("x"), object()]
)
def test_what_json_has_no_form_for_is_refused(value: object) -> None:
    with pytest.raises(StoreError, match="has no form in JSON"):
        digest(value)


def test_groups_are_of_about_the_same_size_and_fixed_for_ever() -> None:
    counts = np.bincount([group_of(f"sample-{number}") for number in range(20_000)], minlength=20)
    assert len(counts) == 20
    # Binomial(20,000, 1/20): standard deviation 31, so five of them.
    assert counts.min() > 845
    assert counts.max() < 1155
    # Candidate and baseline share groups although years lie between them.
    assert [group_of(name) for name in ("a", "b", "ü", "\ud800")] == [10, 6, 8, 12]


def test_a_number_that_is_none_is_told_with_where_to_look_for_it() -> None:
    """``args: {scale: .inf}`` of a model is the likeliest one."""
    with pytest.raises(StoreError, match="the number inf has no form in JSON") as caught:
        digest({"args": {"scale": math.inf}})
    assert "among the args in the spec" in str(caught.value.todo)
