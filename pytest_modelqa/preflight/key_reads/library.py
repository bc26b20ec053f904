"""What functions of libraries that handle configs give: OmegaConf, hydra, YAML, JSON, TOML, argparse, pydantic."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..composed import NOTHING
from .access import miss, read_key
from .builtin_functions import BUILTINS, mapping
from .call import Call
from .files import loaded
from .lookups import NotThere, constant, is_mapping, items_of, lookup, path_of
from .schemas import fields_of, is_schema, structured
from .standard_library import STANDARD
from .targets import instantiate_target
from .values import (
    UNKNOWN,
    Class,
    Function,
    Instance,
    Items,
    Known,
    Layers,
    Library,
    NoneOf,
    OpenFile,
    Parser,
    Part,
    Record,
    Value,
    merged,
)

if TYPE_CHECKING:
    from .machine import Machine

# They show, keep or check a config, and read no key of it.
_HARMLESS = re.compile(
    r"omegaconf\.OmegaConf\.(to_yaml|save|resolve|set_\w+|is_\w+|clear_\w+|register_\w+|get_type|missing_keys)$"
    r"|^(logging|logger|loguru|rich|pprint|warnings|wandb|mlflow|tensorboard|click\.echo|json\.dumps?|yaml\.\w*dump\w*)"
    r"|^torch\.save$|^pickle\.dumps?$|^sys\.|\.(log_hyperparams|log_params|add_hparams|info|debug|warning|error|exception)$"
)
# Mappings whose keys can be read as attributes.
_WRAPPERS = re.compile(
    r"easydict|edict|box|munch|munchify|attrdict|attributedict|dotdict|configdict|addict|dictconfig|listconfig|cfgnode"
    r"|simplenamespace|ordereddict|mappingproxytype|defaultdict|bunch|dotmap|config|dict2obj"
)
_READERS = re.compile(
    r"^(yaml|json|toml|tomllib|tomli|ruamel)\.(\w+\.)*(safe_|full_|unsafe_)?load(s)?$|^pyjson5\.load"
)


def call_library(
    machine: Machine,
    name: str,
    args: list[Value],
    kwargs: dict[str, Value],
    stars: list[Value],
    node: ast.Call,
) -> Value | None:
    """What a call of a library's function gives; None where it is not known what it does."""
    call = Call(machine, name, args, kwargs, stars, node)
    handler = _HANDLERS.get(name) or STANDARD.get(name) or BUILTINS.get(name)
    if handler is not None:
        return handler(call)
    if _READERS.match(name):
        return loaded(call, name.partition(".")[0])
    if _HARMLESS.search(name):
        return UNKNOWN
    last = name.rpartition(".")[2]
    if _WRAPPERS.fullmatch(last.lower()) and not name.startswith("builtins."):
        return mapping(call)
    if last == "ArgumentParser":
        return _parser(call)
    return None


def _load(call: Call) -> Value:
    return loaded(call, "yaml")


def _compose(call: Call) -> Value:
    return call.machine.root()


def _same(call: Call) -> Value:
    return call.first


def _create(call: Call) -> Value:
    first = call.first
    return Record({}) if not call.args else first


def _structured(call: Call) -> Value:
    first = call.first
    if isinstance(first, Class) and is_schema(first):
        return structured(call.machine, first, Record({}))
    if isinstance(first, Instance):
        return Record(dict(first.attributes), schema=True)
    return first


def _merge(call: Call) -> Value:
    layers: list[Value] = []
    for value in call.args:
        plain: Value = Record(dict(value.attributes), schema=True) if isinstance(value, Instance) else value
        if isinstance(plain, Class) and is_schema(plain):
            plain = structured(call.machine, plain, Record({}))
        flat = plain.layers if isinstance(plain, Layers) else (plain,)
        layers += [Record({}, open=True) if each == UNKNOWN else each for each in flat]
    return merged(layers) if layers else UNKNOWN


