"""Node ids, and pytest's own ways to select and to go on after a failure."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

Gate = Callable[..., Any]
SPEC = "toy.modelspec.yaml"
IDS = [
    "toy.modelspec.yaml::reconstruction::psnr-min",
    "toy.modelspec.yaml::reconstruction::psnr-max-degradation-vs-older",
    "toy.modelspec.yaml::classification::accuracy-min",
    "toy.modelspec.yaml::classification::recall-min-by-label",
    "toy.modelspec.yaml::goals::rebuild",
    "toy.modelspec.yaml::goals::recognise",
]


def collected(run: Any) -> list[str]:
    return [line for line in run.lines if line.startswith(SPEC + "::")]


def test_each_check_is_an_item_named_by_what_it_checks(gate: Gate) -> None:
    run = gate("--collect-only", "-q")
    assert collected(run) == IDS
    assert run.exit_code == 0


def test_collecting_says_each_check_as_a_sentence_and_leaves_nothing_behind(gate: Gate, toy: Any) -> None:
    run = gate("--collect-only", "-v")
    assert "psnr-min: psnr of scaler ≥ 27 dB" in run.text
    assert "accuracy-min: accuracy of picker ≥ 85 %" in run.text
    assert "GO" not in run.text
    assert not (toy.folder / ".modelqa" / "runs").exists()


@pytest.mark.parametrize("option", ["--fixtures", "--fixtures-per-test", "--setup-plan"])
def test_showing_fixtures_or_a_plan_is_no_run(gate: Gate, toy: Any, option: str) -> None:
    run = gate(option, "-q")
    assert run.exit_code == 0
    assert "INCOMPLETE" not in run.text
    assert not (toy.folder / ".modelqa" / "runs").exists()


def test_an_id_does_not_change_with_the_bound_or_the_order(gate: Gate, toy: Any) -> None:
    toy.edit("metric: psnr, min: 27", "metric: psnr, min: 3.5")
    toy.edit("      - {metric: accuracy, min: 85, unit: percent, min_samples: 40}\n", "")
    toy.add_evaluation("      - {metric: accuracy, min: 0.2}\n")
    assert sorted(collected(gate("--co", "-q"))) == sorted(IDS)


def test_a_tag_selects_the_specs_that_bear_it(gate: Gate, toy: Any) -> None:
    text = (toy.folder / SPEC).read_text()
    (toy.folder / "tagged.modelspec.yaml").write_text(
        text.replace("name: toy", "name: tagged\ntags: [nightly]")
    )
    run = gate("--collect-only", "-q", "-k", "nightly and psnr")
    assert [line for line in run.lines if "::" in line] == [
        each.replace(SPEC, "tagged.modelspec.yaml") for each in IDS[:2]
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([f"{SPEC}::reconstruction"], IDS[:2]),
        ([f"{SPEC}::classification::accuracy-min"], IDS[2:3]),
        ([IDS[5], IDS[0]], [IDS[5], IDS[0]]),
        (["-k", "psnr"], IDS[:2]),
        (["-k", "min and not label"], [IDS[0], IDS[2]]),
        (["-m", "gpu"], IDS),
        (["-m", "cpu"], IDS[4:]),
        (["-m", "gpu and not cpu"], IDS[:4]),
        (["-m", "control"], []),
        (["--deselect", IDS[1], "--deselect", f"{SPEC}::goals"], [IDS[0], *IDS[2:4]]),
    ],
    ids=lambda value: " ".join(value) if value and value[0].startswith("-") else None,
)
def test_pytest_selects_checks(gate: Gate, arguments: list[str], expected: list[str]) -> None:
    assert collected(gate("--co", "-q", *arguments)) == expected


def test_a_check_that_does_not_exist_is_a_usage_error(gate: Gate) -> None:
    run = gate(f"{SPEC}::classification::accuracy-max")
    assert run.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "not found" in run.text


def test_an_evaluation_on_the_cpu_bears_the_mark_cpu(gate: Gate, toy: Any) -> None:
    toy.edit("    task: classification\n", "    task: classification\n    device: cpu\n")
    assert collected(gate("--co", "-q", "-m", "cpu")) == IDS[2:]


def test_marks_of_a_spec_can_be_selected(gate: Gate, toy: Any) -> None:
    toy.write("pytest.ini", "[pytest]\nmarkers =\n    slow: slow\n    nightly: nightly\n")
    toy.edit("    task: classification\n", "    task: classification\n    marks: [slow]\n")
    toy.edit(
        "{metric: recall, min: 0.75, slices: label}",
        "{metric: recall, min: 0.75, slices: label, marks: [nightly]}",
    )
    assert collected(gate("--co", "-q", "--strict-markers", "-m", "slow")) == IDS[2:4]
    assert collected(gate("--co", "-q", "--strict-markers", "-m", "nightly")) == IDS[3:4]


def test_an_unknown_mark_is_a_warning_with_its_place(gate: Gate, toy: Any) -> None:
    toy.edit("{metric: psnr, min: 27, unit: dB}", "{metric: psnr, min: 27, unit: dB, marks: [sloow]}")
    run = gate()
    assert (run.last_line, run.exit_code) == ("GO: 6 of 6 release checks in 1 spec passed", 0)
    assert run.text.count("sloow") == 2  # what is wrong, and what to write
    assert f"{toy.folder / SPEC}:19: pytest does not know the mark 'sloow'" in run.text


@pytest.mark.parametrize("arguments", [["--strict-markers"], ["-W", "error"]], ids=["strict", "warnings"])
def test_an_unknown_mark_is_an_error_with_its_place(gate: Gate, toy: Any, arguments: list[str]) -> None:
    toy.edit("{metric: psnr, min: 27, unit: dB}", "{metric: psnr, min: 27, unit: dB, marks: [sloow]}")
    run = gate(*arguments)
    assert run.exit_code == pytest.ExitCode.INTERRUPTED
    assert "sloow" in run.text
    assert f"{toy.folder / SPEC}:19" in run.text
    assert run.last_line == f"INCOMPLETE: 1 spec could not be read: {SPEC}"


def test_what_a_spec_probably_does_not_mean_is_a_warning(gate: Gate, toy: Any) -> None:
    toy.edit("metric: psnr, min: 27", "metric: psnr, max: 28")
    run = gate()
    assert run.last_line == "GO: 6 of 6 release checks in 1 spec passed"
    assert f"{toy.folder / SPEC}:19:" in run.text
    assert "a better model fails" in run.text


def test_the_last_failed_check_runs_alone_and_is_no_release_verdict(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    gate()
    toy.edit("min: 28", "min: 27")
    run = gate("--lf")
    assert list(run.statuses) == ["reconstruction::psnr-min"]
    assert run.last_line == "PARTIAL: 1 of 6 checks passed; not a release verdict"


def test_last_failed_is_partial_even_when_other_spec_files_are_not_collected(gate: Gate, toy: Any) -> None:
    """pytest skips whole files without a failure, so their checks are in no plan."""
    other = "other.modelspec.yaml"
    text = (toy.folder / SPEC).read_text()
    start, end = text.index("      - {metric: psnr, base"), text.index("  classification:")
    toy.write(other, text[:start] + text[end:].split("  classification:")[0])
    toy.edit("goals: {rebuild: reconstruction, recognise: classification}\n", "", other)
    toy.edit("min: 27", "min: 28", other)
    toy.write("test_other.py", "def test_other():\n    assert 1 == 2\n")
    gate()
    toy.edit("min: 28", "min: 27", other)
    toy.edit("1 == 2", "1 == 1", "test_other.py")
    run = gate("--lf")
    assert list(run.statuses) == ["reconstruction::psnr-min"]
    assert run.last_line == "PARTIAL: 1 of 1 checks passed, 1 spec left out; not a release verdict"
    assert run.exit_code == 0


def test_a_spec_that_was_asked_for_by_name_is_judged_without_those_beside_it(gate: Gate, toy: Any) -> None:
    shutil.copy(toy.folder / SPEC, toy.folder / "other.modelspec.yaml")
    assert gate(SPEC).last_line == "GO: 6 of 6 release checks in 1 spec passed"
    assert gate(f"{SPEC}::goals").last_line == (
        "PARTIAL: none of 6 checks was run; not a release verdict; 2 warnings"
    )
    assert gate(".").last_line == "GO: 12 of 12 release checks in 2 specs passed"


@pytest.mark.parametrize("name", ["other.modelspec.yml", "other.ModelSpec.yaml"])
def test_a_spec_with_nearly_the_right_name_is_not_passed_over(gate: Gate, toy: Any, name: str) -> None:
    shutil.copy(toy.folder / SPEC, toy.folder / name)
    run = gate(".")
    assert (run.exit_code, run.last_line) == (2, f"INCOMPLETE: 1 spec could not be read: {name}")
    assert "rename it other.modelspec.yaml, or otherwise if it is none" in run.text


def test_a_check_that_could_not_be_judged_is_a_last_failed_one(gate: Gate, toy: Any) -> None:
    older = toy.folder / "checkpoints" / "scaler_older.safetensors"
    older.rename(older.with_suffix(".away"))
    gate()
    older.with_suffix(".away").rename(older)
    assert list(gate("--lf").statuses) == ["reconstruction::psnr-max-degradation-vs-older"]


def test_failed_first_runs_all_of_them(gate: Gate, toy: Any) -> None:
    toy.edit("min: 85", "min: 95")
    assert gate().exit_code == 1
    toy.edit("min: 95", "min: 85")
    run = gate("--ff", "-v")
    assert next(iter(run.statuses)) == "classification::accuracy-min"
    assert run.last_line == "GO: 6 of 6 release checks in 1 spec passed"


def test_stepwise_goes_on_where_it_stopped(gate: Gate, toy: Any) -> None:
    toy.edit("min: 85", "min: 95")
    first = gate("--sw")
    assert list(first.statuses) == [name.split("::", 1)[1] for name in IDS[:3]]
    assert first.exit_code == pytest.ExitCode.INTERRUPTED
    toy.edit("min: 95", "min: 85")
    second = gate("--sw")
    assert list(second.statuses) == [name.split("::", 1)[1] for name in IDS[2:]]
    assert second.last_line == "PARTIAL: 3 of 6 checks passed; not a release verdict; 1 warning"


def test_two_folders_each_have_their_own_modules_and_names(gate: Gate, toy: Any) -> None:
    for name in ("first", "second"):
        (toy.folder / name).mkdir()
        for part in (SPEC, "model.py", "helper.py", "data", "checkpoints"):
            copy = shutil.copytree if (toy.folder / part).is_dir() else shutil.copy
            copy(toy.folder / part, toy.folder / name / part)
    (toy.folder / SPEC).unlink()
    run = gate()
    assert run.last_line == "GO: 12 of 12 release checks in 2 specs passed"
    assert f"first/{SPEC}" in run.text
    assert {spec["path"] for spec in run.record["specs"]} == {f"first/{SPEC}", f"second/{SPEC}"}


@pytest.mark.parametrize(
    "option", ["-p no:randomly", "-p no:cacheprovider", "--tb=short", "-W error", "--strict-markers"]
)
def test_common_options_change_nothing(gate: Gate, option: str) -> None:
    run = gate(*option.split(" ", 1))
    assert (run.last_line, run.exit_code) == ("GO: 6 of 6 release checks in 1 spec passed", 0)
