"""Paths in specs: ``${env:NAME}`` is replaced there, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .nodes import Node
from .problems import Problems

_VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^${}]*))?\}")
_SHELL_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_OMEGACONF_VARIABLE = re.compile(r"\$\{oc\.env:(\w+)(?:,([^${}]*))?\}")
# Where a path stands; * is any name or number.
PATH_KEYS = frozenset(
    {
        ("models", "*", "checkpoint"),
        ("models", "*", "config", "file"),
        ("models", "*", "config", "hydra_dir"),
        ("models", "*", "config", "read_by", "*"),
        ("models", "*", "reference_output"),
        ("models", "*", "tiny", "checkpoint"),
        ("datasets", "*", "path"),
        ("datasets", "*", "files", "*"),
        ("datasets", "*", "tiny", "path"),
        ("baselines", "*", "recorded"),
        ("evaluations", "*", "args", "path"),
    }
)


def expanded(path: str, at: Node, environment: Mapping[str, str], problems: Problems) -> str:
    """A path with its variables replaced; what cannot be replaced is a problem."""

    def replacement(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        # As in a shell, ``:-`` stands for an empty variable too: an empty path is nobody's intention.
        value = environment.get(name) or default
        if value:
            return value
        problems.add(
            "undefined-variable",
            f"the environment variable {name} is not set",
            at,
            expected=f"a value for {match[0]}",
            todo=f"set {name}, or give a default: ${{env:{name}:-path}}",
        )
        return match[0]

    if "\0" in path:
        problems.add("wrong-value", "a path holds a NUL character", at, todo="remove it")
    result = _VARIABLE.sub(replacement, path)
    _refuse_shell_words(_VARIABLE.sub("", path), at, problems)
    return result


def _refuse_shell_words(path: str, at: Node, problems: Problems) -> None:
    variable = _SHELL_VARIABLE.search(path)
    omegaconf = _OMEGACONF_VARIABLE.search(path)
    if omegaconf:
        default = f":-{omegaconf[2]}" if omegaconf[2] else ""
        found, todo = omegaconf[0], f"write ${{env:{omegaconf[1]}{default}}}"
    elif path.startswith("~"):
        found, todo = "~", "write ${env:HOME}"
    elif variable:
        found, todo = variable[0], f"write ${{env:{variable[1]}}}"
    elif "${" in path:
        found, todo = "${", "write ${env:NAME} or ${env:NAME:-default}"
    else:
        return
    problems.add("shell-syntax", f"{found} has no meaning in a path of a spec", at, todo=todo)


def refuse_elsewhere(root: Node, problems: Problems) -> None:
    """Adds a problem for each ``${env:…}`` that stands where it would not be replaced."""
    for path, node in _texts(root, ()):
        if "${env:" in node.value and not _is_path(path) and path != ("description",):
            problems.add(
                "variable-outside-path",
                "${env:…} is replaced in paths only",
                node,
                expected="a path: checkpoint, path, files, recorded or config",
                todo="write the value, or set it on the command line with --modelqa-set",
            )


def _is_path(path: tuple[str, ...]) -> bool:
    return any(
        len(path) == len(key) and all(wanted in ("*", part) for wanted, part in zip(key, path, strict=True))
        for key in PATH_KEYS
    )


def _texts(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    if isinstance(node.value, str):
        yield path, node
    elif isinstance(node.value, dict):
        for key, entry in node.value.items():
            yield from _texts(entry.node, (*path, key))
    elif isinstance(node.value, list):
        for item in node.value:
            yield from _texts(item, (*path, "*"))
