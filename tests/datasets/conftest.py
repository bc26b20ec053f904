from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from pytest_modelqa.datasets.loading import load_samples
from pytest_modelqa.spec.resolved import Dataset, Position

_DATASET = Dataset(
    name="test",
    load=None,
    path=None,
    args={},
    files=(),
    sha256=None,
    role="test",
    split=None,
    limit=None,
    tiny=None,
    position=Position(9, 3),
)


@pytest.fixture(autouse=True)
def _loaders_beside_the_spec(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.delitem(sys.modules, "modelqa_loaders", raising=False)


@pytest.fixture
def make_dataset():
    def make(**changes):
        return dataclasses.replace(_DATASET, **changes)

    return make


@pytest.fixture
def load(make_dataset, tmp_path):
    """Loads a dataset that lies in tmp_path."""

    def load(**changes):
        return load_samples(make_dataset(**changes), tmp_path)

    return load


@pytest.fixture
def loader(load):
    """Loads a dataset by a function of modelqa_loaders."""

    def loader(name, **changes):
        return load(load=f"modelqa_loaders:{name}", **changes)

    return loader
