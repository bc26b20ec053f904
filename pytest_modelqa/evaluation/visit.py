"""The order in which a worker visits the samples, and when it may stop (``stop_early``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..records.store import Record, Store
from ..statistics.sequential import OutOfRange
from ..stopping import order_of
from .early import populations_of, watches
from .engine import WorkOrder
from .inference import Scored, Table, Visit


def visit_of(order: WorkOrder, store: Store, total: int, scalars: Mapping[str, np.ndarray]) -> Visit:
    """The visit that an order asks for.

    Args:
        total: Samples in the dataset.
        scalars: The dataset's columns that a check may slice by, in the order of the dataset.
    """
    if not order.job.early:
        return Visit(range(total), Table(), lambda ids, scored: False)
    indices = order_of(order.key, total)
    begun = _begun(order, store)
    return Visit(indices.tolist(), begun, _Decision(order, store, begun, indices, scalars))


def in_order_of_dataset(table: Table, order: Sequence[int]) -> tuple[Table, np.ndarray]:
    """The rows in the order of the dataset if every sample was visited, else as they are; and their indices."""
    visited = np.asarray(order[: len(table.ids)], dtype=np.int64)
    # Side tables name their sample by its row, and belong to evaluations that never stop early.
    if len(visited) < len(order) or table.side_parts or (np.diff(visited) == 1).all():
        return table, visited
    rows = np.argsort(visited)
    sorted_table = Table()
    sorted_table.ids = [table.ids[row] for row in rows.tolist()]
    sorted_table.parts = {name: [values[rows]] for name, values in table.columns().items()}
    sorted_table.array_parts = {name: [values[rows]] for name, values in table.arrays().items()}
    return sorted_table, visited[rows]


class _Decision:
    """Follows the checks of the evaluation batch by batch."""

    def __init__(
        self,
        order: WorkOrder,
        store: Store,
        begun: Table,
        indices: np.ndarray,
        scalars: Mapping[str, np.ndarray],
    ) -> None:
        baselines = [_record_at(store, folder) for folder in order.baselines]
        populations = populations_of(scalars, order.job, len(indices))
        self._watches = watches(order.job, baselines, populations)
        self._indices = indices
        self._scalars = scalars
        self._seen = 0
        self._hopeless = False
        if begun.ids:
            self(begun.ids, Scored(begun.columns(), {}))

    def __call__(self, ids: Sequence[str], scored: Scored) -> bool:
        rows = self._indices[self._seen : self._seen + len(ids)]
        self._seen += len(ids)

        def column(name: str) -> np.ndarray:
            return scored.columns[name] if name in scored.columns else self._scalars[name][rows]

        try:
            for watch in self._watches:
                watch.update(ids, column)
        except OutOfRange:
            # Nothing may be decided early with scores that the bets do not allow for: every sample is visited.
            self._hopeless = True
        return not self._hopeless and all(watch.decided for watch in self._watches)


def _begun(order: WorkOrder, store: Store) -> Table:
    """The rows of an earlier part, without the dataset's own columns, which are added again at the end."""
    table = Table()
    if order.begun is None:
        return table
    record = _record_at(store, order.begun)
    if record is not None:
        own = [name for name in record.columns if name not in record.manifest.measured["early"]["scalars"]]
        columns = {name: record.column(name) for name in own}
        table.add(record.ids.tolist(), Scored(columns, {}, record.sample_arrays()))
    return table


def _record_at(store: Store, folder: object) -> Record | None:
    if folder is None:
        return None
    key = str(folder).rsplit("/", 2)[-2]
    return next((record for record in store.find(key) if str(record.folder) == str(folder)), None)
