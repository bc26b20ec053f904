"""Rules between the keys of models, datasets and evaluations, and between entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .catalogue import TaskDeclaration
from .document import Document, Written
from .grid import PLACEHOLDER
from .grid_rules import check_values
from .layers import chosen, place_of
from .names import Names
from .nodes import Node
from .problems import Problems
from .resolved import Check
from .schema import DatasetEntry, DefaultsEntry, EvaluationEntry, ModelEntry
from .spelling import listed, nearest, quoted

# The plugin gives these; a check that gave itself one would be selected where it cannot run.
RESERVED_MARKS = ("gpu", "cpu", "preflight", "after_training", "control", "parametrize", "usefixtures")
# What says how a model is run; repeats would divide the samples of a file that holds each of them once.
OF_INFERENCE = ("batch_size", "precision", "deterministic", "seed", "repeats", "stop_early")


def check_marks(marks: Sequence[str], at: Node, problems: Problems) -> None:
    """Adds a problem for each mark that is not the spec's to give."""
    for mark in marks:
        if mark in RESERVED_MARKS:
            problems.add(
                "reserved-mark",
                f"the mark {mark} cannot be given by a spec",
                at,
                expected="a mark of your own, registered under 'markers' in pytest's configuration",
                todo="write device: cpu for an evaluation that needs no accelerator"
                if mark == "cpu"
                else None,
            )


def check_checkpoint(written: Written[ModelEntry], problems: Problems) -> None:
    """Adds a problem where a checkpoint's pattern and the coordinates do not fit each other."""
    entry = written.entry
    assert entry is not None
    if entry.coordinates and entry.reference_output is not None:
        problems.add(
            "contradiction",
            f"the model {quoted(written.name)} has one reference_output, and coordinates for several checkpoints",
            written.at("reference_output"),
            expected="the recorded output of one checkpoint",
            todo="give the checkpoint that was promoted a model of its own",
        )
    # ${env:…} has braces as well, and was judged with the paths.
    pattern = re.sub(r"\$\{[^{}]*\}", "", entry.checkpoint or "")
    found = PLACEHOLDER.findall(pattern)
    placeholders, padded = [name for name, _ in found], {name for name, width in found if width}
    others = re.findall(r"\{([^{}]*)\}", PLACEHOLDER.sub("", pattern))
    for name in dict.fromkeys([*placeholders, *others]):
        if name not in entry.coordinates:
            problems.add(
                "unknown-coordinate",
                f"the checkpoint of {quoted(written.name)} holds {{{name}}}, which is no coordinate",
                written.at("checkpoint"),
                expected=f"one of: {listed(entry.coordinates)}"
                if entry.coordinates
                else "a path without braces",
                todo=_instead_of(name, entry.coordinates),
            )
    formatted = {name.partition(":")[0] for name in others}
    misspelt = {nearest(name, entry.coordinates) for name in placeholders if name not in entry.coordinates}
    for name, values in entry.coordinates.items():
        at = written.at("coordinates").value[name].node
        check_values(name, at, problems)
        if name in padded and not all(type(value) is int and value >= 0 for value in values):
            problems.add(
                "bad-coordinate",
                f"the coordinate {quoted(name)} of {quoted(written.name)} is filled up with zeros",
                at,
                expected="whole numbers",
            )
        if name not in placeholders and name not in formatted and name not in misspelt:
            problems.add(
                "unused-coordinate",
                f"the coordinate {quoted(name)} does not stand in the checkpoint of {quoted(written.name)}",
                at,
                expected=f"{{{name}}} in the checkpoint: each value has a file of its own",
            )
        if not values or len({str(value) for value in values}) != len(values):
            problems.add(
                "bad-coordinate",
                f"the coordinate {quoted(name)} of {quoted(written.name)} needs values that differ",
                at,
                expected="a list of one or more values, each once",
            )


def _instead_of(placeholder: str, coordinates: Iterable[str]) -> str | None:
    """What to do about braces that hold no coordinate."""
    close = nearest(placeholder, coordinates)
    if close is not None:
        return f"did you mean {{{close}}}?"
    if re.fullmatch(r"\w+", placeholder):
        return f"declare it: coordinates: {{{placeholder}: […]}}"
    name, colon, _ = placeholder.partition(":")
    return (
        f"write {{{name}}}, or {{{name}:06}} for whole numbers that are filled up with zeros to six digits"
        if colon
        else None
    )


