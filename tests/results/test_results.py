"""Results as each tool writes them, those that cannot be gated, and one number or score out of them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pytest_modelqa.errors import DatasetError, OutputError
from pytest_modelqa.metrics.log_declarations import RecordedScoreArgs, RecordedValueArgs, foreign
from pytest_modelqa.results import coco, inspect_log, lm_eval, mlflow_run, nemo, selection
from pytest_modelqa.results.results import Reported, Results
from pytest_modelqa.tasks.log_declarations import RecordedArgs
from pytest_modelqa.tasks.recorded import RecordedResults

DIGITS = Path(__file__).parent / "files" / "digits.eval"
STAMP = "2026-01-31T12-00-00.123456"


def lm_eval_folder(folder: Path, **changes: Any) -> Path:
    """What lm-evaluation-harness 0.4.13 leaves behind: two filters, five documents."""
    right = {"strict-match": [1, 0, 0, 1, 0], "flexible-extract": [1, 1, 0, 1, 0]}
    results = {
        "results": {
            "gsm8k": {
                "name": "gsm8k",
                "alias": "gsm8k",
                "sample_len": 5,
                "exact_match,strict-match": 0.4,
                "exact_match_stderr,strict-match": 0.2449,
                "exact_match,flexible-extract": 0.6,
                "exact_match_stderr,flexible-extract": "N/A",
            },
            "wikitext": {"word_perplexity,none": 12.0, "word_perplexity_stderr,none": "N/A"},
        },
        "higher_is_better": {"gsm8k": {"exact_match": True}, "wikitext": {"word_perplexity": False}},
        "n-samples": {
            "gsm8k": {"original": 5, "effective": 5},
            "wikitext": {"original": 62, "effective": 62},
        },
        **changes,
    }
    folder.mkdir(exist_ok=True)
    (folder / f"results_{STAMP}.json").write_text(json.dumps(results))
    rows = [
        {
            "doc_id": at,
            "doc": {"question": "How many? " * 20, "subject": "sums" if at < 3 else "products"},
            "filter": name,
            "metrics": ["exact_match"],
            "doc_hash": f"{at:064x}",
            "exact_match": float(value),
        }
        for name, values in right.items()
        for at, value in enumerate(values)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"samples_gsm8k_{STAMP}.jsonl").write_text(lines)
    return folder


def test_results_and_samples_of_lm_evaluation_harness(tmp_path: Path) -> None:
    files = lm_eval.find(lm_eval_folder(tmp_path / "a"), "gsm8k")
    assert [file.name for file in files] == [f"results_{STAMP}.json", f"samples_gsm8k_{STAMP}.jsonl"]
    found = lm_eval.read(files, "gsm8k")
    assert found.values == {
        "exact_match,strict-match": Reported(0.4, 0.2449, 5, True),
        "exact_match,flexible-extract": Reported(0.6, None, 5, True),
    }
    assert len(found.ids) == 5
    assert found.scores["exact_match,flexible-extract"].tolist() == [1, 1, 0, 1, 0]
    assert found.fields["subject"].tolist() == ["sums"] * 3 + ["products"] * 2
    # A question is nothing to slice by.
    assert set(found.fields) == {"subject"}
    assert found.means["exact_match,strict-match"] == "exact_match,strict-match"


def test_a_task_without_a_log_of_samples_has_numbers_only(tmp_path: Path) -> None:
    folder = lm_eval_folder(tmp_path / "a")
    found = lm_eval.read(lm_eval.find(folder, "wikitext"), "wikitext")
    assert found.values == {"word_perplexity,none": Reported(12.0, None, 62, False)}
    assert found.ids == ()
    with pytest.raises(DatasetError, match="the results have 2 tasks"):
        lm_eval.read(lm_eval.find(folder, None), None)
    with pytest.raises(DatasetError, match="no task 'mmlu'") as caught:
        lm_eval.read(lm_eval.find(folder, "mmlu"), "mmlu")
    assert "gsm8k, wikitext" in str(caught.value.expected)


def test_documents_that_changed_are_other_samples(tmp_path: Path) -> None:
    first = lm_eval.read(lm_eval.find(lm_eval_folder(tmp_path / "a"), "gsm8k"), "gsm8k")
    folder = lm_eval_folder(tmp_path / "b")
    path = folder / f"samples_gsm8k_{STAMP}.jsonl"
    path.write_text(path.read_text().replace(f"{3:064x}", "f" * 64))
    second = lm_eval.read(lm_eval.find(folder, "gsm8k"), "gsm8k")
    assert len(set(first.ids) & set(second.ids)) == 4


def test_a_limited_run_is_said_to_be_one_and_a_foreign_log_of_samples_refused(tmp_path: Path) -> None:
    counts = {"gsm8k": {"original": 1319, "effective": 5}}
    limited = lm_eval_folder(tmp_path / "a", **{"n-samples": counts})
    assert lm_eval.read(lm_eval.find(limited, "gsm8k"), "gsm8k").notes == ("limited to 5 of 1319 samples",)
    counts = {"gsm8k": {"original": 7, "effective": 7}}
    folder = lm_eval_folder(tmp_path / "b", **{"n-samples": counts})
    with pytest.raises(DatasetError, match="not that of the results"):
        lm_eval.read(lm_eval.find(folder, "gsm8k"), "gsm8k")


def test_a_folder_of_two_runs_is_ambiguous(tmp_path: Path) -> None:
    folder = lm_eval_folder(tmp_path / "a")
    (folder / "results_2026-02-01T12-00-00.json").write_text("{}")
    with pytest.raises(DatasetError, match="results of 2 runs"):
        lm_eval.find(folder, "gsm8k")


def test_a_log_that_inspect_wrote() -> None:
    # inspect_ai 0.3: two scorers, two epochs of eight samples; answers that a solver gave by rule.
    found = inspect_log.read((DIGITS,), None)
    expected = [np.mean([bool((at + epoch) % 3) for epoch in (1, 2)]) for at in range(8)]
    assert found.ids == tuple(f"q{at}" for at in range(8))
    assert found.scores["match"].tolist() == expected
    assert found.values["match/accuracy"].value == np.mean(expected)
    assert found.values["match/accuracy"].n == 8
    assert found.values["match/accuracy"].standard_error == pytest.approx(np.std(expected, ddof=1) / 8**0.5)
    assert found.fields["topic"].tolist() == ["even", "odd"] * 4
    assert found.means["match"] == "match/accuracy"
    assert set(inspect_log.read((DIGITS,), "includes").values) == {"includes/accuracy"}


def as_json(folder: Path, **changes: Any) -> Path:
    """The same log in Inspect's JSON format, with one epoch."""
    with zipfile.ZipFile(DIGITS) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
    read = {name: json.loads(inspect_log._entry(DIGITS, entry)) for name, entry in entries.items()}
    samples = [read[name] for name in read if name.startswith("samples/")]
    path = folder / "log.json"
    path.write_text(json.dumps({**read["header.json"], "samples": samples, **changes}))
    return path


