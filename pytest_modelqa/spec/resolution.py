"""What was written becomes what is meant: defaults filled in, paths expanded, names resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .aspects import warn_of_diversity_alone
from .catalogue import Catalogue, TaskDeclaration
from .check_rules import check_contradictions, check_ids, warn_of_ratchets
from .checks import resolve_check
from .document import Document, Written
from .grid_rules import check_values
from .layers import chosen, options, place_of
from .meaning import (
    OF_INFERENCE,
    check_attribute,
    check_build,
    check_checkpoint,
    check_config,
    check_default_baseline,
    check_evaluation_baseline,
    check_marks,
    check_needs,
    check_source,
)
from .names import Names, check_named_args, check_other_entries
from .nodes import Node, lookup
from .paths import expanded
from .problems import Problems
from .resolved import Check, Dataset, Evaluation, Goal, Model, ModelConfig, Position, RecordedBaseline
from .schema import ConfigEntry, DatasetEntry, EvaluationEntry, ModelEntry
from .spelling import OF_ONE_NUMBER, listed, nearest, quoted
from .surroundings import Other, Surroundings
from .validation import described, validated_args


@dataclass(frozen=True)
class Resolver:
    """Resolves the entries of one document.

    Attributes:
        document: As written.
        catalogue: The metrics and tasks that there are.
        names: The names that the document gives.
        environment: For ``${env:…}``.
        problems: Gets what is wrong.
    """

    document: Document
    catalogue: Catalogue
    names: Names
    environment: Mapping[str, str]
    problems: Problems

    def tasks(self) -> list[TaskDeclaration]:
        """The tasks that the evaluations name."""
        defaults, known = self.document.defaults, self.catalogue.tasks
        written = [item for item in self.document.evaluations.values() if item.entry is not None]
        named = dict.fromkeys(chosen("task", item, defaults) for item in written)
        return [known[name] for name in named if name in known]

    def models(self) -> dict[str, Model]:
        """The models that are well written."""
        written = self.document.models.items()
        return {name: self._model(model, model.entry) for name, model in written if model.entry is not None}

    def _model(self, written: Written[ModelEntry], entry: ModelEntry) -> Model:
        check_checkpoint(written, self.problems)
        check_config(written, self.problems)
        check_build(written, self.problems)
        check_attribute(entry.build, written.at("build"), self.problems)
        return Model(
            name=written.name,
            build=entry.build or entry.format or "",
            args=entry.args,
            checkpoint=self._path(entry.checkpoint, written.at("checkpoint")),
            coordinates={name: tuple(values) for name, values in entry.coordinates.items()},
            format=entry.format,
            state_dict_key=entry.state_dict_key,
            sha256=_bare_digest(entry.sha256),
            trust=_bare_digest(entry.trust),
            allow_globals=tuple(entry.allow_globals),
            config=self._config(written, entry.config),
            reference_output=self._path(entry.reference_output, written.at("reference_output")),
            tiny=self._tiny(written, entry.tiny.model_dump(exclude_unset=True)) if entry.tiny else None,
            gpus=entry.gpus,
            gpu_memory=entry.gpu_memory,
            position=_position(written.key),
        )

    def _config(self, written: Written[ModelEntry], config: ConfigEntry | None) -> ModelConfig | None:
        if config is None:
            return None
        keys = written.at("config").value
        places = keys["read_by"].node.value if config.read_by else []
        read_by = [self._path(text, at) for text, at in zip(config.read_by, places, strict=True)]
        return ModelConfig(
            file=self._path(config.file, keys["file"].node) if config.file else None,
            hydra_dir=self._path(config.hydra_dir, keys["hydra_dir"].node) if config.hydra_dir else None,
            name=config.name,
            overrides=tuple(config.overrides),
            read_by=tuple(path for path in read_by if path is not None),
        )

    def datasets(self) -> dict[str, Dataset]:
        """The datasets that are well written."""
        written = self.document.datasets.items()
        return {name: self._dataset(item, item.entry) for name, item in written if item.entry is not None}

    def _dataset(self, written: Written[DatasetEntry], entry: DatasetEntry) -> Dataset:
        check_source(written, self.problems)
        check_attribute(entry.load, written.at("load"), self.problems)
        places = written.at("files").value if entry.files else []
        files = [self._path(text, at) for text, at in zip(entry.files, places, strict=True)]
        return Dataset(
            name=written.name,
            load=entry.load,
            path=self._path(entry.path, written.at("path")),
            args=entry.args,
            files=tuple(file for file in files if file is not None),
            sha256=_bare_digest(entry.sha256),
            role=entry.role,
            split=entry.split,
            limit=entry.limit,
            tiny=self._tiny(written, entry.tiny.model_dump(exclude_unset=True)) if entry.tiny else None,
            position=_position(written.key),
        )

    def _tiny(self, written: Written[Any], tiny: dict[str, Any]) -> dict[str, Any]:
        for key in ("checkpoint", "path"):
            if isinstance(tiny.get(key), str):
                tiny[key] = self._path(tiny[key], written.at("tiny").value[key].node)
        return tiny

    def _path(self, path: str | None, at: Node) -> str | None:
        return None if path is None else expanded(path, at, self.environment, self.problems)

    def baselines(self) -> dict[str, RecordedBaseline]:
        """The recorded baselines that are well written."""
        return {
            name: RecordedBaseline(
                name, self._path(written.entry.recorded, written.at("recorded")) or "", _position(written.key)
            )
            for name, written in self.document.baselines.items()
            if written.entry is not None
        }

    def goals(self) -> dict[str, Goal]:
        """The goals; that one names no evaluation is a failed item of the gate, not a spec error."""
        goals = {}
        for name, (key, node) in self.document.goals.items():
            if isinstance(node.value, str) or node.value is None:
                goals[name] = Goal(name, node.value, _position(key))
            else:
                self.problems.add(
                    "wrong-type",
                    f"the goal {quoted(name)} does not name an evaluation",
                    node,
                    expected="the name of the evaluation that shows it",
                    found=described(node),
                )
        return goals

    def evaluations(self, models: Mapping[str, Model]) -> dict[str, Evaluation]:
        """The evaluations that are well written, with those of their checks that are."""
        resolved, others = {}, self._others()
        for name, written in self.document.evaluations.items():
            if written.entry is not None:
                evaluation = self._evaluation(written, models, others)
                if evaluation is not None:
                    resolved[name] = evaluation
        checks = [check for evaluation in resolved.values() for check in evaluation.checks]
        check_default_baseline(self.document, checks, self.problems)
        warn_of_diversity_alone(self.document, resolved, self.catalogue, self.problems)
        return resolved

    def _evaluation(
        self, written: Written[EvaluationEntry], models: Mapping[str, Model], others: Mapping[str, Other]
    ) -> Evaluation | None:
        task = self._task(written)
        if task is None:
            return None
        defaults = self.document.defaults
        keys = options(written, defaults)
        if task.reads_files:
            # Those that the spec's defaults give to its other evaluations.
            keys |= {key: EvaluationEntry.model_fields[key].get_default() for key in OF_INFERENCE}
        check_needs(written, defaults, task, self.names, self.problems)
        args = self._task_args(written, task)
        check_marks(keys["marks"], place_of("marks", written, defaults), self.problems)
        evaluation = Evaluation(
            name=written.name,
            task=task.name,
            model=keys["model"] if task.needs_model else None,
            dataset=keys["dataset"] if task.needs_dataset else None,
            args=args,
            batch_size=keys["batch_size"],
            device=keys["device"],
            precision=keys["precision"],
            deterministic=keys["deterministic"],
            seed=keys["seed"],
            repeats=keys["repeats"],
            stop_early=_plain(keys["stop_early"]),
            deadline=keys["deadline"],
            marks=tuple(keys["marks"]),
            checks=(),
            position=_position(written.key),
            coordinates=_coordinates(args) if task.reads_files else {},
        )
        return replace(evaluation, checks=self._checks(written, evaluation, task, models, others))

    def _others(self) -> dict[str, Other]:
        defaults, known = self.document.defaults, self.catalogue.tasks
        return {
            name: Other(
                chosen("dataset", written, defaults), known.get(chosen("task", written, defaults) or "")
            )
            if written.entry is not None
            else Other(None, None)
            for name, written in self.document.evaluations.items()
        }

    def _task(self, written: Written[EvaluationEntry]) -> TaskDeclaration | None:
        defaults = self.document.defaults
        name = chosen("task", written, defaults)
        known = self.catalogue.tasks
        if name is None:
            if "task" not in defaults.broken:
                self.problems.add(
                    "missing-key",
                    f"the evaluation {quoted(written.name)} names no task",
                    written.key,
                    expected=f"task: one of {listed(known)}",
                )
        elif name not in known:
            close = nearest(name, known)
            self.problems.add(
                "unknown-task",
                f"the evaluation {quoted(written.name)} names the task {quoted(name)}, which does not exist",
                place_of("task", written, defaults),
                expected=f"one of: {listed(known, most=16)}",
                todo=f"did you mean '{close}'?" if close else _instead_of_task(name),
            )
        return known.get(name) if name else None

    def _task_args(self, written: Written[EvaluationEntry], task: TaskDeclaration) -> dict[str, Any]:
        node = written.at("args") if "args" in written.node.value else None
        what = f"args of the task {task.name} in {quoted(written.name)}"
        args = validated_args(task.args, node, written.key, what, self.problems)
        if args is None:
            return {}
        check_named_args(task.args, args, node or written.key, what, self.names, self.problems)
        own = chosen("dataset", written, self.document.defaults)
        check_other_entries(task.args, args, node or written.key, what, own, self.problems)
        if task.reads_files and node is not None:
            args["path"] = self._path(args["path"], node.value["path"].node)
            for name in args.get("coordinates", {}):
                check_values(name, lookup(node, ("coordinates", name)), self.problems)
        return args

    def _checks(
        self,
        written: Written[EvaluationEntry],
        evaluation: Evaluation,
        task: TaskDeclaration,
        models: Mapping[str, Model],
        others: Mapping[str, Other],
    ) -> tuple[Check, ...]:
        model = models.get(evaluation.model or "")
        coordinates = model.coordinates if model else None if evaluation.model else evaluation.coordinates
        around = Surroundings(
            self.document,
            self.catalogue,
            self.names,
            others,
            written,
            evaluation,
            task,
            coordinates,
            self.problems,
        )
        checks = [(check, resolve_check(check, around)) for check in self.document.checks[written.name]]
        resolved = [(check, item.key) for item, check in checks if check is not None]
        check_ids(resolved, evaluation.name, self.problems)
        check_contradictions(resolved, evaluation.name, self.problems)
        warn_of_ratchets(resolved, self.document.baselines, self.catalogue.metrics, self.problems)
        check_evaluation_baseline(written, [check for check, _ in resolved], self.problems)
        return tuple(check for check, _ in resolved)


def _position(node: Node) -> Position:
    return Position(node.line, node.column)


def _coordinates(args: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(values) for name, values in args.get("coordinates", {}).items()}


def _instead_of_task(name: str) -> str:
    """What to do about a task that looks like none."""
    return OF_ONE_NUMBER if "regress" in name.lower() else "is the package that brings it installed?"


def _bare_digest(digest: str | None) -> str | None:
    return None if digest is None else digest.lower().removeprefix("sha256:")


def _plain(value: Any) -> Any:
    return value.model_dump() if hasattr(value, "model_dump") else value
