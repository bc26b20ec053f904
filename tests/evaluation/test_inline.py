"""The engine ``inline`` shares pytest's process, and must leave it as it was."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from pytest_modelqa.evaluation.inline import InlineEngine


def test_modules_beside_the_spec_are_hidden_again_and_installed_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / ".venv" / "lib" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "installed_beside_the_spec.py").write_text("")
    (tmp_path / "model_beside_the_spec.py").write_text("")
    monkeypatch.syspath_prepend(installed)
    with InlineEngine(debugging=False)._modules_of(tmp_path):
        package = importlib.import_module("installed_beside_the_spec")
        importlib.import_module("model_beside_the_spec")
    assert "model_beside_the_spec" not in sys.modules
    assert sys.modules.pop("installed_beside_the_spec") is package
