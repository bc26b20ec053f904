"""Faults 90 to 92: GPUs that are not there.

No GPU is needed: a script in the place of ``nvidia-smi`` says which ones there are, and workers are really started,
with a torch that finds no GPU (its CPU build, or a machine without a driver).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pytest_modelqa.errors import DeviceError
from pytest_modelqa.evaluation.devices import accelerators, device_for
from pytest_modelqa.evaluation.local import worker_environment
from pytest_modelqa.evaluation.slots import device_slot

UUIDS = ("GPU-11111111-aaaa", "GPU-22222222-bbbb")
SCRIPT = """\
#!/bin/sh
cat <<END
{lines}
END
exit {code}
"""


def pretend(folder: Path, uuids: tuple[str, ...], code: int = 0) -> Path:
    """Puts a script ``nvidia-smi`` into a folder."""
    script = folder / "nvidia-smi"
    script.write_text(SCRIPT.format(lines="\n".join(f"{uuid}, Pretended H100" for uuid in uuids), code=code))
    script.chmod(0o755)
    return folder


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with two GPUs, as far as this process can tell."""
    monkeypatch.setenv("PATH", f"{pretend(tmp_path, UUIDS)}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    accelerators.cache_clear()
    yield
    accelerators.cache_clear()


def visible(mask: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", mask)
    accelerators.cache_clear()
    return [gpu.uuid for gpu in accelerators()]


@pytest.mark.usefixtures("two_gpus")
def test_the_mask_of_the_caller_decides_which_gpus_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [gpu.uuid for gpu in accelerators()] == list(UUIDS)
    assert accelerators()[0].name == "Pretended H100"
    assert visible("1", monkeypatch) == [UUIDS[1]]
    assert visible("1,0", monkeypatch) == [UUIDS[1], UUIDS[0]]
    assert visible("GPU-2222", monkeypatch) == [UUIDS[1]]
    assert visible("MIG-5c89852c-d268", monkeypatch) == ["MIG-5c89852c-d268"]
    assert visible("", monkeypatch) == []
    assert visible("-1", monkeypatch) == []


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("mask", "entry"),
    [("0,-1,1", "-1"), ("2", "2"), ("0,x", "x"), ("GPU-3333", "GPU-3333"), ("GPU-", "GPU-"), ("0,,1", "")],
)
def test_fault_92_a_mask_that_names_no_device_is_shown_with_the_wrong_entry(
    monkeypatch: pytest.MonkeyPatch, mask: str, entry: str
) -> None:
    with pytest.raises(DeviceError) as caught:
        visible(mask, monkeypatch)
    assert repr(entry) in caught.value.what
    assert caught.value.where == f"CUDA_VISIBLE_DEVICES={mask}"
    assert "indices below 2" in str(caught.value.expected)
    assert caught.value.todo


@pytest.mark.usefixtures("two_gpus")
def test_fault_91_fewer_gpus_than_the_index_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device_for("cuda:1", gate=False) == "cuda:1"
    visible("0", monkeypatch)
    with pytest.raises(DeviceError) as caught:
        device_for("cuda:1", gate=False)
    assert caught.value.what == "there is no cuda:1"
    assert caught.value.found == "1 GPUs (CUDA_VISIBLE_DEVICES=0)"


@pytest.mark.parametrize(("wanted", "gate"), [("cuda", False), ("cuda:0", False), ("auto", True)])
def test_fault_90_no_gpu_is_an_error_where_one_is_demanded(wanted: str, gate: bool) -> None:
    with pytest.raises(DeviceError, match="no accelerator is at hand"):
        device_for(wanted, gate=gate)


def test_without_a_demand_the_cpu_is_taken() -> None:
    assert device_for("auto", gate=False) == "cpu"
    assert device_for("cpu", gate=True) == "cpu"


@pytest.mark.parametrize(("code", "known"), [(6, True), (9, True), (18, False)])
def test_fault_93_a_broken_driver_is_an_error_and_no_reason_to_take_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, known: bool
) -> None:
    monkeypatch.setenv("PATH", f"{pretend(tmp_path, (), code)}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    accelerators.cache_clear()
    if known:
        assert accelerators() == ()
    else:
        with pytest.raises(DeviceError, match="nvidia-smi ends with 18"):
            accelerators()
        assert visible("", monkeypatch) == []
    accelerators.cache_clear()


@pytest.mark.usefixtures("two_gpus")
def test_a_slot_is_a_gpu_by_its_uuid_and_two_runs_get_two() -> None:
    def nobody_waits() -> None:
        raise AssertionError("a GPU was free")

    with device_slot("cuda", nobody_waits) as first, device_slot("cuda", nobody_waits) as second:
        assert {first, second} == set(UUIDS)
    with device_slot("cuda:1", nobody_waits) as named:
        assert named == UUIDS[1]


def test_a_worker_sees_its_gpu_by_uuid_and_no_other() -> None:
    assert worker_environment({"CUDA_VISIBLE_DEVICES": "1,0"}, UUIDS[0])["CUDA_VISIBLE_DEVICES"] == UUIDS[0]
    assert worker_environment({}, "cpu")["CUDA_VISIBLE_DEVICES"] == ""


@pytest.fixture(scope="module")
def gpu_run(tmp_path_factory: pytest.TempPathFactory, make_toy: Any, start_pytest: Any) -> Any:
    """A run where nvidia-smi names a GPU that torch cannot use."""
    if torch.cuda.is_available():
        pytest.skip("torch can use a GPU here")
    toy = make_toy(tmp_path_factory.mktemp("gpu") / "toy")
    toy.edit("    model: picker\n", "    model: picker\n    device: cpu\n")
    path = f"{pretend(toy.folder, UUIDS)}{os.pathsep}{os.environ['PATH']}"
    return start_pytest(toy.folder, "-q", environment={"PATH": path, "CUDA_VISIBLE_DEVICES": "1"}).end()


def test_fault_90_a_torch_that_cannot_use_the_gpu_is_named_and_nothing_runs_on_the_cpu(gpu_run: Any) -> None:
    assert gpu_run.statuses["reconstruction::psnr-min"] == "ERROR"
    error = gpu_run.error("reconstruction::psnr-min")
    assert error["error"] == "DeviceError"
    assert error["what"] == "torch cannot use the GPU"
    assert torch.__version__ in error["found"]
    assert error["todo"]
    assert gpu_run.exit_code == 1


def test_an_evaluation_on_the_cpu_runs_beside_it(gpu_run: Any) -> None:
    assert gpu_run.statuses["classification::accuracy-min"] == "PASS"
    evidence = gpu_run.results["classification::accuracy-min"]["verdict"]["evidence"]["candidate"]
    assert "cpu" in str(evidence)


def test_fault_90_under_the_gate_no_gpu_is_an_error_and_no_skip(
    measured_toy: Any, make_toy: Any, start_pytest: Any, tmp_path: Path
) -> None:
    toy = make_toy(tmp_path / "toy")
    (toy.folder / ".modelqa").mkdir()
    # Not even records of a CPU serve.
    (toy.folder / ".modelqa" / "store").symlink_to(measured_toy[0] / ".modelqa" / "store")
    run = start_pytest(toy.folder, "-q", "--modelqa-gate").end()
    assert run.exit_code == 1
    checks = [name for name in run.statuses if not name.startswith("goals")]
    assert [run.statuses[name] for name in checks] == ["ERROR"] * 4
    for name in checks:
        assert run.error(name)["what"].endswith("no accelerator is at hand")
        assert run.error(name)["expected"] == "--modelqa-gate demands an accelerator"
    assert "skipped" not in run.text
