"""COCO's twelve numbers, as pycocotools keeps them in ``COCOeval.stats``, or by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DatasetError
from .results import Reported, Results, as_float, flattened, misread, parsed

# The order of COCOeval.summarize().
NAMES = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large"),
)


def find(path: Path, select: str | None) -> tuple[Path, ...]:
    """The file itself."""
    return (path,)


def read(files: Sequence[Path], select: str | None) -> Results:
    """The twelve by the names of the metrics of detection; any other numbers by the file's own names.

    Raises:
        DatasetError: The file holds detections, or neither twelve numbers nor named ones.
    """
    (path,) = files
    content = parsed(path.read_bytes(), str(path))
    stats = content.get("stats") if isinstance(content, dict) else content
    listed = stats if isinstance(stats, list) else None
    if listed and all(isinstance(each, dict) for each in listed):
        raise DatasetError(
            "the file holds detections, and no numbers",
            where=str(path),
            expected="COCO's twelve numbers (COCOeval.stats), or numbers by name",
            found=f"{len(listed)} detections",
            todo="let task: detection evaluate them: build: pytest_modelqa.models.coco_results:CocoResults",
        )
    if listed is None and isinstance(content, dict):
        named = dict(flattened(content))
    elif listed is not None and len(listed) == len(NAMES) and all(map(_is_number, listed)):
        named = {name: as_float(value) for name, value in zip(NAMES, listed, strict=True)}
    else:
        found = type(content).__name__ if listed is None else f"a list of {len(listed)}"
        raise misread(path, "twelve numbers, or numbers by name", found)
    return Results(
        values={name: Reported(value) for name, value in named.items() if value != -1},
        undefined={
            name: "COCO's −1: the annotations have no objects of this kind"
            for name, value in named.items()
            if value == -1
        },
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
