"""Which values of a config a checkpoint contradicts, by the shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..models.fit import misfit
from ..models.header import Header, TensorInfo
from .composed import Composed, KeyPath

_INDEX = re.compile(r"(?<=\.)\d+(?=\.)|^\d+(?=\.)")


@dataclass(frozen=True)
class Candidate:
    """A value of the config that may explain why a checkpoint does not fit.

    Attributes:
        value: What the config says.
        held: What would explain the checkpoint.
        tensor: The tensor, or the numbered parts, that it would explain.
        built: The size that the config leads to, there.
        found: The size that the checkpoint has, there.
    """

    path: KeyPath
    value: int
    held: int
    tensor: str
    built: int
    found: int


def candidates(composed: Composed, expected: Mapping[str, TensorInfo], header: Header) -> Iterator[Candidate]:
    """The values that may be contradicted; each is to be tried, by building the model of it.

    Args:
        expected: The tensors of the model as the config builds it.
        header: Those of the checkpoint.

    A size of a tensor is a value of the config, a multiple of it (heads, anchors, gates of an LSTM), or one more
    (the background as a class); a number of layers is the number of parts that are numbered.
    """
    values = list(_numbers(composed))
    for tensor, built, found in _sizes(expected, header):
        for path, value in values:
            held = _explaining(value, built, found)
            if held is not None and held != value:
                yield Candidate(path, value, held, tensor, built, found)


def misfits(expected: Mapping[str, TensorInfo], header: Header) -> int:
    """How many tensors keep a checkpoint from fitting a model.

    >>> held = Header({"head.weight": TensorInfo((5, 8), "float32")})
    >>> misfits({"head.weight": TensorInfo((8, 8), "float32")}, held), misfits(dict(held.tensors), held)
    (1, 0)
    """
    problem = misfit(expected, header)
    return len(problem.missing) + len(problem.unexpected) + len(problem.reshaped)


def _numbers(composed: Composed) -> Iterator[tuple[KeyPath, int]]:
    def walk(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        if isinstance(node, dict):
            for key, value in node.items():
                yield from walk(value, (*path, key))
        elif isinstance(node, list):
            for index, value in enumerate(node):
                yield from walk(value, (*path, str(index)))
        elif isinstance(node, int) and not isinstance(node, bool) and node > 0:
            yield path, node

    # What is computed of another value changes with it.
    return (each for each in walk(composed.tree, ()) if each[0] not in composed.interpolations)


def _sizes(expected: Mapping[str, TensorInfo], header: Header) -> Iterator[tuple[str, int, int]]:
    """Each size that differs: of a tensor's dimension, of a run of numbered parts."""
    for name, info in expected.items():
        held = header.tensors.get(name)
        if held is not None and len(held.shape) == len(info.shape):
            for built, found in zip(info.shape, held.shape, strict=True):
                if built != found:
                    yield name, built, found
    counted = _numbered(expected)
    for prefix, found in _numbered(header.tensors).items():
        built = counted.get(prefix, 0)
        if built and built != found:
            yield f"{prefix}*", built, found


def _numbered(names: Mapping[str, TensorInfo]) -> dict[str, int]:
    """The number of parts that are numbered, by what stands before the number: ``blocks.``."""
    parts: dict[str, set[str]] = {}
    for name in names:
        for match in _INDEX.finditer(name):
            parts.setdefault(name[: match.start()], set()).add(match[0])
    return {prefix: len(numbers) for prefix, numbers in parts.items()}


def _explaining(value: int, built: int, found: int) -> int | None:
    """The value that would lead to ``found`` as this one leads to ``built``, if they can hang together.

    >>> _explaining(64, 192, 96), _explaining(80, 81, 21), _explaining(7, 64, 32)
    (32, 20, None)
    """
    if built % value == 0 and found % (built // value) == 0:
        return found // (built // value)
    if abs(built - value) == 1 and found - (built - value) > 0:
        return found - (built - value)
    return None
