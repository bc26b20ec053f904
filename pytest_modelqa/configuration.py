"""The options and configuration keys; those that make no sense are refused before anything runs."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable
from pathlib import Path

import pytest

PREFIX = "modelqa"
KEYS = ("modelqa_files", "modelqa_stall_seconds", "modelqa_dir")
SPEC_FILES = "*.modelspec.yaml"
_CORRECT = "correct or remove this line"


def add_options(parser: pytest.Parser) -> None:
    """Declares every option and key, with its default."""
    group = parser.getgroup("modelqa", "model quality (pytest-modelqa)")
    group.addoption(
        "--modelqa-set",
        action="append",
        default=[],
        metavar="A.B.C=VALUE",
        help="set a value of the specs, checked like the file: models.candidate.checkpoint=PATH",
    )
    group.addoption(
        "--modelqa-gate",
        action="store_true",
        help="a release run: an accelerator is required, --modelqa-set and --modelqa-limit are refused",
    )
    group.addoption(
        "--modelqa-engine",
        choices=("local", "inline"),
        default="local",
        help="where evaluations run: local (worker processes) or inline (in this process, for --pdb)",
    )
    group.addoption(
        "--modelqa-limit",
        type=_positive,
        default=None,
        metavar="N",
        help="measure only the first N samples of each dataset; never a release verdict",
    )
    group.addoption(
        "--modelqa-mlflow",
        default=None,
        metavar="URI",
        help="log values, verdicts and reports to MLflow: a tracking server, or a local store",
    )
    parser.addini("modelqa_files", "pattern of spec files", default=SPEC_FILES)
    parser.addini(
        "modelqa_stall_seconds", "give up a worker that makes no progress for so long", default="900"
    )
    parser.addini("modelqa_dir", "folder of records and run records", default=".modelqa")


def is_named_like_a_spec(path: Path, pattern: str) -> bool:
    """Whether a file is a spec, or nearly called like one: passed over in silence, it would not be missed.

    >>> [is_named_like_a_spec(Path(name), SPEC_FILES) for name in ("a.modelspec.yaml", "a.modelspec.yml", "a.yaml")]
    [True, True, False]
    >>> is_named_like_a_spec(Path("a.modelspec.yml"), "spec_*.yaml")
    False
    """
    nearly = path.name.lower().endswith((".modelspec.yaml", ".modelspec.yml"))
    return path.match(pattern) or (nearly and pattern == SPEC_FILES)


def check_configuration(config: pytest.Config) -> None:
    """Checks the keys of the configuration file, and those given with ``-o``.

    Raises:
        pytest.UsageError: A key of ours that does not exist, or a value that it cannot have: exit code 4.
    """
    for key in _given(config):
        if key.startswith(PREFIX) and key not in KEYS:
            close = difflib.get_close_matches(key, KEYS, n=1)
            todo = f"did you mean {close[0]!r}?" if close else _CORRECT
            raise pytest.UsageError(
                _told(
                    config, f"there is no configuration key {key!r}", f"one of {', '.join(KEYS)}", key, todo
                )
            )
    for key in ("modelqa_files", "modelqa_dir"):
        if not str(config.getini(key)).strip():
            raise pytest.UsageError(
                _told(config, f"{key} is empty", "a pattern, or the name of a folder", "''")
            )
    stall_seconds(config)


def stall_seconds(config: pytest.Config) -> float:
    """The value of ``modelqa_stall_seconds``.

    Raises:
        pytest.UsageError: It is no number of seconds above 0.
    """
    text = str(config.getini("modelqa_stall_seconds"))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise pytest.UsageError(
            _told(config, "modelqa_stall_seconds is no time", "a number of seconds above 0", repr(text))
        )
    return seconds


def _given(config: pytest.Config) -> Iterable[str]:
    # pytest has no public way to list what was given; until pytest 8 the attribute was ``inicfg``.
    given: Iterable[str] = config._inicfg if hasattr(config, "_inicfg") else config.inicfg
    return given


def _told(config: pytest.Config, what: str, expected: str, found: str, todo: str = _CORRECT) -> str:
    # Imported here: nothing of ours is loaded into a session that has no spec and no mistake.
    from .errors import UsageError

    where = str(config.inipath or "the command line")
    return str(UsageError(what, where=where, expected=expected, found=found, todo=todo))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)
