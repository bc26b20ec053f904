"""The page as people meet it: on a desk, on a phone, in the dark, with a keyboard, without script, printed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.judging.verdict import Side
from pytest_modelqa.report.html.render import write_report
from pytest_modelqa.report.run_record import write

TAB, ENTER = "\ue004", "\ue007"
WIDTHS = {"desk": 1280, "tablet": 820, "phone": 390}


@pytest.fixture(scope="module")
def page(make: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with one of everything, after two others."""
    folder = tmp_path_factory.mktemp("modelqa")
    runs = make.records_in(folder)
    rng = np.random.default_rng(0)
    evidence = {}
    for step in (1000, 3000, 10_000):
        columns = {"psnr.v2": rng.normal(23 + step / 4000, 2, 300), "label": rng.integers(0, 10, 300)}
        record = runs.record(f"step {step}", columns, pictures={"matrix.svg": DRAWING})
        evidence[f"candidate (step={step})"] = runs.evidence(record, "autoencoder", step=step)
    older = runs.record("older", {"psnr.v2": rng.normal(22, 2, 300)})
    evidence["baseline"] = runs.evidence(older, "older")
    slices = [make.line(22.5 + row / 2, slice=f"label={row}", n=30) for row in range(10)]
    baseline = Side("older", 24.2, 300)
    undecided = make.line(24.3, 24.2, baseline=baseline, outcome="inconclusive", margin_interval=(None, 0.4))
    results = (
        make.result("psnr-min", evidence=evidence),
        make.result("psnr-min-by-label", *slices, evidence=evidence, notes=("within noise for label=3",)),
        make.result("psnr-max-degradation-vs-older", undecided, bound="max_degradation", evidence=evidence),
        make.error("frechet_distance-max", "a NaN in the outputs of " + "a_very_long_name/" * 12),
        make.error("coverage-min", "a NaN in the outputs of " + "a_very_long_name/" * 12),
        make.result("accuracy-min", case="labels"),
    )
    for day in (1, 2):
        earlier = make.result("psnr-min", make.line(25.5 - day / 4))
        write(make.run(earlier, id=f"2026010{day}-120000-abcdef"), folder / "runs")
    run = make.run(*results, passed_over=("5a/5afc: samples.parquet is damaged",))
    planned = (*run.planned, make.planned(make.result("ssim-min"), selected=False))
    path, _ = write_report(dataclasses.replace(run, planned=planned), folder)
    return path


DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>'


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", WIDTHS)
def test_it_fits_says_nothing_in_the_console_and_is_accessible(
    window: Any, axe: str, page: Path, tmp_path: Path, name: str, dark: bool
) -> None:
    window.shape(WIDTHS[name], dark=dark)
    window.obey_policy(obeyed=False)
    window.open(page)
    window.screenshot(tmp_path / f"{name}.png", 1400)
    assert (tmp_path / f"{name}.png").stat().st_size > 20_000
    wide = window.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    violations = window.run(
        "(0, eval)(args[0]);"
        "for (const each of document.querySelectorAll('details')) each.open = true;"
        "for (const each of document.querySelectorAll('.evaluation')) each.style.contentVisibility = 'visible';"
        "const found = await axe.run();"
        "if (found.passes.length < 20) throw Error('axe saw hardly anything');"
        "return found.violations.map(each => [each.id, each.nodes.map(node => node.html + node.failureSummary)])",
        axe,
    )
    window.obey_policy(obeyed=True)
    assert violations == [], json.dumps(violations, indent=1)[:4000]
    assert window.console() == []


def test_without_script_everything_but_filters_is_there(window: Any, page: Path) -> None:
    seen = (
        "const shown = name => [...document.querySelectorAll(name)].filter(each => each.checkVisibility()).length;"
        "return {text: document.body.innerText, filters: shown('.filter, .filters'), plots: shown('.plot')}"
    )
    window.shape(1280)
    window.open(page)
    with_script = window.run(seen)
    # Its policy forbids every script but its own, which a changed page no longer has.
    bare = page.with_name("without_script.html")
    bare.write_text(page.read_text().split("<script>")[0] + "</body></html>")
    window.open(bare)
    without = window.run(seen)
    assert (with_script["filters"] > 0, without["filters"]) == (True, 0)
    assert without["plots"] == with_script["plots"] >= 6
    for words in ("NO-GO", "psnr of autoencoder ≥ 24 dB", "25.00 dB", "a NaN in the outputs", "not selected"):
        assert words in without["text"]


def test_it_is_used_with_a_keyboard(window: Any, page: Path) -> None:
    window.shape(1280)
    window.open(page)
    focused = "return document.activeElement.textContent.trim()"
    window.press(TAB)
    assert window.run(focused) == "Skip to the checks"
    window.press(TAB)
    assert window.run(focused) == "What stops it"
    is_open = "return document.querySelector('#check-0 > details').open"
    window.run("document.querySelector('#check-0 > details > summary').focus()")
    assert window.run(is_open) is False
    window.press(ENTER)
    assert window.run(is_open) is True


def test_a_link_to_a_check_opens_it(window: Any, page: Path) -> None:
    window.shape(1280)
    window.open(page)
    window.open(page, "#check-1")
    assert window.run("return document.querySelector('#check-1 > details').open") is True
    assert window.run("return document.querySelector('#check-0 > details').open") is False


def test_checks_and_samples_are_filtered(window: Any, page: Path) -> None:
    window.shape(1280)
    window.open(page)
    choose = (
        "const control = document.querySelector(args[0]); control.value = args[1];"
        "for (const kind of ['input', 'change']) control.dispatchEvent(new Event(kind));"
    )
    count = "return [...document.querySelectorAll(args[0])].filter(each => !each.hidden).length"
    everything = window.run(count, "li.check")
    window.run(choose, "#status-filter", "open")
    assert 0 < window.run(count, "li.check") == everything - 3
    rows = "[data-samples] tbody tr"
    before = window.run(count, rows)
    window.run(choose, "[data-field='label']", "3")
    labels = window.run(
        "const shown = [...document.querySelectorAll(args[0])].filter(each => !each.hidden);"
        "return shown.map(each => each.cells[2].textContent)",
        rows,
    )
    assert labels
    assert set(labels) == {"3"}
    assert window.run("return document.querySelector('[data-samples] output').textContent") == (
        f"{len(labels)} of {before} rows"
    )
    window.run(choose, "[data-field=':meets']", "yes")
    assert window.run(count, rows) < len(labels)
    assert window.console() == []


def test_it_can_be_printed(window: Any, page: Path) -> None:
    window.shape(1280)
    window.open(page)
    assert window.print_as_pdf().startswith(b"%PDF")


def test_five_hundred_checks_open_in_a_moment(window: Any, make: Any, tmp_path: Path) -> None:
    """How long it took is printed, not asserted: a busy machine takes as long as it likes."""
    lines = [make.line(20.0 + row, slice=f"label={row}") for row in range(12)]
    results = [
        make.result(
            f"psnr-{number}", *(lines if number % 5 == 4 else lines[-1:]), case=f"case-{number // 10}"
        )
        for number in range(500)
    ]
    path, _ = write_report(make.run(*results), tmp_path)
    window.shape(1280)
    window.open(path)
    taken = window.run("return performance.getEntriesByType('navigation')[0].loadEventEnd")
    print(f"500 checks, {path.stat().st_size / 1e6:.1f} MB, loaded in {taken:.0f} ms")
    assert window.run("return document.querySelectorAll('li.check').length") == 500
