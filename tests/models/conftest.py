from __future__ import annotations

import dataclasses
import os
import pickle
import sys
from pathlib import Path

import pytest

from pytest_modelqa.spec.resolved import Model, Position

_MODEL = Model(
    name="candidate",
    build="modelqa_networks:Plain",
    args={},
    checkpoint="model.safetensors",
    coordinates={},
    format=None,
    state_dict_key=None,
    sha256=None,
    trust=None,
    allow_globals=(),
    config=None,
    reference_output=None,
    tiny=None,
    gpus=0,
    gpu_memory=None,
    position=Position(4, 3),
)


@pytest.fixture(autouse=True)
def _networks_beside_the_spec(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    # Imported afresh: another test may have put a module of this name elsewhere.
    monkeypatch.delitem(sys.modules, "modelqa_networks", raising=False)


@pytest.fixture
def networks():
    import modelqa_networks

    return modelqa_networks


@pytest.fixture
def make_model():
    def make(checkpoint="model.safetensors", build="Plain", **changes):
        return dataclasses.replace(
            _MODEL, checkpoint=checkpoint, build=f"modelqa_networks:{build}", **changes
        )

    return make


class _Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, tripwire: Path):
        self.tripwire = tripwire

    def __reduce__(self):
        return os.system, (f"touch '{self.tripwire}'",)


@pytest.fixture
def tripwire(tmp_path):
    return tmp_path / "executed"


@pytest.fixture
def payload(tripwire):
    """An object whose unpickling leaves a file; that it does is tried here, so that silence means something."""
    made = _Payload(tripwire)
    pickle.loads(pickle.dumps(made))
    assert tripwire.exists()
    tripwire.unlink()
    return made