def test_the_same_log_as_json(tmp_path: Path) -> None:
    found, original = inspect_log.read((as_json(tmp_path),), None), inspect_log.read((DIGITS,), None)
    assert found.values == original.values
    assert found.scores["match"].tolist() == original.scores["match"].tolist()


def test_scores_of_several_keys_and_of_letters(tmp_path: Path) -> None:
    with zipfile.ZipFile(DIGITS) as archive:
        sample = json.loads(inspect_log._entry(DIGITS, archive.getinfo("samples/q0_epoch_1.json")))
        header = json.loads(inspect_log._entry(DIGITS, archive.getinfo("header.json")))
    header["eval"]["config"]["epochs"] = 1
    header["results"] |= {"total_samples": 6, "completed_samples": 6}
    samples = [
        {**sample, "id": at, "scores": {"judge": {"value": value}}}
        for at, value in enumerate(({"tone": 0.5, "fact": True}, {"tone": 1, "fact": False}))
    ] + [
        {**sample, "id": at, "scores": {"judge": {"value": {"tone": tone, "fact": fact}}}}
        for at, (tone, fact) in enumerate([(0.0, "P"), ("0.25", "Yes"), (0, "false"), (0, "maybe")], start=2)
    ]
    path = tmp_path / "log.json"
    path.write_text(json.dumps({**header, "samples": samples}))
    found = inspect_log.read((path,), None)
    assert found.scores["judge.tone"].tolist() == [0.5, 1, 0, 0.25, 0, 0]
    assert found.scores["judge.fact"][:-1].tolist() == [1, 0, 0.5, 1, 0]
    assert np.isnan(found.scores["judge.fact"][-1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "error"}, "did not end well"),
        ({"status": "started", "results": None}, "did not end well"),
        ({"results": {"total_samples": 8, "completed_samples": 7}}, "did not end well"),
        ({"invalidated": True}, "did not end well"),
    ],
)
def test_an_evaluation_that_did_not_end_well_is_an_error(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        inspect_log.read((as_json(tmp_path, **changes),), None)


def test_samples_that_failed_or_are_missing_do_not_leave_the_denominator(tmp_path: Path) -> None:
    content = json.loads(as_json(tmp_path).read_text())
    failed = [
        {**each, "error": {"message": "rate limit"}} if at == 3 else each
        for at, each in enumerate(content["samples"])
    ]
    with pytest.raises(DatasetError, match="a sample of the log failed"):
        inspect_log.read((as_json(tmp_path, samples=failed),), None)
    with pytest.raises(DatasetError, match="every epoch"):
        inspect_log.read((as_json(tmp_path, samples=content["samples"][:-1]),), None)
    without = [each for each in content["samples"] if each["id"] != "q3"]
    with pytest.raises(DatasetError, match="every sample") as error:
        inspect_log.read((as_json(tmp_path, samples=without),), None)
    assert error.value.found == "14"


def test_a_damaged_eval_file_is_an_error(tmp_path: Path) -> None:
    whole = DIGITS.read_bytes()
    for name, data in (
        ("cut", whole[: len(whole) // 2]),
        ("flipped", whole[:900] + b"\0\0\0\0" + whole[904:]),
    ):
        path = tmp_path / f"{name}.eval"
        path.write_bytes(data)
        with pytest.raises(DatasetError):
            inspect_log.read((path,), None)
    with zipfile.ZipFile(tmp_path / "crashed.eval", "w") as archive:
        archive.writestr("_journal/start.json", "{}")
    with pytest.raises(DatasetError, match="did not come to its end"):
        inspect_log.read((tmp_path / "crashed.eval",), None)


def test_a_zip_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect_log, "_MOST_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "a.eval", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", " " * (8 << 20) + "{}")
    with pytest.raises(DatasetError, match="not of the format"):
        inspect_log.read((tmp_path / "a.eval",), None)


def nemo_folder(folder: Path, rows: list[dict[str, Any]]) -> tuple[Path, ...]:
    folder.mkdir(exist_ok=True)
    (folder / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    bundle = {"benchmark": {"name": "gsm8k", "scores": {"pass@1": {"value": 0.5}}}}
    (folder / "eval-20260225T143012Z-gsm8k.json").write_text(json.dumps(bundle))
    return nemo.find(folder, None)


def test_a_bundle_of_nemo_evaluator(tmp_path: Path) -> None:
    rewards = {0: [1.0, 0.0], 1: [1.0, 1.0], 2: [0.0, 0.0]}
    rows = [
        {"problem_idx": at, "repeat": repeat, "reward": reward, "metadata": {"category": "sums"}}
        for at, of_problem in rewards.items()
        for repeat, reward in enumerate(of_problem)
    ]
    found = nemo.read(nemo_folder(tmp_path / "a", rows), None)
    assert found.ids == ("0", "1", "2")
    assert found.scores["reward"].tolist() == [0.5, 1, 0]
    assert found.fields["category"].tolist() == ["sums"] * 3
    assert found.values["benchmark.scores.pass@1.value"].value == 0.5
    assert found.notes == ("mean of 2 repeats of each problem",)
    # One repeat that is missing, one that is too many, and one that stands in another's place.
    for broken in (rows[:-1], [*rows, rows[0]], [rows[0], *rows[:1], *rows[2:]]):
        with pytest.raises(DatasetError, match="each repeat of each problem once"):
            nemo.read(nemo_folder(tmp_path / "a", broken), None)
    with pytest.raises(DatasetError, match="not of the format"):
        nemo.read(nemo_folder(tmp_path / "a", [{"problem_idx": 0, "reward": None}]), None)


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_twelve_numbers_of_coco(tmp_path: Path, wrapped: bool) -> None:
    stats = [0.34, 0.55, 0.36, -1.0, 0.38, 0.5, 0.3, 0.45, 0.48, -1.0, 0.5, 0.6]
    path = tmp_path / "stats.json"
    path.write_text(json.dumps({"stats": stats} if wrapped else stats))
    found = coco.read((path,), None)
    assert found.values["ap"].value == 0.34
    assert found.values["ar_100"].value == 0.48
    assert "ap_small" not in found.values
    with pytest.raises(OutputError, match="ap_small has no value") as caught:
        selection.value(found, name="ap_small", unit="fraction", higher_is_better=True, n=9)
    assert "no objects" in str(caught.value.found)


def test_other_files_of_coco(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"bbox_mAP": 0.4, "bbox_mAP_s": 0.2, "bbox_mAP_copypaste": "0.4 0.2"}')
    assert set(coco.read((path,), None).values) == {"bbox_mAP", "bbox_mAP_s"}
    path.write_text('[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 0.5}]')
    with pytest.raises(DatasetError, match="holds detections"):
        coco.read((path,), None)
    path.write_text("[0.1, 0.2]")
    with pytest.raises(DatasetError, match="not of the format"):
        coco.read((path,), None)


def mlflow_folder(run: Path, status: str = "3") -> Path:
    """As MLflow 3's file store keeps a run: a file for each metric, ``TIME VALUE STEP``."""
    (run / "metrics" / "val").mkdir(parents=True, exist_ok=True)
    (run / "meta.yaml").write_text(f"end_time: 2\nlifecycle_stage: active\nrun_name: a\nstatus: {status}\n")
    (run / "metrics" / "val" / "acc").write_text(
        "1795366733440 0.9 0\n1795366733451 0.7 2\n1795366733452 0.7 2\n1795366733452 0.71 2\n1795366733461 0.6 1\n"
    )
    (run / "metrics" / "test_acc").write_text("1795366733452 0.8 0\n")
    return run


def test_a_run_of_mlflow(tmp_path: Path) -> None:
    files = mlflow_run.find(mlflow_folder(tmp_path / "run"), None)
    found = mlflow_run.read(files, None)
    assert {name: each.value for name, each in found.values.items()} == {"val/acc": 0.71, "test_acc": 0.8}
    assert found.notes == ("val/acc: the last of 5 logged values",)
    for status in ("1", "4", "5"):
        with pytest.raises(DatasetError, match="did not finish"):
            mlflow_run.read(mlflow_run.find(mlflow_folder(tmp_path / "run", status), None), None)
    with pytest.raises(DatasetError, match="not that of a run"):
        mlflow_run.find(tmp_path, None)


RESULTS = Results(
    values={"bleu": Reported(27.5, 0.5, 100, True), "acc": Reported(0.75, None, 4)},
    ids=("a", "b", "c", "d"),
    scores={"acc": np.array([1.0, 1.0, 0.0, 1.0]), "wrong": np.array([1.0, 1.0, 1.0, 1.0])},
    means={"acc": "acc", "wrong": "acc"},
)
LOSSES = Results(
    {"nll": Reported(0.5, None, 2, False)}, {}, ("a", "b"), {"nll": np.full(2, 0.5)}, means={"nll": "nll"}
)


def test_a_number_is_taken_in_the_unit_that_the_spec_states() -> None:
    found = selection.value(RESULTS, name="bleu", unit="percent", higher_is_better=True)
    assert (found.value, found.n, found.standard_error) == (pytest.approx(0.275), 100, 0.005)
    assert selection.value(RESULTS, name="bleu", unit="points", higher_is_better=True).value == 27.5


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"name": "rouge"}, "no number 'rouge'"),
        ({"name": "bleu", "higher_is_better": False}, "the wrong way round"),
        ({"name": "bleu", "n": 99}, "do not agree on n"),
        ({"name": "bleu", "standard_error": 0.1}, "do not agree on standard_error"),
    ],
)
def test_what_the_spec_states_must_be_what_the_source_states(stated: dict[str, Any], message: str) -> None:
    with pytest.raises(OutputError, match=message):
        selection.value(RESULTS, **{"unit": "", "higher_is_better": True, **stated})


