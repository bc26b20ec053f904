"""Logs of Inspect: ``.eval`` (a zip of JSON) and ``.json``."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError
from .results import Reported, Results, as_float, fields_of, misread, parsed

# Inspect's value_to_float: correct, incorrect, partial, no answer; and words.
_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_ZSTANDARD = 93
# A zip may claim any size: more than this of one sample, or of all, is no log.
_MOST_BYTES = 512 << 20
_MOST_BYTES_IN_ALL = 8 << 30


def find(path: Path, select: str | None) -> tuple[Path, ...]:
    """The file itself."""
    return (path,)


def read(files: Sequence[Path], select: str | None) -> Results:
    """Values named ``SCORE/METRIC``; scores named ``SCORE``, or ``SCORE.KEY`` where one has several.

    Of samples that were answered several times (epochs) the mean of the epochs counts.

    Args:
        select: One of the log's scores, where only that one is wanted.

    Raises:
        DatasetError: No such log, one that did not end well, or one with samples that failed.
    """
    (path,) = files
    header, samples = _eval(path) if zipfile.is_zipfile(path) else _json(path)
    if not isinstance(header, dict) or "eval" not in header:
        raise misread(path, "a log of Inspect", "no eval in it")
    _demand_success(header, path)
    results = header.get("results") or {}
    values: dict[str, Reported] = {}
    for score in results.get("scores") or ():
        if select in (None, score.get("name")):
            values.update(_values(score, results))
    epochs = (header["eval"].get("config") or {}).get("epochs") or 1
    notes = [f"mean of {epochs} epochs of each sample"] if epochs > 1 else []
    rows = list(samples)
    if not rows:
        return Results(values=values, notes=tuple(notes))
    ids, scores, fields = _samples(rows, select, epochs, path)
    total = results.get("total_samples")
    if total is not None and total != len(rows):
        raise DatasetError(
            "the log does not hold every sample of the evaluation",
            where=str(path),
            expected=f"{total} answers, as its results say",
            found=f"{len(rows)}",
            todo="copy the whole log, or run the evaluation again",
        )
    means = {
        name: value for name in scores for value in (f"{name}/accuracy", f"{name}/mean") if value in values
    }
    return Results(values, {}, ids, scores, fields, means, tuple(notes))


def _demand_success(header: Mapping[str, Any], path: Path) -> None:
    results = header.get("results") or {}
    total, completed = results.get("total_samples"), results.get("completed_samples")
    if header.get("status") != "success" or total != completed or header.get("invalidated"):
        raise DatasetError(
            "the evaluation did not end well, so its numbers are of a part of the samples",
            where=str(path),
            expected="status success, with every sample completed",
            found=f"status {header.get('status')}, {completed} of {total} samples completed"
            + (", invalidated" if header.get("invalidated") else ""),
            todo="run it again, or retry it with Inspect",
        )


def _values(score: Mapping[str, Any], results: Mapping[str, Any]) -> Iterator[tuple[str, Reported]]:
    metrics = score.get("metrics") or {}
    error = (metrics.get("stderr") or {}).get("value")
    n = score.get("scored_samples") or results.get("completed_samples")
    unscored = score.get("unscored_samples") or 0
    for name, metric in metrics.items():
        value = metric.get("value")
        if not isinstance(value, int | float) or isinstance(value, bool) or name == "stderr" or unscored:
            continue
        known = name in ("accuracy", "mean") and isinstance(error, int | float) and error > 0
        yield (
            f"{score['name']}/{name}",
            Reported(
                as_float(value), float(error or 0) if known else None, n if isinstance(n, int) else None
            ),
        )


def _samples(
    rows: list[Mapping[str, Any]], select: str | None, epochs: int, path: Path
) -> tuple[tuple[str, ...], dict[str, np.ndarray], dict[str, np.ndarray]]:
    by_id: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if row.get("error"):
            raise DatasetError(
                "a sample of the log failed, and would be left out",
                where=str(path),
                found=f"sample {row.get('id')!r}: {str((row['error'] or {}).get('message'))[:120]}",
                todo="run it again, or retry it with Inspect",
            )
        by_id.setdefault(str(row.get("id")), []).append(row)
    ids = list(by_id)
    if any(len(of_id) != epochs for of_id in by_id.values()):
        raise DatasetError(
            "the log does not hold every epoch of every sample",
            where=str(path),
            expected=f"{epochs} of each",
            found=f"{len(rows)} answers of {len(ids)} samples",
            todo="run it again, or retry it with Inspect",
        )
    numbers = [[_numbers(row, select) for row in of_id] for of_id in by_id.values()]
    names = dict.fromkeys(name for of_id in numbers for found in of_id for name in found)
    scores = {
        name: np.array([np.mean([found.get(name, np.nan) for found in of_id]) for of_id in numbers])
        for name in names
    }
    firsts = [of_id[0] for of_id in by_id.values()]
    labels = [row["metadata"] if isinstance(row.get("metadata"), dict) else {} for row in firsts]
    return tuple(ids), scores, fields_of(labels)


def _numbers(row: Mapping[str, Any], select: str | None) -> dict[str, float]:
    found = {}
    for name, score in (row.get("scores") or {}).items():
        value = score.get("value") if isinstance(score, dict) else None
        if select in (None, name):
            parts = value.items() if isinstance(value, dict) else (("", value),)
            found.update({f"{name}.{key}" if key else name: _number(part) for key, part in parts})
    return found


def _number(value: Any) -> float:
    if isinstance(value, str):
        known = _LETTERS.get(value, _WORDS.get(value.lower()))
        try:
            return float(value) if known is None else known
        except ValueError:
            return float("nan")
    return as_float(value) if isinstance(value, int | float) else float("nan")


def _json(path: Path) -> tuple[Any, list[Any]]:
    content = parsed(path.read_bytes(), str(path))
    samples = content.get("samples") if isinstance(content, dict) else None
    return content, samples or []


def _eval(path: Path) -> tuple[Any, Iterator[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
    except zipfile.BadZipFile as error:
        raise misread(path, "an .eval file of Inspect", str(error)) from error
    if "header.json" not in entries:
        raise DatasetError(
            "the log has no header: the evaluation did not come to its end",
            where=str(path),
            expected="header.json in the .eval file",
            todo="run it again, or retry it with Inspect",
        )
    samples = [entry for name, entry in entries.items() if name.startswith("samples/")]
    if sum(entry.file_size for entry in samples) > _MOST_BYTES_IN_ALL:
        raise misread(path, "a log of less than 8 GiB", "more, unpacked")
    header = parsed(_entry(path, entries["header.json"]), f"{path}:header.json")
    return header, (parsed(_entry(path, each), f"{path}:{each.filename}") for each in samples)


def _entry(path: Path, entry: zipfile.ZipInfo) -> bytes:
    """One file of the zip; Inspect compresses with zstandard, which Python's zipfile reads from 3.14 on."""
    import pyarrow as pa

    try:
        if entry.compress_type != _ZSTANDARD:
            with zipfile.ZipFile(path) as archive, archive.open(entry) as file:
                return _limited(file, path)
        with path.open("rb") as file:
            file.seek(entry.header_offset)
            head = file.read(30)
            file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
            packed = file.read(entry.compress_size)
        with pa.CompressedInputStream(pa.py_buffer(packed), "zstd") as stream:
            return _limited(stream, path)
    except (zipfile.BadZipFile, OSError, EOFError, pa.ArrowException, RuntimeError) as error:
        raise misread(path, "an .eval file of Inspect", f"{entry.filename}: {error}") from error


def _limited(stream: Any, path: Path) -> bytes:
    collected = io.BytesIO()
    while chunk := stream.read(1 << 20):
        collected.write(chunk)
        if collected.tell() > _MOST_BYTES:
            raise misread(path, "samples of less than 512 MiB", "more, unpacked")
    return collected.getvalue()
