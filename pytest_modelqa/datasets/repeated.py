"""``repeats: k``: each sample k times, so that a model that draws at random is measured more than once on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..records.columns import REPEAT_OF
from .samples import Samples


@dataclass(frozen=True)
class Repeated:
    """The samples of a dataset, one whole round after another.

    A model that draws from torch's generator draws other numbers in each round, since nobody seeds in between; one
    that is seeded by the sample's id does too, because ``a#1`` is another id than ``a``.
    """

    samples: Samples
    times: int

    def __len__(self) -> int:
        return len(self.samples) * self.times

    @property
    def ids(self) -> tuple[str, ...]:
        """``a``, then ``a#1``, ``a#2`` …"""
        rest = (f"{sample}#{number}" for number in range(1, self.times) for sample in self.samples.ids)
        return (*self.samples.ids, *rest)

    @property
    def scalars(self) -> Mapping[str, np.ndarray]:
        """Those of the dataset, and ``repeat_of``."""
        tiled = {
            name: np.tile(np.asarray(values), self.times) for name, values in self.samples.scalars.items()
        }
        return {**tiled, REPEAT_OF: np.tile(np.array(self.samples.ids), self.times)}

    @property
    def about(self) -> Mapping[str, Any]:
        """What holds for all samples of the dataset, such as the ``categories`` of a COCO file."""
        about: Mapping[str, Any] = getattr(self.samples, "about", {})
        return about

    def batch(self, indices: Sequence[int]) -> Mapping[str, Any]:
        """The fields of these samples; see ``samples.Samples``."""
        return self.samples.batch([index % len(self.samples) for index in indices])
