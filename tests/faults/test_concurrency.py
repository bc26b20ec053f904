"""Several processes at once: two sessions on one store and one device, xdist's workers, and those that are killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Each model writes down that it was built: once for each evaluation, and once for each model compared with.
COUNT = """

def _count(module: nn.Module) -> None:
    with open(__file__.replace("model.py", "built.txt"), "a") as output:
        output.write(f"{type(module).__name__}\\n")
"""
KILLS_ITS_PROCESS = """
import os
import signal

def pytest_runtest_setup(item):
    if item.name == "accuracy-min" and "PYTEST_XDIST_WORKER" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def counting(toy: Any) -> Any:
    """Lets each model write down that it was built."""
    toy.write("model.py", (toy.folder / "model.py").read_text() + COUNT)
    for constructor in ("torch.ones(1))", "torch.eye(4))"):
        toy.edit(
            f"nn.Parameter({constructor}", f"nn.Parameter({constructor}\n        _count(self)", "model.py"
        )
    return toy


def built(toy: Any) -> list[str]:
    return sorted((toy.folder / "built.txt").read_text().split())


def run_records(toy: Any) -> list[Path]:
    return sorted((toy.folder / ".modelqa" / "runs").iterdir())


@pytest.fixture(scope="module")
def counted_runs(
    tmp_path_factory: pytest.TempPathFactory, make_toy: Any, start_pytest: Any
) -> dict[str, Any]:
    """A run with each way to distribute, and two sessions at once: (experiment, runs)."""
    toys = {
        name: counting(make_toy(tmp_path_factory.mktemp(name) / "toy"))
        for name in ("serial", "load", "worksteal", "two sessions")
    }
    started = {
        "serial": [start_pytest(toys["serial"].folder, "-q")],
        "load": [start_pytest(toys["load"].folder, "-q", "-n", "2")],
        "worksteal": [start_pytest(toys["worksteal"].folder, "-q", "-n", "2", "--dist", "worksteal")],
        "two sessions": [start_pytest(toys["two sessions"].folder, "-q") for _ in range(2)],
    }
    return {name: (toys[name], [session.end() for session in sessions]) for name, sessions in started.items()}


@pytest.mark.parametrize(
    "name", ["load", "worksteal", pytest.param("two sessions", id="fault_129_two_sessions")]
)
def test_every_evaluation_is_made_once_with_the_verdicts_of_a_serial_run(
    counted_runs: dict[str, Any], name: str
) -> None:
    serial, (serial_run,) = counted_runs["serial"]
    toy, runs = counted_runs[name]
    assert built(toy) == built(serial) == ["Picker", "Scaler", "Scaler"]
    for run in runs:
        assert (run.exit_code, run.last_line) == (0, serial_run.last_line), run.text
    records = [json.loads((path / "run.json").read_text()) for path in run_records(toy)]
    assert len(records) == len(runs)
    for record in records:
        assert record["complete"] is True
        assert numbers(record) == numbers(serial_run.record)


def numbers(record: dict[str, Any]) -> dict[str, Any]:
    """Status, value and limit of each check: what a verdict is, without when and where it was measured."""
    return {
        result["nodeid"]: (
            result["status"],
            [
                (line["candidate"]["value"], line["limit"])
                for line in (result["verdict"] or {}).get("lines", [])
            ],
        )
        for result in record["results"]
    }


def test_fault_129_of_two_sessions_one_measures_and_the_other_reuses(counted_runs: dict[str, Any]) -> None:
    toy, _ = counted_runs["two sessions"]
    for name in ("reconstruction::psnr-min", "classification::accuracy-min"):
        reused = [
            result["verdict"]["evidence"]["candidate"]["reused"]
            for path in run_records(toy)
            for result in json.loads((path / "run.json").read_text())["results"]
            if result["nodeid"].endswith(name)
        ]
        assert sorted(reused) == [False, True]


@pytest.fixture
def toy(measured_toy: Any, make_toy: Any, tmp_path: Path) -> Any:
    """The experiment with a copy of the records of a run."""
    toy = make_toy(tmp_path / "toy")
    shutil.copytree(measured_toy[0] / ".modelqa" / "store", toy.folder / ".modelqa" / "store")
    return toy


