"""Small projects whose read and missing keys were listed by hand, each of a way to hold and read a config."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_modelqa.preflight.composed import shown
from pytest_modelqa.preflight.composing import compose_here
from pytest_modelqa.preflight.config import config_name, never_read
from pytest_modelqa.preflight.key_reads.reading import read_keys, stored_nodes
from pytest_modelqa.spec.resolved import ModelConfig

CORPUS = sorted((Path(__file__).parent / "config_corpus").glob("*.yaml"))


def project(path: Path, folder: Path) -> tuple[dict[str, Any], ModelConfig]:
    """What was listed of a project, with its files written into a folder."""
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, text in listed["files"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    config = dict.fromkeys(("file", "hydra_dir", "name")) | {"overrides": ()} | listed["config"]
    return listed, ModelConfig(**{key: tuple(v) if isinstance(v, list) else v for key, v in config.items()})


@pytest.fixture(scope="module")
def read(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[dict[str, Any], set[str], set[str], set[str]]]:
    """Of each project what was listed, and the keys found: read, missing, never read."""
    found = {}
    for path in CORPUS:
        folder = tmp_path_factory.mktemp(path.stem)
        listed, config = project(path, folder)
        files = [folder / name for name in config.read_by]
        composed = compose_here(config, folder, stored_nodes(folder, files) if config.hydra_dir else ())
        log = read_keys(composed, config_name(config), folder, files)
        read = {shown(key) for key in (*log.reads, *log.whole)}
        read |= {shown(leaf) for leaf in composed.leaves() if log.is_read(leaf)}
        unread = {shown(key) for key in never_read(composed, log)}
        found[path.stem] = listed, read, {shown(key) for key in log.misses}, unread
    return found


def test_every_missing_key_is_found_and_hardly_a_key_that_is_not(read: dict[str, Any]) -> None:
    missed, false, wanted, reported = [], [], 0, 0
    for name, (listed, _, missing, _) in read.items():
        missed += [f"{name}: {key}" for key in sorted(set(listed["missing"]) - missing)]
        false += [f"{name}: {key}" for key in sorted(missing - set(listed["missing"]))]
        wanted, reported = wanted + len(listed["missing"]), reported + len(missing)
    recall, false_alarms = 1 - len(missed) / wanted, len(false) / reported
    print(
        f"{len(read)} projects, {wanted} missing keys: recall {recall:.3f}, false alarms {false_alarms:.1%}"
    )
    print(
        "\n".join([*(f"not found: {each}" for each in missed), *(f"false alarm: {each}" for each in false)])
    )
    assert len(read) >= 30
    assert not missed
    assert false_alarms <= 0.05


def test_every_key_that_is_read_is_found(read: dict[str, Any]) -> None:
    missed = {name: set(listed["reads"]) - found for name, (listed, found, _, _) in read.items()}
    assert not {name: keys for name, keys in missed.items() if keys}


def test_what_is_listed_as_never_read_is_what_is_warned_of(read: dict[str, Any]) -> None:
    for name, (listed, _, _, unread) in read.items():
        assert unread == set(listed.get("unread", [])), name


# Runs each folder's script in a process forked off, since hydra takes half a second to import.
_RUNNER = """
import contextlib, io, json, os, runpy, sys
import hydra, omegaconf, yaml
for folder, script, overrides in json.load(sys.stdin):
    if os.fork():
        os.wait()
        continue
    os.chdir(folder)
    sys.path.insert(0, os.path.dirname(os.path.join(folder, script)))
    sys.argv = [script, *overrides]
    sys.stderr = io.StringIO()
    ending = ""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(os.path.join(folder, script), run_name="__main__")
    except BaseException as error:
        ending = f"{type(error).__name__}: {error}"
    with open("ending.txt", "w") as file:
        file.write(ending + sys.stderr.getvalue())
    os._exit(0)
"""


def test_the_projects_end_at_a_key_that_is_listed_as_missing_when_they_are_run(tmp_path: Path) -> None:
    orders, listings = [], {}
    for path in CORPUS:
        folder = tmp_path / path.stem
        listed, config = project(path, folder)
        if listed.get("not_run"):
            continue
        orders.append([str(folder), config.read_by[0], list(config.overrides)])
        listings[folder] = listed
    subprocess.run([sys.executable, "-c", _RUNNER], input=json.dumps(orders), text=True, check=True)
    for folder, listed in listings.items():
        ending = (folder / "ending.txt").read_text()
        names = [key.rpartition(".")[2] for key in listed["missing"]]
        assert bool(ending) == bool(names), (folder.name, ending)
        assert not ending or any(name in ending for name in names), (folder.name, ending)
