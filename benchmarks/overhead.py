"""What the gate costs beside a bare loop: prints times, ratios and memory.

    python benchmarks/overhead.py [loop] [grid] [memory]

``loop``: an evaluation of at least 30 s against a loop that does the same inference and metrics, both after imports;
and a second session, which only judges. ``grid``: 50 checkpoints of one module, its weights swapped against a module
built for each. ``memory``: the peak of the pytest process with 1,000,000 sample records, first and second session.

Times are of the wall clock and of the processor (pytest and its worker together): where other processes run, only the
second is to be trusted. Run it with OMP_NUM_THREADS=1 there.
"""

from __future__ import annotations

import dataclasses
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from pytest_modelqa.models.loading import load_model, swap_weights
from pytest_modelqa.spec.resolved import Model

SIDE = 64
BATCH = 64
CHECKPOINTS = 50
SAMPLES_IN_MEMORY = 1_000_000
MODEL = """
import torch
from torch import nn


class Smoother(nn.Module):
    def __init__(self, width: int = 48, depth: int = 4) -> None:
        super().__init__()
        channels = [1, *[width] * depth, 1]
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels, channels[1:])
        )

    def forward(self, image):
        hidden = image
        for layer in self.layers:
            hidden = torch.relu(layer(hidden))
        return image + 0.01 * torch.tanh(hidden)


class Deep(nn.Module):
    def __init__(self, layers: int = 200) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(64, 64) for _ in range(layers))

    def forward(self, image):
        return image


class Brightest(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(4))

    def forward(self, image):
        return image.flatten(1) @ self.weight.T
"""
SPEC = """
modelqa: 1
models:
  smoother: {build: model:Smoother, checkpoint: smoother.safetensors}
datasets:
  test: {path: images.npz, role: test}
evaluations:
  smoothing:
    task: reconstruction
    model: smoother
    dataset: test
    batch_size: 64
    checks: [{metric: psnr, min: 1}, {metric: ssim, min: 0.1}]
"""
BARE = """
import sys, time
import numpy as np, torch
from safetensors.torch import load_file
from model import Smoother
from pytest_modelqa.metrics.image import psnr, ssim

limit, batch = int(sys.argv[1]), 64
wall, processor = time.monotonic(), time.process_time()
model = Smoother().eval()
model.load_state_dict(load_file("smoother.safetensors"))
images = np.load("images.npz")["image"][:limit]
scores = []
with torch.inference_mode():
    for start in range(0, len(images), batch):
        image = torch.from_numpy(images[start : start + batch])
        output = model(image)
        scores.append((psnr(output, image, data_range=1.0), ssim(output, image, data_range=1.0)))
means = [torch.cat(column).double().mean().item() for column in zip(*scores)]
print(time.monotonic() - wall, time.process_time() - processor)
"""
MILLION = """
modelqa: 1
models:
  new: {build: model:Brightest, checkpoint: new.safetensors}
  old: {build: model:Brightest, checkpoint: old.safetensors}
datasets:
  test: {path: labels.npz, role: test}
evaluations:
  million:
    task: classification
    model: new
    dataset: test
    batch_size: 20000
    checks:
      - {metric: accuracy, min: 0.5}
      - {metric: accuracy, min: 0.5, slices: label}
      - {metric: accuracy, baseline: old, max_degradation: 0.5, confidence: 0.95}
      - {metric: recall, min: 0.5}
"""
PEAK = """
def pytest_unconfigure():
    print([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


def session(folder: Path, *options: str) -> tuple[float, float, str]:
    """Seconds of the wall clock and of the processor, and the text of a pytest session."""
    before, start = _children(), time.monotonic()
    # A folder of its own for device slots: other sessions on this machine are no part of the figure.
    environment = os.environ | {"TMPDIR": str(folder)}
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return time.monotonic() - start, _children() - before, done.stdout


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def bare(folder: Path, samples: int) -> tuple[float, float]:
    """Seconds of the loop, after its imports."""
    command = [sys.executable, "bare.py", str(samples)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    wall, processor = map(float, done.stdout.split())
    return wall, processor


def loop(folder: Path) -> None:
    """The gate against a bare loop."""
    (folder / "smoother.modelspec.yaml").write_text(SPEC)
    (folder / "bare.py").write_text(BARE)
    random = np.random.default_rng(0)
    _make(folder, "Smoother", "smoother")
    np.savez(folder / "images.npz", image=random.random((2 * BATCH, 1, SIDE, SIDE), dtype=np.float32))
    bare(folder, 2 * BATCH)
    per_batch = bare(folder, 2 * BATCH)[1] / 2
    samples = BATCH * int(35 / per_batch + 1)
    np.savez(folder / "images.npz", image=random.random((samples, 1, SIDE, SIDE), dtype=np.float32))
    # What a session costs before and after the samples is measured with one batch.
    start = session(folder, f"--modelqa-limit={BATCH}")
    loops = [bare(folder, samples)]
    whole = session(folder)
    loops.append(bare(folder, samples))
    again = session(folder)
    print(f"{samples} images in batches of {BATCH}: seconds of the wall clock, of the processor")
    for name, times in (
        ("bare loop, before", loops[0]),
        ("bare loop, after", loops[1]),
        ("session of one batch", start),
        ("session", whole),
        ("second session", again),
    ):
        print(f"  {name:<22} {times[0]:8.1f} {times[1]:8.1f}")
    for clock, name in enumerate(("wall clock", "processor")):
        mean = (loops[0][clock] + loops[1][clock]) / 2
        ratio = (whole[clock] - start[clock]) / (mean * (samples - BATCH) / samples)
        print(f"  gate / bare loop, {name}: {ratio:.3f}")


def grid(folder: Path) -> None:
    """Swapped weights against a module built anew, for each of many checkpoints."""
    module = _make(folder, "Deep", "step_0")
    for step in range(1, CHECKPOINTS):
        state = {name: tensor + step for name, tensor in module.state_dict().items()}
        save_file(state, folder / f"step_{step}.safetensors")
    nothing = dict.fromkeys((field.name for field in dataclasses.fields(Model)), None)
    deep: dict[str, Any] = {
        "name": "deep",
        "build": "model:Deep",
        "args": {},
        "checkpoint": "step_{step}.safetensors",
        "coordinates": {"step": tuple(range(CHECKPOINTS))},
        "allow_globals": (),
    }
    model = Model(**nothing | deep)
    sys.path.insert(0, str(folder))

    def anew() -> None:
        for step in range(CHECKPOINTS):
            load_model(model, folder, "cpu", "float32", {"step": step})

    def swapped() -> None:
        held = load_model(model, folder, "cpu", "float32", {"step": 0})
        for step in range(1, CHECKPOINTS):
            swap_weights(held, model, folder, {"step": step})

    slow, fast = _seconds(anew), _seconds(swapped)
    print(f"{CHECKPOINTS} checkpoints of 400 tensors, seconds of the processor:")
    print(f"  built anew {slow:.2f}, swapped {fast:.2f}")
    print(f"  anew / swapped: {slow / fast:.1f}")


def memory(folder: Path) -> None:
    """The peak of the pytest process."""
    (folder / "million.modelspec.yaml").write_text(MILLION)
    (folder / "conftest.py").write_text(PEAK)
    for name in ("new", "old"):
        _make(folder, "Brightest", name, noise=0.01)
    random = np.random.default_rng(0)
    image = random.random((SAMPLES_IN_MEMORY, 1, 2, 2), dtype=np.float32)
    label = image.reshape(-1, 4).argmax(axis=1)
    np.savez(folder / "labels.npz", image=image, label=label, id=np.arange(SAMPLES_IN_MEMORY).astype(str))
    for name in ("first", "second"):
        wall, processor, text = session(folder)
        (peak,) = re.findall(r"VmHWM:\s*(\d+) kB", text)
        print(
            f"{name} session with {SAMPLES_IN_MEMORY:,} samples: peak of pytest {int(peak) / 1024:.0f} MB,"
            f" {wall:.1f} s, {processor:.1f} s of the processor"
        )


def _make(folder: Path, name: str, file: str, noise: float = 0.0) -> torch.nn.Module:
    """Saves a module's weights."""
    (folder / "model.py").write_text(MODEL)
    names: dict[str, type[torch.nn.Module]] = {}
    exec(MODEL, names)
    torch.manual_seed(len(file) + sum(file.encode()))
    module = names[name]()
    state = {key: value + noise * torch.randn_like(value) for key, value in module.state_dict().items()}
    save_file(state, folder / f"{file}.safetensors")
    return module


def _seconds(function: Callable[[], None]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def main() -> None:
    """Runs the parts that the command line names, or all."""
    parts = {"loop": loop, "grid": grid, "memory": memory}
    for name in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(folder))


if __name__ == "__main__":
    main()
