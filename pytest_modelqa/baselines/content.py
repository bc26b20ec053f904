"""What a recorded baseline says of one evaluation: its numbers, their errors, who made it, and its records."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scipy.special import ndtri

from ..errors import BaselineError
from ..judging.measured import Measured, values
from ..judging.uncertainty import value_bounds
from ..records.columns import REPEAT_OF, column_name
from ..records.excerpt import write_excerpt
from ..records.record import Record
from ..records.store import Store
from ..report.conclusion import Result
from ..report.run_record import RunRecord
from ..spec.catalogue import Catalogue, MetricDeclaration
from ..spec.identifiers import differing_args
from ..spec.resolved import Check, Evaluation
from ..statistics.intervals import Interval
from .file import MetricFile


def stored(run: Path, evidence: Mapping[str, Any]) -> Measured | None:
    """The records of a side of a verdict, if the machine has them: they lie beside the runs."""
    folder = run if run.is_dir() else run.parent
    store = Store(folder.resolve().parent.parent / "store")
    for found in store.find(evidence["key"]):
        if found.folder.name == evidence["record"]:
            return Measured(evidence["name"], found, evidence["role"], has_model=True)
    return None


def numbers(
    evaluation: Evaluation, results: Mapping[str, Result], measured: Measured | None, known: Catalogue
) -> dict[str, MetricFile]:
    """Each metric of the checks, on the whole set; under its name where it has its default arguments.

    With others it stands there for the reader, and is compared through the records.

    Args:
        results: Of the evaluation's checks, by their ids.
        measured: The records; without them the verdicts have the values, and nobody has the errors.

    Raises:
        BaselineError: The records hold other values than those that the run judged.
    """
    found: dict[str, MetricFile] = {}
    for check in evaluation.checks:
        if check.id not in results:
            continue
        declaration = known.metrics[check.metric].limited(check.args)
        name = entry_name(check, known)
        lines = (results[check.id].verdict or {}).get("lines", ())
        judged = [line["candidate"]["value"] for line in lines if line["slice"] == ""]
        if measured is not None:
            found[name] = _of_records(check, evaluation, measured, declaration)
            _demand_judged(name, found[name].value, judged, measured)
        elif judged:
            found[name] = MetricFile(value=judged[0], unit=declaration.unit, version=declaration.version)
    return dict(sorted(found.items()))


def _demand_judged(name: str, value: float, judged: Sequence[float], measured: Measured) -> None:
    """Metrics of predictions are computed anew in the records, by every session with another version of a package.

    Raises:
        BaselineError: What the records hold now is not what the run judged.
    """
    for number in judged:
        if not math.isclose(value, number, rel_tol=1e-9, abs_tol=1e-12):
            raise BaselineError(
                f"{name} was computed again in the records since this run judged it",
                where=str(measured.record.folder),
                expected=f"{number:.9g}, which the run judged",
                found=f"{value:.9g}",
                todo="run the gate again (what was measured is reused), and promote that run",
            )


def entry_name(check: Check, known: Catalogue) -> str:
    """The metric's name, with the arguments that are not its defaults: ``ssim(window_size=7, sigma=0.95)``."""
    args = differing_args(known.metrics[check.metric].args, check.args)
    return (
        f"{check.metric}({', '.join(f'{name}={value}' for name, value in args.items())})"
        if args
        else check.metric
    )


def _of_records(
    check: Check, evaluation: Evaluation, measured: Measured, declaration: MetricDeclaration
) -> MetricFile:
    # What belongs together in one check of a metric does in all of them.
    clusters = [one.cluster for one in evaluation.checks if one.metric == check.metric and one.cluster]
    cluster = clusters[0] if clusters else None
    whole = replace(check, slices={}, cluster=cluster, min_samples=1)
    value = values(measured, whole, declaration)[""]
    return MetricFile(
        value=value.number,
        unit=declaration.unit,
        standard_error=_standard_error(value_bounds(declaration, value)(0.975)),
        version=declaration.version,
    )


def _standard_error(interval: Interval) -> float | None:
    """The one whose normal interval is as wide as this one on its wider side; None where a side is unknown."""
    half = max(interval.upper - interval.estimate, interval.estimate - interval.lower)
    error = half / float(ndtri(0.975))
    return error if 0 < error < float("inf") else None


def made_by(
    record: RunRecord, evaluation: Evaluation, evidence: Mapping[str, Any], measured: Measured | None
) -> dict[str, Any]:
    """Who made it: the run, the digests of what was measured, the device, the versions."""
    distributions = dict(measured.record.manifest.distributions) if measured else {}
    return {
        "run": record.id,
        "promoted_from": record.finished,
        "evaluation": evaluation.name,
        "model": evidence["name"],
        "key": evidence["key"],
        "measured": evidence["measured"],
        "device": evidence["device"]["name"],
        **{name: {file["path"]: file["sha256"] for file in files} for name, files in _files(evidence)},
        "commit": record.environment.get("commit"),
        "python": record.environment.get("python"),
        "packages": dict(sorted({**(record.environment.get("packages") or {}), **distributions}.items())),
    }


def _files(evidence: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    yield from sorted(evidence["inputs"].items())
    yield "code", evidence["code"]


def write_records(checks: Sequence[Check], record: Record, known: Catalogue, folder: Path) -> None:
    """Writes what of the records a comparison by these checks needs.

    Raises:
        StoreError: The records lack something, or the folder cannot be written.
    """
    fields: set[str] = {REPEAT_OF}
    scores: set[str] = set()
    sets: dict[str, set[str]] = {}
    for check in checks:
        declaration = known.metrics[check.metric]
        column = column_name(check.metric, declaration.version, check.args)
        if declaration.level == "set":
            sets.setdefault(column, set()).update(check.slices)
        else:
            scores.add(column)
            fields |= {*check.slices, *([check.cluster] if check.cluster else [])}
    write_excerpt(record, fields, scores, sets, folder)
