"""The ``config`` of a model, as it is written in a spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Reader


def with_config(spec_text: Callable[..., str], config: str) -> str:
    return spec_text(("checkpoint: best.safetensors", f"checkpoint: best.safetensors, config: {config}"))


def test_a_config_is_a_file_and_the_code_that_reads_it(read: Reader, spec_text: Callable[..., str]) -> None:
    text = with_config(spec_text, "{file: c.yaml, overrides: [+a.b=1], read_by: ['${env:CODE}/v.py']}")
    config = read(text, environment={"CODE": "src"}).models["candidate"].config
    assert config is not None
    assert (config.file, config.hydra_dir, config.name) == ("c.yaml", None, None)
    assert (config.overrides, config.read_by) == (("+a.b=1",), ("src/v.py",))


@pytest.mark.parametrize(
    ("config", "code", "what"),
    [
        ("{read_by: [v.py]}", "missing-key", "config of 'candidate' does not say which"),
        ("{file: c.yaml, hydra_dir: conf, name: c}", "contradiction", "has both file and hydra_dir"),
        ("{hydra_dir: conf}", "missing-key", "does not name hydra's primary config"),
        ("{file: c.yaml, name: c}", "without-effect", "name has no effect in config of 'candidate'"),
        ("{file: c.yaml, overides: []}", "unknown-key", "overides"),
        ("c.yaml", "wrong-type", "config of the model 'candidate' is not a mapping"),
    ],
)
def test_a_config_that_means_nothing_is_refused(
    read: Reader, spec_text: Callable[..., str], config: str, code: str, what: str
) -> None:
    (problem,) = read.error(with_config(spec_text, config)).problems
    assert problem.code == code
    assert what in problem.what
