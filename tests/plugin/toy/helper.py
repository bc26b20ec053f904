"""What model.py imports, so that a changed helper can be told from a changed model."""

from __future__ import annotations

from torch import Tensor


def scaled(image: Tensor, factor: Tensor) -> Tensor:
    return image * factor
