"""How much memory a batch needs: the bytes alive at once while a model computes, for two sizes of batch."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..tasks.protocol import Task


@dataclass(frozen=True)
class Growth:
    """Memory as a line over the size of the batch, all in bytes.

    Attributes:
        weights: Parameters and buffers.
        fixed: What the computation needs whatever the batch.
        per_sample: What each sample adds, its input among it.
    """

    weights: float
    fixed: float
    per_sample: float

    def of(self, batch: int) -> float:
        """The bytes of a batch.

        >>> Growth(100.0, 10.0, 5.0).of(4)
        130.0
        """
        return self.weights + self.fixed + self.per_sample * batch

    def to_json(self) -> dict[str, float]:
        """For the wire."""
        return asdict(self)


def growth_of(module: nn.Module, task: Task, batches: Sequence[Mapping[str, Any]]) -> Growth:
    """Runs a model on two batches and lays a line through the two peaks.

    Works on the meta device as well, where nothing is computed and every tensor has its size.

    Args:
        batches: A small and a larger one; both of one size: what a sample adds is then taken for all of it.
    """
    weights = sum(_size(tensor) for tensor in {id(t): t for t in _tensors(module)}.values())
    (few, low), (many, high) = [_peak(module, task, batch) for batch in batches]
    if many == few:
        return Growth(weights, 0.0, high / many)
    per_sample = max((high - low) / (many - few), 0.0)
    return Growth(weights, max(low - few * per_sample, 0.0), per_sample)


def _peak(module: nn.Module, task: Task, batch: Mapping[str, Any]) -> tuple[int, int]:
    """The samples of a batch, and the most bytes that were alive at once, the batch among them."""
    arrays = [value for value in batch.values() if isinstance(value, torch.Tensor)]
    count = max((len(value) for value in batch.values() if hasattr(value, "__len__")), default=1)
    with torch.inference_mode(), LiveBytes() as live:
        task.infer(module, batch)
    return count, live.peak + sum(_size(array) for array in arrays)


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of the storages that operations made and nobody has let go of.

    Attributes:
        peak: The most at any moment.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._alive = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Runs an operation and looks at what it made."""
        made = func(*args, **(kwargs or {}))
        given = {id(_storage(leaf)) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)}
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor) and id(_storage(leaf)) not in given:
                self._add(_storage(leaf))
        return made

    def _add(self, storage: torch.UntypedStorage) -> None:
        identity, size = id(storage), storage.nbytes()
        if identity in self._known:
            return
        self._known.add(identity)
        self._alive += size
        self.peak = max(self.peak, self._alive)
        weakref.finalize(storage, self._gone, identity, size)

    def _gone(self, identity: int, size: int) -> None:
        self._known.discard(identity)
        self._alive -= size


def _storage(tensor: torch.Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()


def _size(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]
