"""What earlier runs measured of a spec's evaluations, for questions about the next one. It decides no verdict."""

from __future__ import annotations

import numpy as np

from .errors import ModelQAError
from .evaluation.keys import key_of
from .evaluation.plan import job_of
from .gate import Gate
from .judging.measured import scores_of
from .preflight.power import Known
from .records.columns import column_name
from .records.store import Record, Store
from .spec.resolved import Evaluation, Spec


def earlier_values(gate: Gate, spec: Spec, evaluation: Evaluation) -> dict[str, Known]:
    """Value and spread of each check's metric when this candidate was last measured, by the check's id."""
    record = _record(gate, spec, evaluation)
    found = {}
    for check in evaluation.checks if record is not None else ():
        assert record is not None
        declaration = gate.catalogue.metrics[check.metric]
        column = column_name(check.metric, declaration.version, check.args)
        if declaration.level == "sample" and (column in record.columns or record.has_scores(column)):
            scores = scores_of(record, column)
            spread = float(np.std(scores, ddof=1)) if len(scores) > 1 else None
            found[check.id] = Known(float(scores.mean()), spread)
    return found


def earlier_speed(gate: Gate, spec: Spec, evaluation: Evaluation) -> tuple[float | None, str]:
    """Samples per second when it was last measured, and where; None where it never was."""
    record = _record(gate, spec, evaluation)
    speed = record.manifest.measured.get("samples_per_second") if record is not None else None
    if record is None or not speed:
        return None, ""
    return float(speed), f"measured {record.manifest.created[:10]} on {record.manifest.device.name}"


def _record(gate: Gate, spec: Spec, evaluation: Evaluation) -> Record | None:
    """The newest whole record of one checkpoint; a grid has many, and a missing checkpoint none."""
    model = spec.models.get(evaluation.model or "")
    if model is None or model.coordinates:
        return None
    try:
        key = key_of(job_of(spec, evaluation, gate.catalogue), gate.catalogue, "", gate.options.digest_memory)
    except ModelQAError:
        # What is wrong with its files, other questions say.
        return None
    records = Store(gate.options.folder / "store").find(key.value, lambda manifest: manifest.complete)
    return records[0] if records else None
