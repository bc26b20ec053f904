"""What code needs is read from its source; what is missing here is said with the command that installs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_modelqa.preflight.code_needs import needs_of
from pytest_modelqa.preflight.resources import code_findings

MODEL = """
import os
import torch
import no_such_package
import helpers.blocks
from nltk.tokenize import word_tokenize

HOME = os.environ["MODELQA_TEST_HOME"]
try:
    import faster_no_such
except ImportError:
    faster_no_such = None


def late():
    import late_no_such
    return os.environ["MODELQA_TEST_LATE"], os.environ.get("MODELQA_TEST_MAYBE")


class Net:
    def __init__(self):
        from transformers import AutoTokenizer
        self.tokenizer = AutoTokenizer.from_pretrained("nobody/no-such-tokenizer")
        self.own = AutoTokenizer.from_pretrained("tokenizer")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "blocks.py").write_text("import cv2_no_such\n")
    (tmp_path / "tokenizer").mkdir()
    return tmp_path


def test_needs_are_found_with_their_lines_and_through_modules_beside_the_spec(folder: Path) -> None:
    needs = {(need.kind, need.name): need for need in needs_of(["model:Net"], folder)}
    assert {name for kind, name in needs if kind == "package"} == {
        "os", "torch", "no_such_package", "nltk", "faster_no_such", "late_no_such", "transformers", "cv2_no_such",
    }  # fmt: skip
    assert {name for kind, name in needs if kind == "variable"} == {"MODELQA_TEST_HOME", "MODELQA_TEST_LATE"}
    assert ("language data", "tokenizers/punkt_tab") in needs
    assert needs["package", "no_such_package"].where == f"{folder / 'model.py'}:4"
    assert needs["package", "cv2_no_such"].where == f"{folder / 'helpers' / 'blocks.py'}:1"
    optional = {name for (_, name), need in needs.items() if need.optional}
    assert optional == {
        "faster_no_such", "late_no_such", "MODELQA_TEST_LATE", "transformers", "nobody/no-such-tokenizer",
        "tokenizer",
    }  # fmt: skip


def test_what_is_missing_is_an_error_where_it_is_needed_and_a_warning_where_it_may_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MODELQA_TEST_HOME", raising=False)
    monkeypatch.setenv("NLTK_DATA", str(tmp_path / "nltk"))
    (tmp_path / "nltk" / "tokenizers").mkdir(parents=True)
    (tmp_path / "nltk" / "tokenizers" / "punkt_tab.zip").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    found = {each.what: each for each in code_findings({"net": "model:Net"}, folder)}
    errors = {what for what, each in found.items() if each.severity == "error"}
    assert errors == {
        "the package 'no_such_package' is not installed",
        "the package 'cv2_no_such' is not installed",
        "the environment variable MODELQA_TEST_HOME is not set",
    }
    hub = "'nobody/no-such-tokenizer' is not in the cache of the model hub, and workers run offline"
    assert found[hub].severity == "warning"
    assert found["the package 'no_such_package' is not installed"].todo == "pip install no_such_package"
    (tmp_path / "hub" / "models--nobody--no-such-tokenizer" / "snapshots").mkdir(parents=True)
    monkeypatch.setenv("MODELQA_TEST_HOME", "/here")
    left = {each.what for each in code_findings({"net": "model:Net"}, folder)}
    assert hub not in left
    assert "the environment variable MODELQA_TEST_HOME is not set" not in left


def test_what_code_provides_for_itself_is_not_missing(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(
        'import os\nos.environ["A"] = "1"\nos.environ.setdefault("B", "2")\n'
        'print(os.environ["A"], os.environ["B"], os.environ["C"] == "3")\n'
    )
    variables = {need.name for need in needs_of(["model:Net"], tmp_path) if need.kind == "variable"}
    assert variables == {"C"}
    (tmp_path / "model.py").write_text('import sys\nsys.path.insert(0, "../src")\nimport no_such_package\n')
    (finding,) = code_findings({"net": "model:Net"}, tmp_path)
    assert finding.severity == "warning"


def test_code_that_is_no_python_or_not_there_is_left_to_those_who_run_it(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("def broken(:\n")
    assert needs_of(["model:Net", "absent:Net"], tmp_path) == ()
