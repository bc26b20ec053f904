"""What is said of a model's config and the code that reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.evaluation.probing import Question
from pytest_modelqa.evaluation.probing import ask as asked_of
from pytest_modelqa.preflight.config import config_findings
from pytest_modelqa.preflight.config_recording import recorded_config_findings
from pytest_modelqa.preflight.findings import Finding
from pytest_modelqa.spec import read_spec
from pytest_modelqa.tasks.registry import catalogue

SPEC = """\
modelqa: 1
models:
  candidate: {build: model:Net, checkpoint: best.safetensors, config: CONFIG}
datasets:
  test: {load: data:test, files: [test.npz], role: test}
evaluations:
  digits: {task: classification, model: candidate, dataset: test, checks: [{metric: accuracy, min: 0.9}]}
"""
Ask = Callable[..., tuple[Finding, ...]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """The findings of a project of these files."""

    def asked(config: str, **files: str) -> tuple[Finding, ...]:
        for name, text in files.items():
            (tmp_path / name.replace("_", ".")).write_text(text)
        (tmp_path / "a.modelspec.yaml").write_text(SPEC.replace("CONFIG", config))
        spec = read_spec(tmp_path / "a.modelspec.yaml", catalogue())
        return config_findings(spec.models["candidate"], tmp_path)

    return asked


LOAD = 'from omegaconf import OmegaConf\ncfg = OmegaConf.load("c.yaml")\n'


def test_a_missing_key_is_told_with_its_line_its_neighbour_and_the_override(ask: Ask, tmp_path: Path) -> None:
    (finding,) = ask(
        "{file: c.yaml, read_by: [v.py]}",
        c_yaml="batch_size: {training: 4}\n",
        v_py=LOAD + "print(cfg.batch_size.training)\nsize = cfg.batch_size.train\n",
    )
    assert finding.severity == "error"
    assert str(finding.as_error()).splitlines() == [
        "the config has no batch_size.train, which v.py:4 reads",
        f"  where:     {tmp_path}/v.py:4",
        "  expected:  a value of batch_size.train, which is read by: size = cfg.batch_size.train",
        "  found:     Key 'train' is not in struct, full_key: batch_size.train (there are: training)",
        "             nearest existing key: batch_size.training",
        "  to do:     write it into c.yaml, or into overrides: [+batch_size.train=…], "
        "or read batch_size.training in its place",
    ]


def test_the_override_that_is_named_makes_it_pass(ask: Ask) -> None:
    code = LOAD + "print(cfg.batch_size.train)\n"
    config = "{file: c.yaml, overrides: [+batch_size.train=8], read_by: [v.py]}"
    assert ask(config, c_yaml="batch_size: {}\n", v_py=code) == ()


@pytest.mark.parametrize(
    ("content", "what", "todo"),
    [
        ("a: '???'", "a of the config is read, and it has no value (???)", "[a=…]"),
        (
            "a: '${b}'",
            "a of the config is read, and its value cannot be resolved: Interpolation",
            "correct its",
        ),
        ("{}", "the config has no a, which v.py:3 reads", "[+a.b=…]"),
        ("a: 3", "a.b of the config is read, and a is int 3, not a mapping", "[a={b: …}]"),
    ],
)
def test_each_way_to_lack_a_value_is_told_with_its_remedy(
    ask: Ask, content: str, what: str, todo: str
) -> None:
    (finding,) = ask("{file: c.yaml, read_by: [v.py]}", c_yaml=content, v_py=LOAD + "print(cfg.a.b)\n")
    assert finding.what.startswith(what)
    assert todo in str(finding.todo)


def test_a_condition_that_nobody_knows_is_told(ask: Ask) -> None:
    code = LOAD + "import torch\nif torch.cuda.is_available():\n    print(cfg.gpus)\n"
    (finding,) = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="{}", v_py=code)
    assert str(finding.expected).endswith("where torch.cuda.is_available()")


def test_the_choice_that_nobody_knows_is_told(ask: Ask) -> None:
    code = LOAD + "import sys\nprint({'x': lambda: cfg.a, 'y': lambda: cfg.b}[sys.argv[1]]())\n"
    (finding,) = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="a: 1\n", v_py=code)
    assert str(finding.expected).endswith("[sys.argv[1]] is one of lambda, lambda")


def test_a_key_that_a_helper_is_given_is_told_with_the_line_that_gives_it(ask: Ask) -> None:
    code = (
        LOAD + "def get(node, key):\n    return node[key]\nprint(get(cfg, 'a'))\nprint(get(cfg, 'depth'))\n"
    )
    (finding,) = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="a: 1\n", v_py=code)
    assert finding.what == "the config has no depth, which v.py:4 reads"
    assert str(finding.expected).endswith("return node[key]\ncalled at v.py:6: print(get(cfg, 'depth'))")


def test_keys_that_nobody_reads_are_one_warning(ask: Ask) -> None:
    (finding,) = ask(
        "{file: c.yaml, read_by: [v.py]}",
        c_yaml="a: 1\nb: {c: 2, d: 3}\n",
        v_py=LOAD + "print(cfg.b.c)\n",
    )
    assert (finding.severity, finding.what) == ("warning", "2 keys of the config are never read: a, b.d")


def test_what_cannot_be_known_is_a_note_with_its_line(ask: Ask) -> None:
    code = LOAD + "import sys, lib\nprint(cfg[sys.argv[1]])\nlib.train(cfg.a)\n"
    findings = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="a: {b: 1}\n", v_py=code)
    assert [(finding.severity, str(finding.where).rpartition(":")[2]) for finding in findings] == [
        ("note", "4"),
        ("note", "5"),
    ]
    assert "which key is read by cfg[sys.argv[1]]" in findings[0].what
    assert "what lib.train reads of a" in findings[1].what


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (
            "try:\n    print(cfg.b)\nexcept Exception:\n    print('failed')\n",
            "whether b may be missing: `except Exception` takes whatever goes wrong there",
        ),
        (
            "import os\nif os.environ.get('NO_SUCH'):\n    cfg.b = 1\nprint(cfg.b)\n",
            "whether b is there: the program sets it only where os.environ.get('NO_SUCH')",
        ),
        (
            "print({1: lambda: cfg.a, 2: lambda: cfg.b}[cfg.a]())\n",
            "whether b is read, which is not there: by lambda, if it is chosen",
        ),
        (
            "parts = {'x': cfg.a}\nprint(parts['y'])\n",
            "whether 'y' is in a mapping that is made of parts of the config",
        ),
        (
            "import glob, yaml\nfor path in glob.glob('*.yml'):\n    print(yaml.safe_load(open(path))['b'])\n",
            "whether yaml.safe_load(open(path)) loads the config: a pattern says which files it loads",
        ),
        ("exec(open('configurator.py').read())\n", "what exec(open('configurator.py').read()) runs"),
        (
            "print('{b}'.format(**cfg))\n",
            "what '{b}'.format reads of the config, which it is handed and which is not among the sources",
        ),
    ],
)
def test_a_key_that_only_some_runs_lack_is_a_note(ask: Ask, code: str, what: str) -> None:
    findings = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="a: 1\n", v_py=f"{LOAD}print(cfg.a)\n{code}")
    assert [(finding.severity, finding.what) for finding in findings] == [("note", f"not known: {what}")]


def test_the_override_of_a_value_read_of_none_names_the_key_that_is_read(ask: Ask) -> None:
    code = LOAD + "head = cfg.model.get('head')\nprint(cfg.model.width, head.classes)\n"
    (finding,) = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="model: {width: 1}\n", v_py=code)
    assert finding.what == "the config has no model.head, which v.py:4 reads"
    assert "+model.head.classes=…" in str(finding.todo)


@pytest.mark.parametrize(
    ("config", "files", "what"),
    [
        ("{file: c.yaml, read_by: [v.py]}", {"v_py": ""}, "there is no config"),
        ("{file: c.yaml, read_by: [w.py]}", {"c_yaml": "a: 1"}, "there is no w.py"),
        ("{file: c.yaml, read_by: [v.py]}", {"c_yaml": "a: [1", "v_py": ""}, "the config cannot be composed"),
        ("{file: c.json, read_by: [v.py]}", {"c_json": "{", "v_py": ""}, "the config is not JSON"),
        (
            "{file: c.yaml, overrides: [b=1], read_by: [v.py]}",
            {"c_yaml": "a: 1", "v_py": ""},
            "the override b=1 has no place",
        ),
        (
            "{hydra_dir: ., name: nowhere, read_by: [v.py]}",
            {"v_py": ""},
            "the config cannot be composed: Missing",
        ),
    ],
)
def test_a_config_that_cannot_be_had_is_an_error(ask: Ask, config: str, files: Any, what: str) -> None:
    (finding,) = ask(config, **files)
    assert finding.severity == "error"
    assert finding.what.startswith(what)


def test_code_that_is_not_seen_to_read_the_config_is_a_warning(ask: Ask) -> None:
    (finding,) = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="a: 1", v_py="print('nothing')\n")
    assert (finding.severity, finding.what) == ("warning", "v.py is not seen to read the config")


def test_code_that_cannot_be_parsed_is_not_passed_over(ask: Ask) -> None:
    findings = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="a: 1", v_py="def f(:\n")
    assert "cannot be parsed (line 1: invalid syntax)" in findings[-1].what


def test_notes_stand_in_the_order_of_the_lines(ask: Ask) -> None:
    code = LOAD + "import lib\ndef late(c):\n    lib.a(c)\nlib.b(cfg)\nlate(cfg)\nlib.c(cfg)\n"
    findings = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="a: 1", v_py=code)
    assert [str(finding.where).rpartition(":")[2] for finding in findings] == ["5", "6", "8"]


def test_an_argument_that_a_class_does_not_take_is_an_error(ask: Ask) -> None:
    code = LOAD + "def net(width):\n    return width\nnet(**cfg.net)\n"
    (finding,) = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="net: {width: 1, hight: 2}", v_py=code)
    assert finding.what == "net.hight of the config is given to net, which has no parameter 'hight'"


@pytest.mark.parametrize(
    "code",
    [
        "d = {'a': 1}\nprint([1] in d, d.get([1]), cfg.get({}), {}[[1]])\n",
        "x = " + "(" * 90 + "1" + ")" * 90 + "\nprint(" + "-" * 500 + "x)\n",
        "f = lambda n: f(n)\nf(1)\nclass A(A2 := object): pass\nA().x.y[1](cfg.a)\n",
        "def g(*a, b=1, **k): yield from a\nprint(*g(*cfg, **cfg), **{1: 2})\n",
        "match cfg:\n    case {'a': int(x), **rest}: print(x)\n    case [*_]: pass\n",
        f"import json, yaml\nyaml.safe_load('a: 1 # {'k' * 400}')\njson.loads(open('{'k' * 400}'))\n",
        "import importlib as i\nfor n in ('/', '.', '', 'a\\0b', 'k' * 300, 'a.'): i.import_module(n)\n",
        f"import {'k' * 300}\nfrom ....... import z\n",
        "print(1 in 'abc', [1] in {1: 2}, cfg.a in 'abc', '{0.x}'.format(1), [1, 2][::0])\n",
        f"x = 0x{'f' * 4000} * 0x{'f' * 4000}\ny = 0x{'f' * 6000}\nprint(f'{{y}}', eval(')'))\n",
        "for i in range(60):\n    d = OmegaConf.merge(cfg, cfg)\n    d = d | d\n    cfg = {**d, **d}\ncfg['a']\n",
    ],
)
def test_odd_programs_do_no_harm(ask: Ask, code: str) -> None:
    findings = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="a: 1", v_py=LOAD + "print(cfg.a)\n" + code)
    assert not [finding for finding in findings if finding.severity == "error"]


def test_a_program_without_end_is_followed_to_a_limit(ask: Ask) -> None:
    code = LOAD + "def f(n, c):\n    print(c.a)\n    return f(n + 1, c) + f(n + 2, c)\nf(0, cfg)\n"
    findings = ask("{file: c.yaml, read_by: [v.py]}", c_yaml="a: 1", v_py=code)
    assert {finding.severity for finding in findings} <= {"note"}


MODEL = """\
from omegaconf import OmegaConf
from torch import nn


