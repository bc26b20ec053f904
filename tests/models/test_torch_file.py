from __future__ import annotations

import argparse
import collections
import functools
import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pytest_modelqa.errors import CheckpointError
from pytest_modelqa.models import torch_file
from pytest_modelqa.models.header import TensorInfo
from pytest_modelqa.models.torch_file import read_header
from pytest_modelqa.models.torch_tensors import read_tensors, refuse_unpatched

_DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.uint16,
    torch.uint32,
    torch.bool,
    torch.complex64,
    torch.complex128,
]
_ZIPPED = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old-layout"])


def _save(content, path, zipped=True):
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def _edit(path, edit, zipped):
    """Rewrites a saved file, entry by entry where it is an archive."""
    saved = path.read_bytes()
    if not zipped:
        path.write_bytes(edit(saved))
        return
    with zipfile.ZipFile(io.BytesIO(saved)) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, edit(old.read(name)))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return tmp_path_factory.mktemp("torch") / "a.pt"


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        st.tuples(st.lists(st.integers(0, 3), max_size=3), st.sampled_from(_DTYPES)),
    )
)
def test_headers_are_what_torch_saved(written, declared):
    state = {name: torch.zeros(shape, dtype=dtype) for name, (shape, dtype) in declared.items()}
    header = read_header(_save(state, written))
    assert header.tensors == {
        name: TensorInfo(tuple(shape), str(dtype).removeprefix("torch."))
        for name, (shape, dtype) in declared.items()
    }


@_ZIPPED
def test_headers_of_both_layouts_agree_with_the_state_dict(tmp_path, zipped):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LSTM(4, 5))
    header = read_header(_save(module.state_dict(), tmp_path / "a.pt", zipped))
    assert {name: info.shape for name, info in header.tensors.items()} == {
        name: tuple(tensor.shape) for name, tensor in module.state_dict().items()
    }


@_ZIPPED
def test_parameters_views_and_shared_storages_are_tensors(tmp_path, zipped):
    base = torch.arange(12.0).reshape(3, 4)
    state = {"parameter": nn.Parameter(base), "view": base.t(), "row": base[1], "same": base}
    path = _save(state, tmp_path / "a.pt", zipped)
    assert {name: info.shape for name, info in read_header(path).tensors.items()} == {
        "parameter": (3, 4),
        "view": (4, 3),
        "row": (4,),
        "same": (3, 4),
    }
    tensors, _ = read_tensors(path, state)
    assert all(torch.equal(tensors[name], tensor) for name, tensor in state.items())


def test_tensors_are_mapped_privately_so_that_the_file_never_changes(tmp_path):
    path = _save({"w": torch.zeros(1000)}, tmp_path / "a.pt")
    before = path.read_bytes()
    read_tensors(path, ["w"])[0]["w"].add_(1)
    assert path.read_bytes() == before


@_ZIPPED
def test_tensors_saved_on_a_gpu_are_read_on_the_cpu(tmp_path, zipped):
    path = _save({"w": torch.ones(3)}, tmp_path / "a.pt", zipped)
    _edit(path, lambda content: content.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"), zipped)
    assert b"cuda:0" in path.read_bytes()
    assert torch.equal(read_tensors(path, ["w"])[0]["w"], torch.ones(3))


def test_the_versions_of_modules_are_handed_on(tmp_path):
    path = _save(nn.BatchNorm1d(2).state_dict(), tmp_path / "a.pt")
    assert read_tensors(path, ["weight"])[1] == {"": {"version": 2}}


def test_what_stands_beside_the_weights_is_metadata_and_wrappers_are_found(tmp_path):
    content = {
        "epoch": 3,
        "state_dict": {"w": torch.zeros(2)},
        "ema": {"model": {"w": torch.zeros(2)}, "decay": 0.9},
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}},
    }
    header = read_header(_save(content, tmp_path / "a.ckpt"))
    assert header.tensors == {}
    assert header.metadata["epoch"] == "3"
    assert header.wrapped == ("state_dict", "ema.model", "optimizer.state.0")


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("state_dict", {"net.w", "loss.w"}),
        ("state_dict.net", {"w"}),
        ("ema.model", {"w"}),
    ],
)
def test_state_dict_key_descends_and_then_strips_a_prefix(tmp_path, key, names):
    content = {
        "state_dict": {"net.w": torch.ones(2), "loss.w": torch.zeros(2)},
        "ema": {"model": {"w": torch.ones(2)}},
    }
    path = _save(content, tmp_path / "a.ckpt")
    assert read_header(path, key).tensors.keys() == names
    tensors, _ = read_tensors(path, names, key)
    assert tensors.keys() == names
    assert "loss.w" in names or torch.equal(tensors["w"], torch.ones(2))


