"""The page of a run: what it says, in what order, and that nothing in it becomes markup."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.report.history import History
from pytest_modelqa.report.html.render import render, write_report
from pytest_modelqa.report.run_record import ReadSpec, RunRecord

HOSTILE = """<script>alert(1)</script><img src=x onerror="alert(2)">'"{{7*7}}</style>&"""


class Reader(HTMLParser):
    """The tags of a page, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(run: RunRecord, folder: Path) -> tuple[str, Reader]:
    html = render(run, folder / "store", History())
    reader = Reader()
    # The style and the script are ours and hold no text of a run.
    reader.feed(re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL))
    return html, reader


def test_the_verdict_stands_on_top_and_what_failed_comes_first(make: Any, tmp_path: Path) -> None:
    run = make.run(
        make.result("psnr-min"),
        make.error("mse-max"),
        make.result("ssim-min", make.line(0.8, 0.9), headline="ssim 0.80 < 0.9", case="other"),
    )
    html, reader = page(run, tmp_path)
    assert "<title>NO-GO: 2 of 3 release checks in 1 spec did not pass" in html
    text = reader.text
    order = [
        text.index(words) for words in ("NO-GO", "What stops it", "ssim 0.80 < 0.9", "What it is about.")
    ]
    assert order == sorted(order)
    assert re.search(r"1 fail 1 error 1 pass", text)
    # In its evaluation the error stands before what passed, though the spec has it after.
    assert [tag["id"] for name, tag in reader.tags if name == "li" and tag.get("id")] == [
        "check-1",
        "check-0",
        "check-2",
    ]


ALL = "1 of 1 release checks in 1 spec passed"


@pytest.mark.parametrize(
    ("line", "left_out"),
    [
        (f"GO: {ALL}; 7 bounds were proposed from what the model itself reached: no evidence yet", ""),
        (f"GO: {ALL}; PARTIAL: 1 of 18 preflight items passed; not the whole preflight", ""),
        (
            f"NO-GO: PREFLIGHT FAILED: 2 of 9 items failed: preflight::a, b::c; without it GO: {ALL}",
            ": preflight::a, b::c",
        ),
        (f"GO: {ALL}; with --modelqa-set a=b", "; with --modelqa-set a=b"),
        ("INCOMPLETE: of 2 release checks in 1 spec 1 skipped: e::a and 2 more", ": e::a and 2 more"),
    ],
)
def test_of_the_last_line_only_names_are_left_to_what_stands_below(
    make: Any, tmp_path: Path, line: str, left_out: str
) -> None:
    run = make.run(make.result("psnr-min"))
    shown = dataclasses.replace(run.conclusion, word=line.partition(":")[0], line=line)
    html, _ = page(dataclasses.replace(run, conclusion=shown), tmp_path)
    assert f"<title>{line.replace(left_out, '')}</title>" in html


def test_each_check_says_value_bound_margin_samples_baseline_and_digests(make: Any, runs: Any) -> None:
    record = runs.record("candidate", {"psnr.v2": np.full(30, 25.0)})
    evidence = {"candidate": runs.evidence(record, "autoencoder")}
    line = make.line(baseline=dataclasses.replace(make.line().candidate, name="older", value=23.5, n=599))
    _, reader = page(make.run(make.result("psnr-min", line, evidence=evidence)), runs.folder)
    for words in (
        "value 25.00 dB", "bound ≥ 24.00 dB", "margin +1.00 dB", "n 600", "older 23.50 dB, n 599",
        "24.50 dB … 25.50 dB (97.5 % sure of each end, t)", "psnr of autoencoder ≥ 24 dB",
        record.manifest.inputs["checkpoint"][0].sha256, f"{record.manifest.key[:12]}…/{record.folder.name}",
        "model_specs/toy/toy.modelspec.yaml:12",
    ):  # fmt: skip
        assert words in reader.text
    drawn = [tag["aria-label"] for name, tag in reader.tags if name == "svg" and tag.get("role") == "img"]
    assert "25.00 dB; bound ≥ 24.00 dB; interval 24.50 dB … 25.50 dB; baseline older 23.50 dB" in drawn


def test_how_many_samples_decided_where_it_stopped_early(make: Any, runs: Any) -> None:
    record = runs.record("candidate", {"psnr.v2": np.full(30, 25.0)})
    evidence = runs.evidence(record, "autoencoder")
    evidence["how"]["early"] = {"total": 600}
    line = make.line(n=212, method="whenever stopped")
    _, reader = page(make.run(make.result("c", line, evidence={"candidate": evidence})), runs.folder)
    assert "stopped early: 212 of 600 samples decided" in reader.text


def test_what_was_not_run_and_what_is_no_release_is_said(make: Any, tmp_path: Path) -> None:
    ran = make.result("psnr-min")
    skipped = dataclasses.replace(make.result("mae-max"), status="SKIPPED", verdict=None)
    left = make.planned(make.result("ssim-min"), selected=False)
    run = make.run(
        ran,
        skipped,
        planned=(make.planned(ran), make.planned(skipped), left),
        options={"set": ["models.a.checkpoint=b"], "limit": 20},
        passed_over=("5a/5afc: samples.parquet is damaged",),
    )
    run = dataclasses.replace(
        run, specs=(*run.specs, ReadSpec("b", None, (), "it is wrong\nvery"), ReadSpec("c", None, (), None))
    )
    _, reader = page(run, tmp_path)
    text = reader.text
    below = text[text.index("Not run", text.index("toy.modelspec.yaml")) :]
    for words in (
        "::ssim-min not selected",
        "::mae-max skipped",
        "b could not be read: it is wrong",
        "c left out by pytest",
    ):
        assert words in below
    assert "--modelqa-set models.a.checkpoint=b: not the specs as they are" in text
    assert "first 20 samples of each dataset only" in text
    assert "A damaged record was passed over: 5a/5afc: samples.parquet is damaged" in text


def test_checks_that_one_error_stops_are_told_together(make: Any, tmp_path: Path) -> None:
    run = make.run(*(make.error(f"check-{number}") for number in range(5)), make.error("other", "a NaN"))
    _, reader = page(run, tmp_path)
    cards = [tag for name, tag in reader.tags if name == "article"]
    assert len(cards) == 2
    assert (
        "For the same reason: images / check-1 , images / check-2 , images / check-3 , images / check-4"
        in reader.text
    )
    assert reader.text.count("a log") == 2


def test_what_the_preflight_found_is_told_in_full(make: Any, tmp_path: Path) -> None:
    told = dict.fromkeys(("where", "expected", "details"), None)
    wrong = {
        "severity": "error",
        "error": "X",
        "what": "no checkpoint",
        "found": "nothing",
        "todo": "train it",
        **told,
    }
    near = {**wrong, "severity": "warning", "what": "only 3 samples"}
    asked = {
        "outcome": "FAIL",
        "headline": "no checkpoint",
        "sentence": "is it there?",
        "findings": [wrong, near],
    }
    item = make.result("checkpoint-of-a", case="preflight")
    item = dataclasses.replace(item, status="FAIL", blocks=True, measured_a_model=False, verdict=asked)
    planned = [make.planned(make.result(f"check-{number}"), selected=False) for number in range(8)]
    plan = (make.planned(item, kind="preflight", release=False), *planned)
    html, reader = page(make.run(item, planned=plan), tmp_path)
    assert '<header class="verdict fail">' in html
    # What stops a release stands above, in full, and by its line in the list.
    assert reader.text.count("no checkpoint") == 2
    assert "no checkpoint found nothing to do train it warning: only 3 samples" in reader.text
    assert "::images 8 items not selected" in reader.text


def test_a_goal_that_was_not_shown_says_so_once(make: Any, tmp_path: Path) -> None:
    said = "not shown: of 2 checks of e 1 did not pass"
    told = dict.fromkeys(("error", "where", "expected", "found", "todo", "details"), None)
    verdict = {
        "outcome": "INCONCLUSIVE",
        "headline": said,
        "sentence": "the goal",
        "findings": [{"severity": "warning", **told, "what": said}],
    }
    goal = make.result("a-goal", case="goals")
    goal = dataclasses.replace(
        goal, status="INCONCLUSIVE", blocks=False, measured_a_model=False, verdict=verdict
    )
    _, reader = page(make.run(goal, planned=(make.planned(goal, kind="goal"),)), tmp_path)
    assert reader.text.count(said) == 1


def test_what_the_models_were_measured_with_is_read_from_their_records(make: Any, runs: Any) -> None:
    installed = {"torch": "2.13.0+cpu", "numpy": "2.4.6"}
    record = runs.record("candidate", {"psnr.v2": np.full(30, 25.0)}, distributions=installed)
    older = runs.record("older", {"psnr.v2": np.full(30, 25.0)}, distributions={"torch": "1.0"})
    evidence = {"candidate": runs.evidence(record, "new"), "baseline": runs.evidence(older, "older")}
    _, reader = page(make.run(make.result("psnr-min", evidence=evidence)), runs.folder)
    assert "measured with numpy 2.4.6, torch 2.13.0+cpu" in reader.text
    assert "torch 1.0" not in reader.text


def test_how_many_samples_changed_stands_with_the_details(make: Any, tmp_path: Path) -> None:
    notes = ("1 win, 9 losses, 90 ties", "label=2: 2 wins, 9 losses, 89 ties", "too few samples")
    failed = dataclasses.replace(make.result("psnr-min", notes=notes), status="FAIL")
    html, _ = page(make.run(failed), tmp_path)
    assert html.count("<dt>note</dt>") == 2
    assert '<p class="aside">too few samples</p>' in html


def test_the_checkpoints_of_a_grid_are_not_called_slices(make: Any, runs: Any) -> None:
    lines = (make.line(25.0, slice="step=1"), make.line(26.0, slice="step=2"))
    side = runs.evidence(runs.record("candidate", {"psnr.v2": np.full(30, 25.0)}), "autoencoder", step=1)
    grid = {f"candidate (step={step})": side for step in (1, 2)}
    html, _ = page(make.run(make.result("psnr-min", *lines, evidence=grid)), runs.folder)
    assert '<th scope="col">checkpoint</th>' in html
    html, _ = page(make.run(make.result("psnr-min", *lines, evidence={"candidate": side})), runs.folder)
    assert '<th scope="col">slice</th>' in html


def test_a_run_that_was_killed_is_incomplete(make: Any, tmp_path: Path) -> None:
    run = dataclasses.replace(
        make.run(make.result()), results=(), conclusion=None, finished=None, complete=False
    )
    html, reader = page(run, tmp_path)
    assert "<title>INCOMPLETE: the run did not come to its end</title>" in html
    assert "NOT RUN" in reader.text


@pytest.fixture
def hostile(make: Any, runs: Any) -> RunRecord:
    """Whatever a spec, a dataset or a model can name, named as an attack."""
    columns = {
        "psnr.v2": np.linspace(20, 30, 30),
        "label": np.array([HOSTILE, "b"] * 15),
        f"a{HOSTILE}": np.arange(30),
    }
    pictures = {"worst_1.svg": f"<svg xmlns='http://www.w3.org/2000/svg'>{HOSTILE}</svg>".encode(),
                "confusions.csv": f"label,{HOSTILE}\n{HOSTILE},1\n".encode()}  # fmt: skip
    record = runs.record(HOSTILE, columns, pictures=pictures)
    evidence = runs.evidence(record, HOSTILE, step=HOSTILE)
    evidence["device"]["name"] = HOSTILE
    recorded = {"name": HOSTILE, "recorded": HOSTILE, "made_by": {}}
    sliced = [make.line(slice=f"label={HOSTILE}"), make.line(slice="label=b", note=HOSTILE, method=HOSTILE)]
    judged = make.result(
        HOSTILE.replace("::", ""), *sliced, case=HOSTILE, headline=HOSTILE, sentence=HOSTILE, notes=(HOSTILE,),
        unit=HOSTILE, evidence={f"candidate ({HOSTILE})": evidence, "baseline": recorded},
    )  # fmt: skip
    run = make.run(judged, make.error(HOSTILE, HOSTILE))
    spec = dataclasses.replace(run.specs[0], name=HOSTILE, description=HOSTILE, problem=HOSTILE)
    environment = {"python": HOSTILE, "packages": {HOSTILE: HOSTILE}, "commit": HOSTILE}
    return dataclasses.replace(
        run, specs=(spec,), environment=environment, command=(HOSTILE,), passed_over=(HOSTILE,),
        options={"set": [HOSTILE], "limit": None},
    )  # fmt: skip


def test_nothing_that_a_run_names_becomes_markup(hostile: RunRecord, runs: Any) -> None:
    html, reader = page(hostile, runs.folder)
    assert html.count("<script") == 1
    assert "49'" not in html
    assert not [
        tag for name, tag in reader.tags if name == "img" and not (tag["src"] or "").startswith("data:")
    ]
    assert not [attribute for _, tag in reader.tags for attribute in tag if attribute.startswith("on")]
    # It is all there, as words.
    assert reader.text.count("<script>alert(1)</script>") > 15
    assert not {name for name, _ in reader.tags} & {"b", "iframe", "object", "embed", "form", "base"}


def test_the_page_allows_its_own_script_alone_and_asks_for_nothing_else(make: Any, tmp_path: Path) -> None:
    html, reader = page(make.run(make.result()), tmp_path)
    (policy,) = [tag["content"] for name, tag in reader.tags if tag.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:")
    assert re.search(r"script-src 'sha256-[\w+/=]{44}'", policy)
    assert "'unsafe-inline'" not in policy.split("script-src")[1]
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", html)
    assert not re.search(r"@import|url\(", html)


@pytest.fixture
def large(make: Any, runs: Any) -> RunRecord:
    """500 checks of 25 evaluations, many of them by slice, with more pictures than a page can hold."""
    rng = np.random.default_rng(0)
    results = []
    for number in range(25):
        columns = {"psnr.v2": rng.normal(25, 2, 400), "label": rng.integers(0, 10, 400)}
        noise = {f"worst_{place}.png": rng.bytes(60_000) for place in range(6)}
        record = runs.record(f"model-{number}", columns, pictures=noise)
        evidence = {"candidate": runs.evidence(record, f"model-{number}")}
        for check in range(20):
            count = 50 if check % 4 == 3 else 1
            lines = [make.line(25.0 + row, slice=f"label={row}" * (count > 1)) for row in range(count)]
            name, case = f"psnr-min-{check}", f"evaluation-{number}"
            results.append(make.result(name, *lines, case=case, evidence=evidence))
    results[-1] = make.result("psnr-min-19", make.line(20.0), case="evaluation-24", evidence=evidence)
    return make.run(*results)


def test_the_page_of_five_hundred_checks_stays_light(large: RunRecord, runs: Any) -> None:
    path, _ = write_report(large, runs.folder)
    assert path == runs.folder / "runs" / large.id / "report.html"
    html = path.read_text(encoding="utf-8")
    assert html.count('<li class="check ') == 500
    assert 2_000_000 < path.stat().st_size < 5_000_000
    # What did not fit is counted, and the evaluation that fails has pictures.
    assert "more pictures did not fit into this page" in html
    assert html.index("worst 0 of model-24") > html.index('id="check-499"')