def test_what_the_source_does_not_state_the_spec_must() -> None:
    unknown = Results(values={"ap": Reported(0.34)})
    with pytest.raises(OutputError, match="does not say on how many samples"):
        selection.value(unknown, name="ap", unit="fraction", higher_is_better=True)
    assert selection.value(unknown, name="ap", unit="fraction", higher_is_better=True, n=5000).n == 5000


@pytest.mark.parametrize(("number", "shown"), [(float("nan"), "NaN"), (float("inf"), "inf")])
def test_what_is_no_number_is_named(number: float, shown: str) -> None:
    diverged = Results(values={"test.accuracy": Reported(number), "f1": Reported(0.7)})
    with pytest.raises(OutputError, match=rf"^test\.accuracy is {shown}\n"):
        selection.value(diverged, name="test.accuracy", unit="fraction", higher_is_better=True, n=10)
    assert selection.value(diverged, name="f1", unit="fraction", higher_is_better=True, n=10).value == 0.7


def test_scores_are_held_against_the_mean_that_the_source_reports() -> None:
    stated: dict[str, Any] = {"unit": "fraction", "higher_is_better": True}
    assert selection.score(RESULTS, name="acc", binary=True, **stated).tolist() == [1, 1, 0, 1]
    with pytest.raises(OutputError, match="not those that the source reports the mean of"):
        selection.score(RESULTS, name="wrong", **stated)
    with pytest.raises(OutputError, match="no score 'bleu' for each sample"):
        selection.score(RESULTS, name="bleu", **stated)
    with pytest.raises(OutputError, match="direction of nll the wrong way round"):
        selection.score(LOSSES, name="nll", **stated)
    part = Results(ids=("a", "b"), scores={"f1": np.array([0.5, 1.0])})
    with pytest.raises(OutputError, match="not all 0 or 1"):
        selection.score(part, name="f1", binary=True, **stated)