def test_a_state_dict_key_that_leads_nowhere_shows_the_keys_there_are(tmp_path):
    path = _save({"model": {"w": torch.ones(2)}, "epoch": 3}, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError) as caught:
        read_header(path, "state_dict")
    assert caught.value.what == "the checkpoint has nothing under state_dict_key 'state_dict': a.ckpt"
    assert caught.value.found == "its keys: model, epoch"


@pytest.mark.parametrize("content", [torch.zeros(3), [torch.zeros(3)], 3])
def test_what_is_no_mapping_is_no_state_dict(tmp_path, content):
    with pytest.raises(CheckpointError, match=r"the checkpoint is not a state_dict: a.pt"):
        read_header(_save(content, tmp_path / "a.pt"))


def test_a_sparse_tensor_is_refused_by_name(tmp_path):
    path = _save({"w": torch.zeros(3, 3).to_sparse()}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match="_rebuild_sparse_tensor"):
        read_header(path)


@_ZIPPED
def test_fault_40_payloads_are_refused_and_do_not_run(tmp_path, payload, tripwire, zipped):
    path = _save({"w": torch.zeros(2), "extra": payload}, tmp_path / "a.pt", zipped)
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert str(caught.value) == (
        "the checkpoint is refused: it wants posix.system: a.pt\n"
        f"  where:     {path}\n"
        "  expected:  a state_dict: names and tensors, nothing else\n"
        "  found:     globals in its pickle: posix.system (nothing was run)\n"
        "  to do:     do not load this file anywhere; find out where it came from. Weights do not need this"
    )
    assert not tripwire.exists()
    with pytest.raises(CheckpointError, match="torch refuses the checkpoint"):
        read_tensors(path, ["w"])
    assert not tripwire.exists()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("suffix", ["pkl", "bin", "joblib"])
def test_fault_40_plain_pickles_are_refused_in_every_protocol(tmp_path, payload, tripwire, protocol, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(pickle.dumps({"w": payload}, protocol))
    with pytest.raises(CheckpointError, match=r"it wants posix\.system"):
        read_header(path)
    assert not tripwire.exists()


@pytest.mark.parametrize("place", range(5))
def test_fault_40_payloads_in_any_pickle_of_the_old_layout_do_not_run(tmp_path, payload, tripwire, place):
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {"w": 1}, []]
    parts[place] = payload
    path = tmp_path / "a.pt"
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    # The fifth pickle is torch's to read, which refuses it.
    with pytest.raises(CheckpointError, match="refuse"):
        read_header(path) if place < 4 else read_tensors(path, read_header(path).tensors)
    assert not tripwire.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n(S'touch {}'\ntR.",
        b"(S'touch {}'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch {}'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93(S'touch {}'\ntR.",
        b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x02os\x8c\x06system\x86R(S'touch {}'\ntR.",
    ],
    ids=["global", "inst", "obj", "stack-global", "getattr"],
)
def test_fault_40_every_way_to_name_a_global_is_seen(tmp_path, tripwire, program):
    code = program.replace(b"{}", str(tripwire).encode())
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("a/data.pkl", code)
        archive.writestr("a/version", "3")
    with pytest.raises(CheckpointError, match=r"it wants (os.system|builtins.getattr)"):
        read_header(tmp_path / "a.pt")
    assert not tripwire.exists()


def test_fault_41_whole_modules_are_refused_with_their_class(tmp_path, networks):
    path = _save(networks.Plain(), tmp_path / "a.pt")
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert caught.value.what == (
        "the checkpoint contains class modelqa_networks.Plain: a whole model was pickled: a.pt"
    )
    assert caught.value.todo == "save the weights alone: torch.save(model.state_dict(), PATH)"


