"""A model's output on a fixed input, in a small ``.npz``: written, and compared with what the model gives now.

In float64 wherever the model can compute in it: there rounding is a millionth of what the smallest edit of a
configuration does (a norm's epsilon of 1e-6 in place of 1e-5), so both are told apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import CheckpointError, ModelQAError
from ..evaluation.plan import Job
from ..models.files import checkpoint_digest, checkpoint_files, checkpoint_path
from ..models.loading import load_model, move
from ..records.digests import file_sha256
from ..tasks.forward import to_device
from .findings import Finding
from .inspected import Inspected, first_samples
from .inspection import Answer, Ask

FORMAT = 1
SAMPLES = 2
# Of the largest output. Parts that a model computes in float32 whatever it is given differ by 1e-7 between machines.
TOLERANCE = {"float64": 1e-6, "float32": 1e-4}
_DTYPES = {"float64": torch.float64, "float32": torch.float32}


def record_answer(ask: Ask, inspected: Inspected) -> Answer:
    """Writes the output of a job's model on the first samples of its dataset.

    Raises:
        ModelQAError: The model cannot be loaded or run.
    """
    job, path = ask.job, ask.path
    assert job is not None
    assert job.dataset is not None
    assert path is not None
    _, samples = inspected.prepared(job)
    batch = first_samples(job, samples, SAMPLES)
    precision, output = "float64", None
    try:
        output = _output(job, batch, inspected, "float64")
    except ModelQAError:
        raise
    except (RuntimeError, TypeError, NotImplementedError):
        # A model that makes float32 tensors of its own cannot be mixed with float64.
        precision, output = "float32", _output(job, batch, inspected, "float32")
    about = {
        "modelqa_reference": FORMAT,
        "evaluation": job.evaluation.name,
        "task": job.evaluation.task,
        "precision": precision,
        "checkpoint": _digest(job),
        "torch": torch.__version__,
    }
    arrays, texts = _packed(batch)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays |= {"output": output, "about": np.array(json.dumps({**about, "texts": texts}))}
    np.savez_compressed(path, allow_pickle=False, **arrays)
    return Answer(ask.name, (), {"path": str(path), "precision": precision})


def compare_answer(ask: Ask, inspected: Inspected) -> Answer:
    """Whether the model still gives the output that was recorded.

    Raises:
        ModelQAError: The model cannot be loaded or run, or the file is none of ours.
    """
    job, path = ask.job, ask.path
    assert job is not None
    assert job.model is not None
    assert path is not None
    about, recorded, batch = _read(path)
    digest = _digest(job)
    if about["checkpoint"] != digest:
        raise CheckpointError(
            f"the recorded output is of another checkpoint of {job.model.name}",
            where=str(path),
            expected=f"an output of sha256 {digest[:16]}",
            found=f"one of sha256 {str(about['checkpoint'])[:16]}",
            todo="record it again with modelqa promote, once the new checkpoint has passed",
        )
    precision = about["precision"]
    now = _output(job, batch, inspected, precision)
    problem = _difference(now, recorded, TOLERANCE[precision])
    if problem is None:
        return Answer(ask.name)
    finding = Finding(
        "reference-output",
        job.model.name,
        "error",
        f"{job.model.name} does not give the output that was recorded of the same checkpoint: {problem}",
        where=str(path),
        expected=f"the recorded output, to {TOLERANCE[precision]:g} of its largest value ({precision})",
        found=f"build: {job.model.build}, args: {json.dumps(dict(job.model.args), default=str)}",
        todo="look what changed beside the weights: number of heads, activation, a norm's epsilon, the code of the "
        "model; if it was meant, record the output again with modelqa promote",
        kind="CheckpointError",
    )
    return Answer(ask.name, (finding,))


def _output(job: Job, batch: Mapping[str, Any], inspected: Inspected, precision: str) -> np.ndarray:
    assert job.model is not None
    assert job.dataset is not None
    module = load_model(job.model, inspected.folder, "cpu", "float32", job.coordinates)
    move(module, torch.device("cpu"), _DTYPES[precision])
    task, _ = inspected.prepared(job)
    torch.manual_seed(job.evaluation.seed)
    with torch.inference_mode():
        outputs = task.infer(module, to_device(batch, torch.device("cpu")))
    return np.asarray(outputs.double().numpy())


def _difference(now: np.ndarray, recorded: np.ndarray, tolerance: float) -> str | None:
    if now.shape != recorded.shape:
        return f"shape {now.shape} instead of {recorded.shape}"
    largest = float(np.abs(recorded).max(initial=0.0)) or 1.0
    apart = float(np.abs(now - recorded).max(initial=0.0))
    # Written so that NaN is a difference.
    if apart <= tolerance * largest:
        return None
    return f"they differ by up to {apart:.3g} where the largest value is {largest:.3g}"


def _packed(batch: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays, also those of ragged fields one by one, and what is JSON."""
    arrays, texts = {}, {}
    for name, value in batch.items():
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            arrays[f"input/{name}"] = value
        elif isinstance(value, list) and value and all(isinstance(each, np.ndarray) for each in value):
            arrays |= {f"ragged/{row}/{name}": each for row, each in enumerate(value)}
        else:
            texts[name] = json.loads(json.dumps(value, default=_plain))
    return arrays, texts


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def _read(path: Path) -> tuple[dict[str, Any], np.ndarray, dict[str, Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
        about = json.loads(str(content.pop("about")))
        recorded = content.pop("output")
        if about["modelqa_reference"] != FORMAT or about["precision"] not in TOLERANCE:
            raise ValueError(f"format {about['modelqa_reference']}")
    # A missing file, no zip, no such member, no JSON.
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"the recorded output cannot be read: {path.name}",
            where=str(path),
            expected="a file that modelqa promote wrote",
            found=f"{type(error).__name__}: {error}",
            todo="correct reference_output:, or record it again",
        ) from error
    batch: dict[str, Any] = dict(about["texts"])
    for key in sorted(content, key=lambda name: (name.split("/")[0], _row(name))):
        kind, _, rest = key.partition("/")
        if kind == "input":
            batch[rest] = content[key]
        else:
            batch.setdefault(rest.partition("/")[2], []).append(content[key])
    return about, recorded, batch


def _row(key: str) -> int:
    parts = key.split("/")
    return int(parts[1]) if parts[0] == "ragged" else 0


def _digest(job: Job) -> str:
    assert job.model is not None
    path = checkpoint_path(job.model, job.folder, job.coordinates)
    return "" if path is None else checkpoint_digest(checkpoint_files(path), file_sha256)
