"""What is asked of a spec before the expensive run: one question for each thing that can be wrong, and each asset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from ..models.files import COCO_RESULTS_BUILD, TRANSFORMERS
from ..spec.catalogue import Catalogue, named_entries
from ..spec.resolved import Dataset, Evaluation, Model, Spec


@dataclass(frozen=True)
class Question:
    """One item under ``preflight``.

    Attributes:
        name: What is asked: ``checkpoint``, ``data``, ``tiny-run`` …
        assets: What it is asked of; none: of the spec as a whole.
        sentence: The question in words.
        line: Where the asset stands in the spec.
        after_training: It needs what training produces.
    """

    name: str
    assets: tuple[str, ...]
    sentence: str
    line: int
    after_training: bool = False

    @property
    def asset(self) -> str:
        """The assets in one word."""
        return "-and-".join(self.assets)

    @property
    def id(self) -> str:
        """The item's name.

        >>> Question("overlap", ("train", "test"), "", 1).id
        'overlap-of-train-and-test'
        """
        return f"{self.name}-of-{self.asset}" if self.assets else self.name


def questions_of(spec: Spec, catalogue: Catalogue) -> tuple[Question, ...]:
    """Every question of a spec, in the order in which a person would want the answers."""
    return (
        Question("resources", (), "packages, variables, language data and disk space are there", 1),
        *(question for model in spec.models.values() for question in _of_model(model)),
        *(
            question
            for dataset in spec.datasets.values()
            for question in _of_dataset(dataset, spec, catalogue)
        ),
        *_overlaps(spec),
        *(
            Question("baseline", (name,), f"the recorded baseline {name} can be read", baseline.position.line)
            for name, baseline in spec.baselines.items()
        ),
        *(
            question
            for each in spec.evaluations.values()
            for question in _of_evaluation(each, spec, catalogue)
        ),
    )


def is_results_file(model: Model) -> bool:
    """Whether a model is what another program wrote down, so that there is nothing to build."""
    return model.build == COCO_RESULTS_BUILD


def is_directory(model: Model) -> bool:
    """Whether a model is a transformers directory, which says itself how it is built."""
    return model.build == TRANSFORMERS


def companions_of(spec: Spec, catalogue: Catalogue) -> frozenset[str]:
    """The models that arguments of tasks name, such as a judge: with random weights they would judge nothing."""
    return frozenset(
        entry.name
        for evaluation in spec.evaluations.values()
        for entry in named_entries(catalogue.tasks[evaluation.task].args, evaluation.args)
        if entry.kind == "model"
    )


def keeps_checkpoint(model: Model, companions: frozenset[str]) -> bool:
    """Whether a model is rehearsed with its own files: it is made of them, or judges others."""
    return is_results_file(model) or is_directory(model) or (model.name in companions and not model.tiny)


def run_of(spec: Spec, name: str) -> Evaluation | None:
    """An evaluation as it runs this model on a dataset: its own, or one of which it is a baseline or a control.

    What arguments of tasks name, such as a judge, is run by no task as its model.
    """
    evaluations = spec.evaluations.values()
    own = (each for each in evaluations if each.model == name)
    compared = (each for each in evaluations if any(check.baseline == name for check in each.checks))
    controlled = (spec.evaluations[each.evaluation] for each in spec.controls.values() if each.model == name)
    found = next((each for each in chain(own, compared, controlled) if each.dataset is not None), None)
    return None if found is None else replace(found, model=name)


def _of_model(model: Model) -> Iterator[Question]:
    name, line = model.name, model.position.line
    if not is_results_file(model) and not is_directory(model):
        yield Question("build", (name,), f"{model.build} builds {name} with its args", line)
    if model.config is not None:
        yield Question("config", (name,), f"the configuration of {name} holds what its code reads", line)
    if model.checkpoint is not None:
        said = f"the checkpoint of {name} is there, is what its name says, and fits the model"
        yield Question("checkpoint", (name,), said, line, after_training=True)
    if model.reference_output is not None:
        said = f"{name} gives the output that was recorded of it"
        yield Question("reference-output", (name,), said, line, after_training=True)


def _of_dataset(dataset: Dataset, spec: Spec, catalogue: Catalogue) -> Iterator[Question]:
    users = [each for each in spec.evaluations.values() if each.dataset == dataset.name]
    # Without a model, what is read is a log or a table of results: training or an earlier evaluation wrote it.
    written = bool(users) and not any(catalogue.tasks[each.task].needs_model for each in users)
    said = f"the data of {dataset.name} can be read, and are enough for the checks"
    yield Question("data", (dataset.name,), said, dataset.position.line, after_training=written)


def _overlaps(spec: Spec) -> Iterator[Question]:
    for train in spec.datasets.values():
        for other in spec.datasets.values():
            if train.role == "train" and other.role != "train":
                said = f"no sample of {other.name} is in {train.name}"
                yield Question("overlap", (train.name, other.name), said, other.position.line)


def _of_evaluation(evaluation: Evaluation, spec: Spec, catalogue: Catalogue) -> Iterator[Question]:
    name, line = evaluation.name, evaluation.position.line
    task = catalogue.tasks[evaluation.task]
    model = spec.models.get(evaluation.model or "")
    built = model is not None and not is_results_file(model)
    # A log, a file of results, a directory with its tokenizer has to be there; a model can be built any time.
    companions = companions_of(spec, catalogue)
    own = {entry.name for entry in named_entries(task.args, evaluation.args) if entry.kind == "model"}
    used = [model, *(spec.models[other] for other in own)]
    recorded = any(each is None or keeps_checkpoint(each, companions) for each in used)
    if evaluation.checks:
        yield Question(
            "checks", (name,), f"each check of {name} can fail, and says something of its own", line
        )
        if evaluation.dataset is not None and task.needs_model:
            said = f"what the checks of {name} can show with the samples that there are"
            yield Question("power", (name,), said, line)
    if built and evaluation.dataset is not None:
        said = f"the samples of {evaluation.dataset} are what task and model take: fields, ranges, labels"
        yield Question("inputs", (name,), said, line)
        yield Question("memory", (name,), f"{name} fits into memory and into its deadline", line)
    said = f"{name} runs from end to end on a few samples, with every metric"
    yield Question("tiny-run", (name,), said, line, after_training=recorded)
