"""``modelqa promote``: what passed becomes the baseline, and is compared with sample by sample."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.baselines.promotion import Request, promote
from pytest_modelqa.errors import BaselineError, UsageError
from pytest_modelqa.records.columns import column_name
from pytest_modelqa.records.excerpt import read_excerpt
from pytest_modelqa.records.record import original_name, read_record
from pytest_modelqa.report.run_record import read, write

Gate = Callable[..., Any]
NEW = -10 * np.log10(0.01 * 0.1875)


@pytest.fixture
def promoted(toy: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Promotes a run of the toy as it is, made anew so that it speaks of this copy."""
    monkeypatch.chdir(toy.folder)

    def make(**asked: Any) -> list[str]:
        run = gate("-q")
        assert run.exit_code == 0, run.text
        request = {"name": "v1", "reason": "first release", "evaluation": "reconstruction", **asked}
        return promote(Request(run.record_path.parent, **request))

    return make


def baseline(folder: Path, name: str = "v1") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "baselines" / f"{name}.json").read_text())
    return content


def compare(toy: Any, check: str, name: str = "v1") -> None:
    toy.edit("\nevaluations:", f"\nbaselines:\n  {name}: {{recorded: baselines/{name}.json}}\nevaluations:")
    toy.edit("{metric: psnr, baseline: older, max_degradation: 0}", check)


def test_a_promoted_run_says_what_was_measured_and_who_made_it(toy: Any, promoted: Any) -> None:
    said = promoted(reference_output=True)
    content = baseline(toy.folder)
    assert content["metrics"]["psnr"]["value"] == pytest.approx(NEW, abs=5e-4)
    assert (content["task"], content["dataset"], content["n"], content["source"]) == (
        "reconstruction",
        "test",
        40,
        "test",
    )
    assert list(content["made_by"]["checkpoint"]) == ["checkpoints/scaler.safetensors"]
    assert content["reason"] == "first release"
    assert content["records"] == "v1.records"
    assert any("records beside it" in line for line in said)
    assert "reference_output: baselines/v1.output.npz" in said[-1]
    with np.load(toy.folder / "baselines" / "v1.output.npz") as recorded:
        assert recorded.files


def test_the_next_candidate_is_judged_against_it_sample_by_sample(
    toy: Any, promoted: Any, gate: Gate
) -> None:
    promoted(evaluation="classification")
    toy.edit("\nevaluations:", "\nbaselines:\n  v1: {recorded: baselines/v1.json}\nevaluations:")
    toy.edit(
        "      - {metric: recall, min: 0.75, slices: label}\n",
        "      - {metric: recall, baseline: v1, max_degradation: 0, slices: label}\n"
        "      - {metric: accuracy, baseline: v1, max_degradation: 0.1, confidence: 0.95}\n",
    )
    toy.edit("checkpoints/picker.safetensors", "checkpoints/picker_bad.safetensors")
    run = gate("-k", "vs-v1")
    whole = run.results["classification::accuracy-max-degradation-vs-v1"]["verdict"]
    assert whole["outcome"] == "FAIL"
    assert whole["evidence"]["baseline"]["recorded"].endswith("baselines/v1.json")
    # Two classes are swapped, with 18 samples that were right and two that were wrong: 18 losses, one win.
    assert whole["worst"]["margin"] == pytest.approx(-17 / 40 + 0.1)
    # By exact pairs; two independent sides of 40 samples each would be twice as unsure.
    assert whole["worst"]["margin_interval"][1] < -0.1
    assert not any("numbers only" in note for note in whole["notes"])
    sliced = run.results["classification::recall-max-degradation-vs-v1-by-label"]["verdict"]
    assert {line["slice"] for line in sliced["lines"] if line["outcome"] == "fail"} == {"label=0", "label=1"}


