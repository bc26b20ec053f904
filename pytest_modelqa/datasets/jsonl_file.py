"""Reads ``.jsonl`` files: one JSON object per line, the same names in every line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import strict_json
from ..errors import DatasetError


def read_jsonl(path: Path) -> dict[str, list[Any]]:
    """The values of each name, in the order of the lines.

    Raises:
        DatasetError: A line is no JSON object, has a name twice or other names than the first, or is not UTF-8.
    """
    fields: dict[str, list[Any]] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            sample = _parse(path, number, line)
            if not fields:
                fields = {name: [] for name in sample}
            if sample.keys() != fields.keys():
                raise _wrong(
                    path,
                    number,
                    f"names that differ from the first line: {', '.join(sorted(sample.keys() ^ fields.keys()))}",
                )
            for name, value in sample.items():
                fields[name].append(value)
    return fields


def _parse(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        sample = strict_json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _wrong(path, number, str(error)) from error
    if not isinstance(sample, dict):
        raise _wrong(path, number, f"a {type(sample).__name__}")
    return sample


def _wrong(path: Path, number: int, found: str) -> DatasetError:
    return DatasetError(
        f"line {number} of {path.name} is no sample",
        where=f"{path}:{number}",
        expected="a JSON object with the names of the first line",
        found=found,
        todo="correct the line",
    )
