"""Functions of Python's standard library that call, describe or load parts of the program."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .access import unstarred
from .call import Call
from .lookups import constant, items_of
from .schemas import fields_of
from .values import (
    UNKNOWN,
    Bound,
    Class,
    Function,
    Instance,
    Items,
    Known,
    Layers,
    Library,
    Partial,
    Record,
    Value,
)


def _partial(call: Call) -> Value:
    rest = call.args[1:]
    if not isinstance(call.first, Function | Class | Bound | Partial):
        return UNKNOWN
    # What is not given yet is unknown, not missing; what is given is read now as well as later.
    taken, _ = unstarred(call.machine, call.stars, call.node)
    call.machine.call_value(call.first, rest, {**taken, **call.kwargs}, [], call.node)
    return Partial(call.first, rest, call.kwargs, call.stars)


def _started(call: Call) -> Value | None:
    """``Thread(target=f, args=(cfg,))``, ``mp.spawn(f, args=(cfg,))``: f is called with them."""
    function = call.kwargs.get("target", call.kwargs.get("fn", call.first))
    given = call.argument(1, "args") if call.name.endswith("spawn") else call.kwargs.get("args", UNKNOWN)
    if not isinstance(function, Function | Bound | Partial):
        return None
    index = [UNKNOWN] if call.name.endswith("spawn") else []
    stars = [call.kwargs["kwargs"]] if "kwargs" in call.kwargs else []
    items = items_of(call.machine, given) or []
    call.machine.call_value(function, [*index, *items], {}, stars, call.node)
    return UNKNOWN


def _gathered(call: Call) -> Value:
    return Items(list(call.args))


def _signature(call: Call) -> Value:
    """``inspect.signature(f)``: the names of the parameters."""
    made = call.first.lookup("__init__") if isinstance(call.first, Class) else call.first
    if not isinstance(made, Function):
        return UNKNOWN
    spec = made.node.args
    names = [arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    return Record({"parameters": Record(dict.fromkeys(names, UNKNOWN))})


def _fields(call: Call) -> Value:
    """``dataclasses.fields(C)``: the names of the fields."""
    made = call.first.of if isinstance(call.first, Instance) else call.first
    if not isinstance(made, Class):
        return UNKNOWN
    return Items(
        [
            Record({"name": Known(name), "init": Known(True)}, open=True)
            for name in fields_of(call.machine, made).fields
        ]
    )


def _imported(call: Call) -> Value:
    """``importlib.import_module("package.module")``."""
    name = constant(call.machine, call.first)
    if not isinstance(name, str):
        return UNKNOWN
    source = call.machine.sources.module(name, call.machine.frame.source.path)
    if source is None:
        return Library(name)
    source.names.setdefault("__name__", Known(name))
    call.machine.run_module(source)
    return source


def _reduced(call: Call) -> Value:
    """``functools.reduce(f, items, first)``."""
    items = items_of(call.machine, call.argument(1, ""))
    given = [*call.args[2:3], *(items or [])]
    if items is None or not given:
        return UNKNOWN
    value = given[0]
    for item in given[1:]:
        value = call.machine.call_value(call.first, [value, item], {}, [], call.node)
    return value


def _chained(call: Call) -> Value:
    """``collections.ChainMap``: the first that has a key gives it."""
    return Layers(tuple(reversed(call.args)))


def _item(call: Call) -> Value:
    """``operator.getitem``."""
    return call.machine.subscript(call.first, constant(call.machine, call.argument(1, "")), call.node)


def _cast(call: Call) -> Value:
    return call.argument(1, "val")


def _same(call: Call) -> Value:
    return call.first


STANDARD: Mapping[str, Callable[[Call], Value | None]] = {
    "functools.partial": _partial,
    "functools.reduce": _reduced,
    "operator.getitem": _item,
    "collections.ChainMap": _chained,
    "typing.cast": _cast,
    "importlib.import_module": _imported,
    "inspect.signature": _signature,
    "dataclasses.fields": _fields,
    **dict.fromkeys(
        ("threading.Thread", "multiprocessing.Process", "torch.multiprocessing.spawn",
         "torch.multiprocessing.Process"),
        _started,
    ),
    "asyncio.gather": _gathered,
    **dict.fromkeys(
        (f"asyncio.{name}" for name in ("run", "create_task", "ensure_future", "shield", "wait_for")), _same
    ),
}  # fmt: skip