def check_config(written: Written[ModelEntry], problems: Problems) -> None:
    """Adds a problem where a model's config does not say in one way what it is."""
    config = written.entry.config if written.entry else None
    if config is None:
        return
    user, keys = f"config of {quoted(written.name)}", written.at("config").value
    if config.file is None and config.hydra_dir is None:
        problems.add(
            "missing-key",
            f"{user} does not say which",
            written.at("config"),
            expected="file: a YAML, JSON or TOML file, or hydra_dir: a folder, with name:",
        )
    elif config.file is not None and config.hydra_dir is not None:
        problems.add(
            "contradiction",
            f"{user} has both file and hydra_dir",
            keys["hydra_dir"].node,
            expected="one of them",
        )
    elif config.hydra_dir is not None and config.name is None:
        problems.add(
            "missing-key",
            f"{user} does not name hydra's primary config",
            keys["hydra_dir"].node,
            expected="name: what the code gives to hydra as config_name",
        )
    elif config.file is not None and config.name is not None:
        problems.add(
            "without-effect",
            f"name has no effect in {user}: a file is its own name",
            keys["name"].node,
            todo="remove name, or write hydra_dir: in place of file:",
        )


def check_build(written: Written[ModelEntry], problems: Problems) -> None:
    """Adds a problem where nobody says what the model is, or two places do."""
    entry = written.entry
    assert entry is not None
    of_directory = entry.format == "transformers"
    if entry.build is None and not of_directory:
        problems.add(
            "missing-key",
            f"the model {quoted(written.name)} has no 'build'",
            written.key,
            expected="build: module:attribute that makes the model; modules beside the spec come first",
            todo="write format: transformers, if the checkpoint is a directory of that library",
        )
    if of_directory and entry.checkpoint is None:
        problems.add(
            "missing-key",
            f"the model {quoted(written.name)} has no 'checkpoint'",
            written.key,
            expected="checkpoint: the directory that transformers wrote",
        )
    useless = ("build", "args", "state_dict_key", "allow_globals") if of_directory else ()
    for key in useless:
        if key in entry.model_fields_set:
            problems.add(
                "without-effect",
                f"{key} of the model {quoted(written.name)} has no effect beside format: transformers",
                written.at(key),
                todo="remove it: the directory's config.json says what the model is",
            )


def check_attribute(attribute: str | None, at: Node, problems: Problems) -> None:
    """Adds a problem where a file is named in place of its module."""
    module, _, name = (attribute or "").partition(":")
    if module.endswith(".py"):
        problems.add(
            "wrong-value",
            f"{quoted(module)} is a file, not a module",
            at,
            expected="module:attribute",
            found=f"the text {quoted(attribute or '')}",
            todo=f"write {module.removesuffix('.py')}:{name}",
        )


def check_source(written: Written[DatasetEntry], problems: Problems) -> None:
    """Adds a problem where a dataset does not say in one way how it is read."""
    entry = written.entry
    assert entry is not None
    if entry.load is None and entry.path is None:
        problems.add(
            "missing-key",
            f"the dataset {quoted(written.name)} does not say how it is read",
            written.key,
            expected="load: module:function, or path: a file or folder",
        )
    elif entry.load is not None and entry.path is not None:
        problems.add(
            "contradiction",
            f"the dataset {quoted(written.name)} has both load and path",
            written.at("path"),
            expected="one of them",
            todo="hand the path to the function: args: {path: …}, files: […]",
        )
    elif entry.path is not None and entry.files:
        problems.add(
            "without-effect",
            f"files of the dataset {quoted(written.name)} has no effect beside path",
            written.at("files"),
            expected="files together with load: it names what the function reads",
            todo="remove files; what path names belongs to the evaluation's key by itself",
        )
    if entry.files and entry.sha256:
        problems.add(
            "contradiction",
            f"the dataset {quoted(written.name)} has both files and sha256",
            written.at("sha256"),
            expected="files, whose content is hashed, or sha256 in their place",
        )