def _to_object(call: Call) -> Value:
    """``OmegaConf.to_object``: no value may be missing."""
    machine, path = call.machine, path_of(call.first)
    if path is not None:
        layers = call.first.layers if isinstance(call.first, Layers) else ()
        required = {name for layer in layers if isinstance(layer, Record) for name in layer.required}
        lacking = [
            (*path, name) for name in required if isinstance(lookup(machine, call.first, name), NotThere)
        ]
        lacking += [each for each in machine.config.missing if each[: len(path)] == path]
        for each in lacking:
            miss(machine, each, call.node, "it has no value (???)" if each in machine.config.missing else "")
    return call.first


def _select(call: Call) -> Value:
    key = constant(call.machine, call.argument(1, "key"))
    value = call.first
    if not isinstance(key, str):
        path = path_of(value)
        if path is not None:
            text = ast.unparse(call.node)
            call.machine.log.note(f"which key is read by {text} is known only while it runs", call.place)
            call.machine.log.read_whole(path, call.place)
        return UNKNOWN
    default = call.kwargs.get("default", Known(None))
    for step in re.findall(r"[^.\[\]]+", key):
        if isinstance(lookup(call.machine, value, step), NotThere) and "default" not in call.kwargs:
            # It gives None, where the code most likely wants a value: still a key that is read.
            path = path_of(value)
            if path is None:
                return Known(None)
            call.machine.log.read((*path, step), call.place)
            return NoneOf(None, (*path, step))
        index = int(step) if step.isdigit() and not is_mapping(call.machine, value) else step
        value = read_key(call.machine, value, index, call.node, default=default)
    return value


def _update(call: Call) -> Value:
    key, path = constant(call.machine, call.argument(1, "key")), path_of(call.first)
    if isinstance(key, str) and path is not None:
        steps = (*path, *key.split("."))
        for length in range(len(path) + 1, len(steps)):
            if isinstance(lookup(call.machine, Part(steps[: length - 1]), steps[length - 1]), NotThere):
                call.machine.written[steps[:length]] = Record({}, open=True)
        call.machine.written[steps] = call.argument(2, "value")
    return Known(None)


def _is_missing(call: Call) -> Value:
    key, path = constant(call.machine, call.argument(1, "key")), path_of(call.first)
    if isinstance(key, (str, int)) and path is not None:
        call.machine.log.read((*path, str(key)), call.place)
        return Known((*path, str(key)) in call.machine.config.missing)
    return UNKNOWN


def _empty(call: Call) -> Value:
    # What the command line gives stands under `overrides` in the spec.
    return Record({})


def _from_dotlist(call: Call) -> Value:
    """``OmegaConf.from_dotlist(["a.b=1"])``."""
    texts, made = constant(call.machine, call.first), Record({})
    for text in texts if isinstance(texts, list) else []:
        *steps, last = str(text).partition("=")[0].split(".")
        holder = made
        for step in steps:
            below = holder.fields.setdefault(step, Record({}))
            holder = below if isinstance(below, Record) else Record({})
        holder.fields[last] = UNKNOWN
    return made


def _namespace(call: Call) -> Value:
    return mapping(Call(call.machine, call.name, [], call.kwargs, call.stars, call.node))


def _parser(call: Call) -> Value:
    parents = items_of(call.machine, call.kwargs.get("parents", Items([]))) or []
    known = [parent for parent in parents if isinstance(parent, Parser)]
    fields = {name: value for parent in known for name, value in parent.namespace.fields.items()}
    return Parser(Record(fields), [layer for parent in known for layer in parent.merged])


def _field(call: Call) -> Value:
    if "default_factory" in call.kwargs:
        factory = call.kwargs["default_factory"]
        if isinstance(factory, Library):
            return Record({}) if factory.name == "builtins.dict" else Items([])
        if isinstance(factory, Function | Class):
            return call.machine.call_value(factory, [], {}, [], call.node)
        return UNKNOWN
    default = call.kwargs.get(
        "default", call.args[0] if call.args and call.name.startswith("pydantic") else None
    )
    if default is None or constant(call.machine, default) is Ellipsis:
        return Known("???")
    return default