def test_a_killed_xdist_worker_leaves_the_run_incomplete(toy: Any, start_pytest: Any) -> None:
    toy.write("conftest.py", KILLS_ITS_PROCESS)
    run = start_pytest(toy.folder, "-q", "-n", "2", "--max-worker-restart=2").end()
    assert run.exit_code == 1
    assert run.last_line.startswith("INCOMPLETE: of 6 release checks in 1 spec "), run.text
    assert "accuracy-min" in run.last_line
    assert run.statuses.get("reconstruction::psnr-min") == "PASS"


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("loadscope", "hangs when a worker dies"),
        ("loadfile", "hangs when a worker dies"),
        ("loadgroup", "hangs when a worker dies"),
        ("each", "judges every check several times"),
    ],
)
def test_fault_103_other_ways_to_distribute_are_refused_with_the_reason(
    toy: Any, start_pytest: Any, mode: str, why: str
) -> None:
    run = start_pytest(toy.folder, "-q", "-n", "1", "--dist", mode).end()
    assert run.exit_code not in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert f"--dist {mode} is not supported with model specs" in run.text
    assert f"--dist {mode}, under which pytest-xdist {why}" in run.text
    assert "GO" not in run.text
    assert "passed" not in run.text


def test_fault_127_damaged_and_newer_records_are_measured_again(toy: Any, start_pytest: Any) -> None:
    manifests = sorted((toy.folder / ".modelqa" / "store").rglob("record.json"))
    assert len(manifests) == 3
    manifests[0].write_bytes(manifests[0].read_bytes()[:-100])
    content = json.loads(manifests[1].read_text())
    manifests[1].write_text(json.dumps(content | {"modelqa_record": 99, "schema": 99}))
    manifests[2].write_text("[]")
    run = start_pytest(toy.folder, "-q").end()
    assert run.exit_code == 0, run.text
    assert not any(run.reused(name) for name in ("reconstruction::psnr-min", "classification::accuracy-min"))


def test_fault_128_records_under_another_models_key_are_never_its_own(
    toy: Any, measured_toy: Any, start_pytest: Any
) -> None:
    good = measured_toy[1].results["reconstruction::psnr-min"]["verdict"]["lines"][0]["candidate"]["value"]
    # The folder of the worse model's key gets the records of the better one.
    store = toy.folder / ".modelqa" / "store"
    keys = {json.loads(path.read_text())["body"]["key"]: path for path in store.rglob("record.json")}
    folders = {
        key: next(parent for parent in path.parents if parent.name == key) for key, path in keys.items()
    }
    (older,) = (key for key, path in keys.items() if "scaler_older" in path.read_text())
    (scaler,) = (key for key, path in keys.items() if "scaler.safetensors" in path.read_text())
    shutil.rmtree(folders[older])
    shutil.copytree(folders[scaler], folders[older])
    run = start_pytest(toy.folder, "-q", "-k", "degradation").end()
    line = run.results["reconstruction::psnr-max-degradation-vs-older"]["verdict"]["lines"][0]
    assert line["baseline"]["value"] == pytest.approx(good - 6.0206, abs=1e-3)


HOLDS_AND_DIES = """
import os, sys
from filelock import FileLock
for path in sys.argv[1:]:
    FileLock(path, thread_local=False).acquire()
os.kill(os.getpid(), 9)
"""


def test_fault_130_the_locks_of_a_dead_session_are_free(toy: Any, start_pytest: Any) -> None:
    store = toy.folder / ".modelqa" / "store"
    slots = toy.folder / "tmp" / f"modelqa-slots-{os.getuid()}"
    slots.mkdir(parents=True)
    locks = [*map(str, store.rglob("*.lock")), str(slots / "cpu.lock")]
    assert len(locks) > 1
    assert subprocess.run([sys.executable, "-c", HOLDS_AND_DIES, *locks], check=False).returncode == -9
    for record in store.rglob("record.json"):
        record.unlink()
    run = start_pytest(toy.folder, "-q", "-k", "accuracy").end()
    assert run.exit_code == 0, run.text
    assert not run.reused("classification::accuracy-min")