def test_the_promoted_model_itself_passes_and_the_report_says_that_it_shows_nothing(
    toy: Any, promoted: Any, gate: Gate
) -> None:
    promoted()
    compare(toy, "{metric: psnr, baseline: v1, max_degradation: 0, id: versus}")
    result = gate("-k", "versus").results["reconstruction::versus"]
    assert result["status"] == "PASS"
    assert (
        "v1 was promoted from this very model: the comparison shows nothing new" in result["verdict"]["notes"]
    )


def test_other_samples_than_the_baselines_are_refused(toy: Any, promoted: Any, gate: Gate) -> None:
    promoted()
    compare(toy, "{metric: psnr, baseline: v1, max_degradation: 0.5, id: versus}")
    with np.load(toy.folder / "data" / "test.npz") as arrays:
        changed = {name: values.copy() for name, values in arrays.items()}
    changed["image"][0] *= 0.5
    np.savez(toy.folder / "data" / "test.npz", **changed)
    run = gate("-k", "versus")
    assert "measured on different samples" in str(run.error("reconstruction::versus")["what"])


def test_without_its_records_only_the_numbers_are_compared(toy: Any, promoted: Any, gate: Gate) -> None:
    promoted()
    shutil.rmtree(toy.folder / "baselines" / "v1.records")
    content = baseline(toy.folder)
    del content["records"]
    (toy.folder / "baselines" / "v1.json").write_text(json.dumps(content))
    compare(toy, "{metric: psnr, baseline: v1, max_degradation: 0, id: versus}")
    result = gate("-k", "versus").results["reconstruction::versus"]
    assert result["status"] == "PASS"
    assert "numbers only: the baseline has no records to pair with" in result["verdict"]["notes"]


@pytest.mark.parametrize("damage", ["number", "records", "version"])
def test_a_baseline_that_contradicts_itself_is_an_error(
    toy: Any, promoted: Any, gate: Gate, damage: str
) -> None:
    promoted()
    content = baseline(toy.folder)
    if damage == "number":
        content["metrics"]["psnr"]["value"] -= 3
        message = "v1 and its records do not agree on psnr"
    elif damage == "version":
        content["metrics"]["psnr"]["version"] = 99
        del content["records"]
        message = "another version of the metric"
    else:
        (samples,) = (toy.folder / "baselines" / "v1.records").rglob("samples.parquet")
        samples.write_bytes(samples.read_bytes()[:-1] + b"x")
        message = "the records of a baseline are damaged"
    (toy.folder / "baselines" / "v1.json").write_text(json.dumps(content))
    compare(toy, "{metric: psnr, baseline: v1, max_degradation: 0, id: versus}")
    assert message in str(gate("-k", "versus").error("reconstruction::versus")["what"])


def test_several_evaluations_are_written_under_names_of_their_own(toy: Any, promoted: Any) -> None:
    promoted(evaluation=None)
    written = sorted(path.name for path in (toy.folder / "baselines").glob("*.json"))
    assert written == ["v1-classification.json", "v1-reconstruction.json"]
    assert baseline(toy.folder, "v1-classification")["metrics"]["accuracy"]["standard_error"] > 0


def test_a_bar_sinks_only_when_somebody_says_so(toy: Any, promoted: Any) -> None:
    promoted()
    path = toy.folder / "baselines" / "v1.json"
    higher = baseline(toy.folder)
    higher["metrics"]["psnr"]["value"] += 1
    path.write_text(json.dumps(higher))
    with pytest.raises(BaselineError, match=r"v1 would be lowered: psnr from 28\.27 dB to 27\.27 dB"):
        promoted()
    assert json.loads(path.read_text()) == higher
    promoted(lower=True, reason="a smaller model")
    assert baseline(toy.folder)["metrics"]["psnr"]["value"] == pytest.approx(NEW, abs=5e-4)


