"""Draws the images with most objects that the baseline found and the candidate lost, with the boxes of both."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup

from ...errors import StoreError
from ...records.record import Record
from .measured import Side
from .svg import drawing, element

_IMAGES = 3
_LEAST_BOXES = 10
# A photograph takes a third more in the page.
_LARGEST_PHOTOGRAPH = 300_000
_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
_BOX = ("left", "top", "width", "height")

Tables = Mapping[str, Mapping[str, np.ndarray]]


def lost_objects(sides: Sequence[Side], folders: Sequence[Path]) -> Iterator[tuple[str, str, Markup]]:
    """Title, caption and drawing of each image; nothing where the sides are no detectors on the same objects.

    Args:
        sides: What was measured, candidates first.
        folders: Where the spec's folder may be; a photograph is shown if it is the one that was measured.
    """
    candidates = [side for side in sides if side.is_candidate and side.record]
    baselines = [side for side in sides if not side.is_candidate and side.record]
    if not candidates or not baselines:
        return
    candidate, baseline = candidates[-1], baselines[0]
    assert candidate.record is not None
    assert baseline.record is not None
    if candidate.record.ids_digest != baseline.record.ids_digest:
        return
    ours, theirs = _tables(candidate.record), _tables(baseline.record)
    if not ours or not theirs or not _same_objects(ours["ground_truths"], theirs["ground_truths"]):
        return
    truths = ours["ground_truths"]
    counts = truths["crowd"] == 0
    found, before = truths["found"] > 0, theirs["ground_truths"]["found"] > 0
    lost, gained = counts & before & ~found, counts & found & ~before
    by_image = np.bincount(truths["sample"][lost], minlength=candidate.record.manifest.samples)
    for row in np.argsort(-by_image, kind="stable")[:_IMAGES].tolist():
        if not by_image[row]:
            return
        here = truths["sample"] == row
        yield (
            f"Lost in {candidate.record.ids[row]}",
            f"{int((lost & here).sum())} objects that {baseline.name} found and {candidate.name} did not, "
            f"{int((gained & here).sum())} the other way round, of {int((counts & here).sum())}.",
            _drawn(
                candidate.record,
                (ours, theirs),
                row,
                (lost, gained),
                _photograph(candidate.record, row, folders),
            ),
        )


LEGEND = (("object lost", "box lost"), ("object gained", "box gained"), ("other object", "box truth"),
          ("candidate", "box ours"), ("baseline", "box theirs"))  # fmt: skip


def _tables(record: Record) -> Tables:
    try:
        return {name: record.table(name) for name in ("detections", "ground_truths")}
    except StoreError:
        # Another task, or records that are damaged: nothing to draw.
        return {}


def _same_objects(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> bool:
    wanted = ("sample", "found", "crowd", *_BOX)
    if not all(name in table for name in wanted for table in (ours, theirs)):
        return False
    return all(np.array_equal(ours[name], theirs[name]) for name in ("sample", *_BOX))


def _drawn(
    record: Record,
    tables: tuple[Tables, Tables],
    row: int,
    changed: tuple[np.ndarray, np.ndarray],
    photograph: str | None,
) -> Markup:
    truths = tables[0]["ground_truths"]
    width, height = _size(record, row, truths)
    rows = np.flatnonzero(truths["sample"] == row)
    shapes: list[str] = []
    if photograph is not None:
        shapes.append(element("image", href=photograph, width=width, height=height))
    most = max(_LEAST_BOXES, len(rows))
    for table, name in zip(tables, ("box ours", "box theirs"), strict=True):
        shapes += [_box(table["detections"], each, name) for each in _best(table["detections"], row, most)]
    lost, gained = changed
    for each in sorted(rows.tolist(), key=lambda each: bool(lost[each] or gained[each])):
        shapes.append(
            _box(truths, each, "box lost" if lost[each] else "box gained" if gained[each] else "box truth")
        )
    return drawing(width, height, f"boxes of image {row + 1}", *shapes, class_="photograph")


def _size(record: Record, row: int, truths: Mapping[str, np.ndarray]) -> tuple[float, float]:
    sides = []
    for name, start in (("width", "left"), ("height", "top")):
        known = float(record.column(name)[row]) if name in record.columns else -1.0
        here = truths["sample"] == row
        farthest = float((truths[start] + truths[name])[here].max(initial=1.0))
        sides.append(known if known > 0 else farthest)
    return sides[0], sides[1]


def _best(table: Mapping[str, np.ndarray], row: int, most: int) -> list[int]:
    """The detections of greatest score of an image: detectors give a hundred."""
    rows = np.flatnonzero(table["sample"] == row)
    best: list[int] = rows[np.argsort(-table["score"][rows], kind="stable")][:most].tolist()
    return best


def _box(table: Mapping[str, np.ndarray], row: int, class_: str) -> Markup:
    left, top, width, height = (float(table[name][row]) for name in _BOX)
    return element("rect", x=left, y=top, width=width, height=height, class_=class_)


def _photograph(record: Record, row: int, folders: Sequence[Path]) -> str | None:
    """The image's file as part of the page, if it is there and is the one that was measured."""
    if "file_name" not in record.columns:
        return None
    name = str(record.column("file_name")[row])
    kind = _TYPES.get(Path(name).suffix.lower())
    inputs = [
        each for each in record.manifest.inputs.get("data", ()) if ("/" + each.path).endswith("/" + name)
    ]
    if kind is None or not inputs or inputs[0].size > _LARGEST_PHOTOGRAPH:
        return None
    for folder in folders:
        try:
            data = (folder / inputs[0].path).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(data).hexdigest() == inputs[0].sha256:
            return f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return None
