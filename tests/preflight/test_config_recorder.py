"""Configs that note what is read of them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hydra
import pytest
import yaml
from omegaconf import OmegaConf

from pytest_modelqa.preflight.config_recorder import Recorder

TREE = {"a": {"b": 1}, "stages": [{"width": 2}], "name": "net"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(TREE))
    return path


def test_reads_of_an_omegaconf_are_noted_with_their_line(file: Path) -> None:
    recorder = Recorder(OmegaConf.create(TREE), file, Path(__file__).parent)
    with recorder.in_place():
        cfg = OmegaConf.load(file)
        assert cfg.a["b"] == 1
        assert cfg.stages[0].width == 2
        assert cfg.get("other") is None
        with pytest.raises(AttributeError, match="Missing key c"):
            cfg.a.c  # noqa: B018
    assert set(recorder.log.reads) >= {("a",), ("a", "b"), ("stages",), ("stages", "0", "width")}
    (miss,) = recorder.log.misses.values()
    assert miss.path == ("a", "c")
    assert (miss.place.file, miss.place.text) == (Path(__file__).name, "cfg.a.c  # noqa: B018")


@pytest.mark.parametrize("how", ["file", "text", "yaml"])
def test_reads_of_plain_dicts_are_noted(file: Path, how: str) -> None:
    recorder = Recorder(TREE, file, file.parent)
    with recorder.in_place(), file.open() as opened:
        cfg: Any = {
            "file": lambda: json.load(opened),
            "text": lambda: json.loads(file.read_text()),
            "yaml": lambda: yaml.safe_load(opened),
        }[how]()
        assert cfg["a"].get("b") == 1
        assert SimpleNamespace(**cfg).name == "net"
        assert isinstance(cfg, dict)
        with pytest.raises(KeyError):
            cfg["stages"][0]["height"]
    assert set(recorder.log.reads) >= {("a",), ("a", "b"), ("name",), ("stages",)}
    assert list(recorder.log.misses) == [("stages", "0", "height")]


def test_a_plain_dict_made_an_omegaconf_still_notes_its_reads(file: Path) -> None:
    recorder = Recorder(TREE, file, file.parent)
    with recorder.in_place(), file.open() as opened:
        assert OmegaConf.create(json.load(opened)).a.b == 1
    assert ("a", "b") in recorder.log.reads


def test_other_files_are_read_as_they_are(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("x = 1")
    (tmp_path / "other.yaml").write_text("y: 2")
    with Recorder(TREE, file, tmp_path).in_place():
        assert tomllib.loads((tmp_path / "other.toml").read_text()) == {"x": 1}
        assert OmegaConf.load(tmp_path / "other.yaml") == {"y": 2}
        assert json.loads("[1]") == [1]
    assert type(json.loads(file.read_text())) is dict


def test_what_hydra_composes_is_replaced_where_the_config_is_hydras(tmp_path: Path) -> None:
    recorder = Recorder(OmegaConf.create(TREE), None, tmp_path)
    with recorder.in_place():
        assert hydra.compose("anything").name == "net"
    assert recorder.handed == 1
    assert ("name",) in recorder.log.reads
