"""A small record of known content, and a store to keep it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pytest_modelqa.records.digests import FileDigest, digest
from pytest_modelqa.records.manifest import Device, Manifest
from pytest_modelqa.records.store import Record, SetValue, Store

KEY = digest("an evaluation")
IDS = ("a", "b", "c")
LABELS = np.array([3, 1, 2])
SCORES = np.array([30.5, 28.25, 31.0])
F1 = {"": SetValue(0.75, (None, *([0.5] * 19)), 3)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def manifest() -> Callable[..., Manifest]:
    """Makes a manifest of three samples; every field can be given."""

    def make(**fields: object) -> Manifest:
        given = {
            "key": KEY,
            "key_parts": {"seed": 0, "args": {"codes": 256}},
            "created": "2026-01-31T12:00:00.000000+00:00",
            "device": Device("cpu", "a processor"),
            "code": (FileDigest("model.py", digest("code"), 120),),
            "distributions": {"torch": "2.13.0"},
            "inputs": {"checkpoint": (FileDigest("best.safetensors", digest("weights"), 2_000_000),)},
            "samples": len(IDS),
            "complete": True,
            "measured": {"batch_size": 2, "seconds": 0.25},
        }
        return Manifest(**(given | fields))

    return make


@pytest.fixture
def keep(manifest: Callable[..., Manifest]) -> Callable[..., Record]:
    """Puts a record with scores, a set-level metric and a picture into a store."""

    def put(
        store: Store,
        *,
        ids: Sequence[str] = IDS,
        labels: np.ndarray = LABELS,
        scores: np.ndarray = SCORES,
        **fields: object,
    ) -> Record:
        made = manifest(samples=len(ids), **fields)
        with store.begin(made.key) as draft:
            draft.write_samples(ids, {"label": labels})
            draft.write_picture("worst.png", b"a picture")
            record = draft.commit(made)
        record.add_scores("psnr.v1", scores)
        record.add_set("f1.v1", "", F1)
        return record

    return put
