"""Whether records of another run may serve this one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_modelqa.evaluation.reuse import reusable
from pytest_modelqa.records.digests import FileDigest, digest, file_sha256
from pytest_modelqa.records.manifest import Device, Manifest
from pytest_modelqa.records.store import Store

KEY = digest("an evaluation")
CPU, GPU = Device("cpu", "cpu"), Device("cuda", "NVIDIA H100 80GB HBM3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text("FACTOR = 1\n")
    return tmp_path


def keep(folder: Path, device: Device = CPU, samples: int = 3, *, complete: bool = True) -> None:
    code = FileDigest("./model.py", file_sha256(folder / "model.py"), 11)
    made = Manifest(
        key=KEY,
        key_parts={},
        # The smaller of two parts is the newer one.
        created=f"2026-01-31T12:00:{59 - samples}.000000+00:00",
        device=device,
        code=(code,),
        distributions={},
        inputs={},
        samples=samples,
        complete=complete,
        measured={},
    )
    with Store(folder / "store").begin(KEY) as draft:
        draft.write_samples([str(number) for number in range(samples)], {"score": np.ones(samples)})
        draft.commit(made)


def found(folder: Path, wanted: str = "auto", device: str = "cpu", *, whole: bool = True) -> str | int | None:
    """The device of the record that serves, or of a part its samples."""
    record = reusable(
        Store(folder / "store"),
        KEY,
        folder,
        wanted=wanted,
        device=device,
        memory=folder / "memory",
        whole=whole,
    )
    if record is None:
        return None
    return record.manifest.device.type if record.manifest.complete else record.manifest.samples


def test_records_of_a_cpu_never_serve_a_run_that_has_a_gpu(folder: Path) -> None:
    keep(folder)
    assert found(folder) == "cpu"
    assert found(folder, device="cuda") is None
    assert found(folder, wanted="cuda", device="cuda") is None


def test_records_of_a_gpu_serve_a_run_without_one_unless_the_spec_asks_for_a_cpu(folder: Path) -> None:
    keep(folder, GPU)
    assert found(folder) == "cuda"
    assert found(folder, wanted="cpu") is None


def test_records_of_the_device_at_hand_come_first(folder: Path) -> None:
    keep(folder)
    keep(folder, GPU)
    assert found(folder) == "cpu"


def test_records_of_a_part_serve_only_who_asks_for_a_part(folder: Path) -> None:
    keep(folder, samples=2, complete=False)
    keep(folder, samples=3, complete=False)
    assert found(folder) is None
    # Of several the largest, so that the least is left to measure.
    assert found(folder, whole=False) == 3


def test_records_of_other_code_never_serve(folder: Path) -> None:
    keep(folder)
    (folder / "model.py").write_text("FACTOR = 2\n")
    assert found(folder) is None
    (folder / "model.py").unlink()
    assert found(folder) is None
