"""Models that raise, print, give nonsense or kill their process: each ends its own evaluation and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MODEL = '''
"""What models do wrong."""

import os
import signal
import sys

from torch import nn


class Misbehaving(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how = how
        if how == "raise when built":
            raise ValueError("there is no such size")

    def forward(self, image):
        return getattr(self, self.how)(1 * image)

    def fine(self, image):
        return 0.9 * image

    def raises(self, image):
        sizes = {}
        return image * sizes["width"]

    def nan(self, image):
        image[3] = float("nan")
        return image

    def shape(self, image):
        return image[:, :, :1]

    def fewer(self, image):
        return image[:-1]

    def prints(self, image):
        for _ in range(1000):
            print("x" * 1024)
        sys.stderr.write("the last words\\n")
        raise RuntimeError("after a megabyte")

    def exits(self, image):
        sys.exit("leaving")

    def leaves(self, image):
        os._exit(0)

    def killed(self, image):
        print("about to die")
        os.kill(os.getpid(), signal.SIGKILL)

    def segfaults(self, image):
        os.kill(os.getpid(), signal.SIGSEGV)
'''
# Those that a worker survives come first: they share one. The last shows that the run goes on after all of them.
HOWS = ("raises", "nan", "shape", "fewer", "prints", "exits", "killed", "leaves", "segfaults", "fine")
SPEC = """\
modelqa: 1
models:
{models}
datasets:
  test: {{path: data/test.npz, role: test}}
evaluations:
{evaluations}
"""
EVALUATION = """\
  {name}:
    task: reconstruction
    model: m_{name}
    dataset: test
    batch_size: 16
    checks: [{{metric: psnr, min: 20}}]"""


@pytest.fixture(scope="module")
def run(once: Callable[..., Any], make_toy: Callable[..., Any], run_pytest: Callable[..., Any]) -> Any:
    def make(folder: Path) -> Any:
        toy = make_toy(folder)
        (toy.folder / "toy.modelspec.yaml").unlink()
        toy.write("model.py", MODEL)
        models = [f"  m_{how}: {{build: model:Misbehaving, args: {{how: {how}}}}}" for how in HOWS]
        models.append("  m_built: {build: model:Misbehaving, args: {how: raise when built}}")
        evaluations = [EVALUATION.format(name=how) for how in ("built", *HOWS)]
        spec = SPEC.format(models="\n".join(models), evaluations="\n".join(evaluations))
        toy.write("bad.modelspec.yaml", spec)
        return run_pytest(toy.folder, "-v")

    return once("misbehaving", make)


def line_of(text: str) -> int:
    return MODEL.splitlines().index(text) + 1


def test_all_but_the_good_one_are_errors_and_no_failures(run: Any) -> None:
    expected = {f"{name}::psnr-min": "ERROR" for name in (*HOWS, "built")} | {"fine::psnr-min": "PASS"}
    assert run.statuses == expected
    assert run.exit_code == 1
    assert run.last_line.startswith("NO-GO: 10 of 11 release checks in 1 spec could not be judged: ")


def test_an_exception_is_told_by_the_users_line(run: Any) -> None:
    error = run.error("raises::psnr-min")
    line = line_of('        return image * sizes["width"]')
    assert error["what"] == "KeyError: 'width'"
    assert error["where"] == f"{run.folder}/model.py:{line}"
    assert error["found"] == 'return image * sizes["width"]'
    assert "E   " not in run.text  # pytest's own way of telling exceptions


def test_an_exception_in_the_constructor_names_the_model_and_the_line(run: Any) -> None:
    error = run.error("built::psnr-min")
    assert error["what"] == "model:Misbehaving raised for model 'm_built': ValueError"
    assert "there is no such size" in error["found"]
    line = line_of('            raise ValueError("there is no such size")')
    assert error["where"] == f"{run.folder}/model.py:{line}"


def test_fault_71_nan_names_the_sample(run: Any) -> None:
    error = run.error("nan::psnr-min")
    assert error["error"] == "OutputError"
    assert error["what"] == "NaN or Inf in the outputs for 1 of 16 samples of a batch"
    assert "image-3" in error["found"]


@pytest.mark.parametrize("how", ["shape", "fewer"])
def test_outputs_of_another_shape_are_no_score(run: Any, how: str) -> None:
    error = run.error(f"{how}::psnr-min")
    assert error["error"] == "OutputError"
    assert "(16, 1, 2, 2)" in error["expected"]
    assert ("(16, 1, 1, 2)" if how == "shape" else "(15, 1, 2, 2)") in error["found"]


def test_of_a_megabyte_of_output_the_end_is_kept(run: Any) -> None:
    error = run.error("prints::psnr-min")
    assert error["what"] == "RuntimeError: after a megabyte"
    assert error["details"].rstrip().endswith("the last words")
    assert len(error["details"]) < 80_000
    assert "the last words" in run.text


def test_faults_107_and_108_a_model_that_ends_the_process_is_told_so(run: Any) -> None:
    assert run.error("exits::psnr-min")["what"] == "SystemExit: leaving"
    assert run.error("exits::psnr-min")["error"] == "EvaluationError"
    assert "the worker process died (exit code 0)" in run.error("leaves::psnr-min")["what"]


@pytest.mark.parametrize(
    ("how", "said"),
    [("killed", "signal 9, SIGKILL"), ("segfaults", "signal 11, SIGSEGV")],
    ids=["fault_105", "fault_106"],
)
def test_a_killed_worker_is_an_error_that_names_the_signal(run: Any, how: str, said: str) -> None:
    error = run.error(f"{how}::psnr-min")
    assert error["error"] == "InfrastructureError"
    assert said in error["what"]
    assert how in error["what"]
    if how == "killed":
        assert "about to die" in error["details"]


def test_every_error_says_what_to_do_and_where(run: Any) -> None:
    for name in run.statuses:
        if run.statuses[name] == "ERROR":
            error = run.error(name)
            assert error["todo"], name
            assert error["where"], name


def test_no_worker_outlives_the_run(run: Any) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        assert str(run.folder) not in command, command


POISONED = """\
import torch

