"""What the inspecting process looks at: models as they are built, datasets as they are read. Needs torch."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..datasets.loading import load_samples
from ..datasets.samples import Samples
from ..errors import CheckpointError, EvaluationError, ModelQAError
from ..evaluation.plan import Job
from ..models.building import build_module, build_random
from ..models.checkpoint import read_header
from ..models.files import checkpoint_path
from ..models.loading import PRECISIONS, adapts, demand_finite_weights, demand_fit
from ..spec.grid import members, named
from ..spec.resolved import Dataset, Model
from ..tasks.forward import to_device
from ..tasks.protocol import IsFitted, MakesSamples, Task
from ..tasks.registry import load as load_task
from ..tasks.registry import tasks
from .data_facts import facts_of
from .findings import Finding
from .inspection import Answer, Ask
from .live_memory import Growth, growth_of
from .questions import is_directory

# Reading and looking for NaN runs at about 2 GB/s; more than this would not be "in seconds".
_VALUES_READ_BYTES = 500_000_000
# Where a model cannot compute without values it is run with random ones, if it is small enough for that.
_RUN_FOR_REAL_BYTES = 250_000_000
_BATCHES = (1, 3)


class Inspected:
    """The models and datasets of one spec folder, each made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modules: dict[str, nn.Module] = {}
        self._samples: dict[str, Samples] = {}

    def build(self, ask: Ask) -> Answer:
        """Whether a model can be built with its args, and how large it is."""
        assert ask.model is not None
        module = self._module(ask.model)
        sizes = [(tensor.numel(), tensor.element_size()) for tensor in module.parameters()]
        facts = {"parameters": sum(n for n, _ in sizes), "bytes": sum(n * each for n, each in sizes)}
        found = []
        if ask.model.checkpoint is None and sizes:
            found.append(
                Finding(
                    "build",
                    ask.model.name,
                    "error",
                    f"model {ask.model.name!r} has {facts['parameters']:,} parameters and no checkpoint",
                    expected="every parameter must come from a checkpoint",
                    todo="write `checkpoint:`; without it only models that have nothing to learn are measured",
                    kind="CheckpointError",
                )
            )
        return Answer(ask.name, tuple(found), facts)

    def weights(self, ask: Ask) -> Answer:
        """Whether each checkpoint of a model fits it, and holds numbers."""
        model = ask.model
        assert model is not None
        module = None if is_directory(model) else self._module(model)
        found, left = [], _VALUES_READ_BYTES
        for member in members(model.coordinates, {}):
            path = checkpoint_path(model, self.folder, member)
            assert path is not None
            try:
                left -= self._look_into(module, model, path, left)
            except CheckpointError as error:
                at = named(member.items())
                error.what = f"({at}) {error.what}" if at else error.what
                found.append(Finding.of_error("checkpoint", model.name, error))
        if module is not None and adapts(module):
            found.append(
                _note(
                    "checkpoint",
                    model.name,
                    f"{model.build} rewrites state_dicts as it loads them: only the run can tell whether the "
                    "checkpoint fits",
                )
            )
        if left < 0:
            found.append(_note("checkpoint", model.name, "too large to be read whole here; the run does it"))
        return Answer(ask.name, tuple(found))

    def _look_into(self, module: nn.Module | None, model: Model, path: Path, left: int) -> int:
        """The bytes of a checkpoint that fits; it is read for NaN if so many are left to be read."""
        header = read_header(path, model.state_dict_key, model.allow_globals, model.format)
        if module is not None:
            demand_fit(module, model, path, header)
        if header.size_bytes > left:
            return header.size_bytes
        if module is None:
            # Here, because it takes 2 s to import.
            from ..models.transformers_directory import load_directory

            load_directory(path, model.name, torch.float32)
        else:
            demand_finite_weights(module, model, path, header)
        return header.size_bytes

    def data(self, ask: Ask) -> Answer:
        """Whether a dataset can be read; what is in it."""
        assert ask.dataset is not None
        return Answer(ask.name, (), facts_of(self.samples(ask.dataset)))

    def inputs(self, ask: Ask) -> Answer:
        """Whether the samples are what task and model take, and how much memory a batch needs."""
        job = ask.job
        assert job is not None
        assert job.model is not None
        assert job.dataset is not None
        task, samples = self.prepared(job)
        by_the_model = not (is_directory(job.model) or isinstance(task, IsFitted))
        growth = self._growth(job, task, samples) if by_the_model else self._weights_alone(job)
        if not by_the_model:
            looked = (
                f"the task alone looked at the samples; the tiny run gives a few of them to {job.model.name}"
            )
            found = [_note("inputs", ask.asset, looked)]
        elif isinstance(growth, str):
            found = [_not_known("inputs", ask.asset, f"whether {job.model.name} takes the samples", growth)]
        else:
            found = []
        if isinstance(growth, str):
            found.append(_not_known("memory", ask.asset, f"how much memory {ask.asset} needs", growth))
            return Answer(ask.name, tuple(found), {"n": len(samples)})
        return Answer(ask.name, tuple(found), {"n": len(samples), "memory": growth.to_json()})

    def _growth(self, job: Job, task: Task, samples: Samples) -> Growth | str:
        """Measured on the meta device, which has shapes and no values; else with random weights; or why not."""
        assert job.model is not None
        sizes = [min(size, len(samples)) for size in _BATCHES]
        batches = [samples.batch(list(range(size))) for size in sizes]
        precision = PRECISIONS[job.evaluation.precision]
        module = self._module(job.model).to("meta", precision).eval()
        # What the task or the model says of shapes and labels holds on the meta device as well. Anything else that
        # is raised there may be the meta device's own.
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return growth_of(module, task, [to_device(batch, torch.device("meta")) for batch in batches])
        except ModelQAError:
            raise
        except (
            RuntimeError,
            TypeError,
            ValueError,
            NotImplementedError,
            AttributeError,
            IndexError,
        ) as error:
            said = next(iter(str(error).strip().splitlines()), "without a message")
            why = f"{type(error).__name__} where it runs without values, and it is too large to be run here: {said}"
        finally:
            # Its parameters have no values now.
            self._modules.clear()
        if sum(each.numel() * each.element_size() for each in module.parameters()) > _RUN_FOR_REAL_BYTES:
            return why
        real = build_random(job.model, self.folder).to(precision)
        return growth_of(real, task, [to_device(batch, torch.device("cpu")) for batch in batches])

    def _weights_alone(self, job: Job) -> Growth | str:
        """Where what a batch adds depends on what the model writes, or on what the task does with it when it fits."""
        assert job.model is not None
        if not is_directory(job.model):
            sizes = [tensor.numel() for tensor in self._module(job.model).parameters()]
            return Growth(float(sum(sizes) * PRECISIONS[job.evaluation.precision].itemsize), 0.0, 0.0)
        path = checkpoint_path(job.model, self.folder, members(job.model.coordinates, {})[0])
        if path is None or not path.is_dir():
            return "its directory is not there yet"
        tensors = read_header(path).tensors.values()
        size = PRECISIONS[job.evaluation.precision].itemsize
        return Growth(float(sum(math.prod(info.shape) * size for info in tensors)), 0.0, 0.0)

    def prepared(self, job: Job) -> tuple[Task, Samples]:
        """The task of a job, once it has looked at all of its samples.

        Raises:
            DatasetError: They cannot be evaluated.
        """
        assert job.dataset is not None
        task, samples = task_of(job), self.samples(job.dataset)
        if isinstance(task, MakesSamples):
            samples = task.make_samples(samples, job.evaluation.seed)
        task.prepare(samples)
        return task, samples

    def samples(self, dataset: Dataset) -> Samples:
        """The whole dataset; an error in it is told to everyone who asks."""
        if dataset.name not in self._samples:
            self._samples[dataset.name] = load_samples(dataset, self.folder)
        return self._samples[dataset.name]

    def _module(self, model: Model) -> nn.Module:
        if model.name not in self._modules:
            self._modules[model.name] = build_module(model, self.folder)
        return self._modules[model.name]


def task_of(job: Job) -> Task:
    """The task of a job, with its arguments."""
    declaration = tasks()[job.evaluation.task]
    # Through JSON: a strict schema takes a list for a tuple only there, and the ask came as JSON.
    args = declaration.args.model_validate_json(json.dumps(dict(job.evaluation.args)))
    return load_task(declaration)(args)


def first_samples(job: Job, samples: Samples, count: int) -> Mapping[str, Any]:
    """The first few samples, as a batch.

    Raises:
        EvaluationError: There are none.
    """
    if not len(samples):
        raise EvaluationError(f"{job.name} has no samples", todo="look at the dataset")
    return samples.batch(list(range(min(count, len(samples)))))


def _note(question: str, asset: str, what: str) -> Finding:
    return Finding(question, asset, "note", what)


def _not_known(question: str, asset: str, what: str, why: str) -> Finding:
    """Nobody answered, which is no pass."""
    todo = "the tiny run runs it: give the model `tiny:` where it is large"
    return Finding(question, asset, "warning", f"not known: {what}", found=why, todo=todo)
