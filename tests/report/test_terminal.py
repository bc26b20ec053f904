"""The table at the end of a run, read as a person reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_modelqa.report.conclusion import Planned, Result, Status
from pytest_modelqa.report.terminal import shown_status, table, verdict_word

SPEC = "model_specs/digits/digits.modelspec.yaml"


def item(name: str, case: str = "images", spec: str = SPEC, **fields: Any) -> Planned:
    given = {"kind": "check", "severity": "error", "release": True, "selected": True}
    given |= {"nodeid": f"{spec}::{case}::{name}", "spec": spec, "case": case, "sentence": "", "line": 1}
    return Planned(**(given | fields))


def shown(of: Planned, status: Status = "PASS", *, blocks: bool = False, **cells: str) -> Result:
    given = {"slice": "", "value": "25.02 dB", "bound": "≥ 24 dB", "margin": "+1.02 dB", "n": "600"}
    return Result(of.nodeid, status, blocks, status == "PASS", {"shown": given | cells, "headline": "said"})


def error(of: Planned, headline: str) -> Result:
    return Result(of.nodeid, "ERROR", True, False, {"outcome": "ERROR", "headline": headline})


def drawn(*pairs: tuple[Planned, Result | None], width: int = 120, colours: bool = False) -> str:
    results = {planned.nodeid: result for planned, result in pairs if result is not None}
    return table([planned for planned, _ in pairs], results, width=width, colours=colours)


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


A = item("psnr-min")
B = item("psnr-min-by-label")


def test_a_row_for_each_check_under_its_case_and_its_spec() -> None:
    other = item("accuracy-min", "labels")
    text = drawn(
        (A, shown(A)),
        (B, shown(B, "FAIL", blocks=True, slice="label=8", value="21.00 dB", margin="-3.00 dB", n="58")),
        (other, shown(other, value="99.5 %", bound="≥ 97 %", margin="+2.5 points")),
    )
    assert text.splitlines() == [
        SPEC,
        "check                             value  bound         margin    n  verdict",
        "─" * 75,
        "images",
        "  psnr-min                     25.02 dB  ≥ 24 dB     +1.02 dB  600  PASS",
        "  psnr-min-by-label (label=8)  21.00 dB  ≥ 24 dB     -3.00 dB   58  FAIL",
        "labels",
        "  accuracy-min                   99.5 %  ≥ 97 %   +2.5 points  600  PASS",
    ]


def test_each_spec_has_a_table_of_its_own() -> None:
    other = item("psnr-min", spec="model_specs/faces/faces.modelspec.yaml")
    text = drawn((A, shown(A)), (other, shown(other)))
    assert text.count("check ") == 2
    assert text.index(SPEC) < text.index("model_specs/faces/faces.modelspec.yaml")


def test_what_was_not_selected_is_not_shown_and_what_did_not_run_is() -> None:
    rest = item("ssim-min", selected=False)
    text = drawn((A, shown(A)), (rest, None), (B, None))
    assert "ssim-min" not in text
    assert re.search(r"psnr-min-by-label +NOT RUN$", text, re.MULTILINE)
    assert drawn((rest, None)) == ""
    assert drawn() == ""


def test_a_bound_that_was_not_met_and_does_not_block_is_a_warning() -> None:
    text = drawn((A, shown(A, "FAIL")), (B, shown(B, "INCONCLUSIVE")))
    assert text.count("WARN") == 2
    assert "FAIL" not in text


def test_an_error_says_why_once_for_all_checks_that_share_it() -> None:
    third = item("ssim-min")
    missing = "checkpoint is missing: best.safetensors"
    text = drawn(
        (A, error(A, missing)), (B, error(B, missing)), (third, error(third, "a NaN in the outputs"))
    )
    assert text.count(missing) == 1
    assert text.count("ERROR") == 3
    assert re.search(rf"psnr-min +ERROR\n    {re.escape(missing)}\n  psnr-min-by-label +ERROR\n", text)
    assert "    a NaN in the outputs\n" in text


def test_a_goal_is_shown_only_where_it_says_something() -> None:
    reached, open_goal = item("draw", "goals", kind="goal"), item("name", "goals", kind="goal")
    text = drawn(
        (A, shown(A)),
        (reached, Result(reached.nodeid, "PASS", False, False, None)),
        (open_goal, error(open_goal, "goal name has no evaluation")),
    )
    assert "  draw" not in text
    assert re.search(r"  name +ERROR\n    goal name has no evaluation", text)


def test_in_a_narrow_terminal_names_fold_under_themselves_and_every_number_stays_whole() -> None:
    long = item("psnr-max-degradation-percent-vs-reconstruction_train-by-trajectory")
    text = without_colours(drawn((long, shown(long)), (A, shown(A)), width=80, colours=True))
    lines = [line.rstrip() for line in text.splitlines()]
    assert all(len(line) <= 80 for line in lines)
    assert "margin" not in text
    rows = lines[lines.index("images") + 1 :]
    # The name goes on in the next lines, indented, and the numbers stand in the first.
    assert re.search(r"^  psnr-max-\S+ +25\.02 dB  ≥ 24 dB  600  PASS$", rows[0])
    assert rows[1].startswith("  ")
    assert "".join(row[:50].strip().split(" ")[0] for row in rows[:2]) == long.nodeid.rpartition("::")[2]


def test_colours_are_given_only_where_they_are_wanted() -> None:
    plain = drawn((A, shown(A)), (B, shown(B, "FAIL", blocks=True)))
    coloured = drawn((A, shown(A)), (B, shown(B, "FAIL", blocks=True)), colours=True)
    assert "\x1b" not in plain
    assert "\x1b[32mPASS" in coloured
    assert "\x1b[1;31mFAIL" in coloured


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    odd = item("psnr-min", case="[red]images[/red]", spec="specs/[bold]a[/bold].modelspec.yaml")
    text = drawn((odd, error(odd, "found [1, 2, 3] and [/] in it")))
    assert "specs/[bold]a[/bold].modelspec.yaml" in text
    assert "[red]images[/red]" in text
    assert "found [1, 2, 3] and [/] in it" in text


@pytest.mark.parametrize(
    ("status", "blocks", "word"),
    [
        ("PASS", False, "PASS"),
        ("FAIL", True, "FAIL"),
        ("FAIL", False, "WARN"),
        ("INCONCLUSIVE", True, "INCONCLUSIVE"),
        ("INCONCLUSIVE", False, "WARN"),
        ("ERROR", True, "ERROR"),
        ("SKIPPED", False, "SKIPPED"),
    ],
)
def test_the_word_of_a_result(status: Status, blocks: bool, word: str) -> None:
    result = shown(A, status, blocks=blocks)
    assert shown_status(result) == word
    assert verdict_word(result) == f"{word} said"
    assert verdict_word(Result(A.nodeid, status, blocks, False, None)) == word
    assert shown_status(None) == "NOT RUN"


def test_in_sixty_columns_the_numbers_stand_under_the_name() -> None:
    long = item("psnr-max-degradation-percent-vs-reconstruction_train-by-trajectory")
    third = item("ssim-min")
    text = drawn(
        (A, shown(A)),
        (long, shown(long, "FAIL", blocks=True, slice="label=8")),
        (third, error(third, "checkpoint is missing: a/very/long/path/to/some/experiment/best.safetensors")),
        width=60,
    )
    lines = text.splitlines()
    assert all(len(line) <= 60 for line in lines)
    assert lines[:4] == [SPEC, "images", "  PASS psnr-min", "    25.02 dB ≥ 24 dB, +1.02 dB, n 600"]
    assert "  FAIL" in lines[4]
    joined = "".join(line.strip() for line in lines[4:8])
    assert "psnr-max-degradation-percent-vs-reconstruction_train-by-trajectory" in joined.replace(" ", "")
    assert "    checkpoint is missing:" in text


@pytest.mark.parametrize("width", [60, 120])
def test_what_the_preflight_found_stands_under_its_question_at_every_width(width: int) -> None:
    question = item("resources", "preflight", kind="preflight")
    finding = {"severity": "error", "what": "no NLTK data", "todo": "modelqa fetch nltk"}
    answer = Result(question.nodeid, "FAIL", True, False, {"findings": [finding]})
    text = drawn((question, answer), width=width)
    assert "    no NLTK data → modelqa fetch nltk" in text.splitlines()
    assert "margin" not in text
