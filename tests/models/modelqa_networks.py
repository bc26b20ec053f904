"""Small networks that the tests build by name, as a spec would."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import nn


class Plain(nn.Module):
    def __init__(self, classes: int = 10, width: int = 16):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, width), nn.BatchNorm1d(width), nn.ReLU())
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        return self.head(self.body(x))


class Headless(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU())


class TiedWeights(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.output = nn.Linear(4, 10, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, x):
        return self.output(self.embedding(x))


class HiddenBuffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.register_buffer("positions", torch.arange(4.0) * 2, persistent=False)

    def forward(self, x):
        return self.linear(x + self.positions)


class PlainAttribute(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.tables = {"frequencies": [torch.arange(4.0)]}

    def forward(self, x):
        return self.linear(x + self.tables["frequencies"][0])


class ReadsValues(nn.Module):
    """Cannot be built on the meta device."""

    def __init__(self):
        super().__init__()
        rates = [rate.item() for rate in torch.linspace(0, 1, 3)]
        self.register_buffer("window", torch.from_numpy(np.hanning(4).astype("float32")))
        self.linears = nn.ModuleList(nn.Linear(4, 4) for _ in rates)
        self.scale = rates[-1]

    def forward(self, x):
        for linear in self.linears:
            x = linear(x * self.window * self.scale)
        return x


OFFSET = torch.tensor([1.0, 2.0, 3.0, 4.0])
_TABLES = {}


@functools.lru_cache
def cached_positions(count):
    return torch.arange(float(count))


class UsesConstant(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        return self.linear(x + OFFSET)


class CachedBuffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.register_buffer("positions", cached_positions(4), persistent=False)

    def forward(self, x):
        return self.linear(x + self.positions)


class OwnCache(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.positions = _TABLES.setdefault("positions", torch.arange(4.0))


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(4, 2, 1)
        self.register_buffer("mask", torch.ones(1).expand(2, 5))

    def forward(self, x):
        return self.second(self.first(x))


class RandomBuffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.register_buffer("projection", torch.randn(4, 4), persistent=False)

    def forward(self, x):
        return self.linear(x @ self.projection)


class RandomAttribute(nn.Module):
    def __init__(self, nested: bool = False):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.noise = [torch.randn(4)] if nested else torch.randn(4)

    def forward(self, x):
        return self.linear(x + self.noise)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 5, num_layers=2, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


class WeightNormed(nn.Module):
    """The older weight_norm and spectral_norm, which keep the weight as a plain attribute."""

    def __init__(self):
        super().__init__()
        self.first = nn.utils.weight_norm(nn.Linear(4, 4))
        self.second = nn.utils.spectral_norm(nn.Linear(4, 4))

    def forward(self, x):
        return self.second(self.first(x))


class ConvertsOldNames(nn.Module):
    """Its state_dicts once called ``linear`` ``fc``."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)
        self.register_load_state_dict_pre_hook(self._convert)

    @staticmethod
    def _convert(module, state, prefix, *_):
        for name in ("weight", "bias"):
            if f"{prefix}fc.{name}" in state:
                state[f"{prefix}linear.{name}"] = state.pop(f"{prefix}fc.{name}")


class Versioned(nn.Module):
    """Converts by the version that its state_dict was written with, as torch's own modules do."""

    _version = 3

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(2))
        self.read_version = None

    def _load_from_state_dict(self, state, prefix, local_metadata, *rest):
        self.read_version = local_metadata.get("version")
        super()._load_from_state_dict(state, prefix, local_metadata, *rest)


class LoadsLoosely(nn.Module):
    """Overrides load_state_dict so that missing names pass."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)
        self.extra = nn.Linear(2, 2)

    def load_state_dict(self, state, strict=True, assign=False):
        return super().load_state_dict(state, strict=False, assign=assign)


class Mixed(nn.Module):
    """Parameters and buffers of several dtypes."""

    def __init__(self):
        super().__init__()
        self.single = nn.Parameter(torch.zeros(2))
        self.doubles = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        self.spectrum = nn.Parameter(torch.zeros(2, dtype=torch.complex64))
        self.register_buffer("count", torch.zeros(2, dtype=torch.int64))
        self.register_buffer("mask", torch.full((2, 2), float("-inf")).triu(1))


class NoParameters(nn.Module):
    def forward(self, x):
        return x * 2


class Projection(nn.Module):
    def __init__(self, seed=None):
        super().__init__()
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        self.register_buffer("projection", torch.randn(4, 2, generator=generator))

    def forward(self, x):
        return x @ self.projection


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.LazyLinear(3)


class Raises(nn.Module):
    def __init__(self):
        super().__init__()
        self._choose_width()

    def _choose_width(self):
        raise KeyError("width")


def not_a_module():
    return {"a": 1}


def ends_the_process():
    raise SystemExit(0)
