"""Run records as runs write them, with records in a store to go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_modelqa.errors import CheckpointError
from pytest_modelqa.judging.verdict import Line, Side, Verdict
from pytest_modelqa.records.digests import FileDigest, digest
from pytest_modelqa.records.manifest import Device, Manifest
from pytest_modelqa.records.store import Record, SetValue, Store
from pytest_modelqa.report.conclusion import Planned, Result, conclude
from pytest_modelqa.report.run_record import ReadEvaluation, ReadSpec, RunRecord
from pytest_modelqa.report.text import error_json

SPEC = "model_specs/toy/toy.modelspec.yaml"
WHEN = "2026-01-31T12:00:00.000000+00:00"


@dataclass(frozen=True)
class Runs:
    """Makes results, runs and records under one folder."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def record(
        self,
        name: str,
        columns: Mapping[str, np.ndarray],
        *,
        pictures: Mapping[str, bytes] | None = None,
        sets: Mapping[str, float] | None = None,
        tables: Mapping[str, Mapping[str, np.ndarray]] | None = None,
        distributions: Mapping[str, str] | None = None,
    ) -> Record:
        """Keeps a record of as many samples as the columns have rows."""
        rows = len(next(iter(columns.values())))
        key = digest(name)
        inputs = {"checkpoint": (FileDigest(f"{name}.safetensors", digest([name]), 1000),)}
        how = {"batch_size": 8, "seconds": 0.5, "precision": "float32"}
        manifest = Manifest(
            key, {}, WHEN, Device("cpu", "cpu"), (), distributions or {}, inputs, rows, True, how
        )
        with Store(self.store).begin(key) as draft:
            draft.write_samples([f"image-{row}" for row in range(rows)], columns)
            for file, data in (pictures or {}).items():
                draft.write_picture(file, data)
            for table, values in (tables or {}).items():
                draft.write_table(table, values)
            record = draft.commit(manifest)
        for column, value in (sets or {}).items():
            left_out = tuple(value + 0.01 * (group % 3 - 1) for group in range(20))
            record.add_set(column, "", {"": SetValue(value, left_out, rows)})
        return record

    def evidence(self, record: Record, name: str, **coordinates: Any) -> dict[str, Any]:
        """A side as ``judging.evidence`` describes it."""
        files = record.manifest.inputs["checkpoint"]
        return {
            "name": name,
            "coordinates": coordinates,
            "measures_a_model": True,
            "role": "test",
            "key": record.manifest.key,
            "record": record.folder.name,
            "reused": False,
            "measured": WHEN,
            "device": {"type": "cpu", "name": "cpu"},
            "samples": record.manifest.samples,
            "inputs": {"checkpoint": [{"path": f.path, "sha256": f.sha256, "size": f.size} for f in files]},
            "code": [],
            "how": dict(record.manifest.measured),
        }


def line(value: float = 25.0, limit: float = 24.0, **fields: Any) -> Line:
    """A line of a ``min`` or ``max`` bound, with the margin and outcome that follow from the numbers."""
    at_least = fields.pop("at_least", True)
    n = fields.pop("n", 600)
    margin = value - limit if at_least else limit - value
    made = Line(
        slice="",
        candidate=Side("autoencoder", value, n),
        baseline=None,
        limit=limit,
        at_least=at_least,
        margin=margin,
        outcome="pass" if margin >= 0 else "fail",
        margin_interval=(margin - 0.5, margin + 0.5),
        method="t",
    )
    return replace(made, **fields)


def result(name: str = "psnr-min", *lines: Line, case: str = "images", **fields: Any) -> Result:
    """A check that was judged: it fails where one of its lines does."""
    status = fields.pop("status", None)
    lines = lines or (line(),)
    failed = any(each.outcome == "fail" for each in lines)
    given = {
        "outcome": "FAIL" if failed else "PASS",
        "headline": "psnr 25.00 dB ≥ 24 dB",
        "sentence": "psnr of autoencoder ≥ 24 dB",
        "metric": "psnr",
        "bound": "min",
        "unit": "dB",
        "lines": tuple(lines),
        "column": "psnr.v2",
        "higher_is_better": True,
        "evidence": {},
    }
    verdict = Verdict(**(given | fields))
    shown = {"slice": "", "value": "25.00 dB", "bound": "≥ 24 dB", "margin": "+1.00 dB", "n": "600"}
    json = {**verdict.to_json(), "shown": shown}
    outcome = status or verdict.outcome
    return Result(f"{SPEC}::{case}::{name}", outcome, outcome == "FAIL", outcome == "PASS", json)


def error(name: str, what: str = "checkpoint is missing: best.safetensors", case: str = "images") -> Result:
    """A check that could not be judged."""
    told = CheckpointError(what, where=f"{SPEC}:7", expected="a file", todo="train it", details="a log")
    return Result(
        f"{SPEC}::{case}::{name}", "ERROR", True, False, error_json(told, "psnr of autoencoder ≥ 24 dB")
    )


def run_of(*results: Result, **fields: Any) -> RunRecord:
    """A whole run of these results."""
    cases = dict.fromkeys(each.nodeid.split("::")[1] for each in results)
    planned = fields.pop("planned", None) or tuple(planned_of(each) for each in results)
    given: dict[str, Any] = {
        "id": "20260131-120000-abcdef",
        "started": "2026-01-31T12:00:00+00:00",
        "command": ("pytest", "model_specs/"),
        "environment": {"python": "3.11.7", "packages": {"pytest": "9.2.0"}, "commit": "ab" * 20},
        "options": {"set": [], "gate": False, "limit": None, "engine": "local"},
        "specs": (
            ReadSpec(
                SPEC,
                "0" * 64,
                (),
                None,
                "toy",
                "What it is about.",
                tuple(
                    ReadEvaluation(case, "reconstruction", "autoencoder", "test", "test") for case in cases
                ),
            ),
        ),
        "planned": planned,
        "results": results,
        "conclusion": conclude(planned, results),
        "finished": "2026-01-31T12:01:30+00:00",
        "complete": True,
    }
    return RunRecord(**(given | fields))


def planned_of(each: Result, **fields: Any) -> Planned:
    """The line of the plan for a result."""
    spec, case, _ = each.nodeid.split("::")
    sentence = (each.verdict or {}).get("sentence", "")
    made = Planned(each.nodeid, spec, case, "check", "error", True, True, sentence, 12)
    return replace(made, **fields)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Makes lines, results and runs, and records in a folder."""
    return SimpleNamespace(
        line=line, result=result, error=error, run=run_of, planned=planned_of, records_in=Runs
    )


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Makes records in a folder like ``.modelqa``."""
    return Runs(tmp_path)