def test_what_is_replaced_is_said_with_what_it_was(toy: Any, promoted: Any) -> None:
    promoted()
    path = toy.folder / "baselines" / "v1.json"
    older = baseline(toy.folder)
    older["metrics"]["psnr"]["value"] -= 1
    path.write_text(json.dumps(older))
    said = promoted(reason="better")
    assert "  psnr 27.27 dB, was 26.27 dB" in said
    (line,) = (line for line in said if "replaces" in line)
    when, run = older["made_by"]["promoted_from"][:10], older["made_by"]["run"]
    assert line == f"  replaces the one of {when}, run {run}: first release"


def test_a_baseline_of_something_else_is_not_replaced_unless_it_is_meant(toy: Any, promoted: Any) -> None:
    promoted()
    path = toy.folder / "baselines" / "v1.json"
    before = path.read_text()
    with pytest.raises(
        BaselineError, match="v1 would be replaced: it is of task reconstruction, this of"
    ) as caught:
        promoted(evaluation="classification")
    assert "--lower" in str(caught.value.todo)
    assert path.read_text() == before
    promoted(evaluation="classification", lower=True)
    assert baseline(toy.folder)["task"] == "classification"


def test_values_that_were_computed_again_since_the_run_are_not_promoted(toy: Any, promoted: Any) -> None:
    """By a session with another version of a package: the run proves the value that it judged, and no other."""
    (store,) = (toy.folder / ".modelqa" / "store").rglob("sets/recall*/%.json")
    record = read_record(store.parents[2])
    column = original_name(store.parent.name)
    values = {"": replace(record.set_values(column, "")[""], value=0.99)}
    toy.edit("{metric: recall, min: 0.75, slices: label}", "{metric: recall, min: 0.75}")
    store.unlink()
    record.add_set(column, "", values)
    assert "  recall 0.9900" in promoted(evaluation="classification")
    run = max((toy.folder / ".modelqa" / "runs").iterdir())
    store.unlink()
    record.add_set(column, "", {"": replace(values[""], value=0.98)})
    with pytest.raises(
        BaselineError, match="recall was computed again in the records since this run judged it"
    ):
        promote(Request(run, "v2", "because", evaluation="classification"))


def test_a_run_that_is_no_go_is_not_promoted(toy: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy.folder)
    toy.edit("min: 27", "min: 29")
    run = gate("-q")
    with pytest.raises(BaselineError, match="the run is no GO: NO-GO"):
        promote(Request(run.record_path, "v1", "because"))
    assert not (toy.folder / "baselines").exists()


def test_neither_is_a_part_of_the_checks_nor_a_spec_that_changed_since(
    toy: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.folder)
    with pytest.raises(BaselineError, match="PARTIAL"):
        promote(Request(gate("-k", "psnr").record_path, "v1", "because"))
    run = gate("-q")
    toy.edit("min: 27", "min: 26")
    with pytest.raises(BaselineError, match="was not judged in this run, or changed since"):
        promote(Request(run.record_path, "v1", "because"))


def test_a_metric_whose_check_only_warned_is_no_baseline(toy: Any, promoted: Any) -> None:
    toy.edit("recall, min: 0.75, slices: label}", "recall, min: 0.99, severity: warn, slices: label}")
    said = promoted(evaluation="classification")
    assert set(baseline(toy.folder)["metrics"]) == {"accuracy"}
    assert "  left out: recall, which did not pass recall-min-by-label (FAIL)" in said
    # Nor through the records.
    record = read_excerpt(toy.folder / "baselines" / "v1.records")
    assert not record.has_set(column_name("recall", 1, {"average": "macro", "zero_division": "error"}), "")
    toy.edit("min: 85, unit: percent, min_samples: 40", "min: 100, unit: percent, severity: warn")
    toy.edit(", recognise: classification", "")
    assert "left out: accuracy, which did not pass accuracy-min (FAIL)" in promoted(
        evaluation=None, name="v2"
    )
    assert not (toy.folder / "baselines" / "v2-classification.json").exists()


