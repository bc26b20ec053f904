"""Draws the images with most objects missed, and precision over recall."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from .protocol import Inspection

_IMAGES = 6
_LONGEST_SIDE = 480
_CAPTION_PIXELS = 16
# Found, missed, crowd; matched, unmatched: readable for the colour-blind (Okabe and Ito).
_FOUND, _MISSED, _CROWD = (0, 158, 115), (213, 94, 0), (150, 150, 150)
_RIGHT, _WRONG = (86, 180, 233), (240, 228, 66)
_LEAST_BOXES = 10
_CURVE_POINTS = 200


def detection_pictures(inspection: Inspection, images: str) -> Mapping[str, bytes]:
    """``missed_1.png`` or ``.jpg`` … for the images with most objects missed, and ``precision_recall.svg``."""
    pictures = {}
    missed = inspection.columns["missed"]
    worst = [int(row) for row in np.argsort(-missed, kind="stable")[:_IMAGES] if missed[row] > 0]
    if worst:
        batch, _ = inspection.rerun(worst)
        # A dataset of annotations only has nothing to draw on.
        for place, row in enumerate(worst if images in batch else ()):
            drawn, suffix = _drawn(np.asarray(batch[images][place]), inspection, row)
            pictures[f"missed_{place + 1}{suffix}"] = drawn
    curve = _precision_recall(inspection)
    if curve is not None:
        pictures["precision_recall.svg"] = curve.encode()
    return pictures


def _drawn(image: np.ndarray, inspection: Inspection, row: int) -> tuple[bytes, str]:
    """Ground truth in green where it was found and red where not; detections in blue, and yellow without match.

    As many detections are drawn as there are objects, those of greatest score: detectors give a hundred an image.
    """
    plain = _as_bytes(image)
    scale = min(_LONGEST_SIDE / max(plain.size), 4.0)
    sheet = plain.resize((round(plain.width * scale), round(plain.height * scale)))
    draw = ImageDraw.Draw(sheet)
    most = max(_LEAST_BOXES, int(inspection.columns["ground_truths"][row]))
    columns = {name: inspection.columns[name][row] for name in ("found", "missed", "false")}
    for table, colour in (("detections", _colour_of_detection), ("ground_truths", _colour_of_truth)):
        for box in _boxes_of(inspection.tables[table], row, most):
            left, top = box["left"] * scale, box["top"] * scale
            right, bottom = left + box["width"] * scale, top + box["height"] * scale
            draw.rectangle((left, top, right, bottom), outline=colour(box), width=2)
    result = Image.new("RGB", (sheet.width, sheet.height + _CAPTION_PIXELS), (255, 255, 255))
    result.paste(sheet, (0, _CAPTION_PIXELS))
    text = (
        f"{inspection.ids[row]}: found {columns['found']} (green), missed {columns['missed']} (red), "
        f"false {columns['false']} (yellow)"
    )
    ImageDraw.Draw(result).text((1, 2), text.encode("ascii", "replace").decode(), fill=(60, 60, 60))
    return _encoded(result, pixel_exact=scale > 1)


def _encoded(image: Image.Image, *, pixel_exact: bool) -> tuple[bytes, str]:
    """The picture and its suffix: JPEG where it takes less than half of PNG, as of photographs it takes a quarter."""
    png = io.BytesIO()
    image.save(png, format="PNG")
    if not pixel_exact:
        jpeg = io.BytesIO()
        # Colours in full resolution, or the lines of the boxes would fray.
        image.save(jpeg, format="JPEG", quality=90, subsampling=0)
        if 2 * jpeg.tell() < png.tell():
            return jpeg.getvalue(), ".jpg"
    return png.getvalue(), ".png"


def _boxes_of(table: Mapping[str, np.ndarray], row: int, most: int) -> Sequence[dict[str, Any]]:
    rows = np.flatnonzero(table["sample"] == row)
    if "score" in table:
        rows = rows[np.argsort(-table["score"][rows], kind="stable")][:most]
    return [{name: values[each] for name, values in table.items()} for each in rows]


def _colour_of_detection(box: Mapping[str, Any]) -> tuple[int, int, int]:
    return _RIGHT if box["matched"] else _WRONG


def _colour_of_truth(box: Mapping[str, Any]) -> tuple[int, int, int]:
    if box["crowd"]:
        return _CROWD
    return _FOUND if box["found"] else _MISSED


def _as_bytes(image: np.ndarray) -> Image.Image:
    values = image.astype(np.float64)
    values = values[None] if values.ndim == 2 else values
    values = values[:3] if len(values) >= 3 else np.repeat(values[:1], 3, axis=0)
    lowest, highest = float(values.min()), float(values.max())
    # Whatever a model is given (bytes, 0..1, standardised), the picture shows all of it.
    scaled = (values - lowest) / (highest - lowest or 1.0)
    return Image.fromarray((scaled * 255).round().astype(np.uint8).transpose(1, 2, 0))


def _precision_recall(inspection: Inspection) -> str | None:
    """All categories together, at an IoU of 0.5; None where there is nothing to find or nothing was found."""
    found, truths = inspection.tables["detections"], inspection.tables["ground_truths"]
    total = int(np.count_nonzero(truths["crowd"] == 0))
    if not total or not len(found["score"]):
        return None
    order = np.argsort(-found["score"], kind="stable")
    # What matches a crowd is neither right nor wrong.
    order = order[found["ignored"][order] == 0]
    hits = np.cumsum(found["matched"][order])
    recall = hits / total
    precision = hits / np.arange(1, len(hits) + 1)
    if not len(hits):
        return None
    points = np.unique(np.linspace(0, len(hits) - 1, min(_CURVE_POINTS, len(hits))).round().astype(int))
    return _curve(recall[points], precision[points])


def _curve(recall: np.ndarray, precision: np.ndarray) -> str:
    size, margin = 300, 40
    path = " ".join(
        f"{margin + size * x:.1f},{margin + size * (1 - y):.1f}"
        for x, y in zip(recall.tolist(), precision.tolist(), strict=True)
    )
    whole = size + 2 * margin
    marks = "".join(
        f'<text x="{margin + size * at:g}" y="{whole - 24}" text-anchor="middle">{at:g}</text>'
        f'<text x="{margin - 4}" y="{margin + size * (1 - at) + 4:g}" text-anchor="end">{at:g}</text>'
        for at in (0, 0.5, 1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" font-family="sans-serif" '
        'font-size="11">'
        f'<rect x="{margin}" y="{margin}" width="{size}" height="{size}" fill="none" stroke="#bbb"/>'
        f'<polyline points="{path}" fill="none" stroke="#0072b2" stroke-width="2"/>{marks}'
        f'<text x="{whole / 2:g}" y="{whole - 8}" text-anchor="middle">recall</text>'
        f'<text x="{margin}" y="{margin - 8}">precision, all categories, IoU 0.5</text></svg>\n'
    )