def _from_data(call: Call) -> Value:
    """``dacite.from_dict(data_class=…, data=…)``, ``cattrs.structure(data, cls)``."""
    values = [*call.args, *call.kwargs.values()]
    described = next((value for value in values if isinstance(value, Class)), None)
    data = next((value for value in values if value is not described and path_of(value) is not None), None)
    if described is None or data is None:
        return UNKNOWN
    return structured(call.machine, described, data)


def _instantiate(call: Call) -> Value:
    return instantiate_target(call)


def _store(call: Call) -> Value:
    """``ConfigStore.instance().store(name=…, node=…)``."""
    given = {
        name: constant(call.machine, call.kwargs.get(name, Known(None))) for name in ("group", "package")
    }
    name, node = constant(call.machine, call.argument(0, "name")), call.argument(1, "node")
    if isinstance(name, str):
        if isinstance(node, Class) and is_schema(node):
            node = fields_of(call.machine, node)
        plain = _plain(call.machine, node)
        if isinstance(plain, dict):
            said = {key: value for key, value in given.items() if isinstance(value, str)}
            call.machine.stored.append({"name": name, "node": plain, **said})
    return Known(None)


def _plain(machine: Machine, value: Value) -> Any:
    """A value as YAML would hold it; what is not known is null."""
    if isinstance(value, Record):
        return {
            key: "???" if key in value.required and not isinstance(inner, Record) else _plain(machine, inner)
            for key, inner in value.fields.items()
        }
    if isinstance(value, Instance):
        return {key: _plain(machine, inner) for key, inner in value.attributes.items()}
    if isinstance(value, Items):
        return [_plain(machine, item) for item in value.items]
    known = constant(machine, value)
    return None if known is NOTHING else known


def _config_store(call: Call) -> Value:
    return Library("hydra.ConfigStore")


def _opened(call: Call) -> Value:
    return OpenFile(call.first)


def _last(call: Call) -> Value:
    return call.args[-1] if call.args else UNKNOWN


def _nothing(call: Call) -> Value:
    return UNKNOWN


_OMEGACONF: Mapping[str, Callable[[Call], Value | None]] = {
    "load": _load, "create": _create, "structured": _structured, "merge": _merge, "unsafe_merge": _merge,
    "to_container": _same, "to_object": _to_object, "masked_copy": _same, "select": _select, "update": _update,
    "is_missing": _is_missing, "from_cli": _empty, "from_dotlist": _from_dotlist,
}  # fmt: skip
_HANDLERS: Mapping[str, Callable[[Call], Value | None]] = {
    **{f"omegaconf.OmegaConf.{name}": handler for name, handler in _OMEGACONF.items()},
    "omegaconf.open_dict": _same, "omegaconf.read_write": _same, "omegaconf.flag_override": _same,
    "hydra.compose": _compose, "hydra.experimental.compose": _compose,
    "hydra.utils.instantiate": _instantiate, "hydra.utils.call": _instantiate,
    "hydra._internal.instantiate._instantiate2.instantiate": _instantiate,
    "hydra.utils.to_absolute_path": _same,
    "hydra.core.config_store.ConfigStore.instance": _config_store, "hydra.ConfigStore.store": _store,
    "argparse.ArgumentParser": _parser, "argparse.Namespace": _namespace, "types.SimpleNamespace": _namespace,

    "copy.deepcopy": _same, "copy.copy": _same, "dataclasses.asdict": _same, "dataclasses.replace": _same,
    "attr.asdict": _same, "types.MappingProxyType": _same,
    "dataclasses.field": _field, "pydantic.Field": _field, "attr.ib": _field, "attr.field": _field,
    "attrs.field": _field,
    "dacite.from_dict": _from_data, "dacite.core.from_dict": _from_data, "cattrs.structure": _from_data,
    "pathlib.Path": _last, "pathlib.PurePath": _last, "os.path.join": _last, "os.path.abspath": _same,
    "os.path.expanduser": _same, "os.fspath": _same,
    "io.open": _opened, "builtins.open": _opened, "gzip.open": _opened,
    "pprint.pprint": _nothing, "pprint.pformat": _nothing,
}  # fmt: skip