def test_fault_42_other_globals_come_with_the_line_that_allows_them(tmp_path):
    content = {"w": torch.zeros(2), "args": argparse.Namespace(lr=0.1), "best": np.float64(0.5)}
    path = _save(content, tmp_path / "a.pt")
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert caught.value.what == "the checkpoint is refused: it wants argparse.Namespace: a.pt"
    line = caught.value.todo.splitlines()[-1]
    # numpy.core before numpy 2.
    module = np.float64(0.5).__reduce__()[0].__module__
    assert line == f"allow_globals: [argparse.Namespace, {module}.scalar, numpy.dtype]"

    allowed = line.removeprefix("allow_globals: [").removesuffix("]").split(", ")
    assert read_header(path, allow_globals=allowed).tensors.keys() == {"w"}
    assert torch.equal(read_tensors(path, ["w"], allow_globals=allowed)[0]["w"], torch.zeros(2))
    with pytest.raises(CheckpointError, match=r"it wants argparse.Namespace"):
        read_header(path, allow_globals=allowed[1:])


def test_allowed_globals_are_forgotten_after_the_load(tmp_path):
    content = {"w": torch.zeros(2), "args": argparse.Namespace(lr=0.1)}
    before = set(torch.serialization.get_safe_globals())
    read_tensors(_save(content, tmp_path / "a.pt"), ["w"], allow_globals=["argparse.Namespace"])
    assert set(torch.serialization.get_safe_globals()) == before


def test_allow_globals_that_cannot_be_imported_are_named(tmp_path):
    path = _save({"w": torch.zeros(2)}, tmp_path / "a.pt")
    with pytest.raises(
        CheckpointError, match=r"^allow_globals names 'no_such.Thing', which cannot be imported"
    ):
        read_tensors(path, ["w"], allow_globals=["no_such.Thing"])


def test_fault_45_compressed_archives_are_refused_before_they_are_unpacked(tmp_path):
    saved = io.BytesIO()
    torch.save({"w": torch.zeros(1_000_000)}, saved)
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(saved) as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as deflated:
        for name in plain.namelist():
            deflated.writestr(name, plain.read(name))
    assert path.stat().st_size < 20_000
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert caught.value.what == "the checkpoint is compressed, which torch.save never does: a.pt"
    assert "declares " in caught.value.found


@_ZIPPED
def test_fault_46_expanded_tensors_declare_more_than_the_file_has(tmp_path, zipped):
    path = _save({"w": torch.zeros(1).expand(2**30)}, tmp_path / "a.pt", zipped)
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert caught.value.what == "the tensor 'w' declares 4,294,967,296 bytes, the file has 4"
    assert "limit 67,108,864" in caught.value.expected


def test_a_small_expanded_tensor_is_an_ordinary_one(tmp_path):
    path = _save({"mask": torch.ones(1).expand(8)}, tmp_path / "a.pt")
    assert read_header(path).tensors["mask"].shape == (8,)


def test_the_limit_for_expanded_tensors_is_none_for_ordinary_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_file, "_EXPANDED_LIMIT_BYTES", 16)
    path = _save({"w": torch.zeros(5), "view": torch.zeros(2, 5).t()}, tmp_path / "a.pt")
    assert read_header(path).size_bytes == 60


def test_a_file_of_two_layouts_is_read_as_torch_reads_it(tmp_path):
    path = _save({"seen": torch.zeros(2)}, tmp_path / "a.pt", zipped=False)
    _save({"hidden": torch.ones(2)}, tmp_path / "b.pt")
    path.write_bytes(path.read_bytes() + (tmp_path / "b.pt").read_bytes())
    assert zipfile.is_zipfile(path)
    assert read_header(path).tensors.keys() == {"seen"}
    assert torch.equal(read_tensors(path, ["seen"])[0]["seen"], torch.zeros(2))


