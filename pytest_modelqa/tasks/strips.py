"""Draws a target, an output and their error side by side as a small PNG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

# Nine strips of these sizes stay below 3 MB even where noise cannot be compressed.
_IMAGE_PIXELS = 160
_FRAME_PIXELS = 64
_FRAMES = 8
_CAPTION_PIXELS = 14
_GAP = 2
_PAPER = (255, 255, 255)
_INK = (60, 60, 60)
# Errors of a quarter of the data range or more are drawn in full red.
_ERROR_GAIN = 4.0


def strip(target: np.ndarray, output: np.ndarray, lowest: float, data_range: float, caption: str) -> bytes:
    """One PNG: target | output | error of an image; of a clip, three rows of up to eight frames.

    Args:
        target: (H, W), (C, H, W) or (T, C, H, W).
        output: Of the same shape.
        lowest: The value drawn as black.
        data_range: The value drawn as white is ``lowest + data_range``; outputs beyond either are clipped.
        caption: The line above; what the three parts are is added to it.
    """
    clip = target.ndim == 4
    frames = [np.linspace(0, len(target) - 1, min(_FRAMES, len(target))).round().astype(int)] if clip else []
    targets = target[frames[0]] if clip else target[None]
    outputs = output[frames[0]] if clip else output[None]
    size = _FRAME_PIXELS if clip else _IMAGE_PIXELS
    grid = [
        [resized(visible((image - lowest) / data_range), size) for image in images]
        for images in (targets, outputs)
    ]
    errors = np.abs(targets - outputs) / data_range * _ERROR_GAIN
    grid.append([resized(_in_red(error), size) for error in errors])
    if not clip:
        grid = [[row[0] for row in grid]]
    return _drawn(grid, f"{caption}   target {'/' if clip else '|'} output {'/' if clip else '|'} error x 4")


def visible(image: np.ndarray) -> np.ndarray:
    """Values of 0 to 1, (H, W) or (C, H, W), as bytes (H, W, 3): three channels in colour, else the first in grey."""
    planes = image[None] if image.ndim == 2 else image
    planes = planes if len(planes) == 3 else np.repeat(planes[:1], 3, axis=0)
    pixels: np.ndarray = (np.clip(planes, 0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
    return pixels


def _in_red(error: np.ndarray) -> np.ndarray:
    """White where there is no error, red where it is 1 or more; the mean over the channels."""
    plane = np.clip(error if error.ndim == 2 else error.mean(axis=0), 0, 1)
    white_to_red = np.stack([1 - 0.3 * plane, 1 - plane, 1 - plane])
    return visible(white_to_red)


def resized(pixels: np.ndarray, size: int) -> Image.Image:
    """The longer side as ``size``; small images keep their pixels visible as squares."""
    image = Image.fromarray(pixels)
    scale = size / max(image.size)
    shape = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(shape, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)


def _drawn(grid: list[list[Image.Image]], caption: str) -> bytes:
    tile = grid[0][0]
    width = len(grid[0]) * (tile.width + _GAP)
    height = len(grid) * (tile.height + _GAP) + _CAPTION_PIXELS
    sheet = Image.new("RGB", (width, height), _PAPER)
    for row, images in enumerate(grid):
        for column, image in enumerate(images):
            place = (column * (tile.width + _GAP), _CAPTION_PIXELS + row * (tile.height + _GAP))
            sheet.paste(image, place)
    # The font that Pillow brings lacks most glyphs; an id may have any.
    text = caption.encode("ascii", "replace").decode()
    ImageDraw.Draw(sheet).text((1, 1), text, fill=_INK)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()
