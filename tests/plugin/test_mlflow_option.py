"""``--modelqa-mlflow``: the run as MLflow shows it, and what becomes of a run whose log cannot be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_modelqa.report import mlflow as export

client_module = pytest.importorskip("mlflow")
Gate = Callable[..., Any]


@pytest.fixture(autouse=True)
def plain_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def test_values_verdicts_and_reports_are_logged(toy: Any, gate: Gate, tmp_path: Path) -> None:
    toy.edit("min: 27", "min: 28")
    uri = f"file://{tmp_path / 'store'}"
    run = gate("-q", f"--modelqa-mlflow={uri}")
    assert run.exit_code == 1
    client = client_module.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("modelqa")
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.info.run_name == run.record["id"]
    assert logged.data.tags["modelqa.verdict"] == "NO-GO"
    assert logged.data.tags["modelqa.last_line"] == run.last_line
    assert logged.data.tags["verdict/toy/reconstruction/psnr-min"] == "FAIL"
    assert logged.data.metrics["toy/reconstruction/psnr-min/value"] == pytest.approx(27.27, abs=0.01)
    assert logged.data.metrics["toy/reconstruction/psnr-min/bound"] == 28
    assert logged.data.metrics["toy/classification/accuracy-min/value"] == pytest.approx(0.9)
    names = {artefact.path for artefact in client.list_artifacts(logged.info.run_id)}
    assert {"run.json", "report.html"} <= names


def test_a_store_that_cannot_be_written_is_told_and_changes_no_verdict(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    run = gate("-q", f"--modelqa-mlflow=file://{tmp_path / 'store'}")
    assert run.exit_code == 0
    assert "MLflow: this run could not be logged to" in run.text
    assert run.last_line.startswith("GO: ")


def test_without_the_package_nothing_is_measured(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    run = gate("-q", "--modelqa-mlflow=file:///nowhere")
    assert run.exit_code == 4
    assert "pip install 'pytest-modelqa[mlflow]'" in run.text


def test_a_run_of_many_checks_is_logged_whole_over_several_requests(tmp_path: Path) -> None:
    client = client_module.MlflowClient(tracking_uri=f"file://{tmp_path / 'store'}")
    identity = client.create_run(client.create_experiment("many")).info.run_id
    metrics = {f"m{at}": float(at) for at in range(1001)}
    tags = {f"t{at}": str(at) for at in range(101)}
    export._log(client, identity, metrics, tags)
    logged = client.get_run(identity).data
    assert logged.metrics == metrics
    assert tags.items() <= logged.tags.items()