def test_what_is_binary_is_all_or_nothing_of_its_unit() -> None:
    found = Results(
        ids=("a", "b"),
        scores={
            "right": np.array([0.0, 1.0]),
            "percent": np.array([0.0, 100.0]),
            "blank": np.array([1.0, np.nan]),
        },
    )
    stated: dict[str, Any] = {"higher_is_better": True, "binary": True}
    assert selection.score(found, name="percent", unit="percent", **stated).tolist() == [0, 1]
    with pytest.raises(OutputError, match="not all 0 or 100"):
        selection.score(found, name="right", unit="percent", **stated)
    with pytest.raises(OutputError, match=r"not all 0 or 1\n"):
        selection.score(found, name="percent", unit="fraction", **stated)
    # Who has none is named by what checks every metric's scores.
    assert np.isnan(selection.score(found, name="blank", unit="fraction", **stated)[1])


@pytest.mark.parametrize(
    ("format_name", "content"),
    [
        ("lm_eval", {"results": {"t": {"acc,none": 0.5}}, "n-samples": {"t": 5}}),
        ("lm_eval", {"results": {"t": {"acc,none": 0.5}}, "n-samples": [1]}),
        ("inspect", {"eval": "x", "status": "success", "results": {}}),
        ("inspect", {"eval": {}, "status": "success", "results": ["a"]}),
        (
            "inspect",
            {"eval": {}, "status": "success", "results": {"scores": [{"metrics": {"accuracy": 0.5}}]}},
        ),
        (
            "inspect",
            {"eval": {}, "status": "success", "results": {}, "samples": [{"id": 1, "error": "boom"}]},
        ),
        ("inspect", {"eval": {}, "status": "success", "results": {}, "samples": 5}),
    ],
)
def test_damaged_results_are_an_error_that_names_them(tmp_path: Path, format_name: Any, content: Any) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    task = RecordedResults(RecordedArgs(path="results.json", format=format_name, source="test"))
    with pytest.raises(DatasetError, match="not of the format that the spec says") as caught:
        task.read(task.files(tmp_path, {}))
    assert caught.value.where == str(path)
    assert f"as {format_name} writes them" in str(caught.value.expected)


