"""The images in which the candidate lost most of what the baseline found."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.records.digests import FileDigest, file_sha256
from pytest_modelqa.report.html.lost_objects import lost_objects
from pytest_modelqa.report.html.measured import Side

# Sample, found by the candidate, found by the baseline, crowd.
TRUTHS = [
    (0, 1, 1, 0), (0, 0, 1, 0), (0, 0, 0, 0),
    (1, 0, 1, 0), (1, 0, 1, 0), (1, 1, 0, 0),
    (2, 1, 1, 0), (2, 0, 1, 1),
]  # fmt: skip


def tables(found: int) -> dict[str, dict[str, np.ndarray]]:
    columns = np.array(TRUTHS)
    place = np.arange(len(TRUTHS)) * 10.0
    boxes = {"left": place, "top": place, "width": place * 0 + 8, "height": place * 0 + 9}
    sample = columns[:, 0].astype(np.int64)
    detected = {name: values[:3] for name, values in boxes.items()}
    return {
        "ground_truths": {
            "sample": sample,
            **boxes,
            "found": columns[:, found].astype(np.int8),
            "crowd": columns[:, 3].astype(np.int8),
        },
        "detections": {"sample": np.array([0, 1, 1]), **detected, "score": np.array([0.9, 0.8, 0.7])},
    }


@pytest.fixture
def sides(runs: Any) -> tuple[Side, Side]:
    columns = {
        "width": np.full(3, 120), "height": np.full(3, 100), "file_name": np.array(["a.jpg", "b.jpg", "c.jpg"])
    }  # fmt: skip
    ours = runs.record("candidate", columns, tables=tables(1))
    theirs = runs.record("older", columns, tables=tables(2))
    return Side("new", True, {}, {}, ours), Side("older", False, {}, {}, theirs)


def boxes(drawing: str) -> Counter[str]:
    return Counter(re.findall(r'class="box (\w+)"', drawing))


def test_the_images_with_most_lost_objects_come_first_and_crowds_are_none(sides: Any) -> None:
    found = list(lost_objects(sides, []))
    assert [(title, caption) for title, caption, _ in found] == [
        ("Lost in image-1", "2 objects that older found and new did not, 1 the other way round, of 3."),
        ("Lost in image-0", "1 objects that older found and new did not, 0 the other way round, of 3."),
    ]
    assert boxes(found[0][2]) == {"lost": 2, "gained": 1, "ours": 2, "theirs": 2}
    assert boxes(found[1][2]) == {"lost": 1, "truth": 2, "ours": 1, "theirs": 1}
    assert 'viewBox="0 0 120 100"' in found[0][2]
    assert '<rect x="30" y="30" width="8" height="9" class="box lost"/>' in found[0][2]


def test_a_photograph_is_shown_if_it_is_the_one_that_was_measured(sides: Any, tmp_path: Path) -> None:
    ours, theirs = sides
    photograph = tmp_path / "tiles" / "b.jpg"
    photograph.parent.mkdir()
    photograph.write_bytes(b"\xff\xd8 not looked into")
    digest = FileDigest("tiles/b.jpg", file_sha256(photograph), photograph.stat().st_size)
    manifest = replace(ours.record.manifest, inputs={"data": (digest,)})
    ours = replace(ours, record=replace(ours.record, manifest=manifest))
    first, second = lost_objects((ours, theirs), [tmp_path / "elsewhere", tmp_path])
    assert "data:image/jpeg;base64,/9ggbm90" in first[2]
    assert "<image" not in second[2]
    photograph.write_bytes(b"another")
    assert "<image" not in next(iter(lost_objects((ours, theirs), [tmp_path])))[2]


@pytest.mark.parametrize("kind", ["one side", "other objects", "another task"])
def test_nothing_is_drawn_of_what_cannot_be_compared(sides: Any, runs: Any, kind: str) -> None:
    ours, theirs = sides
    if kind == "one side":
        assert list(lost_objects((ours,), [])) == []
        return
    other = tables(2)
    other["ground_truths"]["left"] = other["ground_truths"]["left"] + 1
    columns = {"width": np.full(3, 120), "height": np.full(3, 100)}
    record = runs.record("other", columns, tables=other if kind == "other objects" else None)
    assert list(lost_objects((ours, replace(theirs, record=record)), [])) == []
