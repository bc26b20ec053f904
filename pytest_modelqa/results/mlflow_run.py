"""A run of MLflow's local file store: ``mlruns/EXPERIMENT/RUN/`` with ``meta.yaml`` and ``metrics/``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DatasetError
from .results import Reported, Results, as_float, misread

# mlflow.entities.RunStatus.FINISHED.
_FINISHED = ("3", "FINISHED")


def find(path: Path, select: str | None) -> tuple[Path, ...]:
    """``meta.yaml`` and every metric's file of the run's folder.

    Raises:
        DatasetError: The folder is not that of a run.
    """
    meta, metrics = path / "meta.yaml", path / "metrics"
    if not meta.is_file() or not metrics.is_dir():
        raise DatasetError(
            "the folder is not that of a run of MLflow's file store",
            where=str(path),
            expected="mlruns/EXPERIMENT/RUN with meta.yaml and metrics/",
            found="neither" if not meta.is_file() else "meta.yaml alone",
            todo="name the folder of one run with path:",
        )
    return (meta, *sorted(each for each in metrics.rglob("*") if each.is_file()))


def read(files: Sequence[Path], select: str | None) -> Results:
    """Of each metric the value of its last step.

    Raises:
        DatasetError: The run did not finish, or a metric's file is damaged.
    """
    meta, *metrics = files
    # Flat YAML of plain scalars; one line is all that is needed of it.
    stated = dict(line.partition(":")[::2] for line in meta.read_text(encoding="utf-8").splitlines())
    status = stated.get("status", "").strip().strip("'\"")
    if status not in _FINISHED or stated.get("lifecycle_stage", "active").strip() != "active":
        raise DatasetError(
            "the run of MLflow did not finish, or was deleted",
            where=str(meta),
            expected="status: 3 (FINISHED), lifecycle_stage: active",
            found=f"status: {status or 'none'}, lifecycle_stage: {stated.get('lifecycle_stage', '').strip()}",
            todo="name another run",
        )
    root = meta.parent / "metrics"
    values, notes = {}, []
    for path in metrics:
        name = path.relative_to(root).as_posix()
        points = [
            _point(line, path) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
        if points:
            # As MLflow's FileStore: of one step the last, of one millisecond the greatest.
            values[name] = Reported(max(points)[2])
        if len(points) > 1:
            notes.append(f"{name}: the last of {len(points)} logged values")
    return Results(values=values, notes=tuple(notes))


def _point(line: str, path: Path) -> tuple[int, int, float]:
    """Step, time and value of a line ``TIME VALUE STEP``."""
    parts = line.split()
    try:
        return int(parts[2]) if len(parts) > 2 else 0, int(parts[0]), as_float(float(parts[1]))
    except (ValueError, IndexError) as error:
        raise misread(path, "lines of TIME VALUE STEP", line[:80]) from error