def test_the_spec_states_unit_range_and_direction() -> None:
    args = RecordedValueArgs(name="loss", unit="nats", higher_is_better=False, lower=0.0)
    assert foreign(args.model_dump()) == {
        "unit": "nats",
        "lower": 0.0,
        "upper": float("inf"),
        "higher_is_better": False,
    }
    score = RecordedScoreArgs(name="acc", unit="percent", higher_is_better=True, upper=90.0)
    assert foreign(score.model_dump()) == {
        "unit": "fraction",
        "lower": 0.0,
        "upper": pytest.approx(0.9),
        "higher_is_better": True,
        "scores": "bounded",
    }


@pytest.mark.parametrize("unit", ["%", "Percent", "percentage", "pct", "Fraction"])
def test_percent_in_other_words_is_no_unit_of_its_own(unit: str) -> None:
    # As a word like any other it would leave the range open, and min: 0.9 would pass 0.92 %.
    with pytest.raises(ValidationError, match=r"is written (percent|fraction)"):
        RecordedValueArgs(name="acc", unit=unit, higher_is_better=True)


def test_a_number_that_stands_there_as_text_is_told_to_be_text(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"n": 100, "test": {"accuracy": "0.918"}}')
    args = RecordedArgs(path="r.json", format="json", source="test")
    results = RecordedResults(args).read([tmp_path / "r.json"]).content
    with pytest.raises(OutputError, match=r"test\.accuracy is text, and no number") as caught:
        selection.value(results, name="test.accuracy", unit="fraction", higher_is_better=True)
    assert caught.value.found == "the text '0.918'"


def test_a_file_whose_number_has_zeros_before_it_is_found(tmp_path: Path) -> None:
    (tmp_path / "phase_02.json").write_text('{"n": 100}')
    args = RecordedArgs(path="phase_{phase}.json", format="json", source="test", coordinates={"phase": [2]})
    with pytest.raises(DatasetError) as caught:
        RecordedResults(args).files(tmp_path, {"phase": 2})
    assert caught.value.todo == "phase_02.json is there: write {phase:02} in path:, which fills up with zeros"