@pytest.mark.parametrize("content", [{"w": 3}, {"v": torch.zeros(2)}, [torch.zeros(2)]])
def test_what_torch_reads_otherwise_than_the_header_says_is_refused(tmp_path, content):
    with pytest.raises(
        CheckpointError, match=r"the checkpoint holds two different contents: a\.pt"
    ) as caught:
        read_tensors(_save(content, tmp_path / "a.pt"), ["w"])
    assert caught.value.found == "w are tensors by its header, but not as torch reads it"


def test_a_pickle_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_file, "_PICKLE_LIMIT_BYTES", 100)
    with pytest.raises(CheckpointError, match=r"the checkpoint's pickle is too large: a\.pt") as caught:
        read_header(_save({"w": torch.zeros(2)}, tmp_path / "a.pt"))
    assert caught.value.expected == "at most 100 bytes of names and shapes"


def test_a_storage_smaller_than_declared_is_refused(tmp_path):
    saved = io.BytesIO()
    torch.save({"w": torch.zeros(1000)}, saved)
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(path, "w") as cut:
        for name in whole.namelist():
            cut.writestr(name, whole.read(name)[: 100 if "/data/" in name else None])
    with pytest.raises(CheckpointError, match="the tensor 'w' declares 4,000 bytes, the file has 100"):
        read_header(path)


@pytest.mark.parametrize("kept", [1, 2, 12, 30, 100, 300])
def test_fault_37_truncated_files_of_the_old_layout_are_told(tmp_path, kept):
    path = _save({"w": torch.zeros(100)}, tmp_path / "a.pt", zipped=False)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"the checkpoint is damaged or truncated: a.pt"):
        read_header(path)


def test_fault_37_missing_tensor_data_of_the_old_layout_is_told(tmp_path):
    path = _save({"w": torch.zeros(100)}, tmp_path / "a.pt", zipped=False)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match=r"torch refuses the checkpoint: a.pt") as caught:
        read_tensors(path, read_header(path).tensors)
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02r\xff\xff\xff\x7f.",
        b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".",
        b"\x80\x04\x95" + (2**62).to_bytes(8, "little") + b".",
        b"\x80\x02\x8b" + (2**31 - 1).to_bytes(4, "little") + b".",
        b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b".",
        b"\x80\x02\x82\x01.",
        b"\x80\x02}q\x00h\x00K\x01s.",
    ],
    ids=["memo-index", "bytearray", "frame", "long", "nesting", "extension", "cycle"],
)
def test_hostile_pickles_end_in_an_error_of_ours(tmp_path, program):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("a/data.pkl", program)
    with pytest.raises(CheckpointError):
        read_header(tmp_path / "a.pt")


@functools.cache  # once: it names storages by their addresses, so its length varies
def _old_pickle():
    content = collections.OrderedDict(a=torch.zeros(2, 2), b=nn.Parameter(torch.zeros(1)))
    file = io.BytesIO()
    torch.save({"state": content, "epoch": 1}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.data())
def test_damaged_pickles_give_a_header_or_an_error_of_ours(written, data):
    damaged = bytearray(_old_pickle())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    written.write_bytes(damaged)
    try:
        header = read_header(written, data.draw(st.sampled_from([None, "state"])))
    except CheckpointError:
        return
    assert all(isinstance(info, TensorInfo) for info in header.tensors.values())


@pytest.mark.parametrize("version", ["2.9.1", "2.5.1+cu121", "1.13.0", "nonsense"])
def test_fault_97_old_torch_may_not_read_pickles(version):
    with pytest.raises(CheckpointError) as caught:
        refuse_unpatched(version)
    assert caught.value.what == "pickled checkpoints are not read with this torch: CVE-2026-24747"
    assert caught.value.found == f"torch {version}"


def test_fault_97_old_torch_is_asked_for_its_version_before_it_opens_a_pickle(tmp_path, monkeypatch):
    path = _save({"w": torch.zeros(5)}, tmp_path / "a.pt")
    monkeypatch.setattr(torch, "__version__", "2.9.1")
    with pytest.raises(CheckpointError, match="CVE-2026-24747"):
        read_tensors(path, ["w"])


@pytest.mark.parametrize("version", ["2.10.0", "2.13.0+cpu", "3.0.0a0"])
def test_torch_from_2_10_may_read_pickles(version):
    refuse_unpatched(version)
