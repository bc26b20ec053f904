"""What GitHub is told: it must be read as words, whatever a spec or an error says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from pytest_modelqa.report.conclusion import Result
from pytest_modelqa.report.github import MARKER, markdown, workflow_commands
from pytest_modelqa.report.goals import with_goals

HOSTILE = "50% of a|b, <script>x</script> [y](http://z) @team `code`\n::error::fake"


def test_a_check_that_blocks_is_an_error_at_its_line_and_one_that_warns_a_warning(make: Any) -> None:
    warned = dataclasses.replace(make.result("ssim-min", make.line(0.8, 0.9), headline="ssim"), blocks=False)
    run = make.run(make.result("mae-max"), make.result("psnr-min", make.line(20.0), headline="psnr"), warned)
    assert list(workflow_commands(run, Path("/r"), None)) == [
        "::error file=model_specs/toy/toy.modelspec.yaml,line=12,title=images%3A%3Apsnr-min::psnr",
        "::warning file=model_specs/toy/toy.modelspec.yaml,line=12,title=images%3A%3Assim-min::ssim",
    ]
    (first, _) = workflow_commands(run, Path("/home/r/project"), Path("/home/r"))
    assert "file=project/model_specs/toy/toy.modelspec.yaml," in first


def test_a_spec_that_is_wrong_is_marked_where_it_is_wrong(make: Any) -> None:
    problem = "2 problems\n  where: specs/a.modelspec.yaml:7:12\n  found: x"
    run = make.run(make.result())
    run = dataclasses.replace(run, specs=(dataclasses.replace(run.specs[0], problem=problem),))
    (told,) = workflow_commands(run, Path("/r"), None)
    assert told.startswith(
        "::error file=model_specs/toy/toy.modelspec.yaml,line=7,title=spec::2 problems%0A  where"
    )


def test_no_text_of_a_run_becomes_a_command(make: Any) -> None:
    run = make.run(make.error("psnr-min", HOSTILE))
    (told,) = workflow_commands(run, Path("/r"), None)
    assert "\n" not in told
    assert told.endswith("::50%25 of a|b, <script>x</script> [y](http://z) @team `code`%0A::error::fake")


def test_github_shows_ten_of_a_kind_and_gets_no_more(make: Any) -> None:
    run = make.run(*(make.error(f"check-{number}") for number in range(30)))
    assert len(list(workflow_commands(run, Path("/r"), None))) == 10


def test_the_comment_begins_with_its_marker_and_what_failed_comes_first(make: Any) -> None:
    run = make.run(
        make.result("psnr-min"), make.error("ssim-min", "a NaN"), make.result("mae", make.line(20.0))
    )
    lines = markdown(run, ["psnr creeps"]).splitlines()
    assert lines[0] == MARKER
    assert lines[1].startswith("## ❌ NO-GO: 2 of 3 release checks in 1 spec did not pass")
    assert "> ⚠️ psnr creeps" in lines
    rows = [line.split(" | ")[0] for line in lines if line.startswith("| ") and "check" not in line[:9]]
    assert rows == ["| ❗ ERROR", "| ❌ FAIL", "| ✅ PASS"]
    assert "| ✅ PASS | `images` psnr of autoencoder ≥ 24 dB | 25.00 dB | ≥ 24 dB | +1.00 dB | 600 |" in lines


def test_a_goal_that_was_not_shown_says_why(make: Any) -> None:
    run = make.run(make.result("psnr-min", make.line(20.0)))
    goal = dataclasses.replace(
        run.planned[0],
        nodeid="a::goals::g",
        case="goals",
        kind="goal",
        decided_by="images",
        sentence="goal g",
    )
    passed = Result(goal.nodeid, "PASS", blocks=False, measured_a_model=False, verdict=None)
    run = dataclasses.replace(run, planned=(*run.planned, goal), results=(*run.results, passed))
    results = tuple(with_goals(run.planned, run.results).values())
    text = markdown(dataclasses.replace(run, results=results), [])
    assert "| ⚠️ WARN | `goals` g: not shown: of 1 checks of images 1 did not pass |" in text


def test_no_text_of_a_run_becomes_markdown(make: Any) -> None:
    text = markdown(make.run(make.error("psnr-min", HOSTILE)), [HOSTILE])
    rows = [line for line in text.splitlines() if "50%" in line]
    assert len(rows) == 2
    for row in rows:
        assert "<script" not in row
        assert "[y]" not in row
        assert "@team" not in row
    assert rows[1].count("|") == 7


def test_a_comment_stays_within_what_github_takes(make: Any) -> None:
    run = make.run(*(make.result(f"check-{number}", sentence="ö" * 200) for number in range(900)))
    text = markdown(run, [])
    assert 50_000 < len(text) < 65_536
    shown = text.count("| ✅ PASS |")
    assert f"{900 - shown} more stand in the run record." in text
