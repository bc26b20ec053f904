"""Which keys of a config the files of a program read."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
# Of two such names, the one that is less often something else.
_OTHERS = frozenset({"args", "opt", "opts", "c"})
_SUFFIXES = ("_cfg", "_config", "_conf")
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
    own = [made for source in opened for made in _own(machine, source)]
    # What the program names is called from what it does not name, or else chosen while it runs.
    chosen = [made for made in own if machine.sources.mentions(made.name, made.node)]
    for made in (*(each for each in own if each not in chosen), *chosen):
        attempt = _follow_uncalled(machine, made)
        machine.log.accept(attempt.as_notes(made.name) if made in chosen else attempt)
        _call_what_frameworks_call(machine)


def _own(machine: Machine, source: Source) -> Iterator[Function | Class]:
    for value in source.names.values():
        made = machine.undecorated.get(value, value) if isinstance(value, Function) else value
        if isinstance(made, Function | Class) and made.source is source:
            yield made


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
            if function in machine.called or not _is_called_by_others(machine, function):
                continue
            if function in machine.tabled - machine.handed:
                with _apart(machine) as attempt:
                    _run(machine, function, [])
                machine.log.accept(attempt.as_notes(function.name))
            else:
                _run(machine, function, [])


def _is_called_by_others(machine: Machine, function: Function) -> bool:
    if function in machine.undecorated:
        return False
    inner = len(function.around) > 1 or isinstance(function.node, ast.Lambda)
    return inner or function in machine.handed


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
        with machine.under(function.condition):
            call_function(machine, function, args, {})
    finally:
        machine.frames.pop()


def _follow_uncalled(machine: Machine, made: Function | Class) -> Log:
    """A function or class of the files that nothing visible calls; what it is given may be the config."""
    if isinstance(made, Function) and made in machine.called:
        return Log()
    if isinstance(made, Class) and any(made in each.of.lineage() for each in machine.instances):
        return Log()
    function = made if isinstance(made, Function) else made.lookup("__init__")
    if not isinstance(function, Function):
        return Log()
    parameters = [*function.node.args.posonlyargs, *function.node.args.args, *function.node.args.kwonlyargs]
    likely = sorted((arg.arg for arg in parameters if _likely(arg)), key=_OTHERS.__contains__)
    attempt = _attempt(machine, made, likely[:1])
    if likely and _part_named(machine, likely[0]) is None and not _is_of_the_config(machine, attempt):
        first = next(iter(sorted(attempt.reads.values())), None)
        if first is not None:
            machine.log.note(
                f"what {function.name} is given as {likely[0]}, which nothing in the sources calls", first
            )
        attempt = _attempt(machine, made, [])
    return attempt


@contextmanager
def _apart(machine: Machine) -> Iterator[Log]:
    """What is found inside goes into a log of its own."""
    log, machine.log = machine.log, Log()
    try:
        yield machine.log
    finally:
        machine.log = log


def _likely(arg: ast.arg) -> bool:
    annotation = ast.unparse(arg.annotation) if arg.annotation is not None else ""
    named = arg.arg in _NAMES or arg.arg.endswith(_SUFFIXES)
    return named or any(name in annotation for name in _ANNOTATIONS)


def _part_named(machine: Machine, name: str) -> Part | None:
    """The part of the config that ``model_cfg`` speaks of."""
    for suffix in _SUFFIXES:
        part = Part((name.removesuffix(suffix),))
        if name.endswith(suffix) and isinstance(machine.config.at(part.path), dict):
            return part
    return None


def _attempt(machine: Machine, made: Function | Class, names: list[str]) -> Log:
    """What is read if the parameters of these names are given the config."""
    kwargs: dict[str, Value] = {name: _part_named(machine, name) or Part(()) for name in names}
    machine.frames.append(Frame(made.source, (made.source.names,)))
    try:
        with _apart(machine) as log:
            if isinstance(made, Class):
                instantiate(machine, made, [], kwargs, [], made.node)
            else:
                call_function(machine, made, [], kwargs)
            _call_what_frameworks_call(machine)
    finally:
        machine.frames.pop()
    return log


def _is_of_the_config(machine: Machine, attempt: Log) -> bool:
    """Whether most of the keys that are read at the top are there, so that it was no part of the config."""
    top = {path[:1] for path in (*attempt.reads, *attempt.misses)}
    tree = machine.config.tree
    there = [path for path in top if isinstance(tree, dict) and path[0] in tree]
    return not top or len(there) * 2 >= len(top)