failed = False


class Poisons(torch.nn.Module):
    def forward(self, image):
        global failed
        failed = True
        raise RuntimeError("CUDA error: device-side assert triggered")


class Fine(torch.nn.Module):
    def forward(self, image):
        if failed:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return 0.9 * image
"""
AS_ON_A_GPU = """
import contextlib
import pytest_modelqa.evaluation.local

@contextlib.contextmanager
def slot_of_a_gpu(order, waiting):
    yield "GPU-0123"

pytest_modelqa.evaluation.local.slot_of = slot_of_a_gpu
"""


def test_after_a_failure_on_a_gpu_the_next_evaluation_has_another_process(
    tmp_path: Path, run_pytest: Callable[..., Any]
) -> None:
    """What failed on the device itself fails whatever its process asks next; here the process remembers it."""
    (tmp_path / "model.py").write_text(POISONED)
    (tmp_path / "conftest.py").write_text(AS_ON_A_GPU)
    np.savez(tmp_path / "test.npz", image=np.random.default_rng(0).random((8, 1, 8, 8), dtype=np.float32))
    (tmp_path / "a.modelspec.yaml").write_text(
        "modelqa: 1\n"
        "models: {poisons: {build: model:Poisons}, fine: {build: model:Fine}}\n"
        "datasets: {test: {path: test.npz, role: test}}\n"
        "evaluations:\n"
        "  first: {task: reconstruction, model: poisons, dataset: test, checks: [{metric: psnr, min: 1}]}\n"
        "  second: {task: reconstruction, model: fine, dataset: test, checks: [{metric: psnr, min: 1}]}\n"
    )
    run = run_pytest(tmp_path)
    assert run.statuses == {"first::psnr-min": "ERROR", "second::psnr-min": "PASS"}, run.text
