"""Tries out, in a process of its own, which code of an experiment builds which checkpoint and reads which data.

Asked by ``modelqa new``. It runs the experiment's own code: the classes and functions that it is told of, no others.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ..errors import ModelQAError
from ..spec.resolved import Dataset, Model, Position
from .probing import Answer, FoundData, FoundModel, FoundTask, Question

_HERE = Position(1, 1)
_BATCH = 4


def main() -> None:
    """Entry point: ``python -m pytest_modelqa.evaluation.probe QUESTION ANSWER``, both files of JSON."""
    question = TypeAdapter(Question).validate_json(Path(sys.argv[1]).read_bytes())
    # Modules of the experiment come first, as for a script started there, but not before what these import.
    from ..datasets import loading  # noqa: F401
    from . import fitting, recognition  # noqa: F401

    sys.path.insert(0, str(question.root))
    answer = probe(question)
    Path(sys.argv[2]).write_text(json.dumps(asdict(answer), default=str), encoding="utf-8")


def probe(question: Question) -> Answer:
    """Tries everything that was asked."""
    import torch

    from .opened_files import watch

    torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    watch(question.root)
    notes: list[str] = []
    data = tuple(_data(question, notes))
    models = tuple(_models(question, notes))
    with torch.inference_mode():
        tasks = tuple(_tasks(question, models, data, notes))
    return Answer(models, data, tasks, tuple(_modules(question.root)), tuple(dict.fromkeys(notes)))


def _modules(root: Path) -> Iterator[Path]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(root) and file.endswith(".py"):
            yield Path(file)


def _data(question: Question, notes: list[str]) -> Iterator[FoundData]:
    from ..datasets.loading import load_samples
    from .opened_files import opened

    for index, entry in enumerate(question.data):
        before = set(opened(question.root))
        try:
            samples = load_samples(_dataset(entry), question.root)
            batch = samples.batch(list(range(min(_BATCH, len(samples)))))
        except ModelQAError as error:
            notes.append(f"could not read {entry.get('load') or entry.get('path')}: {error.what}")
            continue
        fields = {name: _shape(value) for name, value in batch.items()}
        # A loader that keeps what it read opens its file for the first split only.
        files = set(opened(question.root)) - before or set(opened(question.root))
        yield FoundData(index, len(samples), fields, tuple(sorted(files)))


def _dataset(entry: Mapping[str, Any]) -> Dataset:
    return Dataset(
        name="data",
        load=entry.get("load"),
        path=entry.get("path"),
        args=entry.get("args", {}),
        files=(),
        sha256=None,
        role="test",
        split=entry.get("split"),
        limit=None,
        tiny=None,
        position=_HERE,
    )


def _shape(value: Any) -> tuple[int, ...] | None:
    return tuple(value.shape[1:]) if hasattr(value, "shape") and len(value.shape) else None


def _models(question: Question, notes: list[str]) -> Iterator[FoundModel]:
    from .fitting import fitting_model

    for path in question.checkpoints:
        found = None
        try:
            for build in question.builds:
                found = fitting_model(path, build, question.settings, question.root)
                if found is not None:
                    yield FoundModel(path, build, *found)
                    break
        except ModelQAError as error:
            notes.append(f"{path.name}: {error.what}")
            continue
        if found is None:
            tried = ", ".join(question.builds)
            notes.append(f"{path.name}: none of what was found has these parameters: {tried}")


def _tasks(
    question: Question, models: Sequence[FoundModel], data: Sequence[FoundData], notes: list[str]
) -> Iterator[FoundTask]:
    from ..datasets.loading import load_samples
    from ..models.loading import load_model
    from .recognition import recognised

    for number, found in enumerate(models):
        model = model_of(found)
        try:
            module = load_model(model, question.root, "cpu", "float32")
        except ModelQAError as error:
            notes.append(f"{found.checkpoint.name}: {error.what}")
            continue
        for each, read in enumerate(data):
            samples = load_samples(_dataset(question.data[read.index]), question.root)
            task = recognised(module, samples, notes)
            if task is not None:
                yield replace(task, model=number, data=each)
                break


def model_of(found: FoundModel) -> Model:
    """The model as a spec would have it."""
    return Model(
        name="candidate",
        build=found.build,
        args=dict(found.args),
        checkpoint=str(found.checkpoint),
        coordinates={},
        format=None,
        state_dict_key=found.state_dict_key,
        sha256=None,
        trust=None,
        allow_globals=(),
        config=None,
        reference_output=None,
        tiny=None,
        gpus=1,
        gpu_memory=None,
        position=_HERE,
    )


if __name__ == "__main__":
    main()
