"""What a checkpoint says of itself before a tensor is read: names, shapes, dtypes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

# Bits per element, by torch's name of the dtype.
DTYPE_BITS: Mapping[str, int] = {
    "float64": 64,
    "float32": 32,
    "float16": 16,
    "bfloat16": 16,
    "float8_e4m3fn": 8,
    "float8_e5m2": 8,
    "float8_e4m3fnuz": 8,
    "float8_e5m2fnuz": 8,
    "float8_e8m0fnu": 8,
    "float4_e2m1fn_x2": 8,
    "int64": 64,
    "int32": 32,
    "int16": 16,
    "int8": 8,
    "uint64": 64,
    "uint32": 32,
    "uint16": 16,
    "uint8": 8,
    "bool": 8,
    "complex64": 64,
    "complex128": 128,
}


@dataclass(frozen=True)
class TensorInfo:
    """A tensor, without its values.

    Attributes:
        shape: The size of each dimension.
        dtype: torch's name of the element type: ``float32``, ``bfloat16``, ``bool`` …

    >>> TensorInfo((3, 4), "float16").size_bytes
    24
    """

    shape: tuple[int, ...]
    dtype: str

    @property
    def size_bytes(self) -> int:
        """The bytes that the tensor takes when it is dense; 0 for a dtype that is not known."""
        return math.prod(self.shape) * DTYPE_BITS.get(self.dtype, 0) // 8


@dataclass(frozen=True)
class Header:
    """The tensors of one state_dict.

    Attributes:
        tensors: Name to shape and dtype.
        metadata: What else stands beside the tensors, as text (``epoch`` to ``3``; safetensors' metadata).
        wrapped: Dotted keys under which other state_dicts lie (``state_dict``, ``ema.model``).
    """

    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str] = field(default_factory=dict)
    wrapped: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The bytes of all tensors together."""
        return sum(tensor.size_bytes for tensor in self.tensors.values())
