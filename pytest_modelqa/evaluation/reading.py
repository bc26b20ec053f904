"""One evaluation of a task that reads files, from its work order to its record: no model, and no torch."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from ..errors import DatasetError, OutputError
from ..metrics.registry import load, metrics
from ..records.digests import file_sha256
from ..records.manifest import Device, Manifest, now_utc
from ..records.store import Record, SetValue, Store
from ..spec.catalogue import MetricDeclaration
from ..tasks.protocol import Reading
from ..tasks.registry import load_reader, tasks
from . import opened_files
from .additions import demand_no_scores_among, forget_outdated, is_complete, keep_provenance
from .engine import Progress, Report, WorkOrder
from .fingerprint import used_code, used_distributions
from .keys import FILES
from .plan import MetricUse
from .scoring import checked_scores


def read(order: WorkOrder, report: Report) -> Path:
    """Makes the record of an order whose task reads files.

    Returns:
        The folder of the record.

    Raises:
        EvaluationError: The files cannot be read. A metric that they do not hold is the error of its own checks.
        StoreError: The record could not be written.
    """
    began = time.time()
    opened_files.watch(order.job.folder)
    opened_files.declare(order.job.folder / file.path for files in order.inputs.values() for file in files)
    report(Progress("reading"))
    declaration = tasks()[order.job.evaluation.task]
    reader = load_reader(declaration, order.job.evaluation.args)
    found = reader.read([order.job.folder / file.path for file in order.inputs[FILES]])
    _demand_same_files(order)
    demand_no_scores_among(found.fields)
    store = Store(order.store)
    known = [record for record in store.find(order.key) if record.folder == order.record]
    report(Progress("scoring"))
    record = known[0] if known else _store(order, store, found, began)
    declarations = metrics()
    folder = order.job.folder
    added = []
    for use in order.job.metrics:
        if not is_complete(record, use, declarations[use.metric], None, folder):
            forget_outdated(record, use.column, folder)
            _add(record, use, declarations[use.metric], found, _files(order))
            added.append(use.column)
    keep_provenance(record, added, folder, began)
    return record.folder


def _store(order: WorkOrder, store: Store, found: Reading, began: float) -> Record:
    with store.begin(order.key) as draft:
        draft.write_samples(found.ids, found.fields)
        for name, columns in found.tables.items():
            draft.write_table(name, columns)
        return draft.commit(
            Manifest(
                key=order.key,
                key_parts=order.key_parts,
                created=now_utc(),
                device=Device("cpu", "cpu"),
                code=used_code(order.job.folder, began),
                distributions=used_distributions(),
                inputs=order.inputs,
                samples=len(found.ids),
                complete=True,
                measured={"seconds": round(time.time() - began, 3), "notes": list(found.notes)},
            )
        )


def _add(record: Record, use: MetricUse, declaration: MetricDeclaration, found: Reading, files: str) -> None:
    """Adds the scores or the value of one metric, or why there are none: then ``files`` says what was read."""
    compute = load(declaration)
    try:
        if declaration.level == "sample":
            scores = np.asarray(compute(found.content, **use.args), dtype=np.float64)
            stated = declaration.limited(use.args)
            record.add_scores(use.column, checked_scores(stated, scores, found.ids))
            return
        value: SetValue = compute(found.content, **use.args)
    except OutputError as error:
        record.add_failures(use.column, "", {"": {**error.to_json(), "where": error.where or files}})
        if declaration.level == "set":
            record.add_set(use.column, "", {})
        return
    record.add_set(use.column, "", {"": value})


def _files(order: WorkOrder) -> str:
    """The first of them, as the spec names it; a tool's results may be many."""
    files = order.inputs[FILES]
    return files[0].path + (f" and {len(files) - 1} more" if len(files) > 1 else "")


def _demand_same_files(order: WorkOrder) -> None:
    """What was read is what the key was made of: a log may be written to while it is read."""
    for file in order.inputs[FILES]:
        path = order.job.folder / file.path
        if not path.exists() or file_sha256(path) != file.sha256:
            raise DatasetError(
                f"the file was written to while it was read: {path.name}",
                where=str(path),
                expected="a file that nobody writes to",
                todo="wait until the run that writes it has ended; then run again",
            )