class Net(nn.Linear):
    def __init__(self):
        super().__init__(OmegaConf.load("c.yaml").sizes.width, 3)
"""


def test_a_missing_key_that_was_caught_is_not_what_ended_the_build(ask: Ask, tmp_path: Path) -> None:
    code = """\
import yaml

def Net():
    config = yaml.safe_load(open("c.yaml"))
    try:
        depth = config["depth"]
    except KeyError:
        depth = 2
    return {"deep": depth}[config["name"]]
"""
    assert not ask("{file: c.yaml, read_by: [model.py]}", c_yaml="name: wide", model_py=code)
    spec = read_spec(tmp_path / "a.modelspec.yaml", catalogue())
    (finding,) = recorded_config_findings(spec.models["candidate"], tmp_path)
    assert finding.severity == "note"
    assert finding.what.startswith("not known: model:Net could not be built: ")


def test_files_of_the_project_called_like_modules_of_python_are_in_nobodys_way(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("queue", "logging", "tempfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not what Python means by it')\n")
    monkeypatch.chdir(tmp_path)
    found = ask("{file: c.yaml, read_by: [model.py]}", c_yaml="sizes: {widht: 4}\n", model_py=MODEL)
    assert [finding.what for finding in found if finding.severity == "error"] == [
        "the config has no sizes.width, which model.py:7 reads"
    ]
    spec = read_spec(tmp_path / "a.modelspec.yaml", catalogue())
    (built,) = recorded_config_findings(spec.models["candidate"], tmp_path)
    assert built.what == "the config has no sizes.width, which model.py:7 reads"
    question = Question(tmp_path, builds=("model:Net",), data=({"path": "none.npz", "role": "test"},))
    assert "could not read none.npz" in str(asked_of(question).notes)