def check_needs(
    written: Written[EvaluationEntry],
    defaults: Written[DefaultsEntry],
    task: TaskDeclaration,
    names: Names,
    problems: Problems,
) -> None:
    """Adds a problem unless an evaluation names what its task needs, and no more."""
    user = f"the evaluation {quoted(written.name)}"
    for kind, needed in (("model", task.needs_model), ("dataset", task.needs_dataset)):
        name = chosen(kind, written, defaults)
        if name is not None and needed:
            names.check(name, kind, place_of(kind, written, defaults), user, problems)
        elif needed and kind not in defaults.broken:
            problems.add(
                "missing-key",
                f"{user} names no {kind}, which the task {task.name} needs",
                written.key,
                expected=f"{kind}: one of {listed(names.of(kind))}" if names.of(kind) else f"{kind}: NAME",
            )
        elif not needed and written.has(kind):
            problems.add(
                "without-effect",
                f"{user} names a {kind}, and the task {task.name} takes none",
                written.at(kind),
                todo=f"remove {kind}",
            )
    for key in OF_INFERENCE if task.reads_files else ():
        if written.has(key):
            problems.add(
                "without-effect",
                f"{user} has {key}, and the task {task.name} runs no model",
                written.at(key),
                todo=f"remove {key}",
            )


def check_everything_checked(document: Document, problems: Problems) -> None:
    """Adds a problem for an evaluation without checks that nothing compares with."""
    layers: list[Written[Any]] = [document.defaults, *document.evaluations.values()]
    layers += [check for checks in document.checks.values() for check in checks]
    # As written, because a check that is broken elsewhere still says what it compares with.
    baselines = [written.at("baseline").value for written in layers if written.has("baseline")]
    compared = {baseline for baseline in baselines if isinstance(baseline, str)}
    for name, evaluation in document.evaluations.items():
        if evaluation.entry is not None and not evaluation.entry.checks and name not in compared:
            problems.add(
                "no-checks",
                f"the evaluation {quoted(name)} checks nothing",
                evaluation.key,
                expected="checks: a list of {metric: …, min: …}, or a check elsewhere that compares with it",
            )


def check_task_baselines(document: Document, tasks: Sequence[TaskDeclaration], problems: Problems) -> None:
    """Adds a problem where a name of the spec hides a baseline that a task of the spec computes."""
    sections: tuple[Mapping[str, Written[Any]], ...] = (
        document.models,
        document.baselines,
        document.evaluations,
    )
    computed = {name: task for task in tasks for name in task.baselines}
    for section in sections:
        for name in section.keys() & computed.keys():
            problems.add(
                "name-taken",
                f"{quoted(name)} is also a baseline that the task {computed[name].name} computes",
                section[name].key,
                expected="another name, so that 'baseline: NAME' has one meaning",
            )


def check_default_baseline(document: Document, checks: Sequence[Check], problems: Problems) -> None:
    """Adds a problem where the defaults have a baseline, and no check of the spec compares."""
    written = sum(len(of_one) for of_one in document.checks.values())
    named = document.defaults.entry is not None and document.defaults.entry.baseline is not None
    if named and len(checks) == written and not any(check.bound.compares for check in checks):
        problems.add(
            "without-effect",
            "baseline of defaults has no effect: no check compares",
            document.defaults.at("baseline"),
            expected="a check with min_improvement, max_degradation or max_difference",
            todo="add such a check, or remove the baseline",
        )


def check_evaluation_baseline(
    written: Written[EvaluationEntry], checks: Sequence[Check], problems: Problems
) -> None:
    """Adds a problem where an evaluation has a baseline, and none of its checks compares."""
    if written.entry is None or written.entry.baseline is None or len(checks) < len(written.entry.checks):
        return
    if not any(check.bound.compares for check in checks):
        problems.add(
            "without-effect",
            f"baseline of the evaluation {quoted(written.name)} has no effect: none of its checks compares",
            written.at("baseline"),
            expected="a check with min_improvement, max_degradation or max_difference",
            todo="add such a check, or remove the baseline",
        )
