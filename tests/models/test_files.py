from __future__ import annotations

import hashlib
import json
import os
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pytest_modelqa.errors import CheckpointError
from pytest_modelqa.models.files import (
    check_digests,
    checkpoint_digest,
    checkpoint_files,
    checkpoint_path,
    recognise,
    unchanged,
)
from pytest_modelqa.records.digests import file_sha256


@pytest.fixture
def saved(tmp_path):
    save_file({"w": torch.zeros(2)}, tmp_path / "a.safetensors")
    torch.save({"w": torch.zeros(2)}, tmp_path / "a.pt")
    torch.save({"w": torch.zeros(2)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    return tmp_path


def _index(folder, name="model.safetensors.index.json", shards=None):
    weight_map = shards or {"a": "one.safetensors", "b": "two.safetensors"}
    (folder / name).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder / name


def test_relative_paths_start_from_the_folder_of_the_spec(make_model, tmp_path):
    assert checkpoint_path(make_model("runs/best.pt"), tmp_path) == tmp_path / "runs" / "best.pt"


def test_absolute_and_home_paths_are_taken_as_they_are(make_model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(checkpoint_path(make_model("/m/a.pt"), tmp_path)) == "/m/a.pt"
    assert str(checkpoint_path(make_model("~/a.pt"), tmp_path)) == "/home/someone/a.pt"


def test_a_model_without_checkpoint_has_no_path(make_model, tmp_path):
    assert checkpoint_path(make_model(None), tmp_path) is None


def test_a_pattern_takes_one_value_per_coordinate(make_model, tmp_path):
    model = make_model("s{seed}/{step}.pt", coordinates={"seed": (0, 1), "step": (10, 20)})
    assert checkpoint_path(model, tmp_path, {"seed": 1, "step": 20}) == tmp_path / "s1" / "20.pt"


def test_a_coordinate_is_filled_up_with_zeros(make_model, tmp_path):
    model = make_model("{step:06}/{step:04d}.pt", coordinates={"step": (10, 123456)})
    assert checkpoint_path(model, tmp_path, {"step": 10}) == tmp_path / "000010" / "0010.pt"
    assert checkpoint_path(model, tmp_path, {"step": 123456}) == tmp_path / "123456" / "123456.pt"


def test_braces_are_ordinary_in_a_path_without_coordinates(make_model, tmp_path):
    assert checkpoint_path(make_model("{a}.pt"), tmp_path) == tmp_path / "{a}.pt"


def test_a_pattern_is_no_format_string(make_model, tmp_path):
    model = make_model("{seed.__class__}.pt", coordinates={"seed": (0,)})
    with pytest.raises(CheckpointError, match=r"needs a value for \{seed.__class__\}"):
        checkpoint_path(model, tmp_path, {"seed": 0})


def test_a_coordinate_without_a_value_is_named(make_model, tmp_path):
    model = make_model("{seed}/{stpe}.pt", coordinates={"seed": (0,), "step": (1,)})
    with pytest.raises(CheckpointError) as caught:
        checkpoint_path(model, tmp_path, {"seed": 0, "step": 1})
    assert str(caught.value) == (
        "the checkpoint of 'candidate' needs a value for {stpe}\n"
        "  expected:  a pattern of {seed}, {step}\n"
        "  found:     {seed}/{stpe}.pt\n"
        "  to do:     correct the pattern, or declare the coordinate"
    )


def test_an_address_is_not_opened_as_a_path(make_model, tmp_path):
    with pytest.raises(CheckpointError, match=r"is an address, not a file: https://example.org/a.pt"):
        checkpoint_path(make_model("https://example.org/a.pt"), tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"), [("a.safetensors", "safetensors"), ("a.pt", "torch"), ("old.pth", "torch")]
)
def test_formats_are_recognised_by_content(saved, name, expected):
    renamed = (saved / name).rename(saved / "weights.bin")
    assert recognise(renamed) == expected


def test_a_safetensors_header_of_any_length_is_no_pickle(tmp_path):
    path = tmp_path / "weights"
    for length in range(1, 300):
        save_file({"w": torch.zeros(2)}, path, metadata={"note": "x" * length})
        assert recognise(path) == "safetensors"


def test_indices_are_recognised_by_their_shards(tmp_path):
    assert recognise(_index(tmp_path)) == "safetensors_index"
    torch_index = _index(tmp_path, "pytorch_model.bin.index.json", {"a": "one.bin", "b": "two.bin"})
    assert recognise(torch_index) == "torch_index"


def test_a_pickle_under_a_safetensors_name_is_refused(saved):
    disguised = (saved / "a.pt").rename(saved / "model.safetensors")
    with pytest.raises(CheckpointError, match="a pickle under the name of a safetensors file"):
        recognise(disguised)


def test_the_declared_format_must_be_the_one_found(saved):
    with pytest.raises(CheckpointError) as caught:
        recognise(saved / "a.pt", "safetensors")
    assert caught.value.what == "the checkpoint is not of the declared format: a.pt"
    assert (caught.value.expected, caught.value.found) == ("safetensors, as `format:` says", "torch")
    assert recognise(saved / "a.pt", "torch") == "torch"


def test_fault_33_missing_file_shows_the_absolute_path_tried(tmp_path):
    (tmp_path / "step_1.pt").write_bytes(b"x")
    with pytest.raises(CheckpointError) as caught:
        recognise(tmp_path / "step_2.pt")
    assert str(caught.value) == (
        "checkpoint is missing: step_2.pt\n"
        f"  expected:  a file at {tmp_path}/step_2.pt\n"
        f"  found:     {tmp_path} holds step_1.pt\n"
        "  to do:     correct the path in the spec, or make the file (is it left out of the clone?)"
    )


def test_fault_33_missing_folder_is_named(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        recognise(tmp_path / "runs" / "step_2.pt")
    assert caught.value.found == f"no folder {tmp_path}/runs"


def test_a_folder_is_no_checkpoint_and_its_files_are_named(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model.safetensors").write_bytes(b"x")
    with pytest.raises(CheckpointError) as caught:
        recognise(tmp_path / "run")
    assert (caught.value.what, caught.value.found) == ("checkpoint is a folder: run", "model.safetensors")


def test_fault_34_empty_file_has_0_bytes(tmp_path):
    (tmp_path / "a.pt").touch()
    with pytest.raises(CheckpointError, match=r"checkpoint is empty: a.pt has 0 bytes"):
        recognise(tmp_path / "a.pt")


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_fault_35_git_lfs_pointer_is_named(tmp_path, name):
    (tmp_path / name).write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"
    )
    with pytest.raises(CheckpointError) as caught:
        recognise(tmp_path / name)
    assert caught.value.what == f"checkpoint is a Git LFS pointer, not the file itself: {name}"
    assert caught.value.todo == "run git lfs pull"


@pytest.mark.parametrize("start", ["<!DOCTYPE html><html>404", "\n <HTML><head>", "\ufeff<html>"])
def test_fault_36_html_page_is_named(tmp_path, start):
    (tmp_path / "a.safetensors").write_text(start)
    with pytest.raises(CheckpointError) as caught:
        recognise(tmp_path / "a.safetensors")
    assert caught.value.what == "checkpoint is an HTML page: a.safetensors"
    assert "download it again" in caught.value.todo


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.999])
def test_fault_37_truncated_zip_is_truncated(saved, kept):
    whole = (saved / "a.pt").read_bytes()
    (saved / "a.pt").write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(CheckpointError) as caught:
        recognise(saved / "a.pt")
    assert caught.value.what == "the checkpoint is truncated: a.pt"
    assert caught.value.found.startswith(f"{int(len(whole) * kept):,} bytes")
    assert caught.value.todo == "copy it again; if it is still being written, wait"


def test_fault_43_exported_programs_are_refused(tmp_path, payload, tripwire):
    with zipfile.ZipFile(tmp_path / "a.pt2", "w") as archive:
        archive.writestr("a/archive_format", "pt2")
        archive.writestr("a/data.pkl", b"")
        with archive.open("a/data/sample_inputs/model.pt", "w") as inner:
            torch.save(payload, inner)
    with pytest.raises(CheckpointError) as caught:
        recognise(tmp_path / "a.pt2")
    assert caught.value.what == "the checkpoint is an exported program (torch.export): a.pt2"
    assert not tripwire.exists()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script.*is deprecated")
def test_fault_44_torchscript_is_refused(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"the checkpoint is TorchScript, which is a program: a.pt"):
        recognise(tmp_path / "a.pt")


def test_other_kinds_of_files_are_named(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    np.savez(tmp_path / "a.npz", w=np.zeros(3))
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (tmp_path / "a.txt").write_text("step 3, loss 0.2, and so on")
    found = {}
    for name in ("a.npy", "a.npz", "a.h5", "a.txt"):
        with pytest.raises(CheckpointError, match="not a checkpoint that can be read") as caught:
            recognise(tmp_path / name)
        found[name] = caught.value.found
    assert found == {
        "a.npy": "a NumPy array",
        "a.npz": "a NumPy archive (.npz)",
        "a.h5": "an HDF5 file",
        "a.txt": "neither a safetensors file nor one of torch.save; it begins with b'step 3, loss 0.2'",
    }


def test_a_single_file_is_its_own_only_file(saved):
    assert checkpoint_files(saved / "a.pt") == [saved / "a.pt"]


def test_an_index_brings_its_shards(tmp_path):
    index = _index(tmp_path, shards={"a": "two.safetensors", "b": "one.safetensors", "c": "one.safetensors"})
    for name in ("one", "two"):
        (tmp_path / f"{name}.safetensors").touch()
    assert [path.name for path in checkpoint_files(index)] == [
        "model.safetensors.index.json",
        "one.safetensors",
        "two.safetensors",
    ]


def test_missing_shards_are_counted_and_named(tmp_path):
    index = _index(tmp_path)
    (tmp_path / "one.safetensors").touch()
    with pytest.raises(CheckpointError, match="1 of 2 shards are missing") as caught:
        checkpoint_files(index)
    assert caught.value.found == "not there: two.safetensors"


@pytest.mark.parametrize(
    "name", ["../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "a\\b.safetensors"]
)
def test_an_index_may_not_name_files_elsewhere(tmp_path, name):
    with pytest.raises(CheckpointError, match="the index names a file outside its folder"):
        checkpoint_files(_index(tmp_path, shards={"a": name}))


@pytest.mark.parametrize("text", ["{", "{}", '{"weight_map": 3}', '{"weight_map": []}'])
def test_a_damaged_index_is_explained(tmp_path, text):
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(CheckpointError, match="the index cannot be read"):
        recognise(tmp_path / "model.safetensors.index.json")


def test_the_digest_of_shards_is_that_of_the_listing_of_sha256sum(tmp_path):
    for name in ("i.json", "a", "b"):
        (tmp_path / name).write_text(name)
    files = [tmp_path / name for name in ("i.json", "a", "b")]
    listing = "".join(f"{hashlib.sha256(p.name.encode()).hexdigest()}  {p.name}\n" for p in files)
    assert checkpoint_digest(files, file_sha256) == hashlib.sha256(listing.encode()).hexdigest()
    assert checkpoint_digest(files[:1], file_sha256) == hashlib.sha256(b"i.json").hexdigest()


def test_fault_39_flipped_byte_differs_from_the_pinned_sha256(saved, make_model):
    path = saved / "a.safetensors"
    pinned = file_sha256(path)
    check_digests(make_model(sha256=pinned), [path], {}, file_sha256)
    check_digests(make_model(sha256="sha256:" + pinned.upper()), [path], {}, file_sha256)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        check_digests(make_model(sha256=pinned), [path], {}, file_sha256)
    assert caught.value.what == "sha256 differs from the one pinned for 'candidate': a.safetensors"
    assert (caught.value.expected, caught.value.found) == (pinned, file_sha256(path))


def test_fault_61_file_replaced_since_the_plan_differs_from_its_digest(saved, make_model):
    path = saved / "a.safetensors"
    planned = {path: file_sha256(path)}
    save_file({"w": torch.ones(2)}, path)
    with pytest.raises(CheckpointError, match="sha256 differs from the one taken when the run was planned"):
        check_digests(make_model(), [path], planned, file_sha256)


def test_fault_62_file_written_while_it_is_used_has_changed_during_the_run(saved):
    path = saved / "a.safetensors"
    with pytest.raises(CheckpointError) as caught, unchanged([path]), path.open("ab") as file:
        file.write(b"more")
    assert caught.value.what == "the checkpoint changed during the run: a.safetensors"
    assert caught.value.todo == "wait until training has written it, or evaluate a copy"


def test_fault_61_file_replaced_by_one_of_the_same_size_has_changed_during_the_run(saved):
    path = saved / "a.safetensors"
    times = path.stat()

    def replace():
        path.rename(saved / "before")
        path.write_bytes((saved / "before").read_bytes())
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    with pytest.raises(CheckpointError, match="changed during the run"), unchanged([path]):
        replace()


def test_a_file_that_vanishes_has_changed(saved):
    with (
        pytest.raises(CheckpointError, match="changed during the run") as caught,
        unchanged([saved / "a.pt"]),
    ):
        (saved / "a.pt").unlink()
    assert caught.value.found.endswith("no file after")


def test_a_file_left_alone_is_unchanged(saved):
    with unchanged([saved / "a.pt"]) as files:
        files[0].read_bytes()
