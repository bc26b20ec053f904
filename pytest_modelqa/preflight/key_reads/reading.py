"""Which keys of a config the files of a program read."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..composed import Composed
from .calls import call_function, instantiate
from .log import Log, Place
from .machine import Machine, TooLongError
from .sources import Sources
from .values import Class, Frame, Function, Instance, Part, Source, Value

# Names under which a function is usually given a config.
_NAMES = frozenset(
    {"cfg", "config", "conf", "configuration", "hparams", "opt", "opts", "settings", "c", "args"}
)
_EMPTY = Composed({}, frozenset(), {}, {})
_ANNOTATIONS = ("DictConfig", "OmegaConf", "ConfigDict", "Namespace")


def read_keys(config: Composed, name: str, folder: Path, files: Sequence[Path]) -> Log:
    """What a program reads of its config, found without running it.

    Args:
        config: The composed config.
        name: The config's file, or hydra's name of it, to tell it from other files that are loaded.
        folder: The spec's folder: modules are looked for there, and beside each file.
        files: The files of the program.
    """
    sources = Sources([folder, *dict.fromkeys(file.parent for file in files)])
    machine = Machine(config, name, folder, sources)
    try:
        _follow(machine, files)
    except (TooLongError, RecursionError):
        machine.log.note(
            "all that stands after this: the program is too long, or nested too deep",
            Place(files[0].name if files else "", 1),
        )
    for path, why in sources.broken.items():
        machine.log.note(f"what {path.name} reads: it cannot be parsed ({why})", Place(str(path), 1))
    return machine.log


def stored_nodes(folder: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    """What a program puts into hydra's ConfigStore as its modules are imported."""
    machine = Machine(_EMPTY, "", folder, Sources([folder, *dict.fromkeys(file.parent for file in files)]))
    try:
        for source in map(machine.sources.open, files):
            if source is not None:
                machine.run_module(source)
    except (TooLongError, RecursionError):
        # What is not there will be missing in the config, and be told.
        pass
    return machine.stored


def _follow(machine: Machine, files: Sequence[Path]) -> None:
    opened = [source for source in map(machine.sources.open, files) if source is not None]
    for source in opened:
        machine.run_module(source)
    _call_what_frameworks_call(machine)
    for source in opened:
        for made in list(_own(source)):
            _follow_uncalled(machine, source, made)
            _call_what_frameworks_call(machine)


def _own(source: Source) -> Iterator[Function | Class]:
    for value in source.names.values():
        if isinstance(value, Function | Class) and value.source is source:
            yield value


def _call_what_frameworks_call(machine: Machine) -> None:
    """Methods of objects, and functions inside functions, that nothing visible calls: a framework does."""
    seen = -1
    while seen != len(machine.called):
        seen = len(machine.called)
        for instance in list(machine.instances):
            for function in _methods(instance):
                if function not in machine.called:
                    _run(machine, function, [instance])
        for function in list(machine.functions):
            if function not in machine.called and len(function.around) > 1:
                _run(machine, function, [])


def _methods(instance: Instance) -> Iterator[Function]:
    for made in instance.of.lineage():
        for value in list(made.names.values()):
            if isinstance(value, Function) and isinstance(value.node, ast.FunctionDef | ast.AsyncFunctionDef):
                marks = [ast.unparse(mark) for mark in value.node.decorator_list]
                if not any(mark in ("staticmethod", "classmethod") for mark in marks):
                    yield value


def _run(machine: Machine, function: Function, args: list[Value]) -> None:
    machine.frames.append(Frame(function.source, (function.source.names,)))
    try:
        call_function(machine, function, args, {})
    finally:
        machine.frames.pop()


def _follow_uncalled(machine: Machine, source: Source, made: Function | Class) -> None:
    """A function or class of the files that nothing visible calls; what it is given may be the config."""
    if isinstance(made, Function) and made in machine.called:
        return
    if isinstance(made, Class) and any(made in each.of.lineage() for each in machine.instances):
        return
    function = made if isinstance(made, Function) else made.lookup("__init__")
    if not isinstance(function, Function):
        return
    parameters = [*function.node.args.posonlyargs, *function.node.args.args, *function.node.args.kwonlyargs]
    likely = [arg.arg for arg in parameters if _likely(arg)]
    attempt = _attempt(machine, source, made, likely[:1])
    if likely and not _is_of_the_config(machine, attempt):
        first = next(iter(sorted(attempt.reads.values())), None)
        if first is not None:
            machine.log.note(
                f"what {function.name} is given as {likely[0]}, which nothing in the sources calls", first
            )
        attempt = _attempt(machine, source, made, [])
    machine.log.accept(attempt)


def _likely(arg: ast.arg) -> bool:
    annotation = ast.unparse(arg.annotation) if arg.annotation is not None else ""
    return arg.arg in _NAMES or any(name in annotation for name in _ANNOTATIONS)


def _attempt(machine: Machine, source: Source, made: Function | Class, names: list[str]) -> Log:
    """What is read if the parameters of these names are given the config."""
    log, machine.log = machine.log, Log()
    kwargs: dict[str, Value] = {name: Part(()) for name in names}
    machine.frames.append(Frame(source, (source.names,)))
    try:
        if isinstance(made, Class):
            instantiate(machine, made, [], kwargs, [], made.node)
        else:
            call_function(machine, made, [], kwargs)
        _call_what_frameworks_call(machine)
    finally:
        machine.frames.pop()
        log, machine.log = machine.log, log
    return log


def _is_of_the_config(machine: Machine, attempt: Log) -> bool:
    """Whether most of the keys that are read at the top are there, so that it was no part of the config."""
    top = {path[:1] for path in (*attempt.reads, *attempt.misses)}
    tree = machine.config.tree
    there = [path for path in top if isinstance(tree, dict) and path[0] in tree]
    return not top or len(there) * 2 >= len(top)
