"""Collects 10,000 checks from 200 specs, and 10,000 plain test functions; prints the ratio of their times.

``python benchmarks/collection.py``: about a minute. It also reads one spec of 5,000 models.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

FILES, CHECKS, REPEATS = 200, 50, 5
HEAD = """\
modelqa: 1
models:
  candidate: {build: model:Net, checkpoint: best.safetensors}
datasets:
  test: {load: data:test, files: [test.npz], role: test}
evaluations:
  reconstruction:
    task: reconstruction
    model: candidate
    dataset: test
    checks:
"""
MODEL = "  model_{0}: {{build: model:Net, args: {{codes: {0}}}, checkpoint: runs/{0}.safetensors}}\n"


def specs(folder: Path) -> Path:
    folder.mkdir()
    checks = "".join(
        f"      - {{metric: psnr, min: {20 + n / 7:.2f}, slices: field_{n}}}\n" for n in range(CHECKS)
    )
    for number in range(FILES):
        (folder / f"spec_{number}.modelspec.yaml").write_text(HEAD + checks)
    return folder


def functions(folder: Path) -> Path:
    folder.mkdir()
    text = "\n\n".join(f"def test_{number}():\n    pass" for number in range(CHECKS))
    for number in range(FILES):
        (folder / f"test_{number}.py").write_text(text)
    return folder


def collected_in(folder: Path) -> float:
    """Seconds of processor time: the machine may be busy with something else."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "."]
    child = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert f"{FILES * CHECKS} tests collected" in child.stdout, child.stdout[-500:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def many_models(folder: Path) -> tuple[int, float]:
    """The size of a spec of 5,000 models, and the seconds that it takes to read."""
    models = "".join(MODEL.format(number) for number in range(5000))
    path = folder / "many.modelspec.yaml"
    path.write_text(HEAD.replace("datasets:", f"{models}datasets:") + "      - {metric: psnr, min: 20}\n")
    known = catalogue()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        read_spec(path, known)
        times.append(time.process_time() - start)
    return path.stat().st_size, statistics.median(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folders = {"specs": specs(Path(name) / "specs"), "functions": functions(Path(name) / "functions")}
        times: dict[str, list[float]] = {kind: [] for kind in folders}
        for _ in range(REPEATS):
            for kind, folder in folders.items():
                times[kind].append(collected_in(folder))
        medians = {kind: statistics.median(values) for kind, values in times.items()}
        size, seconds = many_models(Path(name))
    print(f"10,000 checks of 200 specs   {medians['specs']:.2f} s")
    print(f"10,000 plain test functions  {medians['functions']:.2f} s")
    print(f"ratio                        {medians['specs'] / medians['functions']:.2f}")
    print(f"one spec of 5,000 models     {seconds:.2f} s ({size / 1000:.0f} KB)")


if __name__ == "__main__":
    main()
