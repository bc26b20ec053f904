"""The task ``recorded``: what other tools measured of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.csv_file import read_csv
from ..datasets.jsonl_file import read_jsonl
from ..datasets.parquet_file import read_parquet
from ..errors import DatasetError
from ..results import coco, inspect_log, lm_eval, mlflow_run, nemo
from ..results.results import Reported, Results, flattened, misread, parsed, texts_of, unique_ids
from .log_declarations import RecordedArgs
from .protocol import Reading
from .reading_files import located

_Find = Callable[[Path, str | None], tuple[Path, ...]]
_Read = Callable[[Sequence[Path], str | None], Results]
_TOOLS: Mapping[str, tuple[_Find, _Read]] = {
    "lm_eval": (lm_eval.find, lm_eval.read),
    "inspect": (inspect_log.find, inspect_log.read),
    "nemo": (nemo.find, nemo.read),
    "coco": (coco.find, coco.read),
    "mlflow": (mlflow_run.find, mlflow_run.read),
}
_TABLES: Mapping[str, Callable[[Path], Mapping[str, Any]]] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}


class RecordedResults:
    """Reads results whose format the spec says."""

    def __init__(self, args: RecordedArgs) -> None:
        self._args = args

    def files(self, folder: Path, coordinates: Mapping[str, Any]) -> tuple[Path, ...]:
        """The files of the results; of some tools there are several."""
        path = located(self._args.path, folder, coordinates)
        find, _ = _TOOLS.get(self._args.format, (_itself, None))
        found = find(path, self._args.select)
        missing = [each for each in found if not each.is_file()]
        if missing:
            raise DatasetError(
                "a file of results is missing",
                where=str(missing[0]),
                expected=f"a file of the format {self._args.format}",
                found="a folder" if missing[0].is_dir() else "nothing",
                todo="correct path: or format: in the evaluation's args",
            )
        return found

    def read(self, files: Sequence[Path]) -> Reading:
        """The numbers and, where there are any, the scores of samples."""
        args = self._args
        if args.format in _TOOLS:
            results = _of_tool(args.format, files, args.select)
        elif args.format == "json":
            results = _json(files[0])
        else:
            results = _table(files[0], _TABLES[args.format](files[0]), args.id)
        notes = list(results.notes)
        if not results.ids:
            notes.append("numbers only: the source holds no scores of samples, so nothing can be paired")
        return Reading(results.ids, results.fields, results, tuple(notes))


def _of_tool(format_name: str, files: Sequence[Path], select: str | None) -> Results:
    """The results of a tool's files; a damaged one has other types in places than the tool writes."""
    _, read = _TOOLS[format_name]
    try:
        return read(files, select)
    except (AttributeError, TypeError, KeyError, IndexError, ValueError) as error:
        raise misread(
            files[0], f"results as {format_name} writes them", f"{type(error).__name__}: {error}"
        ) from error


def _itself(path: Path, select: str | None) -> tuple[Path, ...]:
    return (path,)


def _json(path: Path) -> Results:
    """A document of numbers, by the keys that lead to them."""
    content = parsed(path.read_bytes(), str(path))
    if not isinstance(content, dict):
        raise misread(path, "an object with numbers by name", f"a {type(content).__name__}")
    values = {name: Reported(value) for name, value in flattened(content)}
    return Results(values=values, texts=dict(texts_of(content)))


def _table(path: Path, columns: Mapping[str, Any], id_column: str) -> Results:
    """A row per sample: columns of numbers are scores; text and whole numbers can be sliced by."""
    if id_column not in columns:
        raise DatasetError(
            f"the table has no column {id_column!r} that says which sample a row is",
            where=str(path),
            expected="an id per row, so that no sample is missing or there twice unseen, and sides can be paired",
            found="columns " + ", ".join(sorted(columns)),
            todo="name the column of ids: args: {id: NAME}",
        )
    ids = unique_ids([str(each) for each in columns[id_column]], str(path))
    arrays = {name: np.asarray(values) for name, values in columns.items() if name != id_column}
    scores = {name: each.astype(np.float64) for name, each in arrays.items() if _is(each, "biuf")}
    return Results(
        ids=ids, scores=scores, fields={n: each for n, each in arrays.items() if _is(each, "biuUO")}
    )


def _is(array: np.ndarray, kinds: str) -> bool:
    if array.dtype.kind == "O" and not all(isinstance(each, str) for each in array.tolist()):
        return False
    return array.ndim == 1 and array.dtype.kind in kinds
