"""Batches of any size give the same scores, NaN never gives a score, and models do not pile up in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pytest_modelqa.records.store import Store

SIZES = ("1", "7", "auto")
MODELS = 16
MEGABYTES = 40
HEAD = """\
modelqa: 1
models:
  network: {build: networks:Network, checkpoint: checkpoints/network.safetensors}
  nan: {build: networks:Nan}
"""
DATA = """\
datasets:
  test: {path: data/test.npz, role: test}
  all_zero: {path: data/all_zero.npz, role: test}
evaluations:
  only_nan:
    {task: classification, model: nan, dataset: all_zero, checks: [{metric: accuracy, min: 0.9}]}
"""
SIZED = """\
  size_{size}:
    task: classification
    model: network
    dataset: test
    batch_size: {size}
    checks:
      - {{metric: accuracy, min: 0.1}}
      - {{metric: log_loss, max: 100}}
      - {{metric: accuracy, min: 0.99, id: high}}
"""
LARGE = """\
  of_large_{number}:
    {{task: reconstruction, model: large_{number}, dataset: test, checks: [{{metric: psnr, min: 20}}]}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, make_toy: Any, start_pytest: Any) -> Any:
    toy = make_toy(tmp_path_factory.mktemp("batches") / "toy")
    save_file(network(), toy.folder / "checkpoints" / "network.safetensors")
    with np.load(toy.folder / "data" / "test.npz") as arrays:
        fields = dict(arrays)
    np.savez(toy.folder / "data" / "all_zero.npz", **fields | {"label": np.zeros_like(fields["label"])})
    save_file({"weight": torch.full((10_000_000,), 0.9)}, toy.folder / "checkpoints" / "large.safetensors")
    large = "".join(
        f"  large_{number}:\n    {{build: faulty:Large, args: {{number: {number}}},"
        " checkpoint: checkpoints/large.safetensors}\n"
        for number in range(MODELS)
    )
    evaluations = "".join(SIZED.format(size=size) for size in SIZES)
    evaluations += "".join(LARGE.format(number=number) for number in range(MODELS))
    toy.write("toy.modelspec.yaml", HEAD + large + DATA + evaluations)
    return start_pytest(toy.folder, "-q").end()


def network() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        # Small, so that losses are about 1 and what float32 rounds away is about 1e-7 of them.
        return 0.2 * torch.randn(shape, generator=generator)

    return {
        "convolution.weight": random(16, 1, 2, 2),
        "convolution.bias": random(16),
        "normalisation.weight": random(16),
        "normalisation.bias": random(16),
        "normalisation.running_mean": random(16),
        "normalisation.running_var": random(16) ** 2 + 1,
        "normalisation.num_batches_tracked": torch.tensor(1),
        "linear.weight": random(4, 144),
        "linear.bias": random(4),
    }


def records(run: Any) -> dict[str, dict[str, np.ndarray]]:
    """The columns of each record of the network, by the batch size asked for."""
    store = Store(run.folder / ".modelqa" / "store")
    found = {}
    for path in store.root.rglob("record.json"):
        body = json.loads(path.read_text())["body"]
        if "network.safetensors" in path.read_text():
            (record,) = store.find(body["key"])
            found[str(body["key_parts"]["batch_size"])] = {
                name: record.column(name) for name in record.columns
            }
    return found


def test_scores_do_not_depend_on_the_batch_size(run: Any) -> None:
    by_size = records(run)
    assert set(by_size) == set(SIZES)
    for size in SIZES:
        assert by_size[size].keys() == by_size["1"].keys()
        for name, values in by_size[size].items():
            if values.dtype.kind == "f":
                np.testing.assert_allclose(values, by_size["1"][name], rtol=1e-6, atol=1e-6, err_msg=name)
            else:
                assert list(values) == list(by_size["1"][name]), name


def test_verdicts_do_not_depend_on_the_batch_size(run: Any) -> None:
    def verdicts(size: str) -> list[Any]:
        names = [f"size_{size}::{name}" for name in ("accuracy-min", "log_loss-max", "high")]
        return [run.statuses[name] for name in names]

    assert verdicts("1") == verdicts("7") == verdicts("auto") == ["PASS", "PASS", "FAIL"], run.text


def test_nan_logits_are_an_error_where_counting_gives_accuracy_1(run: Any) -> None:
    with np.load(run.folder / "data" / "all_zero.npz") as arrays:
        labels = arrays["label"]
    logits = np.full((len(labels), 4), np.nan)
    # What argmax gives for NaN, in numpy as in torch and hence in torchmetrics.Accuracy: class 0, here always right.
    assert (logits.argmax(axis=1) == labels).mean() == 1.0
    assert (torch.from_numpy(logits).argmax(dim=1).numpy() == labels).mean() == 1.0
    error = run.error("only_nan::accuracy-min")
    assert error["error"] == "OutputError"
    assert error["what"].startswith("NaN or Inf in the outputs for 16 of 16 samples")


def test_fault_119_the_memory_of_a_worker_does_not_grow_with_the_number_of_models(run: Any) -> None:
    assert all(run.statuses[f"of_large_{number}::psnr-min"] == "PASS" for number in range(MODELS)), run.text
    # A model appends a line in each batch.
    resident = [int(line) for line in Path(run.folder, "resident.txt").read_text().split()]
    print(
        f"\nresident memory of a worker over {MODELS} models of {MEGABYTES} MB: {resident[0]} … {resident[-1]} MB"
    )
    assert len(resident) >= MODELS
    assert resident[-1] - resident[0] < 3 * MEGABYTES
