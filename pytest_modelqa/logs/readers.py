"""Reads each format of a training log."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from .log import Log, from_rows


def files_of(path: Path, format_name: str) -> tuple[Path, ...]:
    """The files that belong to a log: one, or TensorBoard's event files of a folder.

    Raises:
        DatasetError: There is none, or a folder where a file is wanted.
    """
    if format_name == "tensorboard" and path.is_dir():
        # Not those below: each folder is a run of its own.
        found = tuple(sorted(path.glob("events.out.tfevents.*")))
        if found:
            return found
        below = sorted(
            {str(each.parent.relative_to(path)) for each in path.glob("*/**/events.out.tfevents.*")}
        )
        raise DatasetError(
            "the folder has no TensorBoard event files",
            where=str(path),
            expected="events.out.tfevents.*",
            found="some in " + ", ".join(below[:5]) if below else "none",
            todo="name the folder of one run",
        )
    if format_name == "trainer_state" and path.is_dir():
        path = path / "trainer_state.json"
    if not path.is_file():
        raise DatasetError(
            "the training log is missing",
            where=str(path),
            expected="a file" + (", or a folder of event files" if format_name == "tensorboard" else ""),
            found="a folder" if path.is_dir() else "nothing",
            todo="correct path:, or train first",
        )
    return (path,)


def read_log(files: Sequence[Path], format_name: str, step: str | None) -> Log:
    """The log in these files, which ``files_of`` found.

    Raises:
        DatasetError: A file is not of its format.
        MissingDependencyError: TensorBoard's files need the package tensorboard.
    """
    if format_name == "tensorboard":
        from .tensorboard import read_events

        return read_events(files)
    (path,) = files
    return from_rows(_ROWS[format_name](path), step, str(path))


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    with _reading(path, "CSV with a header line"), path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        names = next(reader, [])
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise _damaged(path, "a header whose names differ", f"{doubled[0]!r} twice")
        for row in reader:
            if row and len(row) != len(names):
                where = f"line {reader.line_num} with {len(row)} cells"
                raise _damaged(path, f"{len(names)} cells in every row, as in the header", where)
            yield dict(zip(names, row, strict=False))


def _jsonl(path: Path) -> Iterator[Mapping[str, Any]]:
    with _reading(path, "a JSON object on each line"), path.open(encoding="utf-8-sig") as file:
        for line in file:
            if line.strip():
                yield _row(json.loads(line), path)


def _trainer_state(path: Path) -> Iterator[Mapping[str, Any]]:
    """``log_history`` of transformers' Trainer: rows of loss at some steps, of eval_loss at others."""
    with _reading(path, "JSON with a log_history"):
        history = json.loads(path.read_text(encoding="utf-8")).get("log_history")
    if not isinstance(history, list):
        raise _damaged(path, "JSON with a log_history, as transformers' Trainer writes it", "none")
    for row in history:
        yield _row(row, path)


def _wandb(path: Path) -> Iterator[Mapping[str, Any]]:
    """A history of W&B: what it wrote of the run, or an export as CSV, JSON (rows, or columns), or JSON lines."""
    if path.suffix == ".wandb":
        from .wandb_run import read_run

        yield from read_run(path)
        return
    if path.suffix == ".csv":
        yield from _csv(path)
        return
    if path.suffix == ".jsonl":
        yield from _jsonl(path)
        return
    with _reading(path, "JSON"):
        content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict):
        # DataFrame.to_json(): a column is a mapping from row to value.
        columns = {name: column for name, column in content.items() if isinstance(column, dict)}
        rows = dict.fromkeys(row for column in columns.values() for row in column)
        content = [{name: column[row] for name, column in columns.items() if row in column} for row in rows]
    if not isinstance(content, list):
        raise _damaged(path, "a list of rows, or columns of rows", type(content).__name__)
    for row in content:
        yield _row(row, path)


_ROWS: Mapping[str, Callable[[Path], Iterator[Mapping[str, Any]]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "trainer_state": _trainer_state,
    "wandb": _wandb,
}


def _row(row: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise _damaged(path, "rows of names and values", f"a row that is a {type(row).__name__}")
    return row


@contextmanager
def _reading(path: Path, expected: str) -> Iterator[None]:
    """Turns what the parsers raise into an error of ours."""
    try:
        yield
    except (ValueError, csv.Error, RecursionError, AttributeError) as error:
        raise _damaged(path, expected, str(error)) from error


def _damaged(path: Path, expected: str, found: str) -> DatasetError:
    return DatasetError(
        f"the training log cannot be read: {path.name}",
        where=str(path),
        expected=expected,
        found=found,
        todo="correct format: in the evaluation's args, or write the log again",
    )
