"""torch's global state around an evaluation."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from pytest_modelqa.errors import DeviceError
from pytest_modelqa.evaluation.torch_device import prepare


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    mode = torch.get_deterministic_debug_mode()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TORCHINDUCTOR_DETERMINISTIC", raising=False)
        yield
    torch.set_deterministic_debug_mode(mode)


def test_only_deterministic_algorithms_unless_the_spec_says_otherwise() -> None:
    prepare("cpu", seed=0, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    prepare("cpu", seed=0, deterministic=False)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_compiler_is_not_loaded_but_hears_of_it(deterministic: bool) -> None:
    code = f"""
import sys
from pytest_modelqa.evaluation.torch_device import prepare
prepare("cpu", seed=0, deterministic={deterministic})
assert not [name for name in sys.modules if name.startswith("torch._inductor")]
import torch._inductor.config
assert torch._inductor.config.deterministic is {deterministic}
prepare("cpu", seed=0, deterministic={not deterministic})
assert torch._inductor.config.deterministic is {not deterministic}
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_generator_begins_at_the_seed() -> None:
    def drawn(seed: int) -> tuple[float, float, float]:

        prepare("cpu", seed=seed, deterministic=True)
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    first, again, other = drawn(7), drawn(7), drawn(2**32 - 1)
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a GPU that is not there")
def test_a_gpu_that_torch_cannot_use_is_never_replaced_by_the_cpu() -> None:
    with pytest.raises(DeviceError, match="torch cannot use the GPU"):
        prepare("cuda", seed=0, deterministic=True)
