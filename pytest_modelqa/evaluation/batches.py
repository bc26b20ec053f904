"""How many samples go into a batch: as many as written, or grown and backed off by ``batch_size: auto``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ..errors import InfrastructureError

# `auto` starts here and doubles after each batch that fitted. More than the ceiling gains nothing (a batch then
# fills the device), and on a CPU larger batches leave the cache.
FIRST = 16
CEILING = {"cpu": 64, "cuda": 1024}


class BatchSize:
    """The size of the next batch.

    Attributes:
        used: The largest batch that went through.
        reduced_from: The batch that did not fit, after which ``auto`` backed off and grew no more; None: all fitted.
    """

    def __init__(self, wanted: int | Literal["auto"], device: str) -> None:
        self._wanted = wanted
        self._ceiling = CEILING[device] if wanted == "auto" else wanted
        self._next = FIRST if wanted == "auto" else wanted
        self.used = 0
        self.reduced_from: int | None = None

    def next_batch(self, position: int, total: int) -> range:
        """The indices of the next batch.

        >>> size = BatchSize("auto", "cpu")
        >>> size.next_batch(0, 100), size.next_batch(96, 100)
        (range(0, 16), range(96, 100))
        """
        return range(position, min(position + self._next, total))

    def fitted(self, batch: range) -> None:
        """Says that a batch went through."""
        self.used = max(self.used, len(batch))
        if self.reduced_from is None:
            self._next = min(self._next * 2, self._ceiling)

    def did_not_fit(self, batch: range, reason: str) -> None:
        """Says that the device had no memory for a batch.

        Args:
            batch: What did not fit.
            reason: What the allocator said.

        Raises:
            InfrastructureError: It was of one sample, or the size was written in the spec and is not ours to change.
        """
        size = len(batch)
        if size == 1:
            raise InfrastructureError(
                "out of memory with a batch of one sample",
                expected="memory for one sample",
                found=reason,
                todo="take a larger device, or precision: bfloat16",
            )
        if self._wanted != "auto":
            raise InfrastructureError(
                f"out of memory with the batch of {size} that the spec asks for",
                expected=f"memory for batch_size: {self._wanted}",
                found=reason,
                todo="write batch_size: auto or a smaller number, or take a larger device",
            )
        if self.reduced_from is None:
            self.reduced_from = size
        self._next = max(1, size // 2)

    def notes(self) -> Iterator[str]:
        """What a reader of the verdict should know."""
        if self.reduced_from is not None:
            yield f"out of memory with batches of {self.reduced_from}, measured with at most {self.used}"
