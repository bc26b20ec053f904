"""Fault 87: options and keys that do not exist, or have a value that makes no sense, end in a usage error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

USAGE_ERROR = pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("modelqa_stal_seconds", "60", ["no configuration key 'modelqa_stal_s", "mean 'modelqa_stall_seconds'"]),
        ("modelqa_stall_seconds", "soon", ["a number of seconds above 0", "'soon'"]),
        ("modelqa_stall_seconds", "-1", ["a number of seconds above 0", "'-1'"]),
        ("modelqa_stall_seconds", "nan", ["a number of seconds above 0", "'nan'"]),
        ("modelqa_files", "", ["modelqa_files is empty"]),
        ("modelqa_dir", "", ["modelqa_dir is empty"]),
    ],
)  # fmt: skip
def test_fault_87_configuration(pytester: pytest.Pytester, key: str, value: str, said: list[str]) -> None:
    path = pytester.makeini(f"[pytest]\n{key} = {value}\n")
    result = pytester.runpytest_inprocess()
    text = "\n".join([*result.outlines, *result.errlines])
    assert result.ret == USAGE_ERROR, text
    for words in [*said, f"where:     {path}", "to do:"]:
        assert words in text
    assert "Traceback" not in text


def test_fault_87_a_key_given_on_the_command_line(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("-o", "modelqa_directory=x")
    assert result.ret == USAGE_ERROR
    assert "'modelqa_directory'" in "\n".join(result.errlines)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--modelqa-gat", "unrecognized arguments: --modelqa-gat"),
        ("--modelqa-engine=rays", "'rays'"),
        ("--modelqa-limit=0", "no whole number of at least 1"),
        ("--modelqa-limit=many", "'many'"),
        ("--modelqa-set=models", "models"),
    ],
)
def test_fault_87_options(pytester: pytest.Pytester, option: str, said: str) -> None:
    result = pytester.runpytest_inprocess(option)
    text = "\n".join([*result.outlines, *result.errlines])
    assert result.ret == USAGE_ERROR, text
    assert said in text
    assert "Traceback" not in text


def test_keys_of_other_plugins_and_right_values_are_let_through(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    pytester.makeini(f"[pytest]\nmodelqa_stall_seconds = 60\nmodelqa_dir = {tmp_path}\nminversion = 8.0\n")
    pytester.makepyfile("def test_one(): pass")
    result: Any = pytester.runpytest_inprocess()
    assert result.ret == 0
