"""Composes the configuration that a model names, as the code that reads it would; a process of its own does it.

Hydra imports every installed plugin and keeps global state, neither of which belongs into pytest's process.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..errors import EvaluationError, MissingDependencyError, ModelQAError
from ..spec.resolved import ModelConfig
from .composed import Composed, from_json, references_in, to_json

# What ConfigStore.store is given: name, node, group, package.
Stored = Mapping[str, Any]
_DEADLINE_S = 60
_TODO = "correct the config, or `config` in the spec"


def compose(config: ModelConfig, folder: Path, stored: Sequence[Stored] = ()) -> Composed:
    """The configuration, composed by another process.

    Args:
        config: As in the spec.
        folder: The spec's folder.
        stored: What the program itself puts into hydra's ConfigStore.

    Raises:
        EvaluationError: It cannot be composed; the message is hydra's or OmegaConf's own.
        MissingDependencyError: omegaconf or hydra-core is not installed.
    """
    order = json.dumps({"config": asdict(config), "folder": str(folder), "stored": list(stored)})
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            input=order,
            capture_output=True,
            text=True,
            timeout=_DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EvaluationError(
            f"the config was not composed within {_DEADLINE_S} s", where=_named(config), todo=_TODO
        ) from None
    if done.returncode != 0:
        raise EvaluationError(
            "the config could not be composed: the process ended",
            where=_named(config),
            found=f"exit code {done.returncode}",
            todo=_TODO,
            details=done.stderr[-2000:] or None,
        )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise ModelQAError.from_json(answer["error"])
    return from_json(answer["composed"])


def compose_here(config: ModelConfig, folder: Path, stored: Sequence[Stored] = ()) -> Composed:
    """The configuration, composed in this process.

    Raises:
        EvaluationError: It cannot be composed.
        MissingDependencyError: omegaconf or hydra-core is not installed.
    """
    if config.hydra_dir is not None:
        composed = _read_out(omegaconf_of(config, folder, stored))
        return replace(composed, for_hydra=_read_by_hydra(config, folder))
    path = folder / str(config.file)
    if path.suffix.lower() in (".json", ".toml") and not config.overrides:
        # Neither format knows interpolation or ???.
        return Composed(_plain_file(path), frozenset(), {}, {})
    return _read_out(omegaconf_of(config, folder))


def omegaconf_of(config: ModelConfig, folder: Path, stored: Sequence[Stored] = ()) -> Any:
    """The configuration as an ``omegaconf.DictConfig`` in struct mode.

    Raises:
        EvaluationError: It cannot be composed.
        MissingDependencyError: omegaconf or hydra-core is not installed.
    """
    try:
        from hydra.errors import HydraException
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException
        from yaml import YAMLError
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"the package {error.name} is needed to compose a config",
            todo='pip install "pytest-modelqa[config]"',
        ) from error
    try:
        if config.hydra_dir is not None:
            return _by_hydra(config, folder, stored)
        path = folder / str(config.file)
        if path.suffix.lower() in (".json", ".toml"):
            content = OmegaConf.create(_plain_file(path))
        else:
            _demand(path)
            content = OmegaConf.load(path)
        OmegaConf.set_struct(content, True)
        _override(content, config.overrides, path)
    except (HydraException, OmegaConfBaseException, YAMLError, OSError, ValueError) as error:
        raise EvaluationError(
            f"the config cannot be composed: {type(error).__name__}",
            where=_named(config),
            found=str(error).strip() or None,
            todo=_TODO,
        ) from error
    return content


def _by_hydra(config: ModelConfig, folder: Path, stored: Sequence[Stored]) -> Any:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.config_store import ConfigStore

    for node in stored:
        ConfigStore.instance().store(**node)

    directory = (folder / str(config.hydra_dir)).resolve()
    _demand(directory)
    with initialize_config_dir(config_dir=str(directory), version_base=None):
        return hydra_compose(config_name=config.name, overrides=list(config.overrides))


def _override(content: Any, overrides: Sequence[str], path: Path) -> None:
    """Hydra's overrides on a single file, where there are no groups to choose from."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf, open_dict

    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key, value = str(override.key_or_group), override.value()
        there = _has(content, key)
        wrong = None
        if override.is_delete() and not there:
            wrong = f"{key} is not in the config"
        elif override.is_add() and not override.is_force_add() and there:
            wrong = f"{key} is in the config already: write {key}=… or ++{key}=…"
        elif not (override.is_delete() or override.is_add() or override.is_force_add() or there):
            wrong = f"{key} is not in the config: write +{key}=… to add it"
        if wrong:
            raise EvaluationError(
                f"the override {override.input_line} has no place", where=str(path), found=wrong, todo=_TODO
            )
        with open_dict(content):
            if override.is_delete():
                holder, _, name = key.rpartition(".")
                del (OmegaConf.select(content, holder) if holder else content)[name]
            else:
                OmegaConf.update(content, key, value, force_add=True)


