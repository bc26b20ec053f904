"""``modelqa verify`` and ``modelqa schema``, run as commands in another process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MODELQA = (sys.executable, "-m", "pytest_modelqa.cli")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, measured_toy: Path) -> Path:
    """The record of the run that measured the experiment."""
    (record,) = (measured_toy / ".modelqa" / "runs").iterdir()
    return record


@pytest.fixture
def modelqa(run_command: Callable[..., Any], measured_toy: Path) -> Callable[..., Any]:
    def run(*arguments: object) -> Any:
        return run_command(measured_toy, [*MODELQA, *map(str, arguments)])

    return run


def test_a_run_that_passed_is_proved_by_its_record_alone(
    modelqa: Callable[..., Any], finished: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "run.json"
    elsewhere.write_bytes((finished / "run.json").read_bytes())
    verified = modelqa("verify", elsewhere)
    assert (verified.last_line, verified.exit_code) == ("GO: 6 of 6 release checks in 1 spec passed", 0)


def test_a_record_that_was_changed_proves_nothing(
    modelqa: Callable[..., Any], finished: Path, tmp_path: Path
) -> None:
    content = json.loads((finished / "run.json").read_text())
    content["results"][0]["verdict"]["worst"]["candidate"]["value"] = 99.0
    (tmp_path / "run.json").write_text(json.dumps(content))
    verified = modelqa("verify", tmp_path)
    assert verified.exit_code == 2
    assert "the run record was changed after the run" in verified.text


def test_a_spec_that_changed_since_is_not_covered(
    modelqa: Callable[..., Any], finished: Path, measured_toy: Path, tmp_path: Path
) -> None:
    spec = "toy.modelspec.yaml"
    (tmp_path / spec).write_bytes((measured_toy / spec).read_bytes())
    assert modelqa("verify", finished, "--covers", tmp_path).exit_code == 0
    (tmp_path / spec).write_text((measured_toy / spec).read_text().replace("min: 27", "min: 26"))
    verified = modelqa("verify", finished, "--covers", tmp_path)
    assert verified.exit_code == 1
    assert "was not judged in this run, or changed since" in verified.text


def test_the_schema_is_printed_as_json(modelqa: Callable[..., Any]) -> None:
    printed = modelqa("schema")
    assert printed.exit_code == 0
    assert json.loads(printed.text)["type"] == "object"


def test_a_command_that_does_not_exist_is_a_usage_error(modelqa: Callable[..., Any]) -> None:
    assert modelqa("verfy").exit_code == 2