def test_bounds_that_nobody_agreed_with_are_said(toy: Any, promoted: Any) -> None:
    toy.edit(
        "min: 27, unit: dB}\n",
        "min: 27, unit: dB}   # proposed from one run: 27.27 dB, n 40, false alarm < 1 %\n",
    )
    said = promoted()
    assert any(
        "1 bound of this spec was proposed from what the model itself reached" in line for line in said
    )
    assert baseline(toy.folder)["made_by"]["proposed_bounds"] == 1


def test_what_was_stopped_early_is_not_promoted(
    toy: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.folder)
    toy.edit(
        "    model: picker\n    dataset: test\n",
        "    model: picker\n    dataset: test\n    batch_size: 4\n    stop_early: certain\n",
    )
    toy.edit("min: 85, unit: percent, min_samples: 40", "min: 20, unit: percent")
    toy.edit("      - {metric: recall, min: 0.75, slices: label}\n", "")
    run = gate("-q")
    assert "GO" in run.last_line, run.text
    with pytest.raises(BaselineError, match="nothing that can be promoted") as caught:
        promote(Request(run.record_path, "v1", "because", evaluation="classification"))
    assert "was stopped early" in str(caught.value.found)


def test_numbers_alone_are_promoted_where_the_records_are_on_another_machine(
    toy: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(toy.folder)
    elsewhere = tmp_path / "artefact"
    write(read(gate("-q").record_path), elsewhere)
    (run,) = elsewhere.iterdir()
    said = promote(Request(run, "v1", "because", evaluation="reconstruction"))
    content = baseline(toy.folder)
    assert "records" not in content
    assert content["metrics"]["psnr"]["value"] == pytest.approx(NEW, abs=5e-4)
    assert "  numbers only: the records of this run are not on this machine" in said


def test_the_kept_records_hold_scores_and_slices_and_nothing_else(toy: Any, promoted: Any) -> None:
    promoted(evaluation="classification")
    record = read_excerpt(toy.folder / "baselines" / "v1.records")
    assert record.columns == ("accuracy.v1",)
    assert not record.pictures
    recall = column_name("recall", 1, {"average": "macro", "zero_division": "error"})
    assert set(record.set_values(recall, "label")) == {"0", "1", "2", "3"}


@pytest.mark.parametrize(("name", "reason"), [("../v1", "because"), ("v1", "  ")])
def test_names_and_reasons_that_are_none(name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        promote(Request(tmp_path, name, reason))


def test_what_was_measured_with_other_arguments_is_compared_through_the_records(
    toy: Any, promoted: Any, gate: Gate
) -> None:
    micro = "{metric: recall, args: {average: micro}"
    toy.edit("{metric: recall, min: 0.75, slices: label}", f"{micro}, min: 0.5}}")
    promoted(evaluation="classification")
    metrics = baseline(toy.folder)["metrics"]
    assert set(metrics) == {"accuracy", "recall(average=micro)"}
    toy.edit("\nevaluations:", "\nbaselines:\n  v1: {recorded: baselines/v1.json}\nevaluations:")
    toy.edit(f"{micro}, min: 0.5}}", f"{micro}, baseline: v1, max_degradation: 0, id: versus}}")
    verdict = gate("-k", "versus").results["classification::versus"]["verdict"]
    assert verdict["outcome"] == "PASS"
    assert verdict["worst"]["baseline"]["value"] == pytest.approx(metrics["recall(average=micro)"]["value"])

    # A bar of such a metric sinks no more silently than another.
    path = toy.folder / "baselines" / "v1.json"
    higher = baseline(toy.folder)
    higher["metrics"]["recall(average=micro)"]["value"] = 0.99
    path.write_text(json.dumps(higher))
    toy.edit(", baseline: v1, max_degradation: 0, id: versus}", ", min: 0.5}")
    toy.edit("baselines:\n  v1: {recorded: baselines/v1.json}\n", "")
    with pytest.raises(BaselineError, match="v1 would be lowered: recall"):
        promoted(evaluation="classification")