def _has(content: Any, key: str) -> bool:
    """Whether a key is there, if only as ``???``, which OmegaConf takes for absent."""
    from omegaconf import OmegaConf

    holder, _, name = key.rpartition(".")
    part = OmegaConf.select(content, holder) if holder else content
    if OmegaConf.is_list(part):
        return name.isdigit() and int(name) < len(part)
    return OmegaConf.is_dict(part) and name in map(str, part.keys())


def _read_out(config: Any) -> Composed:
    """A DictConfig as plain values, with what has none."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    missing: list[tuple[str, ...]] = []
    unresolved: dict[tuple[str, ...], str] = {}
    links: dict[tuple[str, ...], str] = {}
    computed: list[tuple[str, ...]] = []

    def value_of(node: Any, key: Any, path: tuple[str, ...]) -> Any:
        if OmegaConf.is_missing(node, key):
            missing.append(path)
            return None
        if OmegaConf.is_interpolation(node, key):
            links[path] = str(OmegaConf.to_container(node, resolve=False)[key])  # type: ignore[index]
        # Of an interpolation that leads back to where it stands there is no end.
        if path in links and _resolved_by_run(links[path]):
            computed.append(path)
            return None
        if len(path) > _DEEPEST:
            unresolved[path] = f"nested deeper than {_DEEPEST} keys: an interpolation that holds itself?"
            return None
        try:
            value = node[key]
        except OmegaConfBaseException as error:
            unresolved[path] = f"{type(error).__name__}: {error}".splitlines()[0]
            return None
        return plain(value, path)

    def plain(value: Any, path: tuple[str, ...]) -> Any:
        if OmegaConf.is_dict(value):
            return {str(key): value_of(value, key, (*path, str(key))) for key in value}
        if OmegaConf.is_list(value):
            return [value_of(value, index, (*path, str(index))) for index in range(len(value))]
        return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)

    tree = plain(config, ())
    return Composed(tree, frozenset(missing), unresolved, links, frozenset(computed))


def _resolved_by_run(text: str) -> bool:
    """Whether a resolver stands in an interpolation that only the run has: hydra's, or the program's own."""
    from omegaconf import OmegaConf

    names = re.findall(r"\$\{([\w.]+):", text)
    return any(name == "hydra" or not OmegaConf.has_resolver(name) for name in names)


def _read_by_hydra(config: ModelConfig, folder: Path) -> frozenset[tuple[str, ...]]:
    """The keys that hydra's own config is computed of: the folder of its outputs, mostly."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from omegaconf import OmegaConf

    directory = (folder / str(config.hydra_dir)).resolve()
    with initialize_config_dir(config_dir=str(directory), version_base=None):
        whole = hydra_compose(config.name, list(config.overrides), return_hydra_config=True)
    return frozenset(
        reference
        for text in _texts(OmegaConf.to_container(whole, resolve=False)["hydra"])  # type: ignore[index, call-overload]
        for reference in references_in(text, ())
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


_DEEPEST = 30


def _plain_file(path: Path) -> Any:
    _demand(path)
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise EvaluationError(
            f"the config is not {path.suffix[1:].upper()}", where=str(path), found=str(error), todo=_TODO
        ) from error
    # Dates are values that JSON does not have.
    return json.loads(json.dumps(content, default=str))


def _demand(path: Path) -> None:
    if not path.exists():
        raise EvaluationError("there is no config", where=str(path), todo=_TODO)


def _named(config: ModelConfig) -> str:
    return f"{config.hydra_dir}/{config.name}" if config.hydra_dir else str(config.file)


def main() -> None:
    """Entry point: an order as JSON on standard input, the composed config as JSON on standard output."""
    order: Mapping[str, Any] = json.load(sys.stdin)
    fields = dict(order["config"])
    config = ModelConfig(**{**fields, **{key: tuple(fields[key]) for key in ("overrides", "read_by")}})
    try:
        answer = {"composed": to_json(compose_here(config, Path(order["folder"]), order["stored"]))}
    except ModelQAError as error:
        answer = {"error": error.to_json()}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
