from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from pytest_modelqa.errors import StoreError
from pytest_modelqa.records.digests import FileDigest, digest
from pytest_modelqa.records.manifest import Device, Manifest, is_file_name, now_utc

MakeManifest = Callable[..., Manifest]


def test_a_manifest_survives_json(manifest: MakeManifest) -> None:
    made = manifest(
        created=now_utc(),
        key_parts={"metrics": ["psnr.v1"], "seed": 0, "weight": 0.1},
        inputs={"data": (FileDigest("d.npz", digest("d"), 0),), "checkpoint": ()},
        measured={"notes": ["batch size 64 did not fit"], "nested": {"!odd": None}},
        files={"samples.parquet": digest("s"), "pictures/a.png": digest("p")},
    )
    assert Manifest.from_json(json.loads(json.dumps(made.to_json()))) == made


FIELDS = [each.name for each in dataclasses.fields(Manifest)]


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_field_is_refused(name: str, manifest: MakeManifest) -> None:
    fields = manifest().to_json()
    del fields[name]
    with pytest.raises(StoreError, match=f"exactly .*{name}"):
        Manifest.from_json(fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, wrong) for name in FIELDS for wrong in (None, 0.5, object())),
        ("key", "ab"),
        ("key", digest("x").upper()),
        ("created", "yesterday"),
        ("created", "2026-01-31T12:00:00"),
        ("created", "2026-01-31T12:00:00+01:00"),
        ("device", {"type": "tpu", "name": "x"}),
        ("device", {"type": "cpu"}),
        ("device", {"type": "cpu", "name": "x", "more": 1}),
        ("code", [{"path": "a.py", "sha256": digest("x")}]),
        ("code", [{"path": "a.py", "sha256": "x", "size": 1}]),
        ("code", [{"path": 1, "sha256": digest("x"), "size": 1}]),
        ("code", [{"path": "a.py", "sha256": digest("x"), "size": -1}]),
        ("distributions", {"torch": 2}),
        ("inputs", {"data": {}}),
        ("samples", -1),
        ("samples", True),
        ("samples", 3.0),
        ("complete", 1),
        ("files", {"../elsewhere": digest("x")}),
        ("files", {"/etc/passwd": digest("x")}),
        ("files", {"pictures/../../x": digest("x")}),
        ("files", {"samples.parquet": "x"}),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_by_name(name: str, value: Any, manifest: MakeManifest) -> None:
    with pytest.raises(StoreError, match=f"^{name}"):
        Manifest.from_json(manifest().to_json() | {name: value})


def test_an_unknown_field_is_refused(manifest: MakeManifest) -> None:
    with pytest.raises(StoreError, match="exactly"):
        Manifest.from_json(manifest().to_json() | {"more": 1})


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(StoreError, match="exactly"):
        Manifest.from_json(value)


def test_the_record_id_follows_key_code_device_and_installation(manifest: MakeManifest) -> None:
    code = FileDigest("model.py", digest("code"), 120)
    other = FileDigest("data.py", digest("other code"), 7)
    different = [
        manifest(),
        manifest(key=digest("another evaluation")),
        manifest(code=(dataclasses.replace(code, sha256=digest("changed")),)),
        manifest(code=(dataclasses.replace(code, path="moved.py"),)),
        manifest(code=()),
        manifest(code=(code, other)),
        manifest(device=Device("cuda", "NVIDIA H100")),
        manifest(device=Device("cuda", "NVIDIA A100")),
        manifest(distributions={"torch": "2.12.0"}),
        manifest(complete=False, samples=2),
        manifest(complete=False, samples=3),
    ]
    ids = [each.record_id for each in different]
    assert len(set(ids)) == len(ids)
    assert all(len(each) == 16 for each in ids)


def test_the_record_id_does_not_follow_how_it_went(manifest: MakeManifest) -> None:
    code = (FileDigest("a.py", digest("a"), 1), FileDigest("b.py", digest("b"), 2))
    one = manifest(code=code)
    other = manifest(
        code=code[::-1],
        created=now_utc(),
        measured={"seconds": 9.0},
        samples=5,
        files={"samples.parquet": digest("s")},
    )
    assert one.record_id == other.record_id


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object()])
def test_what_json_has_no_form_for_is_refused(value: Any, manifest: MakeManifest) -> None:
    with pytest.raises(StoreError, match="no form in JSON"):
        manifest(measured={"x": value}).to_json()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "pictures/", "pictures/..", "pictures/a/b", "a\0", "a\n", "a b"]
)
def test_names_that_could_lead_astray_are_no_file_names(name: str) -> None:
    assert not is_file_name(name)
