"""Draws samples in rows, one row a class, as a small PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from .strips import resized, visible

_IMAGE_PIXELS = 48
_FRAMES = 8
_CLIPS = 2
_ROWS = 20
_LABEL_PIXELS = 36
_GAP = 2


def sheet(rows: Mapping[str, np.ndarray]) -> bytes:
    """One PNG: a row a class with its name before it; of clips two rows of up to eight frames.

    Args:
        rows: Name of the class to samples (k, H, W), (k, C, H, W) or (k, T, C, H, W); at most 20 classes are drawn.
    """
    lines: list[tuple[str, np.ndarray]] = []
    for name, samples in list(rows.items())[:_ROWS]:
        if samples.ndim == 5:
            lines += [(name, _frames(clip)) for clip in samples[:_CLIPS]]
        else:
            lines.append((name, samples))
    lowest = min(float(images.min()) for _, images in lines)
    span = max(max(float(images.max()) for _, images in lines) - lowest, 1e-12)
    grid = [
        (name, [resized(visible((image - lowest) / span), _IMAGE_PIXELS) for image in images])
        for name, images in lines
    ]
    tile = grid[0][1][0]
    width = _LABEL_PIXELS + max(len(images) for _, images in grid) * (tile.width + _GAP)
    page = Image.new("RGB", (width, len(grid) * (tile.height + _GAP)), (255, 255, 255))
    for row, (name, images) in enumerate(grid):
        top = row * (tile.height + _GAP)
        text = name.encode("ascii", "replace").decode()[:5]
        ImageDraw.Draw(page).text((2, top + tile.height // 2 - 6), text, fill=(60, 60, 60))
        for column, image in enumerate(images):
            page.paste(image, (_LABEL_PIXELS + column * (tile.width + _GAP), top))
    buffer = io.BytesIO()
    page.save(buffer, format="PNG")
    return buffer.getvalue()


def _frames(clip: np.ndarray) -> np.ndarray:
    chosen: np.ndarray = clip[np.linspace(0, len(clip) - 1, min(_FRAMES, len(clip))).round().astype(int)]
    return chosen
