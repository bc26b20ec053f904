"""What metrics add to a record after it was written: there and still valid, or to be computed again.

A metric of predictions runs on records, so its code and packages are not those of the inference: each addition keeps
its own. Where they changed it is computed anew from the record, and nothing is inferred.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..errors import DatasetError
from ..metrics.registry import metrics
from ..records.columns import is_score
from ..records.provenance import Provenance, forget, provenance_seal, read_provenance, write_provenance
from ..records.store import Record
from ..spec.catalogue import MetricDeclaration
from .fingerprint import changed, used_code, used_distributions
from .plan import Job, MetricUse


def column_of(use: MetricUse, baseline: str | None) -> str:
    """The name of a metric's addition; ``baseline`` is one that the task computed on the same samples."""
    return f"{baseline}/{use.column}" if baseline else use.column


def is_complete(
    record: Record,
    use: MetricUse,
    declaration: MetricDeclaration,
    baseline: str | None,
    folder: Path,
    memory: Path | None = None,
) -> bool:
    """Whether the record holds this metric in full, as it would be computed now.

    Of a trivial baseline there is no time or size. Scores that were written with the samples are as the record is.

    Args:
        folder: The spec's.
        memory: See ``digests.file_sha256``.
    """
    if baseline and declaration.needs in ("model", "run"):
        return True
    column = column_of(use, baseline)
    if declaration.level == "sample":
        if declaration.needs == "outputs" and column in record.columns:
            return True
        there = record.has_scores(column) or bool(record.failures(column, ""))
    else:
        there = all(record.has_set(column, slice_name) for slice_name in ("", *use.slices))
    return there and _is_current(record, column, folder, memory)


def demand_no_scores_among(fields: Iterable[str]) -> None:
    """A field of the data that is called like the scores of a metric would be judged in their place.

    Of any metric: a check of it may be added later, and is answered from the record.

    Raises:
        DatasetError: There is one.
    """
    known = metrics()
    for name in sorted(fields):
        if is_score(name) and name.rpartition("/")[2].partition(".v")[0] in known:
            raise DatasetError(
                f"the dataset has a field {name!r}, which is how the scores of a metric are called",
                expected="fields of other names: records of an earlier run are no data",
                todo=f"rename or leave out {name!r} in the dataset",
            )


def seals(record: Record, job: Job) -> dict[str, str]:
    """What metrics added to the record for a job, by column: see ``provenance.provenance_seal``."""
    columns = {column_of(use, baseline) for use in job.metrics for baseline in (None, *job.baselines)}
    found = {column: provenance_seal(record, column) for column in sorted(columns)}
    return {column: seal for column, seal in found.items() if seal}


def forget_outdated(record: Record, column: str, folder: Path) -> None:
    """Removes what other code or packages added, before it is computed again; what is current stays.

    Raises:
        StoreError: The store cannot be written.
    """
    if not _is_current(record, column, folder, None):
        forget(record, column)


def keep_provenance(record: Record, columns: Iterable[str], folder: Path, since: float) -> None:
    """Says of additions that the code and packages loaded by now computed them, or some of their slices.

    What the manifest says already is left out: whoever asks for an addition has asked for the record before.

    Args:
        since: See ``fingerprint.read_code``.

    Raises:
        StoreError: The store cannot be written.
    """
    columns = tuple(columns)
    if not columns:
        return
    of_record = record.manifest.distributions
    code = set(used_code(folder, since)) - set(record.manifest.code)
    packages = {
        name: version for name, version in used_distributions().items() if of_record.get(name) != version
    }
    for column in columns:
        # An earlier run may have added other slices, with modules that this one did not load.
        before = read_provenance(record, column) or Provenance((), {})
        files = {file.path: file for file in (*before.code, *sorted(code, key=lambda file: file.path))}
        write_provenance(
            record, column, Provenance(tuple(files.values()), {**before.distributions, **packages})
        )


def _is_current(record: Record, column: str, folder: Path, memory: Path | None) -> bool:
    made = read_provenance(record, column)
    return made is not None and changed(made.code, made.distributions, folder, memory) is None
