"""Whether a training set holds the samples that are measured, value for value."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import torch

from ..datasets.leak import LEAK
from ..datasets.samples import Samples
from ..errors import DatasetError
from .forward import batches_of, tensor_field


def digests_of(values: torch.Tensor) -> list[str]:
    """A digest of each sample's values (n, …), by which it is known again in another dataset.

    Two samples have one digest where no value differs in float32: bytes and float64 of the same numbers are the same.

    >>> bytes_, floats = torch.tensor([[0, 255]], dtype=torch.uint8), torch.tensor([[-0.0, 255.0]]).double()
    >>> digests_of(bytes_) == digests_of(floats)
    True
    """
    # −0 equals 0 and has other bytes; adding 0 makes it 0.
    rows = (values.cpu().float() + 0.0).contiguous().numpy()
    return [hashlib.sha256(row.tobytes()).hexdigest() for row in rows]


def digests_in(samples: Samples, field: str, alive: Callable[[], None]) -> Iterator[str]:
    """The digest of each sample of a dataset, in order.

    Raises:
        DatasetError: The field is not there or is no array.
    """
    for batch in batches_of(samples, torch.device("cpu")):
        yield from digests_of(tensor_field(batch, field))
        alive()


def demand_unseen(
    measured: Sequence[str], trained: Iterator[str] | Sequence[str], train: str, *, what: str, todo: str
) -> None:
    """Demands that no more of the measured samples stand in the training set than honest collections have twins.

    One alone is no leak, however few there are: preflight's tiny run has 8.

    Args:
        measured: A digest of each sample that is measured.
        trained: Those of the training set.
        train: The training set's name.
        what: What would be wrong, for the message.
        todo: What to do about it.

    Raises:
        DatasetError: More do.
    """
    seen = set(trained)
    again = [row for row, digest in enumerate(measured) if digest in seen]
    if len(again) > max(1, LEAK * len(measured)):
        shown = ", ".join(map(str, again[:5])) + (" …" if len(again) > 5 else "")
        raise DatasetError(
            f"{what}: {train} holds the same samples",
            expected=f"other samples in {train} than in the evaluation's dataset; twins of up to {LEAK:.0%} may be",
            found=f"{len(again)} of {len(measured)} samples are in both, value for value (rows {shown}, from 0)",
            todo=todo,
        )
