"""From what an experiment left to a draft: which data, which models, which tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..evaluation.probing import Answer, FoundModel, FoundTask, Question, ask
from ..models.files import COCO_RESULTS_BUILD, TRANSFORMERS, checkpoint_files
from .draft import Draft, DraftEvaluation
from .inventory import Inventory
from .language_models import evaluations_on, text_tables
from .metrics import proposed_checks
from .written_down import WrittenDown, of_inspect, of_lm_eval, of_log

_ROLES = {
    "test": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
}
_PARTS = ("test", "val", "validation", "valid")
_MOST_CHECKPOINTS = 12
_MOST_DATA = 12
# A folder of a sweep holds hundreds, and nobody wants to read as many evaluations.
_MOST_LOGS = 6
# That are no models, as a message names them.
_MOST_CLASSES = 6
UNKNOWN_ROLE = "nothing says that training never saw these samples: if so, write test or validation"

NO_FILES = "what it reads is not known, so it is measured in every run: name its files under files"


def draft_of(inventory: Inventory, name: str, origin: str) -> Draft:
    """The draft of a spec.

    Raises:
        UsageError: Nothing was found that can be evaluated; the message says what was there.
        EvaluationError: The experiment's code could not be tried out.
    """
    answer, question = _asked(inventory)
    parts = [
        *_measured(inventory, question, answer),
        *_recorded_detections(inventory),
        *_of_language_models(inventory),
    ]
    notes: list[str] = [*inventory.notes, *answer.notes]
    written = list(_written_down(inventory, notes))
    if not parts and not written:
        raise UsageError(
            "nothing was found that can be evaluated",
            where=str(inventory.root),
            expected="a checkpoint with the class that builds it and data to measure it on, COCO results with their"
            " annotations, a directory of transformers and texts, a log of training, or results of"
            " lm-evaluation-harness or Inspect",
            found=_inventory_text(inventory),
            todo="name the folder that holds these, or write the spec by hand (docs/spec.md)",
            details="\n".join(notes) or None,
        )
    return _together(parts, written, name, origin, notes)


def _written_down(inventory: Inventory, notes: list[str]) -> Iterator[WrittenDown]:
    logs = list(inventory.logs.items())
    if len(logs) > _MOST_LOGS:
        notes.append(
            f"{len(logs) - _MOST_LOGS} more logs of training were left out: name the folder of one run"
        )
    for path, kind in logs[:_MOST_LOGS]:
        found = of_log(path, kind, inventory.root, notes)
        if found is not None:
            yield found
    for path in inventory.lm_eval:
        yield from of_lm_eval(path, inventory.root, notes)
    for path in inventory.inspect:
        yield from of_inspect(path, inventory.root, notes)


def _asked(inventory: Inventory) -> tuple[Answer, Question]:
    usable = [code for code in inventory.code if code.useful and not code.harmful]
    skipped = [code for code in inventory.code if code.useful and code.harmful]
    question = Question(
        root=inventory.root,
        checkpoints=inventory.checkpoints[:_MOST_CHECKPOINTS],
        builds=tuple(f"{code.module}:{model}" for code in usable for model in code.models),
        settings=inventory.settings,
        data=tuple(sorted(_data(inventory), key=_by_role)[:_MOST_DATA]),
    )
    notes = tuple(
        f"{code.path.name} was not imported: line {code.harmful} does something on import" for code in skipped
    )
    if not question.builds:
        notes += tuple(_no_models(inventory))
    if not (question.checkpoints and question.builds and question.data):
        return Answer(notes=notes), question
    answer = ask(question)
    return Answer(answer.models, answer.data, answer.tasks, answer.modules, (*notes, *answer.notes)), question


def _no_models(inventory: Inventory) -> Iterator[str]:
    """Why no class that was seen is tried as a model."""
    seen = [f"{code.path.name}, {reason}" for code in inventory.code for reason in code.rejected]
    yield from seen[:_MOST_CLASSES]
    if len(seen) > _MOST_CLASSES:
        yield f"{len(seen) - _MOST_CLASSES} more classes are no models either"


def _data(inventory: Inventory) -> Iterator[Mapping[str, Any]]:
    """Every way in which data may be read."""
    root = inventory.root
    for code in inventory.code:
        for loader in code.loaders if not code.harmful else ():
            load = f"{code.module}:{loader.function}"
            for part in loader.parts or (_PARTS if loader.split else ("",)):
                args = {loader.split: part} if loader.split else {}
                yield {"load": load, "args": args, "role": _role(part or loader.function)}
    for path in inventory.tables:
        yield {"path": path.relative_to(root).as_posix(), "role": _role(path.stem)}
    for path, annotated in inventory.annotations.items():
        folder = _pictures_of(path, annotated.file_name, inventory)
        if folder is not None:
            args = {"images": folder.relative_to(root).as_posix()}
            yield {"path": path.relative_to(root).as_posix(), "args": args, "role": _role(path.stem)}
    taken = {_pictures_of(path, one.file_name, inventory) for path, one in inventory.annotations.items()}
    parents = [folder.parent for folder in inventory.picture_folders if folder not in taken]
    for folder in sorted({one for one in parents if parents.count(one) > 1 and one != root}):
        yield {"path": folder.relative_to(root).as_posix(), "role": _role(folder.name)}


def _pictures_of(path: Path, file_name: str, inventory: Inventory) -> Path | None:
    folders = [path.parent, *inventory.picture_folders, *(one.parent for one in inventory.picture_folders)]
    return next((one for one in folders if file_name and (one / file_name).is_file()), None)


def _role(text: str) -> str:
    """What a name says of a part of the data; ``train`` where it says nothing, as no evidence is then claimed.

    >>> [_role(text) for text in ("test_images", "val", "x_train", "everything")]
    ['test', 'validation', 'train', 'unknown']
    """
    words = re.split(r"[^a-z]+", text.lower())
    for word in words:
        if word in _ROLES:
            return _ROLES[word]
    return "train" if "train" in words or "training" in words else "unknown"


def _by_role(entry: Mapping[str, Any]) -> int:
    return ("test", "validation", "unknown", "train").index(entry["role"])


@dataclass(frozen=True)
class Part:
    """What is drafted of one model.

    Attributes:
        name: The model's, where there are several.
        model: Its entry.
        dataset: The entry of what it is measured on, without its role.
        role: What the name of the data says of them: ``test``, ``validation``, ``train`` or ``unknown``.
        files: What belongs to it.
    """

    name: str
    model: Mapping[str, Any]
    dataset: Mapping[str, Any]
    role: str
    evaluation: DraftEvaluation
    files: tuple[Path, ...]


def _measured(inventory: Inventory, question: Question, answer: Answer) -> Iterator[Part]:
    """One part for each kind of model that answers: of the checkpoints of one class the most promising."""
    done: dict[tuple[str, str], str] = {}
    for task in answer.tasks:
        model = answer.models[task.model]
        kind = (model.build, str(sorted(model.args.items())))
        if kind in done:
            continue
        done[kind] = model.checkpoint.name
        yield _part(inventory, question, answer, task, model)


def _part(
    inventory: Inventory, question: Question, answer: Answer, task: FoundTask, model: FoundModel
) -> Part:
    root = inventory.root
    data = answer.data[task.data]
    entry = question.data[data.index]
    loaded = {"load": entry["load"]} if entry.get("load") else {"path": entry["path"]}
    files = [path.relative_to(root).as_posix() for path in data.files]
    if entry.get("load") and files:
        loaded["files"] = files
    dataset = {**loaded, **({"args": entry["args"]} if entry.get("args") else {})}
    checkpoint = model.checkpoint.relative_to(root).as_posix()
    built = {
        "build": model.build,
        **({"args": dict(model.args)} if model.args else {}),
        "checkpoint": checkpoint,
        **({"state_dict_key": model.state_dict_key} if model.state_dict_key else {}),
    }
    name = _snake(model.build.rpartition(":")[2])
    evaluation = DraftEvaluation(
        task.task, task.task, name, "", task.args, proposed_checks(task.task, task.facts)
    )
    others = [root / entry["path"]] if entry.get("path") else []
    others += [root / entry["args"]["images"]] if "images" in entry.get("args", {}) else []
    belongs = (model.checkpoint, *data.files, *others, *answer.modules)
    return Part(name, built, dataset, entry["role"], evaluation, belongs)


def _recorded_detections(inventory: Inventory) -> Iterator[Part]:
    """COCO results, each with the smallest annotation file that has all of its images."""
    root = inventory.root
    for path, ids in inventory.results.items():
        fitting = [one for one, annotated in inventory.annotations.items() if ids <= annotated.ids]
        if not fitting:
            continue
        truths = min(fitting, key=lambda one: len(inventory.annotations[one].ids))
        name = _snake(path.stem)
        model = {"build": COCO_RESULTS_BUILD, "checkpoint": path.relative_to(root).as_posix()}
        dataset = {"path": truths.relative_to(root).as_posix()}
        evaluation = DraftEvaluation("detection", "detection", name, "", {}, proposed_checks("detection", {}))
        yield Part(name, model, dataset, _role(truths.stem), evaluation, (path, truths))


def _of_language_models(inventory: Inventory) -> Iterator[Part]:
    """The most promising directory, on each kind of texts those whose name tells most of their role."""
    root = inventory.root
    tables: list[dict[str, Any]] = [
        {"path": table.path.relative_to(root).as_posix(), "role": _role(table.path.stem), "table": table}
        for table in text_tables(inventory.tables)
    ]
    done: set[str] = set()
    for folder in inventory.directories[:1]:
        model = {"checkpoint": folder.relative_to(root).as_posix(), "format": TRANSFORMERS}
        for entry in sorted(tables, key=_by_role):
            for evaluation in evaluations_on(entry["table"], folder):
                if evaluation.name not in done:
                    done.add(evaluation.name)
                    files = (*checkpoint_files(folder), entry["table"].path)
                    data = {"path": entry["path"]}
                    yield Part(_snake(folder.name), model, data, entry["role"], evaluation, files)


def _together(
    parts: list[Part], written: list[WrittenDown], name: str, origin: str, notes: list[str]
) -> Draft:
    models: dict[str, Mapping[str, Any]] = {}
    datasets: dict[str, dict[str, Any]] = {}
    evaluations: list[DraftEvaluation] = []
    comments: dict[str, str] = {}
    files: dict[Path, None] = {}
    alone = all(part.model == parts[0].model for part in parts)
    for part in parts:
        known = part.role != "unknown"
        taken = {*datasets, *(one.name for one in evaluations)}
        own = next((key for key, one in models.items() if one == part.model), None)
        if own is None:
            own = _free("candidate" if alone else part.name, {*models, *taken})
            models[own] = part.model
        entry = {**part.dataset, "role": part.role if known else "train"}
        dataset = next((key for key, one in datasets.items() if one == entry), None)
        if dataset is None:
            dataset = _free(part.role if known else "samples", {*datasets, *models, *taken})
            datasets[dataset] = entry
            without_files = "load" in part.dataset and "files" not in part.dataset
            said = [UNKNOWN_ROLE] * (not known) + [NO_FILES] * without_files
            if said:
                comments[dataset] = "; ".join(said)
        called = _free(part.evaluation.name, {*models, *datasets, *(one.name for one in evaluations)})
        evaluations.append(replace(part.evaluation, name=called, model=own, dataset=dataset))
        files |= dict.fromkeys(part.files)
    for one in written:
        own = _free(one.evaluation.name, {*models, *datasets, *(each.name for each in evaluations)})
        evaluations.append(replace(one.evaluation, name=own))
        comments |= {own: one.comment} if one.comment else {}
        files |= dict.fromkeys(one.files)
    return Draft(name, origin, models, datasets, tuple(evaluations), comments, tuple(files), tuple(notes))


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(longer for number in range(2, 1000) if (longer := f"{name}_{number}") not in taken)


def _snake(name: str) -> str:
    """``AutoEncoder`` as ``auto_encoder``.

    >>> _snake("AutoEncoder"), _snake("ResNet50"), _snake("my results-v2")
    ('auto_encoder', 'res_net50', 'my_results_v2')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").lower() or "candidate"


def _inventory_text(inventory: Inventory) -> str:
    counts = {
        "checkpoint": len(inventory.checkpoints),
        "table": len(inventory.tables),
        "COCO annotation file": len(inventory.annotations),
        "COCO results file": len(inventory.results),
        "directory of transformers": len(inventory.directories),
        "log of training": len(inventory.logs),
        "log of Inspect": len(inventory.inspect),
        "folder of pictures": len(inventory.picture_folders),
        "Python file with a model": sum(bool(code.models) for code in inventory.code),
        "Python file with a loader": sum(bool(code.loaders) for code in inventory.code),
    }
    found = [f"{count} {what}{'s' if count != 1 else ''}" for what, count in counts.items() if count]
    return ", ".join(found) or "nothing of use"
