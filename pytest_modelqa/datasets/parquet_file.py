"""Reads ``.parquet`` files: a field per column, lists of one length as rows of an array."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa


def read_parquet(path: Path) -> dict[str, Any]:
    """The columns of a ``.parquet``: arrays for numbers and for lists of them of one length, else lists.

    A missing number is NaN, and makes whole numbers floats.

    Raises:
        DatasetError: The file is damaged, truncated or no Parquet file.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path, memory_map=True)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(
            f"the .parquet file is damaged or truncated: {path.name}",
            where=str(path),
            found=str(error),
            # 25 and earlier cannot read lists of a fixed size of which one is missing.
            todo=f"copy or write it again; if it is whole, install a later pyarrow: this is {pa.__version__}",
        ) from error
    return {name: _field(table.column(name)) for name in table.column_names}


def _field(column: pa.ChunkedArray) -> Any:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_boolean(kind):
        return column.to_pylist() if column.null_count else column.to_numpy()
    if _is_number(kind):
        return column.to_numpy()
    if pa.types.is_fixed_size_list(kind) and _is_number(kind.value_type) and not column.null_count:
        values = pa.chunked_array([chunk.flatten() for chunk in column.chunks], kind.value_type)
        return values.to_numpy().reshape(len(column), kind.list_size)
    return column.to_pylist()


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
