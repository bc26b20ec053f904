"""The last line and the exit code, for each way a run can end."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Any

import pytest

Gate = Callable[..., Any]
PSNR = "{metric: psnr, min: 27, unit: dB}"


def test_all_checks_pass(gate: Gate) -> None:
    run = gate()
    assert (run.last_line, run.exit_code) == ("GO: 6 of 6 release checks in 1 spec passed", 0)
    assert run.record["complete"] is True
    assert run.record["conclusion"] == {"word": "GO", "line": run.last_line, "exit_code": 0}


def test_a_bound_that_is_not_met(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    run = gate()
    assert run.last_line == "NO-GO: 1 of 6 release checks in 1 spec failed: reconstruction::psnr-min"
    assert run.exit_code == 1
    assert run.statuses["reconstruction::psnr-min"] == "FAIL"
    assert "1 failed, 5 passed" in run.text


def test_a_check_that_cannot_be_judged_is_an_error_and_no_failure(gate: Gate, toy: Any) -> None:
    (toy.folder / "checkpoints" / "scaler_older.safetensors").unlink()
    run = gate()
    name = "reconstruction::psnr-max-degradation-vs-older"
    assert run.last_line == f"NO-GO: 1 of 6 release checks in 1 spec could not be judged: {name}"
    assert run.exit_code == 1
    assert run.statuses[name] == "ERROR"
    assert "5 passed, 1 error" in run.text
    assert run.error(name)["error"] == "CheckpointError"
    assert "checkpoints/scaler_older.safetensors" in run.text


def test_a_failure_and_an_error_are_counted_apart(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    (toy.folder / "checkpoints" / "picker.safetensors").unlink()
    run = gate()
    assert run.last_line == (
        "NO-GO: 3 of 6 release checks in 1 spec did not pass (1 failed, 2 could not be judged): "
        "reconstruction::psnr-min, classification::accuracy-min, classification::recall-min-by-label"
    )
    assert run.exit_code == 1


def test_a_warning_does_not_block_and_does_not_count_as_passed(gate: Gate, toy: Any) -> None:
    toy.edit(PSNR, "{metric: psnr, min: 28, unit: dB, severity: warn}")
    run = gate("-v")
    assert (run.last_line, run.exit_code) == ("GO: 5 of 6 release checks in 1 spec passed; 1 warning", 0)
    assert run.statuses["reconstruction::psnr-min"] == "FAIL"
    assert "::psnr-min WARN psnr 27.27 dB < 28 dB" in run.text
    assert "1 warned" in run.text


@pytest.mark.parametrize(
    ("mark", "said"), [("skip", "1 skipped"), ("xfail", "1 xfailed")], ids=["skip", "xfail"]
)
@pytest.mark.parametrize("value", [27, 28], ids=["bound met", "bound not met"])
def test_a_check_that_is_skipped_or_expected_to_fail_leaves_the_run_incomplete(
    gate: Gate, toy: Any, mark: str, said: str, value: int
) -> None:
    toy.edit(PSNR, f"{{metric: psnr, min: {value}, unit: dB, marks: [{mark}]}}")
    run = gate()
    assert run.last_line == f"INCOMPLETE: of 6 release checks in 1 spec {said}: reconstruction::psnr-min"
    assert run.exit_code == 1


def test_skipping_all_checks_is_not_green(gate: Gate, toy: Any) -> None:
    toy.write(
        "conftest.py",
        "import pytest\n"
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n"
        "        item.add_marker(pytest.mark.skip(reason='no time'))\n",
    )
    run = gate()
    assert run.last_line.startswith("INCOMPLETE: of 6 release checks in 1 spec 6 skipped")
    assert run.exit_code == 1


def test_an_unexpected_pass_under_strict_xfail_is_no_go(gate: Gate, toy: Any) -> None:
    toy.write("pytest.ini", "[pytest]\nxfail_strict = true\n")
    toy.edit(PSNR, "{metric: psnr, min: 27, unit: dB, marks: [xfail]}")
    run = gate()
    assert run.last_line.startswith("NO-GO: 1 of 6 release checks in 1 spec")
    assert run.exit_code == 1


def test_a_plugin_that_calls_a_failure_passed_does_not_make_it_go(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    toy.write(
        "conftest.py",
        "import pytest\n"
        "@pytest.hookimpl(wrapper=True)\n"
        "def pytest_runtest_makereport():\n"
        "    report = yield\n"
        "    report.outcome = 'passed'\n"
        "    return report\n",
    )
    run = gate()
    assert run.last_line == "NO-GO: 1 of 6 release checks in 1 spec failed: reconstruction::psnr-min"
    assert run.exit_code == 1


def test_a_selection_that_passes_is_partial(gate: Gate) -> None:
    run = gate("-k", "classification")
    assert run.last_line == "PARTIAL: 2 of 6 checks passed; not a release verdict"
    assert run.exit_code == 0


def test_a_selection_that_fails_is_no_go(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    run = gate("-k", "reconstruction and min")
    assert run.last_line == "NO-GO: 1 of 1 selected checks (6 in the specs) failed: reconstruction::psnr-min"
    assert run.exit_code == 1


def test_nothing_selected_says_nothing_and_is_not_green(gate: Gate) -> None:
    run = gate("-k", "nothing")
    assert run.exit_code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "GO" not in run.last_line
    assert "6 deselected" in run.last_line


def test_stopping_at_the_first_failure_names_what_did_not_run(gate: Gate, toy: Any) -> None:
    toy.edit("min: 27", "min: 28")
    run = gate("-x")
    assert run.last_line == (
        "NO-GO: 1 of 6 release checks in 1 spec failed: reconstruction::psnr-min; 5 not run"
    )
    assert run.exit_code == 1


def test_a_failing_python_test_beside_passing_specs_is_exit_1_and_the_line_says_so(
    gate: Gate, toy: Any
) -> None:
    toy.write("test_other.py", "def test_other():\n    assert 1 == 2\n")
    run = gate()
    assert run.exit_code == 1
    assert run.last_line == (
        "GO: 6 of 6 release checks in 1 spec passed; exit code 1, because something else in this run failed"
    )


def test_a_passing_python_test_is_no_release_check(gate: Gate, toy: Any) -> None:
    toy.write("test_other.py", "def test_other():\n    pass\n")
    run = gate()
    assert (run.last_line, run.exit_code) == ("GO: 6 of 6 release checks in 1 spec passed", 0)
    assert "7 passed" in run.text


def test_a_spec_that_cannot_be_read_is_not_green_and_runs_nothing(gate: Gate, toy: Any) -> None:
    shutil.copy(toy.folder / "toy.modelspec.yaml", toy.folder / "bad.modelspec.yaml")
    toy.edit("metric: accuracy", "metric: acuracy", "bad.modelspec.yaml")
    run = gate()
    assert run.last_line == "INCOMPLETE: 1 spec could not be read: bad.modelspec.yaml"
    assert run.exit_code == pytest.ExitCode.INTERRUPTED
    assert "bad.modelspec.yaml:26:" in run.text
    assert "did you mean" in run.text
    assert run.results == {}


def test_the_good_spec_beside_a_bad_one_can_be_judged_but_is_never_go(gate: Gate, toy: Any) -> None:
    toy.write("bad.modelspec.yaml", "modelqa: 1\nmodels: []\n")
    run = gate("--continue-on-collection-errors")
    assert run.last_line == "INCOMPLETE: 1 spec could not be read: bad.modelspec.yaml"
    assert run.exit_code == 1
    assert set(run.statuses.values()) == {"PASS"}


def test_a_bad_spec_alone_is_not_green(gate: Gate, toy: Any) -> None:
    toy.write("toy.modelspec.yaml", "modelqa: 1\n")
    run = gate()
    assert run.last_line == "INCOMPLETE: 1 spec could not be read: toy.modelspec.yaml"
    assert run.exit_code != 0


def test_a_run_that_is_interrupted_leaves_an_incomplete_record(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    toy.write(
        "conftest.py",
        "import pytest\n"
        "def pytest_runtest_teardown(item):\n"
        "    if item.name == 'accuracy-min':\n"
        "        raise KeyboardInterrupt\n",
    )
    run = run_pytest(toy.folder, "-q")
    assert run.exit_code == pytest.ExitCode.INTERRUPTED
    assert "\nINCOMPLETE: of 6 release checks in 1 spec 3 not run" in run.text
    assert run.record["complete"] is False


def test_a_run_that_is_interrupted_after_its_last_check_is_not_go(
    toy: Any, run_pytest: Callable[..., Any]
) -> None:
    toy.write("test_zz.py", "def test_zz():\n    raise KeyboardInterrupt\n")
    run = run_pytest(toy.folder, "-q", "toy.modelspec.yaml", "test_zz.py")
    assert run.exit_code == pytest.ExitCode.INTERRUPTED
    assert run.statuses == dict.fromkeys(run.statuses, "PASS")
    assert "\nINCOMPLETE: the run did not come to its end; until then GO: 6 of 6" in run.text
    assert run.record["complete"] is False


def test_leaving_a_run_with_exit_code_0_does_not_make_it_green(gate: Gate, toy: Any) -> None:
    toy.write(
        "conftest.py",
        "import pytest\n"
        "def pytest_runtest_setup(item):\n"
        "    if item.name == 'accuracy-min':\n"
        "        pytest.exit('enough', returncode=0)\n",
    )
    run = gate()
    assert "\nINCOMPLETE: of 6 release checks in 1 spec 4 not run" in run.text
    assert run.exit_code == 1


def test_a_process_that_ends_itself_in_sessionfinish_leaves_a_record_that_proves_nothing(
    toy: Any, run_pytest: Callable[..., Any], run_command: Callable[..., Any]
) -> None:
    toy.write("conftest.py", "import os\ndef pytest_sessionfinish():\n    os._exit(0)\n")
    run = run_pytest(toy.folder, "-q")
    assert run.exit_code == 0
    assert "GO:" not in run.text
    (folder,) = (toy.folder / ".modelqa" / "runs").iterdir()
    verified = run_command(toy.folder, [sys.executable, "-m", "pytest_modelqa.cli", "verify", str(folder)])
    assert verified.exit_code == 2
    assert verified.last_line == "INCOMPLETE: the run did not come to its end"


def test_a_folder_of_records_that_is_a_file_is_told_before_anything_runs(gate: Gate, toy: Any) -> None:
    shutil.rmtree(toy.folder / ".modelqa")
    toy.write(".modelqa", "")
    run = gate()
    assert run.exit_code == pytest.ExitCode.USAGE_ERROR
    assert ".modelqa" in run.text
