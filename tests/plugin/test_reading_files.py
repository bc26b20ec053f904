"""Tasks that read files: from the spec to the verdict, without a model and without torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.spec import read_spec
from pytest_modelqa.spec.problems import SpecError
from pytest_modelqa.tasks.registry import catalogue

Run = Callable[..., Any]
SPEC = """
modelqa: 1
evaluations:
  before:
    task: recorded
    args: {path: "${env:RESULTS:-results}/before.csv", format: csv, source: test, id: question}
  now:
    task: recorded
    args: {path: results/now.csv, format: csv, source: test, id: question}
    baseline: before
    checks:
      - metric: recorded_score
        args: &right {name: right, unit: fraction, higher_is_better: true, binary: true}
        unit: percent
        max_degradation: 1
      - {metric: recorded_score, args: *right, min: 0.7, slices: subject}
      - {metric: recorded_score, args: *right, min_improvement: 0.02, confidence: 0.95}
      - {metric: recorded_score, args: {name: length, unit: words, higher_is_better: false}, max: 3}
      - {metric: recorded_score, args: {name: answered, unit: fraction, higher_is_better: true}, min: 0.5}
"""


def table(folder: Path, name: str, wrong: set[int], order: int = 1) -> None:
    rows = [f"q{at},{'sums' if at % 2 else 'products'},{int(at not in wrong)},{at % 5}" for at in range(100)]
    (folder / "results").mkdir(exist_ok=True)
    (folder / "results" / f"{name}.csv").write_text(
        "\n".join(["question,subject,right,length", *rows[::order]]) + "\n"
    )


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    def once(*arguments: str) -> dict[str, Any]:
        (pytester.path / "a.modelspec.yaml").write_text(SPEC)
        pytester.runpytest_inprocess(*arguments)
        (path,) = pytester.path.glob(".modelqa/runs/*/run.json")
        record: dict[str, Any] = json.loads(path.read_text())
        path.unlink()
        return record

    return once


def by_name(record: dict[str, Any]) -> dict[str, Any]:
    return {result["nodeid"].split("::")[-1]: result for result in record["results"]}


def test_scores_of_another_tool_are_paired_by_sample(run: Run, pytester: pytest.Pytester) -> None:
    table(pytester.path, "before", wrong=set(range(20)))
    # In another order: they are paired by id, and not by row.
    table(pytester.path, "now", wrong=set(range(12)), order=-1)
    results = by_name(run())
    paired = results["recorded_score-name-right-min-improvement-vs-before"]["verdict"]
    # 8 questions won, none lost: significant only where they are paired.
    assert paired["outcome"] == "PASS"
    assert {name: result["status"] for name, result in results.items()} == {
        "recorded_score-name-right-max-degradation-vs-before": "PASS",
        "recorded_score-name-right-min-by-subject": "PASS",
        "recorded_score-name-right-min-improvement-vs-before": "PASS",
        "recorded_score-name-length-max": "PASS",
        # One score that is not there is the error of its own check alone.
        "recorded_score-name-answered-min": "ERROR",
    }
    missing = results["recorded_score-name-answered-min"]["verdict"]["error"]
    assert "length, right" in missing["expected"]


def test_records_are_reused_until_a_byte_of_a_file_changes(run: Run, pytester: pytest.Pytester) -> None:
    table(pytester.path, "before", wrong=set(range(20)))
    table(pytester.path, "now", wrong=set(range(12)))
    name = "recorded_score-name-length-max"
    reused = []
    for wrong in (12, 12, 13):
        table(pytester.path, "now", wrong=set(range(wrong)))
        evidence = by_name(run("-k", name))[name]["verdict"]["evidence"]["candidate"]
        reused.append(evidence["reused"])
    assert reused == [False, True, False]
    # Nobody needs the libraries of models to read a table.
    manifests = [
        json.loads(path.read_text()) for path in pytester.path.glob(".modelqa/store/*/*/*/record.json")
    ]
    assert manifests
    for manifest in manifests:
        text = json.dumps(manifest)
        assert "numpy" in text
        assert '"torch"' not in text


def test_files_that_are_missing_or_of_other_samples_are_errors(run: Run, pytester: pytest.Pytester) -> None:
    table(pytester.path, "now", wrong=set())
    results = by_name(run())
    compared = results["recorded_score-name-right-max-degradation-vs-before"]
    assert compared["status"] == "ERROR"
    assert "the file to read is missing" in compared["verdict"]["error"]["what"]
    assert results["recorded_score-name-length-max"]["status"] == "PASS"
    rows = (pytester.path / "results" / "now.csv").read_text().splitlines(keepends=True)
    (pytester.path / "results" / "before.csv").write_text("".join(rows[:-1]))
    compared = by_name(run())["recorded_score-name-right-max-degradation-vs-before"]
    assert "measured on different samples" in compared["verdict"]["error"]["what"]


NUMBERS = """
modelqa: 1
evaluations:
  before:
    task: recorded
    args: {path: v1.json, format: json, source: test}
  now:
    task: recorded
    args: {path: v2.json, format: json, source: test}
    baseline: before
    checks:
      - metric: recorded_value
        args: {name: test.accuracy, unit: fraction, higher_is_better: true, n: 500}
        min: 0.5
      - id: f1
        metric: recorded_value
        args: {name: f1, unit: percent, higher_is_better: true, n: 500}
        max_degradation_percent: 50
      - id: bleu
        metric: recorded_value
        args: {name: bleu, unit: percent, higher_is_better: true, n: 500}
        max_degradation: 0.01
