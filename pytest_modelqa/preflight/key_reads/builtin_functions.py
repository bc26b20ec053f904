"""Python's own functions, as far as configs pass through them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from ..composed import NOTHING
from .assignments import open_up, write
from .call import Call
from .lookups import constant, contains, is_mapping, items_of
from .methods import mirror_part
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
    Part,
    Partial,
    Record,
    Super,
    Value,
    either,
    merged,
)

_LONGEST_RANGE = 64
_MAPPINGS = frozenset({"DictConfig", "dict", "Mapping", "MutableMapping", "OrderedDict"})
_LISTS = frozenset({"ListConfig", "list", "tuple", "Sequence", "Iterable"})
_PLAIN = {"str": str, "int": int, "float": float, "bool": bool}


def mapping(call: Call) -> Value:
    """``dict(mapping, **mapping, key=value)``, ``dict([(key, value), …])``."""
    named = [Record(dict(call.kwargs))] if call.kwargs else []
    return merged([*map(partial(_of_pairs, call), call.args[:1]), *call.stars, *named])


def _of_pairs(call: Call, value: Value) -> Value:
    pairs = value.items if isinstance(value, Items) else []
    if not pairs or not all(isinstance(pair, Items) and len(pair.items) == 2 for pair in pairs):
        return value
    made = Record({})
    for pair in pairs:
        key, inner = pair.items if isinstance(pair, Items) else (UNKNOWN, UNKNOWN)
        name = constant(call.machine, key)
        if isinstance(name, (str, int)):
            made.fields[name] = inner
        else:
            made.open = True
    return made


def _getattr(call: Call) -> Value:
    name = constant(call.machine, call.argument(1, "name"))
    default = call.args[2] if len(call.args) > 2 else None
    if isinstance(name, str):
        return call.machine.attribute(call.first, name, call.node, default)
    return call.machine.subscript(call.first, name, call.node)


def _hasattr(call: Call) -> Value:
    name = constant(call.machine, call.argument(1, "name"))
    if isinstance(call.first, Part | Layers | Record) and isinstance(name, str):
        there = contains(call.machine, call.first, name)
        return UNKNOWN if there is None else Known(there)
    return UNKNOWN


def _setattr(call: Call) -> Value:
    name, value = constant(call.machine, call.argument(1, "name")), call.argument(2, "value")
    if not isinstance(name, str):
        open_up(call.first)
        return Known(None)
    write(call.machine, call.first, name, value)
    mirror_part(call.first, name, value)
    return Known(None)


def _isinstance(call: Call) -> Value:
    kinds = call.argument(1, "")
    named = kinds.items if isinstance(kinds, Items) else [kinds]
    answers = [_is_a(call, call.first, kind) for kind in named]
    if True in answers:
        return Known(True)
    return UNKNOWN if None in answers else Known(False)


def _is_a(call: Call, value: Value, kind: Value) -> bool | None:
    if not isinstance(kind, Library):
        return None
    name = kind.name.rpartition(".")[2]
    plain = constant(call.machine, value)
    if is_mapping(call.machine, value):
        return name in _MAPPINGS if name in _MAPPINGS | _LISTS | set(_PLAIN) else None
    if plain is NOTHING or isinstance(plain, dict):
        return None
    if name in _PLAIN:
        return isinstance(plain, _PLAIN[name])
    if name in _MAPPINGS:
        return False
    return isinstance(plain, (list, tuple)) if name in _LISTS else None


def _super(call: Call) -> Value:
    method = call.machine.frame.method
    if call.args and isinstance(call.args[0], Class):
        return Super(call.args[0], call.argument(1, ""))
    return Super(method[0], method[1]) if method else UNKNOWN


def _same(call: Call) -> Value:
    return call.first


def _listed(call: Call) -> Value:
    if not call.args:
        return Items([])
    items = items_of(call.machine, call.first)
    return UNKNOWN if items is None else Items(list(items))


def _ordered(call: Call) -> Value:
    """``sorted``, ``max``, ``min``: which item comes first is known where what they are compared by is."""
    name = call.name.rpartition(".")[2]
    items, key = items_of(call.machine, call.first), call.kwargs.get("key")
    if items is None or len(call.args) > 1:
        return UNKNOWN
    by = items if key is None else [call.machine.call_value(key, [each], {}, [], call.node) for each in items]
    known = [constant(call.machine, value) for value in by]
    any_of_them = either(items)
    order: list[Value] = [any_of_them] * len(items)
    if NOTHING not in known and "reverse" not in call.kwargs:
        with suppress(TypeError):
            order = [item for _, item in sorted(zip(known, items, strict=True), key=lambda pair: pair[0])]
    if name == "sorted":
        return Items(order)
    return (order[0] if name == "min" else order[-1]) if order else UNKNOWN


def _filter(call: Call) -> Value:
    items = items_of(call.machine, call.argument(1, ""))
    answers = [
        (item, call.machine.truth(call.machine.call_value(call.first, [item], {}, [], call.node)))
        for item in ([UNKNOWN] if items is None else items)
    ]
    return UNKNOWN if items is None else Items([item for item, answer in answers if answer is not False])


def _reversed(call: Call) -> Value:
    items = items_of(call.machine, call.first)
    return UNKNOWN if items is None else Items(items[::-1])


def _any_or_all(call: Call) -> Value:
    items = items_of(call.machine, call.first)
    answers = {None} if items is None else {call.machine.truth(item) for item in items}
    decisive = call.name.endswith("any")
    if decisive in answers:
        return Known(decisive)
    return UNKNOWN if None in answers else Known(not decisive)


def _enumerate(call: Call) -> Value:
    items = items_of(call.machine, call.first)
    return UNKNOWN if items is None else Items([Items([Known(i), item]) for i, item in enumerate(items)])


def _zip(call: Call) -> Value:
    columns = [items_of(call.machine, arg) for arg in call.args]
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        # One side known is enough to follow its items.
        length = min((len(column) for column in known), default=0)
        known = [column if column is not None else [UNKNOWN] * length for column in columns]
        if not length:
            return UNKNOWN
    return Items([Items(list(row)) for row in zip(*known, strict=False)])


def _range(call: Call) -> Value:
    bounds = [constant(call.machine, arg) for arg in call.args]
    if bounds and all(isinstance(bound, int) for bound in bounds) and 0 not in bounds[2:]:
        steps = range(*bounds)
        if len(steps) <= _LONGEST_RANGE:
            return Known(steps)
    return UNKNOWN


def _len(call: Call) -> Value:
    plain = constant(call.machine, call.first)
    return Known(len(plain)) if isinstance(plain, (str, list, dict, tuple)) else UNKNOWN


def _converted(call: Call) -> Value:
    plain, name = constant(call.machine, call.first), call.name.rpartition(".")[2]
    if plain is NOTHING or isinstance(plain, (list, dict)):
        return UNKNOWN
    try:
        return Known(_PLAIN[name](plain))
    except (TypeError, ValueError, OverflowError):
        return UNKNOWN


def _map(call: Call) -> Value:
    items = items_of(call.machine, call.argument(1, ""))
    if not isinstance(call.first, Function | Class | Bound | Partial):
        return UNKNOWN
    each = [UNKNOWN] if items is None else items
    return Items([call.machine.call_value(call.first, [item], {}, [], call.node) for item in each])


def _first(call: Call) -> Value:
    items = items_of(call.machine, call.first)
    return items[0] if items else UNKNOWN


def _vars(call: Call) -> Value:
    # Of an object: its attributes, which change with it.
    return call.first if call.args else UNKNOWN


def _run_text(call: Call) -> Value:
    """``eval`` and ``exec``: an expression that is known is followed like any other."""
    text = constant(call.machine, call.first)
    if isinstance(text, str) and call.name.endswith("eval"):
        with suppress(SyntaxError, ValueError):
            expression = ast.parse(text.strip(), mode="eval").body
            for node in ast.walk(expression):
                ast.copy_location(node, call.node)
            return call.machine.evaluate(expression)
    call.machine.log.note(f"what {ast.unparse(call.node)} runs", call.place)
    return UNKNOWN


def _nothing(call: Call) -> Value:
    return UNKNOWN


def _type(call: Call) -> Value:
    return call.first.of if isinstance(call.first, Instance) else UNKNOWN


_FUNCTIONS: Mapping[str, Callable[[Call], Value | None]] = {
    "dict": mapping, "getattr": _getattr, "hasattr": _hasattr, "setattr": _setattr, "isinstance": _isinstance,
    "super": _super, "vars": _vars, "list": _listed, "tuple": _listed, "sorted": _ordered, "reversed": _reversed,
    "max": _ordered, "min": _ordered, "filter": _filter, "any": _any_or_all, "all": _any_or_all,
    "set": _listed, "frozenset": _listed, "iter": _same, "next": _first, "enumerate": _enumerate, "zip": _zip,
    "range": _range, "len": _len, "str": _converted, "int": _converted, "float": _converted,
    "bool": _converted, "map": _map, "type": _type, "eval": _run_text, "exec": _run_text,
    **dict.fromkeys(
        ("print", "repr", "id", "hash", "callable", "issubclass", "sum", "abs",
         "round", "format", "input", "object", "property", "staticmethod", "classmethod", "globals", "locals"),
        _nothing,
    ),
}  # fmt: skip
BUILTINS: Mapping[str, Callable[[Call], Value | None]] = {
    f"builtins.{name}": handler for name, handler in _FUNCTIONS.items()
}
