"""The site of the documentation is built without a warning, and asks no other machine for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_every_page_is_in_the_menu(site: Path) -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in menu, page.name
        assert (site / page.with_suffix(".html").name).exists()


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    def loaded() -> Iterator[str]:
        for page in site.rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            yield from re.findall(r"<(?:script|img|iframe)[^>]* src=\"?([^\" >]+)", text)
            yield from re.findall(
                r"<link[^>]* href=\"?([^\" >]+)[^>]*rel=\"?(?:stylesheet|preconnect|preload)", text
            )
            yield from re.findall(
                r"<link[^>]* rel=\"?(?:stylesheet|preconnect|preload)[^>]* href=\"?([^\" >]+)", text
            )

    found = set(loaded())
    assert found
    assert not [address for address in found if address.startswith(("http", "//"))]


def test_the_reference_has_every_key_of_the_schema(site: Path) -> None:
    text = (site / "reference.html").read_text(encoding="utf-8")
    for key in ("modelqa", "checkpoint", "stop_early", "max_degradation_percent", "window_size"):
        assert f"<code>{key}</code>" in text


def test_the_files_that_the_guarantees_name_are_there() -> None:
    named = re.findall(
        r"`((?:tests|benchmarks)/[^`]+)`", (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    )
    assert len(named) > 30
    assert not [name for name in named if not (ROOT / name).exists()]