"""


def test_a_number_that_is_nan_is_the_error_of_its_own_check_and_a_fraction_is_no_percent(
    pytester: pytest.Pytester,
) -> None:
    (pytester.path / "a.modelspec.yaml").write_text(NUMBERS)
    (pytester.path / "v1.json").write_text('{"test": {"accuracy": 0.9}, "f1": 0.921, "bleu": 27.5}')
    (pytester.path / "v2.json").write_text('{"test": {"accuracy": NaN}, "f1": 0.6, "bleu": 27.6}')
    pytester.runpytest_inprocess("-q")
    (written,) = pytester.path.glob(".modelqa/runs/*/run.json")
    results = by_name(json.loads(written.read_text()))
    assert {name: result["status"] for name, result in results.items()} == {
        "recorded_value-name-test.accuracy-min": "ERROR",
        "f1": "PASS",
        "bleu": "PASS",
    }
    error = results["recorded_value-name-test.accuracy-min"]["verdict"]["error"]
    assert (error["what"], error["where"]) == ("test.accuracy is NaN", "v2.json")
    assert error["todo"]
    assert (
        "0.6 and 0.921 percent of f1: if the source counts from 0 to 1, write unit: fraction in the check's args"
        in results["f1"]["verdict"]["notes"]
    )
    assert not any("counts from 0 to 1" in note for note in results["bleu"]["verdict"]["notes"])


def test_its_checks_run_on_a_cpu(pytester: pytest.Pytester) -> None:
    (pytester.path / "a.modelspec.yaml").write_text(SPEC)
    collected = pytester.runpytest_inprocess("--collect-only", "-q", "-m", "cpu and gpu")
    assert "5 tests collected" in "\n".join(collected.outlines)


LENGTH = "name: length, unit: words, higher_is_better: false}, max: 3"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (LENGTH, "name: length, unit: words}, max: 3", "higher_is_better"),
        (LENGTH, "name: length, higher_is_better: false}, max: 3", "unit"),
        (LENGTH, LENGTH.replace("false}, max", "null}, max_degradation"), "neither better"),
        (LENGTH, LENGTH.replace("words", "percent"), "range 0..1"),
        ("source: test, id: question}\n    baseline", "id: question}\n    baseline", "source"),
        ("path: results/now.csv", 'path: "results/{seed}.csv"', "coordinates"),
        ("path: results/now.csv", "path: results/now.csv, coordinates: {seed: [1, 2]}", "coordinates"),
        ("max_degradation: 1", "min: 120", "range"),
        ("    baseline: before", "    baseline: before\n    repeats: 3", "runs no model"),
        ("    baseline: before", "    baseline: before\n    stop_early: certain", "runs no model"),
        ("    baseline: before", "    baseline: before\n    dataset: now", "takes none"),
    ],
)
def test_a_spec_must_state_what_the_source_does_not(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert SPEC.count(old) == 1
    path = tmp_path / "a.modelspec.yaml"
    path.write_text(SPEC.replace(old, new))
    with pytest.raises(SpecError, match=message):
        read_spec(path, catalogue(), environment={})


def test_what_the_defaults_say_of_models_does_not_reach_it(tmp_path: Path) -> None:
    path = tmp_path / "a.modelspec.yaml"
    path.write_text(
        SPEC.replace("modelqa: 1", "modelqa: 1\ndefaults: {repeats: 3, stop_early: certain, seed: 7}")
    )
    now = read_spec(path, catalogue(), environment={}).evaluations["now"]
    assert (now.repeats, now.stop_early, now.seed) == (1, None, 0)


def test_one_file_on_both_sides_is_told_to_be_one_file(run: Run, pytester: pytest.Pytester) -> None:
    for name in ("before", "now"):
        table(pytester.path, name, wrong={1, 2})
    results = by_name(run("-p", "no:cacheprovider"))
    (error,) = {
        (result["verdict"]["error"]["what"], result["verdict"]["error"]["todo"])
        for result in results.values()
        if "itself" in str(result["verdict"].get("error"))
    }
    assert error == (
        "now and before read the same file: it is compared with itself",
        "correct path: in the args of one of them",
    )
