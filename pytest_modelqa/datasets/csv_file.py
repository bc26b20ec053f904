"""Reads ``.csv`` files (RFC 4180, UTF-8, a header line): numbers where a column looks like numbers, else text."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

# A leading zero or a nineteenth digit makes a text: 007 is a name, and int64 ends at 9.2e18.
_WHOLE = r"^-?(0|[1-9][0-9]{0,17})$"
_NUMBER = r"^[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def read_csv(path: Path) -> dict[str, Any]:
    """The columns of a ``.csv``: arrays of int64 or float64, or lists of str.

    A column is of numbers when every cell that is not empty looks like one; an empty cell is NaN then, and makes
    whole numbers floats. The column ``id`` stays text.

    Raises:
        DatasetError: Not UTF-8, a name twice in the header, or a row with more or fewer cells than the header.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = _header(path)
    try:
        table = arrow_csv.read_csv(
            path,
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise _damaged(path, str(error)) from error
    return {name: _typed(name, table.column(name)) for name in table.column_names}


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file), [])
    except UnicodeDecodeError as error:
        raise _damaged(path, f"bytes that are not UTF-8: {error}") from error
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled or "" in names:
        raise _damaged(path, f"a header with {'a name twice: ' + doubled[0] if doubled else 'an empty name'}")
    return names


def _typed(name: str, column: pa.ChunkedArray) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if name != "id":
        cells = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        for pattern, kind in ((_WHOLE, pa.int64()), (_NUMBER, pa.float64())):
            if pc.all(pc.match_substring_regex(cells, pattern)).as_py():
                return cells.cast(kind).to_numpy()
    return column.to_pylist()


def _damaged(path: Path, found: str) -> DatasetError:
    return DatasetError(
        f"the .csv file cannot be read: {path.name}",
        where=str(path),
        expected="UTF-8, a header with names, and as many cells in every row",
        found=found,
        todo="correct the file",
    )
