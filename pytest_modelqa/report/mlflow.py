"""Logs a run to MLflow: values as metrics, verdicts as tags, the run record and the reports as artefacts."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import MissingDependencyError
from .conclusion import Result
from .run_record import RunRecord, read

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "modelqa"
_ARTEFACTS = ("run.json", "report.html", "comment.md")
# What MLflow's REST interface takes in one ``log-batch``.
_METRICS_IN_A_REQUEST = 1000
_TAGS_IN_A_REQUEST = 100
# What MLflow allows in a name besides letters and digits.
_ELSE = re.compile(r"[^A-Za-z0-9_.\-/ ]")


def demand_mlflow() -> None:
    """Asked before anything runs, lest hours of measuring end without their log.

    Raises:
        MissingDependencyError: MLflow is not installed.
    """
    if importlib.util.find_spec("mlflow") is None:
        raise MissingDependencyError(
            "--modelqa-mlflow needs the package mlflow",
            todo="pip install 'pytest-modelqa[mlflow]'",
        )


def export(path: Path, uri: str) -> str:
    """Logs the run of a run record, as a run of the experiment ``modelqa``.

    Args:
        path: ``run.json``; the reports lie beside it.
        uri: Of the tracking server, or of a local store.

    Returns:
        What to tell the user. What hinders it changes no verdict, and is told.
    """
    # MLflow's own 7 tries hold a run that is over for more than four minutes where no server answers.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        run_id = _logged(read(path), path.parent, MlflowClient(tracking_uri=uri))
    # requests' errors are OSErrors.
    except (MlflowException, OSError) as error:
        return f"MLflow: this run could not be logged to {uri}: {error}"
    return f"MLflow: run {run_id} of experiment {EXPERIMENT} at {uri}"


def _logged(record: RunRecord, folder: Path, client: MlflowClient) -> str:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    number = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT)
    run = client.create_run(number, run_name=record.id)
    identity = str(run.info.run_id)
    word = record.conclusion.word if record.conclusion else "INCOMPLETE"
    tags = {
        "modelqa.verdict": word,
        "modelqa.last_line": record.conclusion.line if record.conclusion else "",
        "modelqa.run": record.id,
    }
    if record.environment.get("commit"):
        tags["mlflow.source.git.commit"] = record.environment["commit"]
    specs = {item.nodeid: Path(item.spec).name.removesuffix(".modelspec.yaml") for item in record.planned}
    metrics: dict[str, float] = {}
    for result in record.results:
        name = _name(specs.get(result.nodeid, ""), result.nodeid)
        tags[f"verdict/{name}"] = result.status
        metrics |= {f"{name}/{what}": value for what, value in _numbers(result)}
    _log(client, identity, metrics, tags)
    for artefact in _ARTEFACTS:
        if (folder / artefact).exists():
            client.log_artifact(identity, str(folder / artefact))
    client.set_terminated(identity, "FINISHED" if word != "INCOMPLETE" else "KILLED")
    return identity


def _log(client: MlflowClient, identity: str, metrics: dict[str, float], tags: dict[str, str]) -> None:
    """In batches: a request for each of 85 checks' values and verdicts took a tracking server 12 s."""
    from mlflow.entities import Metric, RunTag

    now_ms = time.time_ns() // 1_000_000
    points = [Metric(name, value, now_ms, 0) for name, value in metrics.items()]
    for at in range(0, len(points), _METRICS_IN_A_REQUEST):
        client.log_batch(identity, metrics=points[at : at + _METRICS_IN_A_REQUEST])
    words = [RunTag(name, text) for name, text in tags.items()]
    for at in range(0, len(words), _TAGS_IN_A_REQUEST):
        client.log_batch(identity, tags=words[at : at + _TAGS_IN_A_REQUEST])


def _name(spec: str, nodeid: str) -> str:
    """``digits/classification/accuracy-min``."""
    parts = [spec, *nodeid.split("::")[1:]]
    return _ELSE.sub("_", "/".join(part for part in parts if part))


def _numbers(result: Result) -> Iterator[tuple[str, float]]:
    """Of the line that decides: the value, the bound and the margin, in the metric's own unit."""
    worst = (result.verdict or {}).get("worst")
    if worst:
        yield "value", float(worst["candidate"]["value"])
        yield "bound", float(worst["limit"])
        yield "margin", float(worst["margin"])
