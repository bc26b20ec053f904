"""The run record: it says what was put into it, or that it was changed."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_modelqa.errors import ModelQAError, RunRecordError, StoreError
from pytest_modelqa.report.conclusion import Conclusion, Planned, Result
from pytest_modelqa.report.run_record import (
    ReadEvaluation,
    ReadSpec,
    RunRecord,
    command_line,
    environment,
    new_run_id,
    read,
    write,
)

ITEM = Planned("a::e::c", "a", "e", "check", "error", True, True, "psnr of a ≥ 28 dB", 12)
READ = ReadEvaluation("e", "reconstruction", "m", "test", "test")
VERDICT = {"outcome": "PASS", "lines": [{"margin": 0.5, "slice": ""}], "headline": "psnr 28.50 dB ≥ 28 dB"}
RECORD = RunRecord(
    id="20260131-120000-abcdef",
    started="2026-01-31T12:00:00+00:00",
    command=("pytest", "model_specs/"),
    environment={"python": "3.11.7", "packages": {"pytest": "9.2.0"}, "commit": None},
    options={"set": ["a.b=c"], "gate": False, "limit": None},
    specs=(
        ReadSpec("a", "0" * 64, ("a.b=c",), None, "a", "What it is.", (READ,)),
        ReadSpec("b", None, (), "it is wrong"),
        ReadSpec("c", None, (), None),
    ),
    planned=(ITEM, dataclasses.replace(ITEM, nodeid="a::e::d", selected=False)),
    results=(
        Result("a::e::c", "PASS", False, True, VERDICT),
        Result("a::e::d", "SKIPPED", False, False, None),
    ),
    conclusion=Conclusion("GO", "GO: 1 of 1 release checks in 1 spec passed", 0),
    finished="2026-01-31T12:05:00+00:00",
    complete=True,
    passed_over=("5a/5afc: samples.parquet is damaged",),
)
PLAN = dataclasses.replace(RECORD, results=(), conclusion=None, finished=None, complete=False)


@pytest.mark.parametrize("record", [RECORD, PLAN], ids=["the whole run", "its plan"])
def test_what_was_written_is_read(tmp_path: Path, record: RunRecord) -> None:
    path = write(record, tmp_path / "runs")
    assert path == tmp_path / "runs" / record.id / "run.json"
    assert read(path) == record
    assert read(path.parent) == record


def test_the_end_of_a_run_replaces_its_plan(tmp_path: Path) -> None:
    path = write(PLAN, tmp_path)
    assert read(path).complete is False
    write(RECORD, tmp_path)
    assert read(path).complete is True
    assert [entry.name for entry in path.parent.iterdir()] == ["run.json"]


def test_people_can_read_it(tmp_path: Path) -> None:
    text = write(RECORD, tmp_path).read_text(encoding="utf-8")
    assert '"psnr of a ≥ 28 dB"' in text
    assert json.loads(text)["modelqa_run"] == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"SKIPPED"', '"PASS"'),
        ('"margin": 0.5', '"margin": 0.50000001'),
        ('"complete": true', '"complete": false'),
        ('"sha256": "000', '"sha256": "001'),
        ('"a.b=c"', '"a.b=d"'),
        ('"selected": false', '"selected": true'),
        ('"modelqa_run": 2', '"modelqa_run": 2, "more": 1'),
    ],
)
def test_a_record_that_was_edited_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = write(RECORD, tmp_path)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RunRecordError, match="changed after the run"):
        read(path)


def test_another_layout_of_the_same_content_is_the_same_record(tmp_path: Path) -> None:
    path = write(RECORD, tmp_path)
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")), sort_keys=True), encoding="utf-8"
    )
    assert read(path) == RECORD


@pytest.mark.parametrize("version", [0, 3, "1", None])
def test_a_record_of_another_version_is_refused(tmp_path: Path, version: object) -> None:
    path = write(RECORD, tmp_path)
    content = json.loads(path.read_text(encoding="utf-8")) | {"modelqa_run": version}
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RunRecordError, match="no run record of this version"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[1]", "no run record of this version"),
        ("{}", "no run record of this version"),
        ('{"modelqa_run": 1}', "changed after the run"),
        ('{"modelqa_run": 1, "value": NaN}', "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ('{"modelqa_run": ' + "1" * 5000 + "}", "cannot be read"),
    ],
    ids=lambda text: text[:24],
)
def test_what_is_no_record_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunRecordError, match=message):
        read(tmp_path)


@pytest.mark.parametrize("field", ["planned", "results", "specs", "conclusion", "id"])
@pytest.mark.parametrize("value", [None, 3, [{}], [3]])
def test_a_record_whose_digest_is_right_and_whose_form_is_wrong_is_refused_or_read(
    tmp_path: Path, field: str, value: object
) -> None:
    from pytest_modelqa.records.digests import digest

    path = write(RECORD, tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["sha256"]
    content[field] = value
    path.write_text(json.dumps({**content, "sha256": digest(content)}), encoding="utf-8")
    if field == "id" or (field == "conclusion" and value is None):
        assert read(path)
    else:
        with pytest.raises(RunRecordError, match="no run record of this version"):
            read(path)


def test_a_record_that_is_not_there_is_missed(tmp_path: Path) -> None:
    with pytest.raises(RunRecordError, match="there is no run record") as caught:
        read(tmp_path)
    assert caught.value.where == str(tmp_path / "run.json")
    with pytest.raises(RunRecordError, match="there is no run record"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), np.float64("nan"), {1, 2}, b"x"], ids=repr)
def test_what_json_has_no_form_for_is_never_written(tmp_path: Path, bad: object) -> None:
    spoiled = dataclasses.replace(RECORD.results[0], verdict={"lines": [{"margin": bad}]})
    with pytest.raises(StoreError, match="no form in JSON"):
        write(dataclasses.replace(RECORD, results=(spoiled,)), tmp_path)
    assert not list(tmp_path.rglob("run.json"))


def test_numpy_scalars_are_written_as_plain_numbers(tmp_path: Path) -> None:
    verdict = {"n": np.int64(3), "margin": np.float32(0.5), "passed": np.True_}
    record = dataclasses.replace(RECORD, results=(dataclasses.replace(RECORD.results[0], verdict=verdict),))
    assert read(write(record, tmp_path)).results[0].verdict == {"n": 3, "margin": 0.5, "passed": True}


@given(st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_survives_also_what_is_no_unicode(tmp_path: Path, text: str, other: str) -> None:
    odd = os.fsdecode(b"\xff.yaml")
    record = dataclasses.replace(RECORD, command=("pytest", text, odd), environment={"note": other})
    assert read(write(record, tmp_path)) == record


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(ModelQAError):
        write(RECORD, tmp_path / "runs")


def test_ids_of_runs_sort_by_time_and_never_meet() -> None:
    ids = [new_run_id() for _ in range(200)]
    assert len(set(ids)) == 200
    assert [each[:15] for each in ids] == sorted(each[:15] for each in ids)


def test_the_environment_names_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", tmp_path, *who, *arguments], check=True, capture_output=True)

    (tmp_path / "a.txt").write_text("1", encoding="utf-8")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    clean = environment(tmp_path)["commit"]
    assert len(clean) == 40
    (tmp_path / "a.txt").write_text("2", encoding="utf-8")
    assert environment(tmp_path)["commit"] == f"{clean}-dirty"


def test_outside_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    found = environment(tmp_path)
    assert found["commit"] is None
    assert found["packages"]["numpy"] == np.__version__


def test_the_command_line_does_not_tell_where_the_interpreter_is(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: list[Any] = ["/home/someone/.venv/bin/pytest", "model_specs", "-v"]
    monkeypatch.setattr("sys.argv", arguments)
    assert command_line() == ("pytest", "model_specs", "-v")
