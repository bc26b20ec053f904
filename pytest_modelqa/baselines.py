"""Recorded baselines: ``baselines/NAME.json`` read and checked. A baseline changes only by an explicit act."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import BaselineError
from .judging.recorded import Recorded, RecordedMetric
from .spec.catalogue import Catalogue
from .spec.resolved import RecordedBaseline

Number = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    # Strict: true is no 1.0, and "0.9" is text.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MetricFile(_Strict):
    """One metric of a recorded baseline."""

    value: Number
    unit: str
    standard_error: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class BaselineFile(_Strict):
    """The content of a recorded baseline."""

    modelqa_baseline: Literal[1]
    name: str
    task: str
    dataset: str | None = None
    split: str | None = None
    n: Annotated[int, Field(gt=0)] | None = None
    source: Literal["validation", "test", "training"]
    metrics: Annotated[dict[str, MetricFile], Field(min_length=1)]
    made_by: dict[str, Any] = {}
    reason: str = ""


def read_baseline(declared: RecordedBaseline, folder: Path, catalogue: Catalogue) -> Recorded:
    """The recorded baseline that a spec names.

    Raises:
        BaselineError: The file is missing, is not a recorded baseline, or holds what a model scored while it
            was trained.
    """
    path = (folder / declared.recorded).resolve()
    content = _parse(path)
    if content.source == "training":
        raise BaselineError(
            f"{declared.name} was measured in training and is no baseline for an evaluation",
            where=str(path),
            expected="source: validation or test",
            found="source: training",
            todo="evaluate that model on the dataset of the check, and record this",
        )
    metrics = {name: _own_unit(name, metric, catalogue, path) for name, metric in content.metrics.items()}
    return Recorded(
        name=declared.name,
        task=content.task,
        dataset=content.dataset,
        split=content.split,
        n=content.n,
        metrics=metrics,
        where=str(path),
        made_by=content.made_by,
    )


def _parse(path: Path) -> BaselineFile:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BaselineError(
            "a recorded baseline is missing", where=str(path), todo="correct recorded:, or promote a run"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(
            "a recorded baseline cannot be read",
            where=str(path),
            found=str(error),
            todo="correct recorded:, or make the file readable",
        ) from error
    try:
        content = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
        return BaselineFile.model_validate(content)
    except json.JSONDecodeError as error:
        raise BaselineError(
            "a recorded baseline is no JSON",
            where=f"{path}:{error.lineno}:{error.colno}",
            found=error.msg,
            todo="correct the file",
        ) from error
    except ValidationError as error:
        raise BaselineError(
            "a recorded baseline is not of the form that was expected",
            where=str(path),
            expected="modelqa_baseline: 1, name, task, source, metrics: {NAME: {value, unit}}",
            found="; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5]),
            todo="correct the file",
        ) from error
    # A key twice, NaN, a number of thousands of digits, brackets without end.
    except (ValueError, RecursionError) as error:
        raise BaselineError(
            "a recorded baseline cannot be read", where=str(path), found=str(error), todo="correct the file"
        ) from error


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: of two values under one key nobody knows which one is meant."""
    for key, count in Counter(key for key, _ in pairs).items():
        if count > 1:
            raise ValueError(f"{key!r} is given {count} times")
    return dict(pairs)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _own_unit(name: str, metric: MetricFile, catalogue: Catalogue, path: Path) -> RecordedMetric:
    """The number in the metric's own unit: a percentage of a fraction is divided by 100."""
    declaration = catalogue.metrics.get(name)
    if declaration is None:
        # A metric of another tool or a later version harms nobody until a check compares with it.
        return RecordedMetric(metric.value, metric.standard_error)
    if metric.unit == declaration.unit:
        scale = 1.0
    elif metric.unit == "percent" and declaration.unit == "fraction":
        scale = 0.01
    else:
        raise BaselineError(
            f"{name} is recorded in {metric.unit}",
            where=str(path),
            expected=f"{declaration.unit}" + (" or percent" if declaration.unit == "fraction" else ""),
            todo="correct unit: and value:",
        )
    value = metric.value * scale
    if not (math.isfinite(value) and declaration.lower <= value <= declaration.upper):
        raise BaselineError(
            f"{name} is recorded as {metric.value:g} {metric.unit}",
            where=str(path),
            expected=f"a value from {declaration.lower:g} to {declaration.upper:g} {declaration.unit}",
            todo="correct value:, or write unit: percent if that is meant",
        )
    return RecordedMetric(value, metric.standard_error * scale if metric.standard_error else None)
